// SELECT, VALUES and set operations, clause by clause.
#include "route/sqlite/translator.hpp"
#include "sql/names.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ashlar::route::sqlite {

using sql::expression;
using sql::expression_kind;

namespace {

bool has_aggregate(const expression& e) {
    bool found = false;
    sql::visit(
        e,
        [&](const expression& each) {
            if (!each.is(expression_kind::function) || each.call->over) return;
            found = found || each.call->star || each.name == "count" || each.name == "sum" || each.name == "avg" ||
                    ((each.name == "min" || each.name == "max") && each.inner.size() == 1) || each.name == "bool_and" ||
                    each.name == "bool_or" || each.name == "every" || each.name == "string_agg" ||
                    each.name == "total" || each.name == "group_concat" || each.name.starts_with("json_group_");
        },
        sql::into_queries::no);
    return found;
}

std::optional<std::size_t> position_of(const expression& e) {
    if (!e.is(expression_kind::constant) || e.literal != sql::literal_kind::integer) return std::nullopt;
    std::size_t n = 0;
    (void)std::from_chars(e.name.data(), e.name.data() + e.name.size(), n);
    return n;
}

// '7'::int is a constant here, and no position.
typed no_position(typed v) {
    if (!v.sql.empty() && v.sql.find_first_not_of("0123456789") == std::string::npos)
        v.sql = fmt::format("CAST({} AS INTEGER)", v.sql);
    return v;
}

std::optional<std::string> bare_name(const expression& e) {
    if (!e.is(expression_kind::column) || e.path.size() != 1) return std::nullopt;
    return e.path.front();
}

}  // namespace

written_query translator::write_query(const sql::query& q, const level* outer, std::span<const value_type> targets) {
    if (failed_) return {};
    const auto no = [&](const char* what, const char* hint) {
        (void)fail(q.location, what, hint);
        return written_query{};
    };
    if (q.locks)
        return no("SQLite has no FOR UPDATE or FOR SHARE",
                  "A transaction that writes holds the lock of its whole file.");
    if (q.into) return no("SQLite has no SELECT INTO", "Create the table first, then insert.");
    if (q.windows) return no("SQLite databases take no WINDOW clause here", "Write the window in OVER (…).");
    if (q.with_ties) return no("SQLite has no FETCH … WITH TIES", "Fetch more rows, and compare in the program.");
    if (!q.distinct_on.empty()) return no("SQLite has no DISTINCT ON", "Use GROUP BY, or row_number() in a sub-query.");
    if (q.group_distinct) return no("SQLite has no GROUP BY DISTINCT", "Leave DISTINCT out.");
    const std::size_t common = common_.size();
    const bool outermost = std::exchange(outermost_, false);
    const std::string with = write_with(q.with, q.recursive, outer);
    outermost_ = outermost && q.operation == sql::set_operation::none;
    written_query out = q.operation != sql::set_operation::none ? write_compound(q, outer, targets)
                        : !q.values.empty()                     ? write_values(q, outer, targets)
                                                                : write_select(q, outer, targets);
    common_.resize(std::min(common_.size(), common));
    outermost_ = false;
    out.sql = with + out.sql;
    return out;
}

std::string translator::write_with(const std::vector<sql::common_table>& with, bool recursive, const level* outer) {
    if (with.empty()) return {};
    std::vector<std::string> parts;
    for (const sql::common_table& each : with) {
        if (failed_) return {};
        if (each.body->kind != sql::statement_kind::select) {
            (void)fail(each.location, "SQLite has no INSERT, UPDATE or DELETE in WITH",
                       "Write in a separate statement.");
            return {};
        }
        const auto renamed = [&](std::vector<known_column> columns) {
            for (std::size_t i = 0; i < columns.size() && i < each.columns.size(); ++i)
                columns[i].name = each.columns[i];
            return columns;
        };
        const sql::query& body = *each.body->body;
        const bool recurs = recursive && body.operation == sql::set_operation::union_;
        if (recurs) {
            std::vector<known_column> columns = columns_of(*body.left, outer);
            for (known_column& c : columns) {
                if (c.type == oid::unknown) c.type = oid::text;
                c.not_null = c.is_decimal = false;
            }
            common_.push_back({each.name, renamed(std::move(columns))});
        }
        written_query q = write_query(body, outer);
        if (!recurs) common_.push_back({each.name, renamed(std::move(q.columns))});
        std::string names;
        if (!each.columns.empty()) {
            std::vector<std::string> list;
            for (const std::string& name : each.columns) list.push_back(quoted(name));
            names = fmt::format("({})", joined(list));
        }
        parts.push_back(fmt::format("{}{} AS ({})", quoted(each.name), names, q.sql));
    }
    return fmt::format("WITH {}{} ", recursive ? "RECURSIVE " : "", joined(parts));
}

// --- SELECT -----------------------------------------------------------------------------------------------------------

typed translator::item_for(const expression& e, const level& here, const value_type* target) {
    typed v = write(e, here);
    if (failed_) return {};
    if (target != nullptr && target->type != 0) {
        column_facts to;
        to.type = target->type;
        to.type_modifier = target->modifier;
        return assign(std::move(v), to);
    }
    return dry_ ? v : settle(std::move(v));
}

std::string translator::write_items(const sql::query& q, const level& here, std::span<const value_type> targets,
                                    std::vector<known_column>& out, std::vector<typed>& items) {
    std::vector<std::string> parts;
    for (const sql::select_item& item : q.items) {
        if (failed_) return {};
        if (item.value.is(expression_kind::star)) {
            const std::size_t before = out.size();
            expand_star(item.value, here, out);
            for (std::size_t i = before; i < out.size(); ++i) {
                typed v{out[i].type, out[i].modifier, quoted(out[i].name), binding::primary, item.location};
                v.not_null = out[i].not_null;
                v.is_decimal = out[i].is_decimal;
                v.is_own = out[i].is_own;
                v.scale = out[i].scale;
                if (i < targets.size() && targets[i].type != 0 && targets[i].type != v.type) {
                    (void)fail(item.location, "* for columns of other types is not available over SQLite databases",
                               "Name the columns.");
                }
                items.push_back(std::move(v));
            }
            parts.push_back(item.value.path.empty() || &here == returning_ ? "*"
                                                                           : quoted(item.value.path.back()) + ".*");
            continue;
        }
        typed v = item_for(item.value, here, out.size() < targets.size() ? &targets[out.size()] : nullptr);
        // what an aggregate takes is compared as it is already
        const bool aggregates =
            item.value.is(expression_kind::function) &&
            (item.value.name == "min" || item.value.name == "max" || item.value.name == "string_agg");
        if (q.distinct) v = as_key(std::move(v));
        if (!q.distinct && !aggregates) v = without_collations(std::move(v));
        known_column c{sql::output_name(item), v.type, v.modifier, v.scale, v.not_null, v.is_decimal, v.is_own};
        std::string text = v.sql;
        const auto plain = bare_name(item.value);
        const bool has_its_name = item.value.is(expression_kind::column) && item.value.path.back() == c.name &&
                                  v.sql.find_first_of("( ") == std::string::npos;
        (void)plain;
        if (names_ && !has_its_name) text += " AS " + quoted(c.name);
        if (!names_ && !item.alias.empty()) text += " AS " + quoted(c.name);
        out.push_back(std::move(c));
        items.push_back(std::move(v));
        parts.push_back(std::move(text));
    }
    return joined(parts);
}

written_query translator::write_select(const sql::query& q, const level* outer, std::span<const value_type> targets) {
    level here;
    here.outer = outer;
    const bool names = names_;
    names_ = true;
    const bool outermost = std::exchange(outermost_, false);
    const bool recorded = std::exchange(recording_, false);
    const std::string from = write_from(q.from, here);
    names_ = names;
    recording_ = outermost;
    written_query out;
    std::vector<typed> items;
    std::string sql = q.distinct ? "SELECT DISTINCT " : "SELECT ";
    sql += write_items(q, here, targets, out.columns, items);
    names_ = false;
    if (!q.from.empty()) sql += " FROM " + from;
    if (!q.where.empty()) sql += " WHERE " + boolean(write(q.where.front(), here), "WHERE").sql;
    if (!q.group_by.empty()) sql += " GROUP BY " + write_group(q, here, items);
    if (!q.having.empty()) sql += " HAVING " + boolean(write(q.having.front(), here), "HAVING").sql;
    names_ = names;
    if (!q.order.empty()) sql += " ORDER BY " + write_order(q, here, &items, out.columns);
    sql += write_limits(q, here);
    recording_ = recorded;
    out.sql = std::move(sql);
    return out;
}

bool translator::refuse_constant(const expression& e, const char* clause) {
    if (!e.is(expression_kind::constant) || e.literal == sql::literal_kind::integer) return false;
    (void)fail(e.location, fmt::format("non-integer constant in {}", clause), "Leave it out, or name a column.",
               "42601");
    return true;
}

std::string translator::write_group(const sql::query& q, const level& here, const std::vector<typed>& items) {
    std::vector<std::string> parts;
    for (const expression& e : q.group_by) {
        if (failed_ || refuse_constant(e, "GROUP BY")) return {};
        if (const auto n = position_of(e)) {
            if (*n < 1 || *n > items.size()) {
                (void)fail(e.location, fmt::format("GROUP BY position {} is not in select list", *n),
                           "Count the columns from 1.", "42P10");
                return {};
            }
            if (*n <= q.items.size() && has_aggregate(q.items[*n - 1].value)) return grouped_aggregate(e.location);
            const std::string key = as_key(items[*n - 1]).sql;
            parts.push_back(key != items[*n - 1].sql ? key : std::to_string(*n));
            if (recording_) groups_.push_back(as_shown(items[*n - 1]));
            continue;
        }
        if (has_aggregate(e)) return grouped_aggregate(e.location);
        if (const auto name = bare_name(e)) {
            bool input = false;
            std::string relation;
            for (const known_relation& r : here.relations) {
                for (const known_column& c : r.columns) {
                    if (c.name == *name) {
                        input = true;
                        relation = r.name;
                    }
                }
            }
            const auto item = std::find_if(q.items.begin(), q.items.end(), [&](const sql::select_item& i) {
                return !i.value.is(expression_kind::star) && sql::output_name(i) == *name;
            });
            const bool is_alias = item != q.items.end() && !sql::same(item->value, e);
            if (!input && is_alias) {
                // by its expression: what stands under the name may differ from what is grouped by
                const typed plain = settle(write(item->value, here));
                const typed v = as_key(plain);
                if (recording_) groups_.push_back(as_shown(v));
                parts.push_back(item->alias.empty() || v.sql != plain.sql ? v.sql : quoted(*name));
                continue;
            }
            if (input && is_alias && !relation.empty()) {
                parts.push_back(quoted(relation) + "." + quoted(*name));
                const typed v = write(e, here);
                if (v.type == oid::interval) parts.back() += " COLLATE ashlar_interval";
                if (recording_) groups_.push_back(as_shown(v));
                continue;
            }
        }
        const typed v = as_key(settle(write(e, here)));
        if (recording_) groups_.push_back(as_shown(v));
        if (v.type == oid::bpchar && !e.is(expression_kind::column)) {
            (void)fail(e.location, "GROUP BY an expression of type char(n) is not available over SQLite databases",
                       "Cast it to text.");
        }
        parts.push_back(no_position(v).sql);
    }
    return joined(parts);
}

std::string translator::grouped_aggregate(int location) {
    (void)fail(location, "aggregate functions are not allowed in GROUP BY", "Group by the columns themselves.",
               "42803");
    return {};
}

std::string translator::sorted_by(const typed& value, const sql::sort_item& how) {
    std::string out = value.sql;
    if (how.descending) out += " DESC";
    if (how.nulls_first) {
        out += *how.nulls_first ? " NULLS FIRST" : " NULLS LAST";
    } else if (!value.not_null) {
        out += how.descending ? " NULLS FIRST" : " NULLS LAST";
    }
    return out;
}

std::string translator::write_order(const sql::query& q, const level& here, const std::vector<typed>* items,
                                    const std::vector<known_column>& columns) {
    std::vector<std::string> parts;
    for (const sql::sort_item& each : q.order) {
        if (failed_) return {};
        const expression& e = each.value;
        if (each.uses_operator) {
            (void)fail(e.location, "SQLite has no ORDER BY … USING", "Write ASC or DESC.");
            return {};
        }
        if (refuse_constant(e, "ORDER BY")) return {};
        std::optional<std::size_t> at;
        const auto n = position_of(e);
        if (n) {
            if (*n < 1 || *n > columns.size()) {
                (void)fail(e.location, fmt::format("ORDER BY position {} is not in select list", *n),
                           "Count the columns from 1.", "42P10");
                return {};
            }
            at = *n - 1;
        }
        const auto name = bare_name(e);
        for (std::size_t i = 0; name && !n && i < columns.size(); ++i) {
            if (columns[i].name != *name) continue;
            if (at && items != nullptr && (*items)[*at].sql != (*items)[i].sql) {
                (void)fail(e.location, fmt::format("ORDER BY \"{}\" is ambiguous", *name),
                           "Two output columns have this name: sort by the column's position.", "42702");
                return {};
            }
            if (!at) at = i;
        }
        typed v;
        if (at) {
            v.not_null = columns[*at].not_null;
            v.type = columns[*at].type;
            v.location = e.location;
            v.is_decimal = columns[*at].is_decimal;
            v.sql = n ? std::to_string(*n) : quoted(*name);
            if ((v.is_decimal || v.type == oid::interval) && items != nullptr) v = (*items)[*at];
            if (recording_) orders_.push_back(as_shown(columns[*at]));
        } else if (items == nullptr) {
            (void)fail(e.location, "ORDER BY of a set operation takes names and positions of its columns",
                       "Name a column of the first SELECT.");
            return {};
        } else {
            v = settle(write(e, here));
            if (q.distinct) v = as_key(std::move(v));
            v = no_position(std::move(v));
            if (recording_) orders_.push_back(as_shown(v));
            // values of char(n) may be of several lengths there, and their blanks do not count
            if (v.type == oid::bpchar && !e.is(expression_kind::column)) v = as_text(std::move(v));
            const bool listed =
                std::any_of(q.items.begin(), q.items.end(), [&](const auto& i) { return sql::same(i.value, e); });
            const bool star = std::any_of(q.items.begin(), q.items.end(),
                                          [](const auto& i) { return i.value.is(expression_kind::star); });
            if (q.distinct && !listed && !star) {
                (void)fail(e.location, "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                           "Add the expression to the select list.", "42P10");
                return {};
            }
        }
        parts.push_back(sorted_by(as_sorted(v), each));
    }
    return joined(parts);
}

std::string translator::write_limits(const sql::query& q, const level& here) {
    const auto count = [&](const expression& e, const char* clause) -> std::optional<std::string> {
        typed v = write(e, here);
        const int parameter = v.parameter;
        v = resolve(std::move(v), {oid::int8, -1});
        if (failed_ || v.is_null) return std::nullopt;
        if (parameter > 0) {
            parameter_use& use = parameters_[static_cast<std::size_t>(parameter) - 1];
            use.counts_rows = true;
            use.is_limit = use.is_limit || std::string_view{clause} == "LIMIT";
        }
        if (!is_integer(v.type)) {
            (void)fail(e.location,
                       fmt::format("argument of {} must be type bigint, not type {}", clause, sql_name_of_type(v.type)),
                       "Give a whole number.", "42804");
            return std::nullopt;
        }
        if (v.sql.starts_with('-')) {
            (void)fail(e.location, fmt::format("{} must not be negative", clause), "Give 0 or more.",
                       std::string_view{clause} == "LIMIT" ? "2201W" : "2201X");
        }
        return v.sql;
    };
    std::string out;
    std::optional<std::string> limit, offset;
    if (!q.limit.empty()) limit = count(q.limit.front(), "LIMIT");
    if (!q.offset.empty()) offset = count(q.offset.front(), "OFFSET");
    if (limit) out += " LIMIT " + *limit;
    if (offset && !limit) out += " LIMIT 9223372036854775807";
    if (offset) out += " OFFSET " + *offset;
    return out;
}

// --- VALUES and set operations ----------------------------------------------------------------------------------------

written_query translator::write_values(const sql::query& q, const level* outer, std::span<const value_type> targets) {
    level here;
    here.outer = outer;
    const std::size_t width = q.values.front().size();
    std::vector<std::vector<typed>> columns(width);
    for (const auto& row : q.values) {
        if (row.size() != width) {
            (void)fail(q.location, "VALUES lists must all be the same length", "Give each row as many values.",
                       "42601");
            return {};
        }
        for (std::size_t i = 0; i < width; ++i)
            // untyped ones have the type of the others
            columns[i].push_back(i < targets.size() ? item_for(row[i], here, &targets[i]) : write(row[i], here));
    }
    if (failed_) return {};
    written_query out;
    for (std::size_t i = 0; i < width; ++i) {
        const bool untyped = std::all_of(columns[i].begin(), columns[i].end(), is_untyped);
        if (!(dry_ && untyped)) unify(columns[i], "VALUES", q.location);
        if (failed_) return {};
        known_column c{fmt::format("column{}", i + 1), columns[i].front().type};
        c.is_own = columns[i].front().is_own;
        // numerics keep the digits that they are written with
        c.is_decimal = c.type == oid::numeric && !c.is_own && i >= targets.size();
        c.scale = c.is_decimal ? columns[i].front().scale : -1;
        for (typed& each : columns[i]) {
            each = c.is_decimal ? as_decimal(std::move(each)) : as_kept(std::move(each));
            if (!each.is_null && each.scale != c.scale) c.scale = -1;
        }
        out.columns.push_back(std::move(c));
    }
    std::vector<std::string> rows;
    for (std::size_t r = 0; r < q.values.size(); ++r) {
        std::vector<std::string> cells;
        for (std::size_t i = 0; i < width; ++i) cells.push_back(columns[i][r].sql);
        rows.push_back(fmt::format("({})", joined(cells)));
    }
    out.sql = "VALUES " + joined(rows);
    const std::string limits = write_limits(q, here);
    if (!q.order.empty() || !limits.empty()) {
        out.sql = fmt::format("SELECT * FROM ({}) AS q", out.sql);
        if (!q.order.empty()) out.sql += " ORDER BY " + write_order(q, here, nullptr, out.columns);
        out.sql += limits;
    }
    return out;
}

std::vector<known_column> translator::columns_of(const sql::query& q, const level* outer) {
    const auto parameters = parameters_;
    const auto names = session_names_;
    const bool dry = dry_;
    dry_ = true;
    written_query out = write_query(q, outer);
    dry_ = dry;
    parameters_ = parameters;
    session_names_ = names;
    return std::move(out.columns);
}

written_query translator::write_compound(const sql::query& q, const level* outer, std::span<const value_type> targets) {
    const char* word = q.operation == sql::set_operation::union_      ? "UNION"
                       : q.operation == sql::set_operation::intersect ? "INTERSECT"
                                                                      : "EXCEPT";
    if (q.all && q.operation != sql::set_operation::union_) {
        (void)fail(q.location, fmt::format("SQLite has no {} ALL", word), "Leave ALL out, or compare in the program.");
        return {};
    }
    std::vector<value_type> common(targets.begin(), targets.end());
    std::vector<known_column> columns;
    if (common.empty()) {
        columns = columns_of(*q.left, outer);
        const std::vector<known_column> right = columns_of(*q.right, outer);
        if (failed_) return {};
        if (columns.size() != right.size()) {
            (void)fail(q.location, fmt::format("each {} query must have the same number of columns", word),
                       "Give each SELECT as many columns.", "42601");
            return {};
        }
        for (std::size_t i = 0; i < columns.size(); ++i) {
            known_column& c = columns[i];
            const std::uint32_t a = c.type, b = right[i].type;
            c.is_own = c.is_own || right[i].is_own;
            if (c.is_own) {
                common.push_back({});
                continue;
            }
            if (a != b && (a == oid::bpchar || b == oid::bpchar) && is_text(a) && is_text(b)) {
                (void)fail(q.location,
                           fmt::format("{} of char(n) and text is not available over SQLite databases", word),
                           "Cast the column to text.");
                return {};
            }
            std::uint32_t type = a == oid::unknown ? b : b == oid::unknown ? a : common_type(a, b);
            if (type == 0) {
                (void)fail(
                    q.location,
                    fmt::format("{} types {} and {} cannot be matched", word, sql_name_of_type(a), sql_name_of_type(b)),
                    "Cast the columns to one type.", "42804");
                return {};
            }
            if (type == oid::unknown && !dry_) type = oid::text;
            if (type == oid::interval && !q.all) {
                typed v;
                v.type = type;
                v.location = q.location;
                (void)has_equal_texts(v, fmt::format("{} of", word));
                return {};
            }
            c.scale = c.scale == right[i].scale ? c.scale : -1;
            c.modifier = -1;
            c.type = type;
            c.not_null = c.not_null && right[i].not_null;
            c.is_decimal = false;
            common.push_back({type == oid::unknown ? 0 : type, -1});
        }
        if (dry_) {
            written_query out;
            out.columns = std::move(columns);
            return out;
        }
    }
    written_query out;
    out.is_compound = true;
    std::vector<known_column> first;
    const std::string left = write_operand(*q.left, q, outer, common, false, first);
    std::vector<known_column> second;
    const std::string right = write_operand(*q.right, q, outer, common, true, second);
    if (failed_) return {};
    out.columns = columns.empty() ? std::move(first) : std::move(columns);
    out.sql = fmt::format("{} {}{} {}", left, word, q.all ? " ALL" : "", right);
    level here;
    here.outer = outer;
    if (!q.order.empty()) out.sql += " ORDER BY " + write_order(q, here, nullptr, out.columns);
    out.sql += write_limits(q, here);
    return out;
}

// SQLite takes no parentheses around the sides of a set operation, and works from left to right.
std::string translator::write_operand(const sql::query& q, const sql::query& around, const level* outer,
                                      std::span<const value_type> targets, bool is_right,
                                      std::vector<known_column>& columns) {
    written_query out = write_query(q, outer, targets);
    columns = std::move(out.columns);
    const bool plain = q.order.empty() && q.limit.empty() && q.offset.empty() && q.with.empty();
    const bool chained = q.operation == sql::set_operation::none || (!is_right && q.operation == around.operation);
    if (plain && chained) return out.sql;
    return fmt::format("SELECT * FROM ({}) AS q", out.sql);
}

}  // namespace ashlar::route::sqlite
