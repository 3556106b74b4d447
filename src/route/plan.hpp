// plan.hpp: where a statement goes, and how its rows become one answer.
//
// Planning has two steps. plan_statement() reads the text once, against the catalogue: the *prepared* plan, which can be
// kept under the statement's text and the catalogue's version. bind() adds the parameters' values: the *bound* plan, with
// its shards. Both are pure. A statement that cannot be answered rightly is an error with SQLSTATE, position and hint:
// the default branch of every classifier refuses.
#pragma once

#include "core/shown_type.hpp"
#include "keyspace/key.hpp"
#include "route/catalogue.hpp"
#include "route/recipe.hpp"
#include "sql/facts.hpp"

#include <ashlar/result.hpp>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::route {

// Where a statement goes, and for what the faces have to do:
//   one_shard, some_shards, all_shards  to the shards of the steps
//   unsharded                           to the database that the plan names
//   session                             to no server: the face keeps it (BEGIN, SET, PREPARE …)
enum class target { one_shard, some_shards, all_shards, unsharded, session };

enum class routed_because {
    key_equals,       // the key is fixed to one value
    key_in_list,      // … to several
    key_is_null,      // the key is compared with NULL: no row can match; any one shard answers
    insert_key,       // the rows' own keys
    no_key,           // a sharded table without a key: everywhere
    reference_read,   // any one shard has all rows
    reference_write,  // every shard has the same rows
    unsharded_table,
    no_table,           // select 1
    session_statement,  // BEGIN, SET, SHOW, PREPARE …: the face's own business
};
std::string_view name_of(routed_because why) noexcept;
std::string_view name_of(target where) noexcept;

// select, insert, update, delete_, copy, ddl, begin, commit, rollback, savepoint, release, rollback_to, set, reset, show,
// discard, prepare, execute, deallocate, explain, explain_ashlar, utility, empty
using sql::statement_kind;

// A parameter as the caller has it. Views live for the call.
struct bound_parameter {
    std::optional<std::string_view> bytes;  // nullopt: NULL
    std::uint32_t type = 0;                 // declared type; 0 = none
    cell_format format = cell_format::text;
};

struct planning_options {
    std::vector<std::string> search_path{"public"};
    bool standard_conforming_strings = true;
    // A statement longer or nested deeper than this is refused before it is parsed (SPIKES 2: 8 KB of 1+1+… overflow
    // the parser's stack).
    std::size_t length_max = 1u << 20;
    std::size_t depth_max = 500;
    planning_options() = default;
};

struct step {
    keyspace::shard_id shard{};           // meaningless for target::unsharded
    std::string sql;                      // what to send
    std::vector<std::size_t> parameters;  // which of the statement's parameters, in order; empty with all_parameters
    bool all_parameters = true;
};

// What a parameter has to be, and a column of the answer is, where the engine types nothing itself (SQLite).
using known_type = shown_type;
struct parameter_kind : known_type {
    bool counts_rows = false;  // of LIMIT or OFFSET: not negative
    bool is_limit = false;
};

// What the session is called: values that follow the client's parameters.
enum class session_name : std::uint8_t { user, database };

// What an aggregate gives, and what it is given.
struct aggregate_types {
    known_type result, argument;
};

struct typed_statement {
    std::vector<parameter_kind> parameters;  // the client's
    std::vector<session_name> session_names;
    std::vector<known_type> columns;
    std::vector<std::string> names;  // of the columns
    // Of the outermost SELECT, for what several shards return: the elements of GROUP BY and ORDER BY in their order, and the
    // aggregates by the engine's text of the call; none where one text stands for two types.
    std::vector<known_type> groups, orders;
    std::map<std::string, std::optional<aggregate_types>, std::less<>> aggregates;
};

struct bound_plan {
    target where = target::one_shard;
    routed_because because = routed_because::no_key;
    std::string database;                 // target::unsharded
    std::vector<step> steps;              // in the order of shards; one entry for unsharded
    std::shared_ptr<const recipe> merge;  // nullptr: the one step's answer is the answer
    // SQLite: the types of the columns that the steps return, as far as the text tells them; nullptr: it tells none.
    std::shared_ptr<const std::vector<shown_type>> shows;
    std::optional<keyspace::shard_map> map;        // the shards' names
    std::shared_ptr<const typed_statement> types;  // SQLite: of parameters and columns; nullptr: the engine knows them
};

class prepared_plan {  // immutable; shared between threads
public:
    statement_kind kind() const noexcept;
    bool writes() const noexcept;  // may change data (unknown functions count)
    // Changes none if functions of the user's own keep to what the catalogue says of all of that name, STABLE: a replica sees
    // to it. Anywhere else such a statement counts as a write.
    bool may_read_on_replicas() const noexcept;
    bool may_change_session()
        const noexcept;  // calls set_config, DO, or an unknown function: the connection is dirty after
    // May set what the session's later statements are read by (search_path …), by a function, DO or CALL.
    bool may_change_reading() const noexcept;
    target where() const noexcept;  // before keys are known: one_shard stands for "by key"
    routed_because because() const noexcept;
    std::size_t parameter_count() const noexcept;
    std::string_view sql() const noexcept;  // the statement as given
    // Its answer tells of one server's catalogue (oids, names looked up by regclass, sizes …): every such statement has to
    // ask the same server, or what one says of a table means nothing to the next.
    bool reads_catalogue() const noexcept;
    // It may define tables, views or functions: DO, CALL. (Those of kind ddl do.)
    bool may_change_schema() const noexcept;
    // The relations and functions that it names and the catalogue does not have: perhaps made since it was read.
    const std::vector<std::string>& unknown_names() const noexcept;
    // The words of a session statement: SET's variable and values, PREPARE's name and text …; `command` names the rest.
    const sql::session_facts& session() const noexcept;
    // For kind copy: direction, columns, options, and the table; nullptr otherwise.
    const sql::copy_facts* copy() const noexcept;
    // The configured table that an INSERT, UPDATE, DELETE or COPY is about; nullptr if there is none.
    const table_facts* table() const noexcept;

    // For kind explain_ashlar: the statement explained. For explain: planned as its inner statement.
    std::shared_ptr<const prepared_plan> explained() const noexcept;
    const route::recipe* merge() const noexcept;

    // What one server gets, if one answers.
    const std::string& text_for_one() const noexcept;

    // True when the answer of the one shard can be relayed as it is and the text goes out unchanged.
    bool single_step_unchanged() const noexcept;

    // A SELECT of PostgreSQL's own catalogue over SQLite, which has none: the face answers from what it knows of the tables.
    bool asks_for_catalogue() const noexcept;
    // Over SQLite: the types of parameters and columns as PostgreSQL infers them; nullptr where a server does.
    const typed_statement* types() const noexcept;

    // Fails with shard_key_null, key_invalid, key_unmatched. Cheap for the key_equals case.
    result<bound_plan> bind(std::span<const bound_parameter> parameters) const;
    // Only the shard, for a plan that is by key or by constant; nullopt when several.
    result<std::optional<keyspace::shard_id>> bind_one(std::span<const bound_parameter> parameters) const;

    // route, reason, the SQL for each shard and the merge, a line each, as `explain (ashlar)` shows them. Without parameters
    // for a key that hangs on them, the shard is told as `by key`.
    result<std::vector<std::string>> explain(std::span<const bound_parameter> parameters) const;

    struct inside;
    explicit prepared_plan(std::unique_ptr<const inside> what);
    ~prepared_plan();

private:
    result<bound_plan> bind_way(std::span<const bound_parameter> parameters) const;

    std::unique_ptr<const inside> inside_;
};

// One statement. Text with several (separated by ;) is refused with `unsupported`: split it with sql::split first.
// `parameter_types`: the types that the client declared, 0 = none; may be shorter than the number of parameters.
result<std::shared_ptr<const prepared_plan>> plan_statement(std::string_view sql, const catalogue& known,
                                                            const planning_options& options = {},
                                                            std::span<const std::uint32_t> parameter_types = {});

}  // namespace ashlar::route
