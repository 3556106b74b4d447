#include "execute/steps.hpp"

#include <fmt/format.h>

namespace ashlar::execute {

std::string where_of(const route::bound_plan& plan, const route::step& s) {
    if (plan.where == route::target::unsharded) return plan.database;
    return plan.map ? plan.map->name_of(s.shard) : fmt::format("shard_{}", keyspace::index_of(s.shard) + 1);
}

driver::statement statement_of(const route::bound_plan& plan, const route::step& s,
                               const std::vector<driver::parameter>& parameters, const result_formats& results,
                               memory_account* account) {
    driver::statement what;
    what.sql = s.sql;
    what.results = results;
    what.memory = account;
    if (plan.shows != nullptr) what.shows = *plan.shows;
    if (s.all_parameters) {
        what.parameters = parameters;
    } else {
        for (const std::size_t index : s.parameters) what.parameters.push_back(parameters.at(index));
    }
    return what;
}

task<void> drain(driver::connection& what, deadline until) {
    row_batch dropped;
    for (;;) {
        dropped.clear();
        auto got = co_await what.fetch(dropped, until);
        if (!got || *got == driver::fetched::ended) co_return;
    }
}

}  // namespace ashlar::execute
