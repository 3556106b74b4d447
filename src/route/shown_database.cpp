#include "route/shown_database.hpp"

#include "core/ascii.hpp"
#include "core/json_text.hpp"
#include "core/quoting.hpp"
#include "sql/parse.hpp"
#include "sql/splice.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>
#include <vector>

namespace ashlar::route {

namespace {

using sql::expression;
using sql::expression_kind;
using sql::from_item;

// Views of the server that show a database's name in a column called so.
struct named_view {
    std::string_view name, column;
};
constexpr auto named_views = std::to_array<named_view>({
    {"pg_stat_activity", "datname"},
    {"pg_stat_database", "datname"},
    {"pg_stat_database_conflicts", "datname"},
    {"pg_stat_progress_analyze", "datname"},
    {"pg_stat_progress_basebackup", "datname"},
    {"pg_stat_progress_cluster", "datname"},
    {"pg_stat_progress_copy", "datname"},
    {"pg_stat_progress_create_index", "datname"},
    {"pg_stat_progress_vacuum", "datname"},
    {"pg_prepared_xacts", "database"},
    {"pg_replication_slots", "database"},
});

bool is_current_database(const expression& e) {
    if (e.is(expression_kind::value_keyword)) return e.name == "current_catalog";
    return e.is(expression_kind::function) && e.name == "current_database" && e.inner.empty() &&
           (e.schema.empty() || e.schema == "pg_catalog");
}

bool contains_word(std::string_view text, std::string_view word) {
    const auto same = [](char a, char b) { return to_lower(a) == b; };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

// A first look, so that statements without any of it are not read twice.
bool may_ask(std::string_view text) {
    for (const std::string_view word :
         {"current_database", "current_catalog", "pg_database", "pg_stat_", "pg_prepared_xacts", "pg_replication_slots",
          "information_schema", "has_database_privilege"}) {
        if (contains_word(text, word)) return true;
    }
    return false;
}

constexpr std::string_view is_own = "operator(pg_catalog.=) pg_catalog.current_database()";

class rewriter {
public:
    rewriter(std::string_view text, std::string_view name, const planning_options& options)
        : text_(text), tokens_(sql::tokens(text, options.standard_conforming_strings)), changes_(text) {
        literal_ = fmt::format("{}::pg_catalog.name", quoted_literal(name));
        name_ = quoted_literal(name);
        json_ = name;
    }

    std::optional<std::string> rewrite(const sql::statement& said) {
        looks_at_catalogs_ = looks_at_catalogs(said);
        look_at_items(said.returning);
        look_at_from(said.from);
        const auto each_query = [&](const sql::query& q) {
            look_at_items(q.items);
            look_at_from(q.from);
        };
        sql::visit(said, sql::visitor{[this](const expression& e) { note(e); }, each_query});
        for (const auto& [location, how] : found_) replace(static_cast<std::size_t>(location), how);
        if (!any_) return std::nullopt;
        return changes_.text();
    }

private:
    enum class place { anywhere, in_item, item, in_from, rows_from };

    // Does any of it see a column that holds a database's name: by *, by a whole row, or named?
    static bool looks_at_catalogs(const sql::statement& said) {
        bool found = false;
        std::set<std::string> relations, names;
        const std::function<void(const from_item&)> enter = [&](const from_item& item) {
            for (const from_item& side : item.sides) enter(side);
            if (item.what == from_item::kind::table)
                relations.insert(item.alias.empty() ? item.table.name : item.alias);
            found = found || !item.column_aliases.empty();
        };
        const auto each_query = [&](const sql::query& q) {
            for (const from_item& item : q.from) enter(item);
        };
        const auto each = [&](const expression& e) {
            if (e.is(expression_kind::star)) found = true;
            if (!e.is(expression_kind::column) || e.path.empty()) return;
            found = found || e.path.back().ends_with("_catalog") || e.path.back() == "catalog_name";
            if (e.path.size() == 1) names.insert(e.path.front());
        };
        sql::visit(said, sql::visitor{each, each_query});
        return found || std::any_of(names.begin(), names.end(), [&](const auto& n) { return relations.contains(n); });
    }

    void look_at_items(const std::vector<sql::select_item>& items) {
        for (const sql::select_item& item : items) {
            if (is_current_database(item.value) && item.alias.empty()) found_[item.value.location] = place::item;
            sql::visit(
                item.value,
                [&](const expression& e) {
                    if (is_current_database(e)) found_.try_emplace(e.location, place::in_item);
                },
                sql::into_queries::no);
        }
    }

    void look_at_from(const std::vector<from_item>& items) {
        for (const from_item& item : items) look_at(item);
    }

    void look_at(const from_item& item) {
        for (const from_item& side : item.sides) look_at(side);
        for (const expression& each : item.functions) {
            if (item.what != from_item::kind::function || !is_current_database(each)) continue;
            found_[each.location] = item.functions.size() > 1 ? place::rows_from
                                    : item.alias.empty()      ? place::in_from
                                                              : place::in_item;
        }
        if (item.what == from_item::kind::table && !item.sampled) replace_table(item);
    }

    void note(const expression& e) {
        if (is_current_database(e)) {
            found_.try_emplace(e.location, place::anywhere);
            return;
        }
        if (!e.is(expression_kind::function) || !(e.schema.empty() || e.schema == "pg_catalog")) return;
        if (e.name == "pg_database_size" && e.inner.size() == 1) map_argument(e, 0);
        if (e.name == "has_database_privilege" && e.inner.size() == 2) map_argument(e, 0);
        if (e.name == "has_database_privilege" && e.inner.size() == 3) map_argument(e, 1);
    }

    // The token that begins at a byte; size() for none.
    std::size_t token_at(std::size_t begin) const {
        const auto at = std::lower_bound(tokens_.begin(), tokens_.end(), begin,
                                         [](const sql::token& t, std::size_t b) { return t.begin < b; });
        return at == tokens_.end() || at->begin != begin ? tokens_.size()
                                                         : static_cast<std::size_t>(at - tokens_.begin());
    }
    bool is_symbol(std::size_t token, char c) const {
        return token < tokens_.size() && tokens_[token].kind == sql::token_kind::symbol &&
               text_[tokens_[token].begin] == c;
    }
    std::string_view word(std::size_t token) const {
        return token < tokens_.size() ? text_.substr(tokens_[token].begin, tokens_[token].end - tokens_[token].begin)
                                      : std::string_view{};
    }
    // Behind a name with its qualifiers, which begins at `token`.
    std::size_t behind_name(std::size_t token) const {
        ++token;
        while (is_symbol(token, '.') && token + 1 < tokens_.size()) token += 2;
        return token;
    }

    void replace(std::size_t location, place how) {
        const std::size_t first = token_at(location);
        if (first >= tokens_.size()) return;
        const bool keyword = equals_ignoring_case(word(first), "current_catalog");
        std::size_t last = keyword ? first : behind_name(first);
        if (!keyword) {
            if (!is_symbol(last, '(') || !is_symbol(last + 1, ')')) return;
            ++last;
        }
        const std::string_view label = keyword ? "current_catalog" : "current_database";
        const sql::span where{tokens_[first].begin, tokens_[last].end};
        switch (how) {
            case place::item:
                changes_.replace(where, fmt::format("({}) as {}", literal_, label));
                break;
            case place::in_item:
                changes_.replace(where, fmt::format("(select {} as {})", literal_, label));
                break;
            case place::in_from:
                changes_.replace(where, fmt::format("(select {0} as {1}) as {1}", literal_, label));
                break;
            case place::rows_from:
                return;  // a function has to stand there
            case place::anywhere:
                changes_.replace(where, fmt::format("({})", literal_));
                break;
        }
        any_ = true;
    }

    // A database's name or number as an argument → its number, by the name that is shown.
    void map_argument(const expression& call, std::size_t which) {
        const std::size_t first = token_at(static_cast<std::size_t>(call.location));
        if (first >= tokens_.size()) return;
        const std::size_t open = behind_name(first);
        if (!is_symbol(open, '(')) return;
        const std::uint32_t depth = tokens_[open].depth;
        std::size_t begin = open + 1, count = 0;
        for (std::size_t i = open + 1; i < tokens_.size(); ++i) {
            const bool ends = is_symbol(i, ')') && tokens_[i].depth == depth;
            const bool cuts = is_symbol(i, ',') && tokens_[i].depth == depth + 1;
            if (!ends && !cuts) continue;
            if (count == which && i > begin) {
                changes_.insert(tokens_[begin].begin, "(select ashlar_d.oid from (select (");
                changes_.insert(
                    tokens_[i - 1].end,
                    fmt::format(")::pg_catalog.text as named) ashlar_a, pg_catalog.pg_database ashlar_d where case "
                                "when ashlar_d.datname {} then {} else ashlar_d.datname::pg_catalog.text end "
                                "operator(pg_catalog.=) ashlar_a.named or ashlar_d.oid::pg_catalog.text "
                                "operator(pg_catalog.=) ashlar_a.named limit 1)",
                                is_own, name_));
                any_ = true;
                return;
            }
            if (ends) return;
            ++count;
            begin = i + 1;
        }
    }

    void replace_table(const from_item& item) {
        const sql::table_name& table = item.table;
        const bool in_catalogue = table.schema.empty() || table.schema == "pg_catalog";
        std::string record, where;
        if (in_catalogue && table.name == "pg_database") {
            record = fmt::format("pg_catalog.jsonb_populate_record(ashlar_d, {}::pg_catalog.jsonb)", object("datname"));
            where = fmt::format(" where ashlar_d.datname {}", is_own);
        } else if (table.schema == "information_schema") {
            if (!looks_at_catalogs_) return;
            record = fmt::format(
                "pg_catalog.jsonb_populate_record(ashlar_d, coalesce((select pg_catalog.jsonb_object_agg(ashlar_c.key, "
                "{}::pg_catalog.text) from pg_catalog.jsonb_each_text(pg_catalog.to_jsonb(ashlar_d)) ashlar_c where "
                "ashlar_c.key operator(pg_catalog.~) '(_catalog|^catalog_name)$' and ashlar_c.value "
                "operator(pg_catalog.=) pg_catalog.current_database()::pg_catalog.text), '{{}}'::pg_catalog.jsonb))",
                name_);
        } else {
            const auto view = std::find_if(named_views.begin(), named_views.end(),
                                           [&](const named_view& v) { return v.name == table.name; });
            if (!in_catalogue || view == named_views.end()) return;
            record = fmt::format(
                "pg_catalog.jsonb_populate_record(ashlar_d, case when ashlar_d.{} {} then {}::pg_catalog.jsonb else "
                "'{{}}'::pg_catalog.jsonb end)",
                view->column, is_own, object(view->column));
        }
        const std::size_t first = token_at(static_cast<std::size_t>(table.location));
        if (first >= tokens_.size()) return;
        if (first > 0 && equals_ignoring_case(word(first - 1), "only")) return;
        std::size_t behind = behind_name(first);
        if (is_symbol(behind, '*')) ++behind;
        const std::string_view schema = table.schema == "information_schema" ? "information_schema" : "pg_catalog";
        changes_.replace({tokens_[first].begin, tokens_[behind - 1].end},
                         fmt::format("(select ashlar_r.* from {}.{} ashlar_d, lateral {} ashlar_r{}){}", schema,
                                     table.name, record, where, item.alias.empty() ? " as " + table.name : ""));
        any_ = true;
    }

    // {"datname": "shop"}
    std::string object(std::string_view column) const {
        return quoted_literal(fmt::format("{{\"{}\": {}}}", column, json_string(json_)));
    }

    std::string_view text_;
    std::vector<sql::token> tokens_;
    sql::splice changes_;
    std::string literal_, name_, json_;
    std::map<int, place> found_;
    bool looks_at_catalogs_ = false, any_ = false;
};

const sql::statement* query_in(const sql::statement& said) {
    switch (said.kind) {
        case statement_kind::select:
        case statement_kind::insert:
        case statement_kind::update:
        case statement_kind::delete_:
            return &said;
        case statement_kind::explain:
        case statement_kind::copy:
            return said.inner ? query_in(*said.inner) : nullptr;
        case statement_kind::utility:
            return said.inner && said.session.command == "DECLARE CURSOR" ? query_in(*said.inner) : nullptr;
        default:
            return nullptr;
    }
}

}  // namespace

std::optional<std::string> with_shown_database(std::string_view text, std::string_view name,
                                               const planning_options& options) {
    if (!may_ask(text)) return std::nullopt;
    sql::parse_limits limits;
    limits.length_max = options.length_max;
    limits.depth_max = options.depth_max;
    limits.standard_conforming_strings = options.standard_conforming_strings;
    const auto said = sql::parse(text, limits);
    if (!said) return std::nullopt;
    const sql::statement* const query = query_in(*said);
    if (query == nullptr) return std::nullopt;
    return rewriter{text, name, options}.rewrite(*query);
}

}  // namespace ashlar::route
