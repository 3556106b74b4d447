// own_numbers.hpp: oids as values.
//
// Every server numbers the tables, types and other objects that its users make by itself, so tableoid, 'mood'::regtype::oid
// or where tableoid = 16403 mean another thing on each. Clients know the numbers of one: the database whose catalogue they
// are shown. In a statement for any other server such a number may only go where it does not matter which it is: it is
// compared with another one of the same server, looked up there, or told by its name. Everything else is refused.
//
//   tableoid                     a number of the server's own, refused as a value
//   tableoid::regclass           shown as a name (binary results are the proxy's affair), compared by number, not ordered
//   'orders'::regclass           found by its name on each server
//   16403::regclass              a number of the client's: refused, it would be another object here
//   pg_typeof(a) = 23            numbers below oid_map::first_own are PostgreSQL's, and the same everywhere
//
// Columns of regclass and its kin hold their server's numbers, and take names only; plain oid columns hold what they were
// given and are not touched. Pure.
#pragma once

#include "route/analysis.hpp"
#include "route/contents.hpp"
#include "route/planning.hpp"

#include <ashlar/error.hpp>

#include <optional>
#include <span>
#include <string_view>

namespace ashlar::route {

// For a statement that does not go to the server whose catalogue clients see. Adds to `inside` the parameters that are
// looked up by name, and the grouping that several shards must not do each by its own numbers.
std::optional<error> refuse_own_numbers(const question& q, const analysis& tables, contents& inside);

// A value for a parameter that is looked up must be a name.
status must_be_name(std::size_t parameter, const bound_parameter& value);

}  // namespace ashlar::route
