#include "route/keyed_body.hpp"

#include "route/code.hpp"
#include "sql/lexer.hpp"
#include "sql/parse.hpp"
#include "sql/visit.hpp"

#include <algorithm>
#include <array>

namespace ashlar::route {
namespace {

using sql::expression;
using sql::expression_kind;

bool is_path(const expression& e, std::string_view qualifier, std::string_view column) {
    return e.is(expression_kind::column) && e.path.size() == 2 && e.path[0] == qualifier && e.path[1] == column;
}

class keyed_reader {
public:
    explicit keyed_reader(const keyed_question& ask) : ask_(ask) {}

    bool statement_stays(std::string_view text) const {
        const code_language language = ask_.sqlite ? code_language::sqlite : code_language::plpgsql;
        const auto found = read_code(text, language);
        if (!found.unknown.empty()) return false;
        const bool touches = std::any_of(found.relations.begin(), found.relations.end(),
                                         [&](const auto& r) { return !ask_.key_of(r.schema, r.name).empty(); });
        if (!touches) return true;
        const auto said = sql::parse(from_its_verb(text));
        if (!said || !is_keyed(*said)) return false;
        if (ask_.on_write) ask_.on_write(*said);
        return true;
    }

private:
    // Behind BEGIN, THEN, ELSE and LOOP, which may stand before a statement.
    static std::string_view from_its_verb(std::string_view text) {
        static constexpr auto verbs = std::to_array<std::string_view>({"insert", "update", "delete"});
        static constexpr auto before = std::to_array<std::string_view>({"begin", "then", "else", "loop"});
        const auto all = sql::tokens(text);
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto is = [&](std::size_t at, std::string_view w) { return sql::is_word(text, all[at], w); };
            if (std::none_of(verbs.begin(), verbs.end(), [&](std::string_view w) { return is(i, w); })) continue;
            const bool starts =
                i == 0 || std::any_of(before.begin(), before.end(), [&](std::string_view w) { return is(i - 1, w); });
            if (!starts) continue;
            // nothing before it may name anything
            if (!read_code(text.substr(0, all[i].begin), code_language::plpgsql).relations.empty()) return {};
            return text.substr(all[i].begin);
        }
        return {};
    }

    bool is_row_key(const expression& e) const {
        return is_path(e, "new", ask_.own_key) || is_path(e, "old", ask_.own_key);
    }

    bool is_keyed(const sql::statement& s) const {
        const bool changes = s.kind == sql::statement_kind::update || s.kind == sql::statement_kind::delete_;
        if (!changes && s.kind != sql::statement_kind::insert) return false;
        const std::string key = ask_.key_of(s.target.table.schema, s.target.table.name);
        if (key.empty() || !s.with.empty() || !s.from.empty()) return false;
        if (s.target.alias == "new" || s.target.alias == "old") return false;  // it would hide the trigger's row
        bool queries = false;
        const auto look = [&](const expression& e) {
            queries = queries || e.is(expression_kind::subquery) || e.is(expression_kind::unknown);
        };
        sql::visit(s, look);
        if (queries) return false;
        return changes ? is_keyed_change(s, key) : is_keyed_insert(s, key);
    }

    bool is_keyed_change(const sql::statement& s, const std::string& key) const {
        const std::string own = s.target.alias.empty() ? s.target.table.name : s.target.alias;
        const auto is_column = [&](const expression& e) {
            return is_path(e, own, key) || (e.is(expression_kind::column) && e.path == std::vector<std::string>{key});
        };
        // the row itself: no other has its unique key
        const auto is_own_row = [&](const expression& a, const expression& b) {
            return s.target.table.name == ask_.own_table && a.is(expression_kind::column) && !a.path.empty() &&
                   (a.path.size() == 1 || (a.path.size() == 2 && a.path[0] == own)) &&
                   std::find(ask_.own_unique.begin(), ask_.own_unique.end(), a.path.back()) != ask_.own_unique.end() &&
                   (is_path(b, "new", a.path.back()) || is_path(b, "old", a.path.back()));
        };
        const auto is_fixed = [&](const expression& e) {
            return e.is(expression_kind::operation) && e.schema.empty() && e.name == "=" && e.inner.size() == 2 &&
                   ((is_column(e.inner[0]) && is_row_key(e.inner[1])) ||
                    (is_column(e.inner[1]) && is_row_key(e.inner[0])) || is_own_row(e.inner[0], e.inner[1]) ||
                    is_own_row(e.inner[1], e.inner[0]));
        };
        const auto fixes = [&](const expression& e) {
            return is_fixed(e) ||
                   (e.is(expression_kind::and_) && std::any_of(e.inner.begin(), e.inner.end(), is_fixed));
        };
        const bool moves = std::any_of(s.set.begin(), s.set.end(), [&](const auto& a) { return a.column == key; });
        return !moves && std::any_of(s.where.begin(), s.where.end(), fixes);
    }

    bool is_keyed_insert(const sql::statement& s, const std::string& key) const {
        if (!s.body || s.body->values.empty() || s.columns.empty()) return false;
        const auto at = std::find_if(s.columns.begin(), s.columns.end(), [&](const auto& c) { return c.name == key; });
        if (at == s.columns.end() || at->indirect) return false;
        if (s.conflict) {
            const auto& columns = s.conflict->columns;
            if (s.conflict->by_expression || std::find(columns.begin(), columns.end(), key) == columns.end())
                return false;
            const auto moves = [&](const auto& a) { return a.column == key; };
            if (std::any_of(s.conflict->set.begin(), s.conflict->set.end(), moves)) return false;
        }
        const auto place = static_cast<std::size_t>(at - s.columns.begin());
        return std::all_of(s.body->values.begin(), s.body->values.end(),
                           [&](const auto& row) { return place < row.size() && is_row_key(row[place]); });
    }

    const keyed_question& ask_;
};

}  // namespace

bool stays_with_key(std::string_view body, const keyed_question& ask) {
    const keyed_reader read{ask};
    const auto all = sql::tokens(body);
    std::size_t begin = 0;
    for (const sql::token& t : all) {
        if (t.kind == sql::token_kind::broken) return false;
        if (t.kind != sql::token_kind::symbol || body[t.begin] != ';') continue;
        if (!read.statement_stays(body.substr(begin, t.begin - begin))) return false;
        begin = t.end;
    }
    return read.statement_stays(body.substr(begin));
}

}  // namespace ashlar::route
