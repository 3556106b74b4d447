// INSERT, UPDATE and DELETE: what enters a column is checked and converted as an assignment.
#include "route/sqlite/translator.hpp"
#include "route/types.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route::sqlite {

using sql::expression;
using sql::expression_kind;

std::string translator::write_statement(const sql::statement& s) {
    switch (s.kind) {
        case sql::statement_kind::select: {
            written_query q = write_query(*s.body, nullptr);
            columns_ = std::move(q.columns);
            return std::move(q.sql);
        }
        case sql::statement_kind::insert:
            return write_insert(s);
        case sql::statement_kind::update:
            return write_update(s);
        default:
            return write_delete(s);
    }
}

const table_facts* translator::target_of(const sql::from_item& target) {
    const table_facts* table = find_table(target.table);
    if (table != nullptr && !table->columns.empty()) return table;
    error why{errc::table_unknown, fmt::format("relation \"{}\" does not exist", target.table.name)};
    why.hint("The tables are read at the start and after a change of the schema has been committed.");
    (void)fail(std::move(why), target.location);
    return nullptr;
}

// A value that enters a column.
typed translator::assign(typed v, const column_facts& to) {
    if (failed_) return v;
    const std::uint32_t type = is_supported(to.type) || to.type == oid::interval ? to.type : 0;
    const std::int32_t modifier = to.type_modifier;
    if (is_untyped(v)) return as_kept(resolve(std::move(v), {type, modifier}));
    if (type == 0 || v.is_null) return as_kept(std::move(v));
    if (v.is_own || v.type == 0) {
        v.sql = fmt::format("pg_read({}, {}, {}, 0)", v.sql, type, modifier);
        v.type = type;
        v.is_own = false;
        return v;
    }
    if (!casts_on_assignment(v.type, type)) {
        const std::string what = to.name.empty() ? std::string{"a column"} : fmt::format("column \"{}\"", to.name);
        return fail(v.location,
                    fmt::format("{} is of type {} but expression is of type {}", what, sql_name_of_type(type),
                                sql_name_of_type(v.type)),
                    "You will need to rewrite or cast the expression.", "42804");
    }
    if (is_text(type)) {
        const bool blanks = v.type == oid::bpchar && type == oid::bpchar;
        const bool fits = modifier < 0 || (v.type == type && v.modifier == modifier);
        if (blanks && fits) return v;
        v = as_text(std::move(v));
        if (!fits) {
            v.sql = fmt::format("pg_read({}, {}, {}, 0)", v.sql, type, modifier);
            v.holds = binding::primary;
        }
        v.type = type;
        v.modifier = modifier;
        return v;
    }
    const int location = v.location;
    if (category_of(type) == category::number) {
        if (type == oid::numeric && v.type == oid::numeric && modifier >= 4 && v.modifier == modifier)
            return as_kept(std::move(v));
        if (type == oid::numeric && v.literal && !is_float(v.type)) {
            typed fresh = v;
            fresh.type = oid::unknown;
            return as_kept(resolve(std::move(fresh), {type, modifier}));
        }
        return as_kept(number_to(std::move(v), {type, modifier}, location));
    }
    if (v.type == type) return v;
    return cast_to(std::move(v), {type, modifier}, location);
}

std::string translator::assigned(const expression& value, const column_facts& to, const level& here) {
    if (to.generated) {
        (void)fail(value.location, fmt::format("column \"{}\" can only be updated to DEFAULT", to.name),
                   "Leave it out.", "428C9");
        return {};
    }
    if (value.is(expression_kind::subquery) && value.name == "scalar" && value.sub && value.sub->items.size() > 1) {
        (void)fail(value.location,
                   "an assignment of several columns from one sub-query is not available over SQLite databases",
                   "Assign each column by itself.");
        return {};
    }
    return assign(write(value, here), to).sql;
}

// --- INSERT -----------------------------------------------------------------------------------------------------------

std::string translator::write_insert(const sql::statement& s) {
    const table_facts* table = target_of(s.target);
    if (table == nullptr) return {};
    const std::size_t common = common_.size();
    std::string out = write_with(s.with, s.recursive, nullptr);
    out += "INSERT INTO " + quoted(s.target.table.name);
    if (!s.target.alias.empty()) out += " AS " + quoted(s.target.alias);

    std::vector<const column_facts*> columns;
    for (const sql::column_target& each : s.columns) {
        const column_facts* c = table->find(each.name);
        if (c == nullptr || each.indirect) {
            error why{errc::column_unknown,
                      fmt::format("column \"{}\" of relation \"{}\" does not exist", each.name, table->name)};
            (void)fail(std::move(why), each.location);
            return {};
        }
        columns.push_back(c);
    }
    const bool listed = !columns.empty();
    if (!listed) {
        for (const column_facts& c : table->columns) columns.push_back(&c);
    }
    level nothing;
    std::string source = "DEFAULT VALUES";
    std::size_t width = listed ? columns.size() : 0;
    if (s.body) {
        const auto too_many = [&](std::size_t n) {
            if (n <= columns.size() && (!listed || n == columns.size())) return false;
            (void)fail(s.target.location,
                       n > columns.size() ? "INSERT has more expressions than target columns"
                                          : "INSERT has more target columns than expressions",
                       "Give each column one value.", "42601");
            return true;
        };
        const sql::query& body = *s.body;
        const bool rows = !body.values.empty() && body.order.empty() && body.limit.empty() && body.offset.empty() &&
                          body.with.empty();
        if (rows) {
            std::vector<std::string> written;
            for (const auto& row : body.values) {
                if (too_many(row.size())) return {};
                if (row.size() != body.values.front().size()) {
                    (void)fail(s.target.location, "VALUES lists must all be the same length",
                               "Give each row as many values.", "42601");
                    return {};
                }
                std::vector<std::string> cells;
                for (std::size_t i = 0; i < row.size(); ++i) {
                    cells.push_back(assigned(row[i], *columns[i], nothing));
                    if (failed_) return {};
                }
                written.push_back(fmt::format("({})", joined(cells)));
            }
            width = body.values.front().size();
            source = "VALUES " + joined(written);
        } else {
            std::vector<value_type> targets;
            for (const column_facts* c : columns)
                targets.push_back({is_supported(c->type) || c->type == oid::interval ? c->type : 0, c->type_modifier});
            names_ = false;
            const written_query q = write_query(body, nullptr, targets);
            names_ = true;
            if (failed_ || too_many(q.columns.size())) return {};
            width = q.columns.size();
            source = q.sql;
            // SQLite cannot tell ON CONFLICT from a join's ON otherwise
            if (s.conflict && body.where.empty() && !body.from.empty() && body.operation == sql::set_operation::none &&
                body.group_by.empty() && body.order.empty() && body.limit.empty()) {
                source += " WHERE TRUE";
            }
        }
    }
    if (listed || (s.body && width < columns.size())) {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < width; ++i) names.push_back(quoted(columns[i]->name));
        out += fmt::format(" ({})", joined(names));
    }
    out += " " + source;
    level here;
    here.relations.push_back(relation_of(*table, s.target.alias.empty() ? table->name : s.target.alias));
    if (s.conflict) out += write_conflict(*s.conflict, *table, here);
    out += write_returning(s.returning, here);
    common_.resize(std::min(common_.size(), common));
    return out;
}

std::string translator::write_conflict(const sql::conflict_clause& c, const table_facts& table, const level& here) {
    if (!c.constraint.empty()) {
        (void)fail(c.location, "SQLite has no ON CONFLICT ON CONSTRAINT", "Name the columns: ON CONFLICT (a, b).");
        return {};
    }
    if (c.by_expression) {
        (void)fail(c.location, "ON CONFLICT with an expression or a predicate is not available over SQLite databases",
                   "Name the columns: ON CONFLICT (a, b).");
        return {};
    }
    std::string out = " ON CONFLICT";
    std::vector<std::string> names;
    for (const std::string& each : c.columns) names.push_back(quoted(each));
    if (!names.empty()) out += fmt::format(" ({})", joined(names));
    if (!c.updates) return out + " DO NOTHING";
    level inside = here;
    known_relation excluded = relation_of(table, "excluded");
    inside.relations.push_back(std::move(excluded));
    // a bare name is the row that is there
    level own = here;
    level both = inside;
    both.relations.erase(both.relations.begin(),
                         both.relations.begin() + static_cast<std::ptrdiff_t>(here.relations.size()));
    own.outer = &both;
    out += " DO UPDATE SET " + write_sets(c.set, table, own);
    if (!c.where.empty()) out += " WHERE " + boolean(write(c.where.front(), own), "WHERE").sql;
    return out;
}

std::string translator::write_sets(const std::vector<sql::assignment>& sets, const table_facts& table,
                                   const level& here) {
    std::vector<std::string> parts;
    for (const sql::assignment& each : sets) {
        if (failed_) return {};
        const column_facts* c = table.find(each.column);
        if (c == nullptr) {
            error why{errc::column_unknown,
                      fmt::format("column \"{}\" of relation \"{}\" does not exist", each.column, table.name)};
            (void)fail(std::move(why), each.location);
            return {};
        }
        if (each.indirect) {
            (void)fail(each.location, "SQLite has no fields or subscripts of a value", "Use separate columns.");
            return {};
        }
        parts.push_back(fmt::format("{} = {}", quoted(each.column), assigned(each.value, *c, here)));
    }
    return joined(parts);
}

std::string translator::write_returning(const std::vector<sql::select_item>& items, const level& here) {
    if (items.empty()) return {};
    sql::query as_query;
    as_query.items = items;
    std::vector<known_column> columns;
    std::vector<typed> written;
    level only;
    only.relations.push_back(here.relations.front());
    only.outer = here.outer;
    names_ = true;
    returning_ = &only;
    std::string out = " RETURNING " + write_items(as_query, only, {}, columns, written);
    returning_ = nullptr;
    columns_ = std::move(columns);
    return out;
}

// --- UPDATE and DELETE ------------------------------------------------------------------------------------------------

std::string translator::write_update(const sql::statement& s) {
    const table_facts* table = target_of(s.target);
    if (table == nullptr) return {};
    const std::size_t common = common_.size();
    std::string out = write_with(s.with, s.recursive, nullptr);
    level here;
    here.relations.push_back(relation_of(*table, s.target.alias.empty() ? table->name : s.target.alias));
    const std::string from = write_from(s.from, here);
    names_ = false;
    std::string where;
    if (!s.where.empty()) where = " WHERE " + boolean(write(s.where.front(), here), "WHERE").sql;
    const std::string sets = write_sets(s.set, *table, here);
    if (failed_) return {};
    out += "UPDATE " + quoted(s.target.table.name);
    if (!s.target.alias.empty()) out += " AS " + quoted(s.target.alias);
    out += " SET " + sets;
    if (!s.from.empty()) out += " FROM " + from;
    out += where;
    out += write_returning(s.returning, here);
    common_.resize(std::min(common_.size(), common));
    return out;
}

std::string translator::write_delete(const sql::statement& s) {
    const table_facts* table = target_of(s.target);
    if (table == nullptr) return {};
    if (!s.from.empty()) {
        (void)fail(s.from.front().location, "SQLite has no DELETE … USING", "Write WHERE … IN (SELECT …).");
        return {};
    }
    const std::size_t common = common_.size();
    std::string out = write_with(s.with, s.recursive, nullptr);
    level here;
    here.relations.push_back(relation_of(*table, s.target.alias.empty() ? table->name : s.target.alias));
    names_ = false;
    out += "DELETE FROM " + quoted(s.target.table.name);
    if (!s.target.alias.empty()) out += " AS " + quoted(s.target.alias);
    if (!s.where.empty()) out += " WHERE " + boolean(write(s.where.front(), here), "WHERE").sql;
    out += write_returning(s.returning, here);
    common_.resize(std::min(common_.size(), common));
    return out;
}

}  // namespace ashlar::route::sqlite
