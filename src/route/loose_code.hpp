// loose_code.hpp: code that stands in a statement itself (DO blocks, the arguments of definitions), held against the catalogue. Pure.
#pragma once

#include "route/catalogue.hpp"
#include "route/code.hpp"

#include <string>
#include <vector>

namespace ashlar::route {

struct code_verdict {
    std::string why;  // it must not run on the database of unsharded tables: "names the sharded table orders"
    std::vector<std::string> unknown_names;  // functions that the catalogue does not have
};

code_verdict judge_on_unsharded(const catalogue& known, const code_facts& code);

// The first function it calls that must not run there; `why` says so: "calls f(), which …".
code_verdict judge_calls(const catalogue& known, const code_facts& code);

}  // namespace ashlar::route
