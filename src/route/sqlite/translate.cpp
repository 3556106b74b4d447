#include "route/sqlite/translate.hpp"

#include "core/ascii.hpp"
#include "core/quoting.hpp"
#include "route/sqlite/translator.hpp"
#include "sql/lexer.hpp"
#include "sql/parse.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ashlar::route::sqlite {

namespace {

// Words that cannot stand bare as names in PostgreSQL's grammar or in SQLite's.
constexpr auto reserved = std::to_array<std::string_view>({
    "abort",
    "action",
    "add",
    "after",
    "all",
    "alter",
    "always",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "attach",
    "authorization",
    "autoincrement",
    "before",
    "begin",
    "between",
    "binary",
    "both",
    "by",
    "cascade",
    "case",
    "cast",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "commit",
    "concurrently",
    "conflict",
    "constraint",
    "create",
    "cross",
    "current",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "database",
    "default",
    "deferrable",
    "deferred",
    "delete",
    "desc",
    "detach",
    "distinct",
    "do",
    "drop",
    "each",
    "else",
    "end",
    "escape",
    "except",
    "exclude",
    "exclusive",
    "exists",
    "explain",
    "extract",
    "fail",
    "false",
    "fetch",
    "filter",
    "first",
    "following",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "generated",
    "glob",
    "grant",
    "greatest",
    "group",
    "grouping",
    "groups",
    "having",
    "if",
    "ignore",
    "ilike",
    "immediate",
    "in",
    "index",
    "indexed",
    "initially",
    "inner",
    "insert",
    "instead",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "key",
    "last",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "match",
    "materialized",
    "natural",
    "no",
    "not",
    "nothing",
    "notnull",
    "null",
    "nullif",
    "nulls",
    "of",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "others",
    "outer",
    "over",
    "overlaps",
    "overlay",
    "partition",
    "placing",
    "plan",
    "position",
    "pragma",
    "preceding",
    "primary",
    "query",
    "raise",
    "range",
    "recursive",
    "references",
    "regexp",
    "reindex",
    "release",
    "rename",
    "replace",
    "restrict",
    "returning",
    "right",
    "rollback",
    "row",
    "rows",
    "savepoint",
    "select",
    "session_user",
    "set",
    "similar",
    "some",
    "substring",
    "symmetric",
    "table",
    "tablesample",
    "temp",
    "temporary",
    "then",
    "ties",
    "to",
    "trailing",
    "transaction",
    "treat",
    "trigger",
    "trim",
    "true",
    "unbounded",
    "union",
    "unique",
    "update",
    "user",
    "using",
    "vacuum",
    "values",
    "variadic",
    "verbose",
    "view",
    "virtual",
    "when",
    "where",
    "window",
    "with",
    "without",
    "xmlattributes",
});

bool is_plain_name(std::string_view name) {
    if (name.empty() || !((name[0] >= 'a' && name[0] <= 'z') || name[0] == '_')) return false;
    const bool plain =
        std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_'; });
    return plain && !std::binary_search(reserved.begin(), reserved.end(), name);
}

// Whether two texts are the same but for blanks and the case of bare words. A text with comments is not, for the engines
// do not read them alike.
bool says_the_same(std::string_view a, std::string_view b) {
    if (a.find("--") != a.npos || a.find("/*") != a.npos) return false;
    const std::vector<sql::token> left = sql::tokens(a), right = sql::tokens(b);
    if (left.size() != right.size()) return false;
    for (std::size_t i = 0; i < left.size(); ++i) {
        const std::string_view x = a.substr(left[i].begin, left[i].end - left[i].begin);
        const std::string_view y = b.substr(right[i].begin, right[i].end - right[i].begin);
        if (x == y) continue;
        const bool words = left[i].kind == sql::token_kind::word && right[i].kind == sql::token_kind::word;
        if (words && equals_ignoring_case(x, y)) continue;
        if (x.size() == 1 && y.size() == 1) return false;
        return false;
    }
    // `$1int` and the like: what stands right behind a parameter is part of its name there
    for (std::size_t i = 0; i + 1 < left.size(); ++i) {
        const bool glued = left[i].kind == sql::token_kind::parameter && left[i + 1].begin == left[i].end;
        if (glued && left[i + 1].kind != sql::token_kind::symbol) return false;
        if (glued && (a[left[i + 1].begin] == '(' || a[left[i + 1].begin] == ':')) return false;
    }
    return true;
}

}  // namespace

known_type as_shown(const known_column& c) {
    if (c.is_own || c.type == oid::unknown) return {};
    if (is_text(c.type)) return {oid::text, -1, -1};
    return {c.type, c.modifier, c.scale};
}

known_type as_shown(const typed& v) {
    return as_shown(known_column{{}, v.type, v.modifier, v.scale, false, false, v.is_own});
}

translator::translator(std::string_view text, const catalogue& known, std::span<const std::string> search_path,
                       std::span<const std::uint32_t> declared)
    : text_(text), known_(known), search_path_(search_path) {
    for (const std::uint32_t type : declared) {
        parameter_use use;
        use.type = type == oid::unknown ? 0 : type;
        parameters_.push_back(use);
    }
}

result<translation> translator::run(const sql::statement& said) {
    client_parameters_ = said.parameter_count;
    parameters_.resize(static_cast<std::size_t>(std::max(said.parameter_count, 0)));
    sql::visit(said, [&](const sql::expression& e) {
        if (e.is(sql::expression_kind::parameter)) ++uses_[e.number];
    });
    std::string sql = write_statement(said);
    for (std::size_t i = 0; i < parameters_.size() && !failed_; ++i) {
        if (parameters_[i].type != 0) continue;
        // PostgreSQL refuses what it cannot tell; a number that does not stand in the text is never read
        if (uses_.contains(static_cast<int>(i) + 1)) {
            (void)fail(-1, fmt::format("could not determine data type of parameter ${}", i + 1),
                       fmt::format("Cast it, for example CAST(${} AS text).", i + 1), "42P18");
        }
        parameters_[i].type = oid::text;
    }
    if (failed_) return std::move(*failed_);
    translation out;
    // the aggregates are known by their text as it is written here
    out.sql = aggregates_.empty() && says_the_same(text_, sql) ? std::string{text_} : std::move(sql);
    out.types.groups = std::move(groups_);
    out.types.orders = std::move(orders_);
    out.types.aggregates = std::move(aggregates_);
    out.types.parameters = std::move(parameters_);
    out.types.session_names = std::move(session_names_);
    for (const known_column& c : columns_) out.types.names.push_back(c.name);
    for (const known_column& c : columns_) out.types.columns.push_back(as_shown(c));
    return out;
}

// --- shared steps -----------------------------------------------------------------------------------------------------

typed translator::fail(int location, std::string message, std::string hint, std::string_view sqlstate) {
    error why{sqlstate == "0A000"   ? errc::unsupported
              : sqlstate == "42703" ? errc::column_unknown
                                    : errc::bad_value,
              std::move(message)};
    if (sqlstate != "0A000") why.sqlstate(sqlstate);
    if (!hint.empty()) why.hint(std::move(hint));
    return fail(std::move(why), location);
}

typed translator::fail(error why, int location) {
    if (!failed_) {
        if (location >= 0) why.at(sql::position_of(text_, location));
        failed_ = std::move(why);
    }
    return {};
}

std::string translator::joined(const std::vector<std::string>& parts, std::string_view between) {
    std::string out;
    for (const std::string& each : parts) {
        if (!out.empty()) out += between;
        out += each;
    }
    return out;
}

std::string translator::wrap(const typed& v, binding least) {
    return v.holds >= least ? v.sql : "(" + v.sql + ")";
}

std::string translator::quoted(std::string_view name) {
    if (is_plain_name(name)) return std::string{name};
    return quoted_name(name);
}

result<translation> translate(std::string_view text, const sql::statement& said, const catalogue& known,
                              std::span<const std::string> search_path, std::span<const std::uint32_t> declared) {
    return translator{text, known, search_path, declared}.run(said);
}

}  // namespace ashlar::route::sqlite
