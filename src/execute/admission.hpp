// admission.hpp: may a bound plan be carried out, and in which words is it refused? One answer for the library, the proxy and
// `explain (ashlar)`. Pure.
#pragma once

#include "route/plan.hpp"

#include <optional>

namespace ashlar::execute {

struct abilities {
    bool commits_as_one = false;  // several databases are written in one transaction: SQLite files
    bool copies = true;           // the databases know COPY
};

// Why not; nullopt: it may. `plan` is what `bound` was made of.
std::optional<error> refuse(const route::prepared_plan& plan, const route::bound_plan& bound, abilities of);

// explain()'s lines of a plan, and a line "refused  …" when refuse() says no.
result<std::vector<std::string>> explain(const route::prepared_plan& plan,
                                         std::span<const route::bound_parameter> parameters, abilities of);

}  // namespace ashlar::execute
