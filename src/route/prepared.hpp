// prepared.hpp: what a prepared plan holds. Private to this room: planning fills it in, binding reads it.
#pragma once

#include "route/keys.hpp"
#include "route/plan.hpp"
#include "route/select_plan.hpp"
#include "sql/facts.hpp"
#include "sql/lexer.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ashlar::route {

// How the shards are found.
enum class way : std::uint8_t {
    nowhere,    // session statements
    unsharded,  // one database
    any_shard,  // every shard would give the same answer: the first one
    by_key,     // from `pins`
    every,      // all shards
    by_rows,    // from the rows of an INSERT
};

// One occurrence's key, when the statement fixes it.
struct pin {
    key_set keys;
};

struct insert_row {
    key_source key;
    sql::span tuple;  // in the text, with its parentheses
};

struct prepared_plan::inside {
    statement_kind kind = statement_kind::empty;
    bool writes = false, may_change_session = false, may_change_reading = false, reads_catalogue = false;
    bool writes_on_replicas = true;  // see may_read_on_replicas()
    std::vector<std::string> unknown_names;
    bool may_change_schema = false;  // see may_change_schema()
    target where = target::session;
    routed_because because = routed_because::session_statement;
    std::size_t parameter_count = 0;
    std::string sql;       // as given
    std::string one_sql;   // what one server gets, when it is not `sql` as given; "" = as given
    std::string database;  // unsharded
    std::shared_ptr<const std::vector<shown_type>> shows;  // SQLite: of the columns that one server returns
    sql::session_facts session;
    std::optional<sql::copy_facts> copy;
    std::optional<table_facts> table;
    std::shared_ptr<const prepared_plan> explained;

    std::optional<keyspace::shard_map> map;
    route::way way = way::nowhere;
    std::vector<pin> pins;                // by_key: of every occurrence; by_rows: of those in sub-queries
    bool unpinned = false;                // some occurrence's key is not fixed
    std::optional<key_set> drive;         // of the outermost rows, when several shards can be asked
    std::optional<several_plan> several;  // how several shards answer
    std::optional<error> why_one;         // or why only one shard can
    // the fast path: the one key that decides all
    std::optional<keyspace::shard_id> fixed;
    std::optional<key_source> single;

    std::shared_ptr<const typed_statement> types;
    bool asks_for_catalogue = false;

    std::vector<std::size_t> looked_up;  // parameters that must be names
    // Parameters that must not be NULL, or a shard would number the row by itself, with the column.
    std::vector<std::pair<std::size_t, std::string>> numbered;

    std::vector<insert_row> rows;
    std::optional<std::size_t> key_length_max;  // of new rows' keys (key_column.hpp)
    sql::span values;                           // all tuples

    const std::string& text_for_one() const noexcept { return one_sql.empty() ? sql : one_sql; }
};

}  // namespace ashlar::route
