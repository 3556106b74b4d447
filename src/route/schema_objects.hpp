// schema_objects.hpp: what the databases say of their objects beside plain columns: functions, views, triggers, rules, foreign
// keys, inheritance and the expressions that belong to tables. Values; whoever reads the databases fills them in.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace ashlar::route {

struct schema_objects {
    struct function {
        std::string schema, name;
        std::string language;   // "sql", "plpgsql", "c", "internal" …; "aggregate": the body names its functions
        std::string extension;  // "" = none
        std::string body;
        bool immutable = false, stable = false, takes_row = false;
        auto operator<=>(const function&) const = default;
    };
    struct view {
        std::string schema, name, query;
        bool materialized = false;
        bool foreign = false;  // a foreign table of a server that is this database again, as postgres_fdw has them
        auto operator<=>(const view&) const = default;
    };
    // A partition, or a table that inherits.
    struct child {
        std::string schema, name, parent_schema, parent;
        bool partition = false;
        std::string columns;  // in their order, with commas between
        auto operator<=>(const child&) const = default;
    };
    struct trigger {
        std::string schema, table, name;
        bool before = false, of_row = false, instead = false;
        bool on_insert = false, on_update = false, on_delete = false;
        std::string function_schema, function;  // SQLite: none
        std::string arguments;                  // of the function, behind each a blank
        std::string body;                       // SQLite: the trigger itself
        auto operator<=>(const trigger&) const = default;
    };
    struct rule {
        std::string schema, table, name;
        char event = '0';  // '2' update, '3' insert, '4' delete, as pg_rewrite has it
        std::string definition;
        auto operator<=>(const rule&) const = default;
    };
    struct foreign_key {
        std::string schema, table, name, to_schema, to_table;
        std::vector<std::string> columns, to_columns;
        // What becomes of the rows that refer to a deleted or changed one: 'a' and 'r' nothing, 'c' the same, 'n' NULL,
        // 'd' the default, as pg_constraint has it.
        char on_delete = 'a', on_update = 'a';
        std::vector<std::string> set_columns;  // that 'n' and 'd' set after a DELETE; empty: all
        auto operator<=>(const foreign_key&) const = default;
    };
    // An expression that the server evaluates on its own when a table is written or read.
    struct expression {
        enum class of { default_value, generated, check, index, policy };
        std::string schema, table;
        of what = of::check;
        std::string name;  // the column, constraint, index or policy
        std::string text;
        auto operator<=>(const expression&) const = default;
    };
    struct domain_check {
        std::string schema, type, text;
        auto operator<=>(const domain_check&) const = default;
    };
    // Operators and casts of the user's own, with what they call.
    struct operator_ {
        std::string name, function;
        auto operator<=>(const operator_&) const = default;
    };
    struct cast {
        std::string source, target, function;
        auto operator<=>(const cast&) const = default;
    };
    struct event_trigger {
        std::string name, function;
        auto operator<=>(const event_trigger&) const = default;
    };

    std::set<function> functions;
    std::set<view> views;
    std::set<child> children;
    std::set<trigger> triggers;
    std::set<rule> rules;
    std::set<foreign_key> foreign_keys;
    std::set<expression> expressions;
    std::set<domain_check> domain_checks;
    std::set<operator_> operators;
    std::set<cast> casts;
    std::set<event_trigger> event_triggers;
    std::set<std::string> relations;  // all that can be named: "schema.name"

    void add(const schema_objects& other);
    friend bool operator==(const schema_objects&, const schema_objects&) = default;
};

}  // namespace ashlar::route
