// functions.hpp: what the planner knows of functions by their names: may one be run on several shards, on one, at all?
// PostgreSQL's own come from a table made of its catalogue; an overloaded name counts as its worst overload.
#pragma once

#include "route/catalogue.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar::route {

enum class behaviour : std::uint8_t {
    pure,      // the same arguments give the same answer on every shard, given equal session settings
    clock,     // now() and its kin: another answer on each shard
    local,     // tells of the server, the session or the catalogue: answers for one database only
    random,    // harmless on one shard: random(), gen_random_uuid(), pg_sleep()
    sequence,  // nextval and its kin: numbers that must be unique over the shards
    lock,      // advisory locks: held on one server only
    session,   // changes the session: set_config(), setseed()
    own,       // of the user's own, and harmless on one shard: touches no table, or reads reference tables
    unknown,   // may do or read anything
};

struct function_facts {
    behaviour how = behaviour::unknown;
    bool aggregate = false;
    bool window = false;
    bool returns_set = false;
    bool immutable = false;       // PostgreSQL's own, in every overload
    bool stable = false;          // one of the user's own that writes no data itself, in every overload
    std::uint32_t result = 0;     // type, when every overload gives the same
    bool known = false;           // PostgreSQL's own, or in the catalogue
    std::string why;              // unknown: what is in the way on a shard
    std::string touches;          // what is in the way on the database of unsharded tables; "" = nothing
    bool on_shards_only = false;  // … save that any shard could run it
};

// PostgreSQL's own function of this name; nullopt when there is none.
std::optional<behaviour> behaviour_of_builtin(std::string_view name);

// `schema` as written; "" = along the search path, where pg_catalog comes first.
function_facts facts_of_function(const catalogue& known, std::string_view schema, std::string_view name,
                                 std::size_t argument_count);

// An operator of PostgreSQL's own over its built-in types (none of them is volatile).
bool is_builtin_operator(std::string_view name);

}  // namespace ashlar::route
