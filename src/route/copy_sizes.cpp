#include "route/copy_sizes.hpp"

#include "core/ascii.hpp"
#include "core/quoting.hpp"
#include "route/refusal.hpp"
#include "sql/parse.hpp"
#include "sql/splice.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>

namespace ashlar::route {

namespace {

using sql::expression;
using sql::expression_kind;
using sql::from_item;

constexpr auto one_shard_hint =
    "Ask each shard for its own: set ashlar.shard = 'NAME' names one, and `reset ashlar.shard` ends that.";

bool has_word(std::string_view text, std::string_view word) {
    const auto same = [](char a, char b) { return to_lower(a) == b; };
    return std::search(text.begin(), text.end(), word.begin(), word.end(), same) != text.end();
}

// A first look, so that statements without any of it are not read twice.
bool may_ask_for_sizes(std::string_view text) {
    constexpr std::array<std::string_view, 6> words{"_size",    "pg_stat",       "reltuples",
                                                    "relpages", "relallvisible", "pg_indexes_size"};
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return has_word(text, word); });
}

bool tells_of_tables(std::string_view view) {
    if (view == "pg_stats" || view == "pg_stats_ext" || view == "pg_stats_ext_exprs" || view == "pg_statistic")
        return true;
    if (!view.ends_with("_tables") && !view.ends_with("_indexes")) return false;
    return view.starts_with("pg_stat_") || view.starts_with("pg_statio_");
}

// Functions of one relation: their first argument.
bool tells_of_a_relation(std::string_view function) {
    constexpr std::array<std::string_view, 4> sizes{"pg_relation_size", "pg_table_size", "pg_total_relation_size",
                                                    "pg_indexes_size"};
    if (std::find(sizes.begin(), sizes.end(), function) != sizes.end()) return true;
    if (!function.starts_with("pg_stat_get_")) return false;
    std::string_view what = function.substr(std::string_view{"pg_stat_get_"}.size());
    if (what.starts_with("xact_")) what.remove_prefix(5);
    constexpr std::array<std::string_view, 14> counts{
        "numscans",          "tuples_",      "live_tuples",      "dead_tuples",     "ins_since_vacuum",
        "mod_since_analyze", "blocks_",      "last_vacuum",      "last_autovacuum", "last_analyze",
        "last_autoanalyze",  "vacuum_count", "autovacuum_count", "analyze_count"};
    return what == "autoanalyze_count" ||
           std::any_of(counts.begin(), counts.end(), [&](std::string_view c) { return what.starts_with(c); });
}

class size_rewriter {
public:
    size_rewriter(std::string_view text, const catalogue& known, const planning_options& options)
        : text_(text),
          known_(known),
          options_(options),
          tokens_(sql::tokens(text, options.standard_conforming_strings)),
          changes_(text) {}

    result<std::optional<std::string>> rewrite(const sql::statement& said) {
        const auto each_query = [&](const sql::query& q) {
            for (const sql::select_item& item : q.items) {
                if (item.alias.empty() && item.value.is(expression_kind::column))
                    bare_items_.insert(item.value.location);
            }
            for (const from_item& item : q.from) look_at(item);
        };
        for (const from_item& item : said.from) look_at(item);
        sql::visit(said, sql::visitor{[](const expression&) {}, each_query});
        sql::visit(said, sql::visitor{[this](const expression& e) { note(e); },
                                      [this](const sql::query& q) {
                                          const level here{q.from};
                                          sql::visit_level(q, in_level(here), sql::into_queries::no);
                                      }});
        note_columns_of(said);
        if (no_) return std::move(*no_);
        if (!any_) return std::optional<std::string>{};
        return std::optional{changes_.text()};
    }

private:
    // What the names of tables mean in one query, sub-queries apart.
    struct level {
        std::set<std::string> classes, others;  // pg_class by its names there, and everything else

        explicit level(const std::vector<from_item>& from) {
            for (const from_item& each : from) take(each);
        }
        void take(const from_item& item) {
            for (const from_item& side : item.sides) take(side);
            if (item.what == from_item::kind::join && item.alias.empty()) return;
            (is_classes(item) ? classes : others).insert(item.alias.empty() ? item.table.name : item.alias);
        }
    };

    static bool is_classes(const from_item& item) {
        return item.what == from_item::kind::table && item.table.name == "pg_class" &&
               (item.table.schema.empty() || item.table.schema == "pg_catalog");
    }

    std::function<void(const expression&)> in_level(const level& here) {
        return [this, &here](const expression& e) {
            if (!no_ && e.is(expression_kind::column)) note_column(e, here);
        };
    }

    // UPDATE, DELETE and INSERT have expressions outside of queries.
    void note_columns_of(const sql::statement& said) {
        const level here{said.from};
        const auto each = in_level(here);
        for (const sql::assignment& a : said.set) sql::visit(a.value, each, sql::into_queries::no);
        for (const from_item& f : said.from) sql::visit(f, each, sql::into_queries::no);
        for (const expression& e : said.where) sql::visit(e, each, sql::into_queries::no);
        for (const sql::select_item& i : said.returning) sql::visit(i.value, each, sql::into_queries::no);
    }

    void look_at(const from_item& item) {
        for (const from_item& side : item.sides) look_at(side);
        const sql::table_name& table = item.table;
        if (item.what != from_item::kind::table || !(table.schema.empty() || table.schema == "pg_catalog")) return;
        if (is_classes(item)) class_names_.insert(item.alias.empty() ? table.name : item.alias);
        if (!no_ && tells_of_tables(table.name)) {
            no_ =
                refusal(text_, item.location,
                        fmt::format("{}, which shows the empty copies of sharded tables,", table.name), one_shard_hint);
        }
    }

    void note(const expression& e) {
        if (no_) return;
        const bool asks = e.is(expression_kind::function) && (e.schema.empty() || e.schema == "pg_catalog") &&
                          !e.inner.empty() && tells_of_a_relation(e.name);
        if (!asks) return;
        const expression* named = &e.inner.front();
        while (named->is(expression_kind::cast) && named->inner.size() == 1) named = &named->inner.front();
        if (named->is(expression_kind::constant)) {
            const table_facts* table = find_named(named->name);
            if (table != nullptr && table->kind == table_kind::unsharded) return;
            if (table != nullptr) {
                no_ = refusal(text_, e.location,
                              fmt::format("{}() of {}, whose rows are on the shards,", e.name, table->name),
                              one_shard_hint);
                return;
            }
        }
        wrap_first_argument(e);
    }

    // Is it a column of pg_class, and not one of a sub-query that is called so?
    bool is_of_classes(const expression& e, const level& here) const {
        if (e.path.size() < 2) return !here.classes.empty();
        const std::string& of = e.path[e.path.size() - 2];
        return here.classes.contains(of) || (!here.others.contains(of) && class_names_.contains(of));
    }

    void note_column(const expression& e, const level& here) {
        const std::string& name = e.path.back();
        const bool counts = name == "reltuples" || name == "relpages" || name == "relallvisible";
        if (!counts || !is_of_classes(e, here)) return;
        const std::size_t first = token_at(e.location);
        if (first >= tokens_.size()) return;
        const std::size_t last = first + 2 * (e.path.size() - 1);
        if (last >= tokens_.size()) return;
        const std::string_view whole = text_.substr(tokens_[first].begin, tokens_[last].end - tokens_[first].begin);
        const std::string_view of = text_.substr(tokens_[first].begin, tokens_[last].begin - tokens_[first].begin);
        const std::string_view unknown = name == "reltuples" ? "(-1)::pg_catalog.float4" : "null";
        std::string by = fmt::format("(case when {}oid operator(pg_catalog.=) any ({}) then {} else {} end)", of,
                                     copies(), unknown, whole);
        if (bare_items_.contains(e.location)) by += " as " + name;
        changes_.replace({tokens_[first].begin, tokens_[last].end}, std::move(by));
        any_ = true;
    }

    void wrap_first_argument(const expression& call) {
        std::size_t open = token_at(call.location);
        if (open >= tokens_.size()) return;
        ++open;
        while (is_symbol(open, '.') && open + 1 < tokens_.size()) open += 2;
        if (!is_symbol(open, '(')) return;
        const std::uint32_t depth = tokens_[open].depth;
        std::size_t end = open + 1;
        while (end < tokens_.size() && !(is_symbol(end, ')') && tokens_[end].depth == depth) &&
               !(is_symbol(end, ',') && tokens_[end].depth == depth + 1)) {
            ++end;
        }
        if (end >= tokens_.size() || end == open + 1) return;
        const std::size_t begins = tokens_[open + 1].begin, ends = tokens_[end - 1].end;
        const std::string_view argument = text_.substr(begins, ends - begins);
        changes_.replace(
            {begins, ends},
            fmt::format("case when ({0})::pg_catalog.regclass::pg_catalog.oid operator(pg_catalog.=) any ({1}) "
                        "then null else ({0})::pg_catalog.regclass end",
                        argument, copies()));
        any_ = true;
    }

    // The numbers of the copies and of their indexes.
    const std::string& copies() {
        if (!copies_.empty()) return copies_;
        std::string names;
        for (const auto& [full, table] : known_.tables) {
            if (table.kind == table_kind::unsharded || full.find('.') == std::string::npos) continue;
            if (!names.empty()) names += ',';
            names += quoted_literal(full);
        }
        copies_ = fmt::format(
            "array(select ashlar_r.oid from pg_catalog.pg_class ashlar_r left join pg_catalog.pg_index ashlar_i on "
            "ashlar_i.indexrelid operator(pg_catalog.=) ashlar_r.oid join pg_catalog.pg_class ashlar_t on ashlar_t.oid "
            "operator(pg_catalog.=) coalesce(ashlar_i.indrelid, ashlar_r.oid) join pg_catalog.pg_namespace ashlar_n on "
            "ashlar_n.oid operator(pg_catalog.=) ashlar_t.relnamespace where pg_catalog.concat(ashlar_n.nspname, '.', "
            "ashlar_t.relname) operator(pg_catalog.=) any (array[{}]::pg_catalog.text[]))",
            names);
        return copies_;
    }

    const table_facts* find_named(std::string_view name) const {
        const std::size_t dot = name.find('.');
        if (dot != std::string_view::npos) return known_.find(name.substr(0, dot), name.substr(dot + 1));
        for (const std::string& schema : options_.search_path) {
            if (const table_facts* found = known_.find(schema, name)) return found;
        }
        return nullptr;
    }

    std::size_t token_at(int location) const {
        if (location < 0) return tokens_.size();
        const auto begin = static_cast<std::size_t>(location);
        const auto at = std::lower_bound(tokens_.begin(), tokens_.end(), begin,
                                         [](const sql::token& t, std::size_t b) { return t.begin < b; });
        return at == tokens_.end() || at->begin != begin ? tokens_.size()
                                                         : static_cast<std::size_t>(at - tokens_.begin());
    }
    bool is_symbol(std::size_t token, char c) const {
        return token < tokens_.size() && tokens_[token].kind == sql::token_kind::symbol &&
               text_[tokens_[token].begin] == c;
    }

    std::string_view text_;
    const catalogue& known_;
    const planning_options& options_;
    std::vector<sql::token> tokens_;
    sql::splice changes_;
    std::set<int> bare_items_;           // where columns stand that an answer's columns are called after
    std::set<std::string> class_names_;  // pg_class anywhere in the statement
    bool any_ = false;
    std::optional<error> no_;
    std::string copies_;
};

}  // namespace

result<std::optional<std::string>> without_sizes_of_copies(std::string_view text, const catalogue& known,
                                                           const planning_options& options) {
    const std::optional<std::string> as_it_is;
    if (known.dialect != dialect::postgres || !known.unsharded_database_has_copies || !may_ask_for_sizes(text))
        return as_it_is;
    sql::parse_limits limits;
    limits.length_max = options.length_max;
    limits.depth_max = options.depth_max;
    limits.standard_conforming_strings = options.standard_conforming_strings;
    const auto said = sql::parse(text, limits);
    if (!said || said->kind != sql::statement_kind::select) return as_it_is;
    return size_rewriter{text, known, options}.rewrite(*said);
}

}  // namespace ashlar::route
