// What stands in FROM, and which column a name means.
#include "core/stored_form.hpp"
#include "route/sqlite/translator.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route::sqlite {

using sql::expression;
using sql::from_item;

namespace {

const std::vector<known_column>& columns_of_sqlite_master() {
    static const std::vector<known_column> columns = [] {
        std::vector<known_column> out;
        for (const char* name : {"type", "name", "tbl_name", "rootpage", "sql"}) {
            known_column c;
            c.name = name;
            c.type = c.name == "rootpage" ? oid::int8 : oid::text;
            out.push_back(std::move(c));
        }
        return out;
    }();
    return columns;
}

const std::vector<known_column>& columns_of_json_each() {
    static const std::vector<known_column> columns = [] {
        std::vector<known_column> out;
        for (const char* name : {"key", "value", "type", "atom", "id", "parent", "fullkey", "path"}) {
            known_column c;
            c.name = name;
            c.is_own = true;
            out.push_back(std::move(c));
        }
        return out;
    }();
    return columns;
}

bool is_row_number(std::string_view name) {
    return name == "rowid" || name == "oid" || name == "_rowid_";
}

}  // namespace

const table_facts* translator::find_table(const sql::table_name& name) const {
    if (name.schema == "main") return known_.find("public", name.name);
    if (!name.schema.empty()) return known_.find(name.schema, name.name);
    for (const std::string& schema : search_path_) {
        if (const table_facts* found = known_.find(schema, name.name)) return found;
    }
    return known_.find("", name.name);
}

known_relation translator::relation_of(const table_facts& table, std::string name) const {
    known_relation out;
    out.name = std::move(name);
    const std::vector<std::string>* primary = table.unique_keys.empty() ? nullptr : &table.unique_keys.front();
    for (const column_facts& c : table.columns) {
        known_column k;
        k.name = c.name;
        k.type = is_supported(c.type) || c.type == oid::interval ? c.type : 0;
        k.modifier = c.type_modifier;
        k.scale = c.type == oid::numeric ? scale_of(c.type_modifier) : -1;
        k.not_null =
            c.not_null || (primary != nullptr && std::find(primary->begin(), primary->end(), c.name) != primary->end());
        out.columns.push_back(std::move(k));
    }
    return out;
}

// --- FROM -------------------------------------------------------------------------------------------------------------

std::string translator::write_from(const std::vector<from_item>& from, level& here) {
    std::vector<std::string> parts;
    for (const from_item& each : from) parts.push_back(write_from_item(each, here));
    return joined(parts);
}

std::string translator::write_from_item(const from_item& f, level& here) {
    if (failed_) return {};
    const auto no = [&](const char* what, const char* hint) {
        (void)fail(f.location, what, hint);
        return std::string{};
    };
    if (f.sampled) return no("SQLite has no TABLESAMPLE", "Filter by a condition.");
    if (f.lateral) return no("SQLite has no LATERAL", "Join on a condition, or use a sub-query in the select list.");
    switch (f.what) {
        case from_item::kind::table:
            return write_table(f, here);
        case from_item::kind::join:
            return write_join(f, here);
        case from_item::kind::subquery: {
            written_query q = write_query(*f.sub, here.outer);
            if (failed_) return {};
            known_relation r{f.alias, std::move(q.columns)};
            if (f.column_aliases.size() > r.columns.size())
                return no("the sub-query has fewer columns than names", "Name as many columns as there are.");
            std::string text = "(" + q.sql + ")";
            if (!f.column_aliases.empty()) {
                std::vector<std::string> renamed;
                for (std::size_t i = 0; i < r.columns.size(); ++i) {
                    const std::string old = r.columns[i].name;
                    if (i < f.column_aliases.size()) r.columns[i].name = f.column_aliases[i];
                    renamed.push_back(fmt::format("{} AS {}", quoted(old), quoted(r.columns[i].name)));
                }
                text = fmt::format("(SELECT {} FROM {} AS q)", joined(renamed), text);
            }
            here.relations.push_back(std::move(r));
            return f.alias.empty() ? text : fmt::format("{} AS {}", text, quoted(f.alias));
        }
        case from_item::kind::function: {
            const bool json = f.functions.size() == 1 && f.functions.front().is(sql::expression_kind::function) &&
                              (f.functions.front().name == "json_each" || f.functions.front().name == "json_tree");
            if (!json || !f.column_aliases.empty()) {
                (void)fail(f.location,
                           fmt::format("the function {} in FROM is not available over SQLite databases",
                                       f.functions.empty() ? std::string{} : f.functions.front().name),
                           "Use VALUES or a recursive common table expression.");
                return {};
            }
            const expression& call = f.functions.front();
            std::vector<std::string> arguments;
            for (const expression& each : call.inner) arguments.push_back(settle(write(each, here)).sql);
            here.relations.push_back({f.alias.empty() ? call.name : f.alias, columns_of_json_each()});
            const std::string text = fmt::format("{}({})", call.name, joined(arguments));
            return f.alias.empty() ? text : fmt::format("{} AS {}", text, quoted(f.alias));
        }
        case from_item::kind::unknown:
            break;
    }
    (void)fail(f.location, fmt::format("{} is not available over SQLite databases", f.name),
               "Rewrite the FROM clause.");
    return {};
}

std::string translator::write_table(const from_item& f, level& here) {
    if (!f.column_aliases.empty()) {
        (void)fail(f.location, "names for the columns of a table in FROM are not available over SQLite databases",
                   "Name the columns in a sub-query: (SELECT a AS b FROM t) AS x.");
        return {};
    }
    std::string text = quoted(f.table.name);
    known_relation r;
    r.name = f.alias.empty() ? f.table.name : f.alias;
    const auto common =
        std::find_if(common_.rbegin(), common_.rend(), [&](const known_relation& c) { return c.name == f.table.name; });
    if (f.table.schema.empty() && common != common_.rend()) {
        r.columns = common->columns;
    } else if (f.table.name == "sqlite_master" || f.table.name == "sqlite_schema") {
        r.columns = columns_of_sqlite_master();
    } else {
        const table_facts* table = find_table(f.table);
        if (table == nullptr || table->columns.empty()) {
            const std::string name = f.table.schema.empty() ? f.table.name : f.table.schema + "." + f.table.name;
            error why{errc::table_unknown, fmt::format("relation \"{}\" does not exist", name)};
            why.hint("The tables are read at the start and after a change of the schema has been committed.");
            (void)fail(std::move(why), f.location);
            return {};
        }
        r = relation_of(*table, std::move(r.name));
    }
    here.relations.push_back(std::move(r));
    return f.alias.empty() ? text : fmt::format("{} AS {}", text, quoted(f.alias));
}

std::string translator::write_join(const from_item& f, level& here) {
    if (!f.alias.empty()) {
        (void)fail(f.location, "a name for a join is not available over SQLite databases", "Name the tables in it.");
        return {};
    }
    const std::size_t begin = here.relations.size();
    const std::string left = write_from_item(f.sides[0], here);
    const std::size_t middle = here.relations.size();
    std::string right = write_from_item(f.sides[1], here);
    if (failed_) return {};
    if (f.sides[1].what == from_item::kind::join) right = "(" + right + ")";
    const char* kind = f.join == sql::join_kind::left    ? "LEFT JOIN"
                       : f.join == sql::join_kind::right ? "RIGHT JOIN"
                       : f.join == sql::join_kind::full  ? "FULL JOIN"
                                                         : "JOIN";
    std::string text = fmt::format("{} {}{} {}", left, f.natural ? "NATURAL " : "", kind, right);
    const auto column_in = [&](std::size_t from, std::size_t to, const std::string& name) -> const known_column* {
        for (std::size_t i = from; i < to; ++i) {
            for (const known_column& c : here.relations[i].columns) {
                if (c.name == name) return &c;
            }
        }
        return nullptr;
    };
    std::vector<std::string> shared = f.using_columns;
    if (f.natural) {
        for (std::size_t i = middle; i < here.relations.size(); ++i) {
            for (const known_column& c : here.relations[i].columns) {
                if (column_in(begin, middle, c.name) != nullptr) shared.push_back(c.name);
            }
        }
    }
    for (const std::string& name : shared) {
        const known_column* a = column_in(begin, middle, name);
        const known_column* b = column_in(middle, here.relations.size(), name);
        if (a != nullptr && b != nullptr && is_supported(a->type) && comparison_type(a->type, b->type) != 0 &&
            !a->is_decimal && !b->is_decimal && category_of(a->type) != category::moment && a->type != oid::bpchar &&
            b->type != oid::bpchar) {
            here.merged.push_back(name);
            continue;
        }
        if (a != nullptr && b != nullptr && a->type == b->type && category_of(a->type) == category::moment) {
            here.merged.push_back(name);
            continue;
        }
        (void)fail(
            f.location,
            fmt::format("a join USING column \"{}\" of these types is not available over SQLite databases", name),
            "Join with ON.");
        return {};
    }
    if (!f.using_columns.empty()) {
        std::vector<std::string> names;
        for (const std::string& name : f.using_columns) names.push_back(quoted(name));
        text += fmt::format(" USING ({})", joined(names));
    }
    if (!f.on.empty()) {
        text += " ON " + boolean(write(f.on.front(), here), "JOIN/ON").sql;
    } else if (f.join == sql::join_kind::inner && !f.natural && f.using_columns.empty()) {
        text = fmt::format("{} CROSS JOIN {}", left, right);
    }
    const auto may_be_null = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) {
            for (known_column& c : here.relations[i].columns) c.not_null = false;
        }
    };
    if (f.join == sql::join_kind::left || f.join == sql::join_kind::full) may_be_null(middle, here.relations.size());
    if (f.join == sql::join_kind::right || f.join == sql::join_kind::full) may_be_null(begin, middle);
    return text;
}

// --- names ------------------------------------------------------------------------------------------------------------

typed translator::column(const expression& e, const level& here) {
    typed v{0, -1, {}, binding::primary, e.location};
    const std::string& name = e.path.back();
    const std::string qualifier = e.path.size() >= 2 ? e.path[e.path.size() - 2] : std::string{};
    v.sql = qualifier.empty() || &here == returning_ ? quoted(name) : quoted(qualifier) + "." + quoted(name);
    bool named = qualifier.empty();
    for (const level* at = &here; at != nullptr; at = at->outer) {
        const known_column* found = nullptr;
        std::size_t count = 0;
        for (const known_relation& r : at->relations) {
            if (!qualifier.empty() && r.name != qualifier) continue;
            named = true;
            for (const known_column& c : r.columns) {
                if (c.name != name) continue;
                ++count;
                if (found == nullptr) found = &c;
            }
        }
        const bool merged = std::find(at->merged.begin(), at->merged.end(), name) != at->merged.end();
        if (count > 1 && qualifier.empty() && !merged) {
            return fail(e.location, fmt::format("column reference \"{}\" is ambiguous", name),
                        "Name its table before it.", "42702");
        }
        if (found == nullptr) {
            if (!qualifier.empty() && named) break;
            continue;
        }
        v.type = found->type;
        v.modifier = found->modifier;
        v.scale = found->scale;
        v.not_null = found->not_null;
        v.is_decimal = found->is_decimal;
        v.is_own = found->is_own;
        return v;
    }
    if (is_row_number(name) && (named || !here.relations.empty())) {
        v.type = oid::int8;
        v.not_null = true;
        return v;
    }
    if (!qualifier.empty() && !named) {
        return fail(e.location, fmt::format("missing FROM-clause entry for table \"{}\"", qualifier),
                    "Name it in FROM.", "42P01");
    }
    for (const level* at = &here; at != nullptr && qualifier.empty(); at = at->outer) {
        for (const known_relation& r : at->relations) {
            if (r.name == name) {
                return fail(e.location, "a row as a value is not available over SQLite databases", "Name its columns.");
            }
        }
    }
    error why{errc::column_unknown, qualifier.empty() ? fmt::format("column \"{}\" does not exist", name)
                                                      : fmt::format("column {}.{} does not exist", qualifier, name)};
    return fail(std::move(why), e.location);
}

void translator::expand_star(const expression& star, const level& here, std::vector<known_column>& out) {
    bool found = false;
    std::vector<std::string> seen;
    for (const known_relation& r : here.relations) {
        if (!star.path.empty() && r.name != star.path.back()) continue;
        found = true;
        for (const known_column& c : r.columns) {
            const bool merged =
                star.path.empty() && std::find(here.merged.begin(), here.merged.end(), c.name) != here.merged.end();
            if (merged) {
                if (std::find(seen.begin(), seen.end(), c.name) != seen.end()) continue;
                seen.push_back(c.name);
            }
            out.push_back(c);
        }
    }
    if (!found) {
        (void)fail(star.location,
                   star.path.empty() ? "SELECT * with no tables specified is not valid"
                                     : fmt::format("missing FROM-clause entry for table \"{}\"", star.path.back()),
                   "Name the table in FROM.", star.path.empty() ? "42601" : "42P01");
    }
}

}  // namespace ashlar::route::sqlite
