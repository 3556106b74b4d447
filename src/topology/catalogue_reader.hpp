// catalogue_reader.hpp: asks one database what tables, columns, collations and functions it has.
#pragma once

#include "core/oid_map.hpp"
#include "driver/connection.hpp"
#include "route/catalogue.hpp"
#include "route/schema_objects.hpp"

#include <map>
#include <string>

namespace ashlar::topology {

// What one database said. Kinds and shard keys are not its business: every table is `unsharded` here.
struct schema_snapshot {
    std::map<std::string, route::table_facts> tables;  // by "schema.name"; SQLite's schema is "public"
    route::collation default_collation;
    bool any_column_collation_differs = false;
    std::set<std::string, std::less<>> immutable_functions, stable_functions;
    own_oids oids;  // PostgreSQL's
    route::schema_objects objects;
    friend bool operator==(const schema_snapshot&, const schema_snapshot&) = default;
};

// How the database orders text that says nothing else.
task<result<route::collation>> read_default_collation(driver::connection& from, deadline until);
task<result<schema_snapshot>> read_schema(driver::connection& from, deadline until);
// Only the numbers of types and relations, and what the types are; none for other engines than PostgreSQL.
task<result<own_oids>> read_oids(driver::connection& from, deadline until);

// How text of a PostgreSQL collation is ordered: provider 'c' (libc) or 'i' (ICU), its locale, the version
// the server's C library reports, and whether equal means bytewise equal. Pure but for asking this process's
// own C library.
route::collation collation_of(char provider, std::string_view locale, std::string_view version, bool deterministic);

}  // namespace ashlar::topology
