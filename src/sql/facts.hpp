// facts.hpp: what the parser knows of a statement before any table is known. The tree is our own and consists of plain
// values, so that no other room depends on the parser's nodes.
//
// The tree is a whitelist. A construct without a kind of its own becomes `unknown`, with the name and position of its clause,
// and every decision by the tree refuses a statement that contains it. Positions are byte offsets in the text; -1 = none.
// Sub-queries are held by shared_ptr<const …>: the tree is immutable once made, and copies of a node share its sub-queries.
#pragma once

#include "sql/lexer.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ashlar::sql {

enum class statement_kind : std::uint8_t {
    select,
    insert,
    update,
    delete_,
    copy,
    ddl,
    begin,
    commit,
    rollback,
    savepoint,
    release,
    rollback_to,
    set,
    reset,
    show,
    discard,
    prepare,
    execute,
    deallocate,
    explain,
    explain_ashlar,
    utility,
    empty,
};

struct query;
struct statement;
struct expression;
struct sort_item;

// A type as written: integer, int, int4 and pg_catalog.int4 all arrive as "int4" in schema "" (the grammar's own names).
struct type_name {
    std::string schema, name;
    bool has_modifiers = false;  // varchar(3)
    bool is_array = false;
    bool is_set = false;
    std::vector<std::int64_t> modifiers;
};

enum class expression_kind : std::uint8_t {
    unknown,        // name: what it is called in SQL
    column,         // path: qualifiers and the column
    star,           // path: qualifiers
    constant,       // literal, name: its text
    parameter,      // number: 1-based
    operation,      // name, schema; one (prefix) or two inner
    any_of,         // inner[0] name ANY (inner[1])
    all_of,         // inner[0] name ALL (inner[1])
    in_list,        // inner[0] IN (inner[1…]); negated
    between,        // inner: value, low, high; negated; name: "symmetric" or ""
    like,           // name: ~~, ~~*, ~ (and ! before them); inner: value, pattern
    distinct_from,  // inner: two; negated = IS NOT DISTINCT FROM
    null_if,
    and_,
    or_,
    not_,
    null_test,     // negated = IS NOT NULL
    boolean_test,  // name: "is true" …
    function,      // name, schema, inner: arguments, call: the rest
    cast,          // inner[0], type
    row,           // (a, b)
    array,         // ARRAY[…]
    case_,         // inner: all parts in order of the text
    coalesce,
    greatest,
    least,
    collate,      // inner[0], name, schema: the collation
    indirection,  // (x).field, x[1]: inner[0] and subscripts
    subquery,     // sub; name: exists, in, not …, scalar, any, all, array; inner[0]: the test, if any; text: operator
    value_keyword,  // name: current_timestamp, current_user …
    default_,       // DEFAULT in VALUES or SET
    grouping,       // GROUPING(…)
    current_of,     // WHERE CURRENT OF
};

enum class literal_kind : std::uint8_t { null, boolean, integer, number, string, bits };

// What a function call has beside its arguments.
struct call_facts {
    bool star = false, distinct = false, variadic = false, within_group = false, over = false;
    std::vector<expression> filter;  // none or one
    std::vector<sort_item> order;
    std::vector<expression> window;  // everything inside OVER (…)
    // The same by its parts. frame: its words, "" = the default one; with bounds by number, "?" stands for each.
    std::string window_name, frame;
    std::size_t partition_count = 0, bound_count = 0;  // of `window`: first the partitions, last the bounds
    std::vector<sort_item> window_order;
};

struct expression {
    expression_kind kind = expression_kind::unknown;
    literal_kind literal = literal_kind::null;
    bool negated = false;
    int location = -1;  // of the node: for an operator of two sides that of the operator
    int number = 0;
    std::string name, schema;
    std::vector<std::string> path;
    std::vector<expression> inner;
    std::shared_ptr<const type_name> type;
    std::shared_ptr<const call_facts> call;
    std::shared_ptr<const query> sub;

    bool is(expression_kind k) const noexcept { return kind == k; }
};

// Are the expressions the same, apart from their positions? Two sub-queries are never the same.
bool same(const expression& a, const expression& b) noexcept;

struct sort_item {
    expression value;
    bool descending = false;
    std::optional<bool> nulls_first;  // as written
    bool uses_operator = false;       // ORDER BY … USING
};

struct table_name {
    std::string catalog, schema, name;
    int location = -1;
};

enum class join_kind : std::uint8_t { inner, left, right, full };

struct from_item {
    enum class kind : std::uint8_t { table, subquery, function, join, unknown };
    kind what = kind::unknown;
    int location = -1;
    std::string alias;                        // "" = none
    std::vector<std::string> column_aliases;  // t(a, b)
    table_name table;
    bool sampled = false;  // TABLESAMPLE
    bool lateral = false;
    std::shared_ptr<const query> sub;
    std::vector<expression> functions;
    join_kind join = join_kind::inner;
    bool natural = false;
    std::vector<std::string> using_columns;
    std::vector<from_item> sides;  // join: left, right
    std::vector<expression> on;    // none or one
    std::string name;              // unknown: what it is called
};

struct select_item {
    expression value;
    std::string alias;  // as written with AS; "" = none
    int location = -1;  // where the item starts
};

struct common_table {
    std::string name;
    std::vector<std::string> columns;  // name(a, b)
    int location = -1;
    std::shared_ptr<const statement> body;
};

enum class set_operation : std::uint8_t { none, union_, intersect, except };

// SELECT, VALUES, or two of them under a set operation.
struct query {
    int location = -1;
    std::vector<common_table> with;
    bool recursive = false;

    set_operation operation = set_operation::none;
    bool all = false;
    std::shared_ptr<const query> left, right;

    std::vector<std::vector<expression>> values;

    bool distinct = false;
    std::vector<expression> distinct_on;
    std::vector<select_item> items;
    bool into = false;
    std::vector<from_item> from;
    std::vector<expression> where;  // none or one
    std::vector<expression> group_by;
    bool group_distinct = false;
    std::vector<expression> having;  // none or one
    bool windows = false;            // a WINDOW clause
    std::vector<expression> window_parts;

    std::vector<sort_item> order;
    std::vector<expression> limit, offset;  // none or one each
    bool with_ties = false;
    bool locks = false;
};

struct assignment {
    std::string column;
    bool indirect = false;  // SET a.b = …, SET a[1] = …
    expression value;
    int location = -1;
};

struct conflict_clause {
    int location = -1;
    bool has_target = false;
    std::vector<std::string> columns;  // of the target
    bool by_expression = false;        // an expression or a predicate in the target
    std::string constraint;            // ON CONSTRAINT
    bool updates = false;
    std::vector<assignment> set;
    std::vector<expression> where;
};

struct column_target {
    std::string name;
    bool indirect = false;
    int location = -1;
};

// A foreign key in a definition.
struct foreign_key {
    std::vector<std::string> columns;  // of the table defined
    table_name to;
    std::vector<std::string> to_columns;  // empty: its primary key
    int location = -1;
};

// The parts of a statement that the proxy or the library carries out by itself.
struct session_facts {
    std::string name;                   // variable, savepoint, prepared statement; "" = all; DO: the language
    std::vector<std::string> values;    // SET's values; BEGIN's modes as "isolation level=serializable"
    bool local = false;                 // SET LOCAL
    bool to_default = false;            // SET x TO DEFAULT
    std::vector<expression> arguments;  // EXECUTE; CALL: the one call
    std::vector<type_name> types;       // PREPARE
    std::string inner_sql;              // PREPARE, EXPLAIN: the text of the statement inside; DO: the code
    std::string command;                // what it is called: "LISTEN", "VACUUM", "CREATE TABLE"
};

struct copy_facts {
    bool from = false;  // COPY … FROM; else TO
    bool program = false;
    std::string file;  // "" = STDIN or STDOUT
    std::vector<std::string> columns;
    std::vector<std::pair<std::string, std::string>> options;  // lower-case name, text of the value
    bool has_where = false;
    std::shared_ptr<const query> of;  // COPY (select …) TO
};

struct statement {
    statement_kind kind = statement_kind::empty;
    int location = 0;
    int parameter_count = 0;  // the highest $n

    std::shared_ptr<const query> body;  // select; insert: the source (null = DEFAULT VALUES)

    std::vector<common_table> with;  // insert, update, delete
    bool recursive = false;
    from_item target;                    // insert, update, delete, copy: the table
    std::vector<column_target> columns;  // insert
    bool overriding_user = false;        // insert … overriding user value: identity columns take no value given
    std::optional<conflict_clause> conflict;
    std::vector<assignment> set;  // update
    std::vector<from_item> from;  // update … from, delete … using
    std::vector<expression> where;
    std::vector<select_item> returning;

    std::vector<table_name> tables;  // ddl, utility: the tables named
    session_facts session;
    std::optional<copy_facts> copy;
    std::shared_ptr<const statement> inner;  // explain, prepare
    bool analyzes = false;                   // explain analyze
    std::vector<std::string> options;        // explain
    bool temporary = false;                  // ddl on a temporary table
    std::vector<foreign_key> foreign_keys;   // ddl: those that it makes
    std::vector<expression> calls;  // ddl: functions that it names, such as a trigger's, as calls without arguments
};

}  // namespace ashlar::sql
