#include "route/row_plan.hpp"

#include "route/refusal.hpp"
#include "route/types.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ashlar::route {

using sql::expression;
using sql::expression_kind;

sort_key direction_of(const sql::sort_item& item, dialect engine) {
    sort_key out;
    out.descending = item.descending;
    // PostgreSQL takes NULL as the greatest value, SQLite as the least
    const bool by_default = engine == dialect::postgres ? item.descending : !item.descending;
    out.nulls_first = item.nulls_first.value_or(by_default);
    return out;
}

std::optional<std::size_t> position_in(const expression& e) {
    if (!e.is(expression_kind::constant) || e.literal != sql::literal_kind::integer) return std::nullopt;
    std::size_t n = 0;
    const auto [at, failed] = std::from_chars(e.name.data(), e.name.data() + e.name.size(), n);
    return failed == std::errc{} && at == e.name.data() + e.name.size() ? std::optional{n}
                                                                        : std::optional<std::size_t>{0};
}

std::optional<error> refuse_alias_inside(const select_question& q, const select_parts& parts, const expression& e) {
    if (q.known.dialect != dialect::sqlite) return std::nullopt;
    std::optional<error> out;
    const auto each = [&](const expression& inner) {
        if (out || &inner == &e || !inner.is(expression_kind::column) || inner.path.size() != 1) return;
        for (const std::size_t i : parts.items_named(inner.path[0])) {
            if (!q.query.items[i].alias.empty() && !sql::same(parts.bare(q.query.items[i].value), inner)) {
                out = refusal(q.text, inner.location, "an output column's name inside an expression of ORDER BY",
                              "Write the column's expression out, or sort by its name alone.");
            }
        }
    };
    sql::visit(e, each, sql::into_queries::no);
    return out;
}

namespace {

class row_planner {
public:
    row_planner(const select_question& q, const select_parts& parts, select_text text)
        : q_(q), parts_(parts), text_(std::move(text)) {}

    result<several_plan> run() {
        out_.dialect = q_.known.dialect;
        out_.types = q_.known.types;
        out_.database_text = q_.known.default_collation;
        out_.star = parts_.has_star();
        out_.visible_columns = out_.star ? (parts_.outputs() ? parts_.outputs()->size() : 0) : q_.query.items.size();
        if (q_.query.distinct) {
            if (status s = plan_distinct(); !s) return std::move(s).error();
        }
        for (std::size_t i = 0; i < q_.query.order.size(); ++i) {
            auto key = plan_order(i);
            if (!key) return std::move(key).error();
            out_.order.push_back(std::move(*key));
        }
        out_.shards_are_sorted = !out_.order.empty();
        if (out_.star && parts_.outputs() && (!out_.order.empty() || out_.distinct)) {
            for (const auto& o : *parts_.outputs()) out_.star_columns.push_back(o.name);
        }
        auto limit = read_count(q_, q_.query.limit, "LIMIT");
        if (!limit) return std::move(limit).error();
        auto offset = read_count(q_, q_.query.offset, "OFFSET");
        if (!offset) return std::move(offset).error();
        out_.limit = *limit;
        out_.offset = *offset;
        text_.push_limits(out_.limit, out_.offset);
        if (q_.types != nullptr) text_.show(q_.types->columns);
        return text_.finish(std::move(out_));
    }

private:
    // Rows with the shard key among their columns are distinct from those of other shards already.
    status plan_distinct() {
        const auto& items = q_.query.items;
        const bool by_key =
            std::any_of(items.begin(), items.end(), [&](const auto& i) { return parts_.is_whole_key(i.value); });
        if (by_key) return {};
        for (const sql::select_item& i : items) {
            if (i.value.is(expression_kind::star)) continue;
            if (auto no = parts_.refuse_equality(i.value, "DISTINCT", i.location)) return std::move(*no);
        }
        if (parts_.has_star()) {
            if (!parts_.outputs())
                return refusal(q_.text, q_.query.location, "DISTINCT over * of columns that are not known",
                               "Name the columns.");
            for (const auto& o : *parts_.outputs()) {
                const column_facts* facts = o.column ? q_.tables.facts_of(*o.column) : nullptr;
                if (o.value) continue;
                const bool typed = facts && (facts->type != 0 || q_.known.dialect == dialect::postgres);
                if (!typed || facts->collation.kind == collation_kind::nondeterministic) {
                    return refusal(q_.text, q_.query.location,
                                   fmt::format("DISTINCT over column {}, whose equality is not known here,", o.name),
                                   "Name the columns.");
                }
            }
        }
        out_.distinct = true;
        return {};
    }

    // The output column of a sort item, with the expression that tells its collation.
    struct target {
        std::optional<std::size_t> column;
        const expression* value = nullptr;  // nullptr: a star's column
        std::optional<column_id> from_star;
    };

    // Where item i of the select list stands among the output columns.
    std::optional<std::size_t> column_of_item(std::size_t i) const {
        if (parts_.outputs()) {
            for (std::size_t at = 0; at < parts_.outputs()->size(); ++at) {
                if ((*parts_.outputs())[at].value == &q_.query.items[i].value) return at;
            }
        }
        for (std::size_t before = 0; before < i; ++before) {
            if (q_.query.items[before].value.is(expression_kind::star)) return std::nullopt;
        }
        return i;
    }

    result<target> find_target(const expression& e) {
        target out;
        if (const auto position = position_in(e)) {
            if (*position == 0 || (parts_.outputs() && *position > parts_.outputs()->size())) {
                return refusal_of(errc::invalid_argument, q_.text, e.location,
                                  fmt::format("ORDER BY position {} is not in the select list", e.name), "")
                    .sqlstate("42P10");
            }
            if (!parts_.outputs())
                return refusal(q_.text, e.location, "ORDER BY a position beside * of columns that are not known",
                               "Name the column.");
            const auto& o = (*parts_.outputs())[*position - 1];
            out.column = *position - 1;
            out.value = o.value;
            out.from_star = o.column;
            return out;
        }
        if (e.is(expression_kind::constant))
            return refusal(q_.text, e.location, "ORDER BY a constant", "Leave it out.");
        if (e.is(expression_kind::column) && e.path.size() == 1) {
            const auto named = parts_.items_named(e.path[0]);
            for (const std::size_t i : named) {
                if (!sql::same(q_.query.items[i].value, q_.query.items[named.front()].value)) {
                    return refusal_of(errc::bad_value, q_.text, e.location,
                                      fmt::format("ORDER BY \"{}\" is ambiguous", e.path[0]),
                                      "Two output columns have this name: sort by the column's position.")
                        .sqlstate("42702");
                }
            }
            if (!named.empty()) {
                out.column = column_of_item(named.front());
                out.value = &q_.query.items[named.front()].value;
                return out;
            }
        }
        out.value = &e;
        for (std::size_t i = 0; i < q_.query.items.size() && !out.column; ++i) {
            if (sql::same(parts_.bare(q_.query.items[i].value), parts_.bare(e))) out.column = column_of_item(i);
        }
        if (!out.column && parts_.outputs()) {
            const auto column = q_.tables.resolve(parts_.bare(e));
            for (std::size_t at = 0; column && !out.column && at < parts_.outputs()->size(); ++at) {
                if ((*parts_.outputs())[at].column == column) out.column = at;
            }
        }
        return out;
    }

    result<sort_key> plan_order(std::size_t i) {
        const sql::sort_item& item = q_.query.order[i];
        if (item.uses_operator) return refusal(q_.text, item.value.location, "ORDER BY … USING", "Use ASC or DESC.");
        auto found = find_target(item.value);
        if (!found) return std::move(found).error();
        sort_key key = direction_of(item, q_.known.dialect);
        if (found->value) {
            if (auto no = parts_.refuse_order(*found->value, "ORDER BY", item.value.location)) return std::move(*no);
            if (found->value == &item.value) {
                if (auto no = refuse_alias_inside(q_, parts_, item.value)) return std::move(*no);
            }
            key.text = parts_.text_of(*found->value);
        } else {
            const column_facts* facts = found->from_star ? q_.tables.facts_of(*found->from_star) : nullptr;
            const bool typed = facts && (facts->type != 0 || q_.known.dialect == dialect::postgres);
            const bool ordered =
                typed && (!is_text_like(compared_type(*facts)) || facts->collation.kind == collation_kind::bytes ||
                          facts->collation.kind == collation_kind::system_locale);
            if (!ordered) {
                return refusal(q_.text, item.value.location, "ORDER BY a column of *, whose order is not known here,",
                               "Name the column, and add COLLATE \"C\" if it is text.");
            }
            key.text =
                found->from_star ? collation_of(*found->from_star) : collation{collation_kind::nondeterministic, {}};
        }
        if (found->column) {
            key.column = *found->column;
            return key;
        }
        if (q_.query.distinct) {
            return refusal(q_.text, item.value.location,
                           "SELECT DISTINCT with ORDER BY an expression that is not selected",
                           "Select the expression too.");
        }
        // by a name or a position that stands behind an unknown star, the item's own text sorts
        std::string_view own = text_.of(text_.order_item(i));
        if (found->value != &item.value) {
            return refusal(q_.text, item.value.location,
                           "ORDER BY an output column behind * of columns that are not known", "Name the columns.");
        }
        const bool told = q_.types != nullptr && i < q_.types->orders.size();
        const std::size_t helper =
            text_.add_helper(fmt::format("({})", own), told ? q_.types->orders[i] : shown_type{});
        if (parts_.has_star() && !parts_.outputs()) {
            // columns before the helpers cannot be counted here
            return refusal(q_.text, item.value.location, "ORDER BY beside * of columns that are not known",
                           "Name the columns.");
        }
        key.column = out_.visible_columns + helper;
        return key;
    }

    collation collation_of(const column_id& column) const {
        const column_facts* facts = q_.tables.facts_of(column);
        return facts ? facts->collation : collation{collation_kind::nondeterministic, {}};
    }

    const select_question& q_;
    const select_parts& parts_;
    select_text text_;
    recipe out_;
};

}  // namespace

result<several_plan> plan_rows(const select_question& q, const select_parts& parts, select_text text) {
    return row_planner{q, parts, std::move(text)}.run();
}

}  // namespace ashlar::route
