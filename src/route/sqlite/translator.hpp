// translator.hpp: the parts of a translation while it is made. Private to this folder.
#pragma once

#include "core/stored_form.hpp"
#include "route/sqlite/operators.hpp"
#include "route/sqlite/translate.hpp"

#include <ashlar/error.hpp>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ashlar::route::sqlite {

// How tightly an expression's text holds together, loosest first; both engines agree on those that are told apart.
enum class binding : std::uint8_t { or_, and_, not_, comparison, additive, multiplicative, primary };

// An expression, typed and written.
struct typed {
    std::uint32_t type = 0;  // oid::unknown: an untyped literal or parameter; 0: nothing is known
    std::int32_t modifier = -1;
    std::string sql;
    binding holds = binding::primary;
    int location = -1;
    std::optional<std::string> literal;  // of an untyped literal that is not NULL, or of a number's constant
    int parameter = 0;                   // of an untyped parameter
    bool is_null = false;                // the word NULL
    bool not_null = false;
    bool is_decimal = false;  // a numeric as decimal text, as arithmetic gives it; else as the file keeps it
    int scale = -1;           // numeric: digits after the point, where that is fixed
    bool is_own = false;      // of a function that only SQLite has: compared as SQLite does it
};

struct known_column {
    std::string name;
    std::uint32_t type = 0;
    std::int32_t modifier = -1;
    int scale = -1;
    bool not_null = false, is_decimal = false, is_own = false;
};

// As an answer shows it. Text of any length is told as text.
known_type as_shown(const typed& v);
known_type as_shown(const known_column& c);

struct known_relation {
    std::string name;  // "" = none can name it
    std::vector<known_column> columns;
};

// One level of a statement, with the levels around it.
struct level {
    const level* outer = nullptr;
    std::vector<known_relation> relations;
    std::vector<std::string> merged;  // columns that USING made one
};

struct written_query {
    std::string sql;
    std::vector<known_column> columns;
    bool is_compound = false;
};

class translator {
public:
    translator(std::string_view text, const catalogue& known, std::span<const std::string> search_path,
               std::span<const std::uint32_t> declared);

    result<translation> run(const sql::statement& said);

private:
    using expressions = std::vector<sql::expression>;

    // --- statements.cpp
    std::string write_statement(const sql::statement& s);
    std::string write_insert(const sql::statement& s);
    std::string write_update(const sql::statement& s);
    std::string write_delete(const sql::statement& s);
    std::string write_conflict(const sql::conflict_clause& c, const table_facts& table, const level& here);
    std::string write_sets(const std::vector<sql::assignment>& sets, const table_facts& table, const level& here);
    std::string write_returning(const std::vector<sql::select_item>& items, const level& here);
    const table_facts* target_of(const sql::from_item& target);
    std::string assigned(const sql::expression& value, const column_facts& to, const level& here);
    typed assign(typed value, const column_facts& to);

    // --- queries.cpp
    // `targets`: the types that its columns have to have; 0 = as it is.
    written_query write_query(const sql::query& q, const level* outer, std::span<const value_type> targets = {});
    written_query write_select(const sql::query& q, const level* outer, std::span<const value_type> targets);
    written_query write_values(const sql::query& q, const level* outer, std::span<const value_type> targets);
    written_query write_compound(const sql::query& q, const level* outer, std::span<const value_type> targets);
    std::string write_operand(const sql::query& q, const sql::query& around, const level* outer,
                              std::span<const value_type> targets, bool is_right, std::vector<known_column>& columns);
    // What a query's columns are; untyped literals stay untyped. Nothing else comes of it.
    std::vector<known_column> columns_of(const sql::query& q, const level* outer);
    std::string write_with(const std::vector<sql::common_table>& with, bool recursive, const level* outer);
    std::string write_limits(const sql::query& q, const level& here);
    typed item_for(const sql::expression& e, const level& here, const value_type* target);
    std::string write_items(const sql::query& q, const level& here, std::span<const value_type> targets,
                            std::vector<known_column>& out, std::vector<typed>& items);
    std::string grouped_aggregate(int location);
    bool refuse_constant(const sql::expression& e, const char* clause);
    std::string write_group(const sql::query& q, const level& here, const std::vector<typed>& items);
    std::string write_order(const sql::query& q, const level& here, const std::vector<typed>* items,
                            const std::vector<known_column>& columns);

    // --- relations.cpp
    std::string write_from(const std::vector<sql::from_item>& from, level& here);
    std::string write_from_item(const sql::from_item& f, level& here);
    std::string write_table(const sql::from_item& f, level& here);
    std::string write_join(const sql::from_item& f, level& here);
    known_relation relation_of(const table_facts& table, std::string name) const;
    const table_facts* find_table(const sql::table_name& name) const;
    typed column(const sql::expression& e, const level& here);
    void expand_star(const sql::expression& star, const level& here, std::vector<known_column>& out);

    // --- expressions.cpp, arithmetic.cpp, arrays.cpp, comparisons.cpp, choices.cpp, subqueries.cpp
    typed write(const sql::expression& e, const level& here);
    typed write_one(const sql::expression& e, const level& here);
    typed constant(const sql::expression& e);
    typed parameter(const sql::expression& e);
    typed operation(const sql::expression& e, const level& here);
    typed comparison(const sql::expression& e, const level& here);
    typed compare(typed a, const std::string& op, typed b, int location);
    // Both sides as they are compared. False: they cannot be.
    bool align(typed& a, typed& b, const std::string& op, int location);
    typed arithmetic(typed a, char op, typed b, int location);
    typed span_arithmetic(typed a, char op, typed b, int location);
    typed moment_arithmetic(typed a, char op, typed b, int location);
    typed concatenation(typed a, typed b, int location);
    typed between(const sql::expression& e, const level& here);
    typed in_list(const sql::expression& e, const level& here);
    typed in_rows(const sql::expression& e, const level& here);
    typed like(const sql::expression& e, const level& here);
    typed regex_match(const sql::expression& e, typed text, typed pattern);
    typed any_of_array(const sql::expression& e, const level& here);
    typed any_of_parameter(const sql::expression& e, const sql::expression& array, std::uint32_t cast_to,
                           const level& here);
    typed each_element(const sql::expression& e, bool any, std::vector<sql::expression> elements, const level& here);
    typed logic(const sql::expression& e, const level& here);
    typed case_of(const sql::expression& e, const level& here);
    typed choice(const sql::expression& e, const level& here, const char* what);  // COALESCE, GREATEST, LEAST
    typed null_if(const sql::expression& e, const level& here);
    typed subquery(const sql::expression& e, const level& here);
    typed subquery_value(const sql::expression& e, const level& here);
    typed keyword(const sql::expression& e);
    typed collate(const sql::expression& e, const level& here);
    typed session_value(session_name which, std::uint32_t type, int location);

    // --- casts.cpp
    typed cast(const sql::expression& e, const level& here);
    typed cast_to(typed value, value_type to, int location);
    typed number_to(typed value, value_type to, int location);
    // An untyped literal or parameter becomes a value of the type; others stay as they are.
    typed resolve(typed value, value_type to, conversion how = conversion::assignment);
    // A value of a type that casts by itself: written as one.
    typed implicit(typed value, std::uint32_t to);
    typed boolean(typed value, std::string_view clause);
    typed as_text(typed value);     // for ||
    typed as_decimal(typed value);  // for arithmetic over numerics
    typed as_kept(typed value);     // a decimal text → as the file keeps it
    typed as_key(typed value);      // for GROUP BY and DISTINCT, where equal values must be written alike
    bool has_equal_texts(const typed& value, std::string_view clause);  // false: refused
    static typed as_sorted(typed value);  // a decimal text as a number, an interval by its length, others as they are
    // SQLite compares by the first collation that it finds inside an expression, however deep, as in CASE WHEN … COLLATE …:
    // a value that is to be compared as it is says so.
    static typed without_collations(typed value);
    typed settle(typed value);  // an untyped literal or parameter that stands alone is text
    void unify(std::vector<typed>& values, std::string_view clause, int location);
    static bool is_untyped(const typed& v) noexcept { return v.type == oid::unknown; }

    // --- calls.cpp
    typed call(const sql::expression& e, const level& here);
    typed aggregate(const sql::expression& e, const level& here);
    typed no_aggregate(const sql::expression& e, const typed& argument);
    typed sum_of(const sql::expression& e, typed argument, const std::string& filter);
    typed extreme_of(const sql::expression& e, typed argument, const std::string& filter);
    void record_aggregate(const typed& call, const typed* argument);
    typed window_call(const sql::expression& e, const level& here);
    typed scalar_call(const sql::expression& e, std::vector<typed> arguments);
    typed own_call(const sql::expression& e, std::vector<typed> arguments);
    std::string write_over(const sql::expression& e, const level& here);
    // With its direction, and where NULL stands.
    static std::string sorted_by(const typed& value, const sql::sort_item& how);
    std::string write_filter(const sql::expression& e, const level& here);

    // --- shared
    typed fail(int location, std::string message, std::string hint, std::string_view sqlstate = "0A000");
    typed fail(error why, int location);
    typed no_such_operator(const std::string& op, const typed* a, const typed& b, int location);
    static std::string joined(const std::vector<std::string>& parts, std::string_view between = ", ");
    static std::string wrap(const typed& v, binding least);
    static std::string quoted(std::string_view name);

    std::string_view text_;
    const catalogue& known_;
    std::span<const std::string> search_path_;
    std::optional<error> failed_;
    std::vector<parameter_use> parameters_;
    std::map<int, int> uses_;  // how often a parameter stands in the statement
    std::vector<session_name> session_names_;
    std::vector<known_relation> common_;       // visible ones, innermost last
    std::vector<known_column> columns_;        // of the answer
    std::vector<known_type> groups_, orders_;  // of the outermost SELECT
    std::map<std::string, std::optional<aggregate_types>, std::less<>> aggregates_;
    bool outermost_ = true;             // the next SELECT is the statement itself
    bool recording_ = false;            // the expressions under way are the outermost SELECT's own
    bool dry_ = false;                  // only the types are wanted
    bool names_ = true;                 // the columns of the query under way are seen by name
    const level* returning_ = nullptr;  // of RETURNING, where SQLite takes columns without their table only
    int client_parameters_ = 0;
    int depth_ = 0;  // of the expression under way
};

}  // namespace ashlar::route::sqlite
