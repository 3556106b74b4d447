#include "execute/admission.hpp"

#include <fmt/format.h>

namespace ashlar::execute {

namespace {

using route::statement_kind;

error refuse_copy(const route::prepared_plan& plan) {
    const bool into = plan.writes();
    return error{errc::unsupported, into ? "COPY … FROM STDIN into a table on several shards"
                                         : "COPY … TO STDOUT of rows on several shards"}
        .hint(into ? "Load the file with `ashlar load`."
                   : "Run the query itself, or copy each shard's rows from that shard.");
}

error refuse_write(const route::bound_plan& bound) {
    const bool reference = bound.because == route::routed_because::reference_write;
    return error{errc::unsupported,
                 reference ? "a write to a reference table goes to every shard, which is not atomic yet"
                           : fmt::format("a write to {} shards at once is not atomic yet", bound.steps.size())}
        .hint(reference ? "Load reference tables with `ashlar load`, or change them on each shard with "
                          "`ashlar query --each-shard`."
                        : "Write the rows of one shard key at a time, or load many rows with `ashlar load`.");
}

}  // namespace

std::optional<error> refuse(const route::prepared_plan& plan, const route::bound_plan& bound, abilities of) {
    if (plan.kind() == statement_kind::copy && !of.copies) {
        return error{errc::unsupported, "COPY on SQLite"}.hint("Load files with `ashlar load`, and read with SELECT.");
    }
    if (bound.steps.size() <= 1) return std::nullopt;
    const bool defines = plan.kind() == statement_kind::ddl, maintains = plan.kind() == statement_kind::utility;
    if (maintains || defines) {  // also on SQLite: files that are written as one cannot be redefined as one
        return error{errc::unsupported, fmt::format("{} on {} shards at once is not atomic yet", plan.session().command,
                                                    bound.steps.size())}
            .hint("Run it on each shard: `ashlar query --each-shard \"…\"`.");
    }
    if (plan.kind() == statement_kind::copy) return refuse_copy(plan);
    if (plan.writes() && !of.commits_as_one) return refuse_write(bound);
    return std::nullopt;
}

result<std::vector<std::string>> explain(const route::prepared_plan& plan,
                                         std::span<const route::bound_parameter> parameters, abilities of) {
    auto lines = plan.explain(parameters);
    if (!lines) return lines;
    if (const auto bound = plan.bind(parameters)) {
        if (const auto why = refuse(plan, *bound, of)) {
            lines->push_back(fmt::format("{:<8} {} ({}). {}", "refused", why->message(), why->sqlstate(), why->hint()));
        }
    }
    return lines;
}

}  // namespace ashlar::execute
