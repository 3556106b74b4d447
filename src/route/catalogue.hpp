// catalogue.hpp: what the planner knows of the tables: where their rows live and what their columns are. A value: whoever
// reads the databases fills it in. Pure.
#pragma once

#include "core/collation.hpp"
#include "core/oid_map.hpp"
#include "core/own_type.hpp"
#include "keyspace/shard_map.hpp"
#include "route/effects.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::sql {
struct statement;
}

namespace ashlar::route {

enum class dialect { postgres, sqlite };
enum class table_kind { sharded, reference, unsharded };

using ashlar::collation;
using ashlar::collation_kind;

struct disagreement;

struct column_facts {
    std::string name;
    std::uint32_t type = 0;         // PostgreSQL's oid; 0 = a type that is not built in
    std::uint32_t domain_over = 0;  // of such a type: the built-in type that it is a domain over, whose values it has
    std::int32_t type_modifier = -1;
    bool not_null = false;
    bool has_volatile_default =
        false;  // nextval, now, gen_random_uuid … (matters where one row goes to several shards)
    bool default_is_sequence = false;  // serial, identity, nextval, rowid: each shard would number for itself
    bool generated = false;
    bool holds_oids = false;      // of a type of the user's own that holds regclass or its kin
    std::string default_text;     // SQLite: its default as declared, for whoever looks at the catalogue
    bool default_is_oid = false;  // its default is a number of the server's own: 'orders'::regclass
    route::collation collation;
    friend bool operator==(const column_facts&, const column_facts&) = default;
};

// SQLite: for whoever looks at the catalogue.
struct index_facts {
    std::string name;
    bool is_unique = false, is_primary = false;
    std::vector<std::string> columns;
    friend bool operator==(const index_facts&, const index_facts&) = default;
};

// SQLite: what the catalogue shows of a table beside the above. Nothing is decided by it, so that it makes no two tables differ.
struct shown_definition {
    struct foreign_key {
        std::string name, table;
        std::vector<std::string> columns, to;  // to: empty = the table's primary key
        std::string on_update, on_delete;      // "CASCADE", "NO ACTION" …
    };
    struct check {
        std::string name, condition;
    };
    std::vector<foreign_key> foreign_keys;
    std::vector<check> checks;
    std::string view_text;
    std::map<std::string, std::string, std::less<>> indexes;  // by name: the text that made it
    friend bool operator==(const shown_definition&, const shown_definition&) { return true; }
};

struct table_facts {
    std::string schema, name;
    table_kind kind = table_kind::unsharded;
    std::string shard_key;  // sharded: the column's name
    std::string database;   // unsharded: where it lives
    std::vector<column_facts> columns;
    std::vector<std::vector<std::string>> unique_keys;  // primary key first
    std::vector<index_facts> indexes;
    bool is_view = false;
    // Sharded, reference: set when it is not the same on all shards. Only a statement that names its shard may use it then.
    std::shared_ptr<const disagreement> differs;
    // A view over sharded or reference tables, alike on every shard: its query, without places in a text.
    std::shared_ptr<const sql::statement> view_of;
    // Such a view over one table, whose rows PostgreSQL writes through it: as a table with the view's columns.
    std::shared_ptr<const table_facts> written_as;
    std::vector<hindrance> hindrances;
    shown_definition shown;
    const column_facts* find(std::string_view column) const;
    friend bool operator==(const table_facts&, const table_facts&) = default;
};

// How a table differs from shard to shard: in words, "on shard_3 column note is missing"; and as those shards have it that
// are not as most are (without columns where it is missing).
struct disagreement {
    std::string what;
    std::map<keyspace::shard_id, table_facts> on;
};

struct catalogue {
    route::dialect dialect = route::dialect::postgres;
    std::optional<keyspace::shard_map> shards;   // absent: a configuration without shards
    std::string unsharded_database = "primary";  // where unsharded tables live
    // It has the configured tables too, each as the shards have it: then what it says of pg_catalog and information_schema is
    // true of all tables. Else the first shard is asked, which knows nothing of unsharded ones.
    bool unsharded_database_has_all = false;
    std::map<std::string, table_facts, std::less<>> tables;  // by "name" and by "schema.name"
    collation default_collation;                // of the databases; the same on all shards or kind = nondeterministic
    bool any_column_collation_differs = false;  // some text column has another collation than the default
    // Functions beyond those known to be immutable or stable built-ins, by lower-case name, read from the server's catalogue.
    std::set<std::string, std::less<>> immutable_functions, stable_functions;
    // Functions of the user's own, by lower-case name; operators and types whose functions touch tables.
    std::map<std::string, own_function, std::less<>> own_functions;
    std::map<std::string, std::string, std::less<>> touching_operators, touching_types;  // name → function
    // The unsharded database has copies of sharded or reference tables, which are empty: nothing may look at them.
    bool unsharded_database_has_copies = false;
    std::vector<hindrance> on_definitions;  // event triggers of the unsharded database
    // How databases number their own types and relations, where that is not as the one numbers them that is asked for the
    // catalogue; nullptr when none needs it.
    std::shared_ptr<const oid_maps> oids;
    // The own types of the database that is asked for the catalogue; nullptr: none has been read.
    std::shared_ptr<const type_book> types;
    // How a statement is read in a session that has set nothing.
    std::vector<std::string> search_path{"public"};
    bool standard_conforming_strings = true;
    std::uint64_t version = 1;  // grows at each change; part of every plan's key

    // Do clients see this named database's catalogue, and so know its objects by its own numbers? Or the only shard's?
    bool shows_catalogue_of(std::string_view database) const;
    bool shows_catalogue_of_the_shards() const;

    // As one shard has the tables: for statements that are given to it by name, whatever the others have.
    catalogue seen_by(keyspace::shard_id shard) const;

    // Finds by what the statement wrote. An unqualified name is looked up along search_path.
    const table_facts* find(std::string_view schema, std::string_view name) const;
};

}  // namespace ashlar::route
