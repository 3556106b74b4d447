// steps.hpp: what both kinds of answer, of one step and of several, do with a step and its connection. Of this room only.
#pragma once

#include "driver/connection.hpp"
#include "execute/executor.hpp"

#include <string>
#include <vector>

namespace ashlar::execute {

// How long a cancelled statement may take to end before its connection is given up.
constexpr seconds drain_time{5};

// For messages.
std::string where_of(const route::bound_plan& plan, const route::step& s);
driver::statement statement_of(const route::bound_plan& plan, const route::step& s,
                               const std::vector<driver::parameter>& parameters, const result_formats& results,
                               memory_account* account);
// Reads what a cancelled statement still sends. A connection that does not end in time is left as it is, which makes it
// not reusable.
task<void> drain(driver::connection& what, deadline until);

// An answer of several steps, begun: every step is started. On failure everything has been cancelled and drained.
task<result<std::unique_ptr<answer>>> begin_merged(io::loop& loop, route::bound_plan plan,
                                                   std::vector<driver::parameter> parameters,
                                                   std::unique_ptr<lender> from, result_formats results, limits within,
                                                   deadline until);

}  // namespace ashlar::execute
