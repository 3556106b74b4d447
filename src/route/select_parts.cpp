#include "route/select_parts.hpp"

#include "route/functions.hpp"
#include "route/refusal.hpp"
#include "route/types.hpp"
#include "sql/names.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route {

using sql::expression;
using sql::expression_kind;

select_parts::select_parts(const select_question& q) : q_(q) {
    aggregated_ = !q.query.group_by.empty() || !q.query.having.empty();
    for (const sql::select_item& i : q.query.items) {
        aggregated_ = aggregated_ || has_aggregate(i.value);
        has_star_ = has_star_ || i.value.is(expression_kind::star);
    }
    for (const sql::sort_item& s : q.query.order) aggregated_ = aggregated_ || has_aggregate(s.value);
    expand_stars();
}

bool select_parts::is_aggregate(const expression& e) const {
    return e.is(expression_kind::function) && !e.call->over &&
           facts_of_function(q_.known, e.schema, e.name, e.inner.size()).aggregate;
}

const expression& select_parts::bare(const expression& e) const {
    const expression* at = &e;
    while (q_.known.dialect == dialect::sqlite && !at->inner.empty()) {
        const bool sorts =
            at->is(expression_kind::collate) && (at->name == "ashlar_decimal" || at->name == "ashlar_interval");
        const bool keeps = at->is(expression_kind::function) && (at->name == "pg_num" || at->name == "pg_decimal");
        if (!sorts && !keeps) break;
        at = &at->inner.front();
    }
    return *at;
}

bool select_parts::has_aggregate(const expression& e) const {
    bool found = false;
    sql::visit(
        e, [&](const expression& each) { found = found || is_aggregate(each); }, sql::into_queries::no);
    return found;
}

std::uint32_t select_parts::type_of(const expression& e) const {
    switch (e.kind) {
        case expression_kind::column: {
            const auto column = q_.tables.resolve(e);
            const column_facts* facts = column ? q_.tables.facts_of(*column) : nullptr;
            return facts ? compared_type(*facts) : 0;
        }
        case expression_kind::constant:
            if (e.literal == sql::literal_kind::integer) return oid::int4;
            if (e.literal == sql::literal_kind::boolean) return oid::boolean;
            if (e.literal == sql::literal_kind::number) {
                return e.name.find_first_of(".eE") == std::string::npos ? 0 : oid::numeric;
            }
            return 0;
        case expression_kind::cast:
            return type_named(*e.type);
        case expression_kind::collate:
            return type_of(e.inner.front());
        case expression_kind::and_:
        case expression_kind::or_:
        case expression_kind::not_:
        case expression_kind::null_test:
        case expression_kind::boolean_test:
        case expression_kind::in_list:
        case expression_kind::between:
        case expression_kind::like:
        case expression_kind::distinct_from:
            return oid::boolean;
        case expression_kind::operation: {
            if (e.inner.size() != 2 || e.name.find_first_not_of("+-*/%") != std::string::npos || e.name.size() != 1)
                return 0;
            const std::uint32_t a = type_of(e.inner[0]), b = type_of(e.inner[1]);
            if (!is_number(a) || !is_number(b)) return 0;
            // int2 < int4 < int8 < numeric; a float makes float8, save float4 with float4 and integers under 64 bits' own rules
            const auto rank = [](std::uint32_t t) {
                return t == oid::int2 ? 0 : t == oid::int4 ? 1 : t == oid::int8 ? 2 : t == oid::numeric ? 3 : 4;
            };
            if (a == oid::float4 && b == oid::float4) return oid::float4;
            if (rank(a) == 4 || rank(b) == 4) return oid::float8;
            return rank(a) > rank(b) ? a : b;
        }
        case expression_kind::function: {
            if (e.name == "sum" && e.inner.size() == 1) {
                const std::uint32_t t = type_of(e.inner[0]);
                if (t == oid::int2 || t == oid::int4) return oid::int8;
                if (t == oid::int8) return oid::numeric;
                return is_number(t) ? t : 0;
            }
            if (e.name == "avg" && e.inner.size() == 1) {
                const std::uint32_t t = type_of(e.inner[0]);
                if (t == oid::float4 || t == oid::float8) return oid::float8;
                return is_number(t) ? oid::numeric : 0;
            }
            if ((e.name == "min" || e.name == "max") && e.inner.size() == 1) return type_of(e.inner[0]);
            if (q_.known.dialect == dialect::sqlite) return e.name == "count" ? std::uint32_t{oid::int8} : 0;
            return facts_of_function(q_.known, e.schema, e.name, e.inner.size()).result;
        }
        default:
            return 0;
    }
}

bool select_parts::is_foreign_type(const expression& e) const {
    if (!e.is(expression_kind::column)) return false;
    const auto column = q_.tables.resolve(e);
    const column_facts* facts = column ? q_.tables.facts_of(*column) : nullptr;
    return facts && compared_type(*facts) == 0;
}

collation select_parts::text_of(const expression& given) const {
    const expression& e = bare(given);
    collation cannot_tell{collation_kind::nondeterministic, {}};
    if (e.is(expression_kind::collate)) {
        const bool bytes = e.name == "C" || e.name == "POSIX" || e.name == "ucs_basic" ||
                           (q_.known.dialect == dialect::sqlite && e.name == "binary");
        if (bytes && e.schema.empty()) return {collation_kind::bytes, {}};
        if (e.name == "default" && e.schema.empty()) return q_.known.default_collation;
        return cannot_tell;
    }
    if (e.is(expression_kind::column)) {
        const auto column = q_.tables.resolve(e);
        const column_facts* facts = column ? q_.tables.facts_of(*column) : nullptr;
        if (facts) return facts->collation;
        return q_.known.any_column_collation_differs ? cannot_tell : q_.known.default_collation;
    }
    if (const std::uint32_t type = type_of(e); type != 0 && !is_collated(type)) return q_.known.default_collation;
    // a function of columns takes their collation; one that differs from the default makes it unclear which one wins
    bool clear = true;
    const auto look = [&](const expression& each) {
        if (each.is(expression_kind::collate) || each.is(expression_kind::subquery)) clear = false;
        if (each.is(expression_kind::cast) && brings_collation(*each.type)) clear = false;
        if (!each.is(expression_kind::column) || !q_.known.any_column_collation_differs) return;
        const auto column = q_.tables.resolve(each);
        const column_facts* facts = column ? q_.tables.facts_of(*column) : nullptr;
        const std::uint32_t type = facts ? compared_type(*facts) : 0;
        const bool collated = type == 0 || is_collated(type);
        clear = clear && facts && (!collated || facts->collation == q_.known.default_collation);
    };
    sql::visit(e, look, sql::into_queries::no);
    return clear ? q_.known.default_collation : cannot_tell;
}

bool select_parts::brings_collation(const sql::type_name& name) const {
    if (is_builtin_type(name) || is_object_type(name)) return false;
    if (q_.known.types == nullptr) return true;
    return std::ranges::any_of(q_.known.types->names, [&](const auto& each) {
        if (!std::string_view{each.second}.ends_with("." + name.name)) return false;
        const own_type* const own = q_.known.types->find(each.first);
        return own != nullptr && own->what == own_type::kind::domain && own->text != q_.known.default_collation;
    });
}

std::optional<error> select_parts::refuse_order(const expression& e, std::string_view clause, int location) const {
    if (is_foreign_type(e) && q_.known.dialect == dialect::sqlite) {
        return refusal(q_.text, location, fmt::format("{} by a type that is not built in", clause),
                       "Order by a column of a built-in type, or fix the shard key to one value in WHERE.");
    }
    const collation_kind kind = text_of(e).kind;
    if (is_text_like(type_of(e)) && kind != collation_kind::bytes && kind != collation_kind::system_locale) {
        return refusal(q_.text, location,
                       fmt::format("{} by text in a collation whose order is not known here", clause),
                       "Add COLLATE \"C\", or fix the shard key to one value in WHERE.");
    }
    return std::nullopt;
}

std::optional<error> select_parts::refuse_equality(const expression& e, std::string_view clause, int location) const {
    if (is_foreign_type(e) && q_.known.dialect == dialect::sqlite) {
        return refusal(q_.text, location, fmt::format("{} on a type that is not built in", clause), "Cast it to text.");
    }
    const std::uint32_t type = type_of(e);
    if ((type == 0 || is_text_like(type)) && text_of(e).kind == collation_kind::nondeterministic) {
        return refusal(q_.text, location,
                       fmt::format("{} on text in a collation whose equality is not known here", clause),
                       "Add COLLATE \"C\", or fix the shard key to one value in WHERE.");
    }
    return std::nullopt;
}

bool select_parts::is_whole_key(const expression& e) const {
    const auto column = q_.tables.resolve(e);
    const auto& key = q_.tables.outermost().key;
    if (!column || !key || q_.tables.relations()[column->relation].nullable) return false;
    if (q_.tables.relations()[key->relation].nullable) return false;
    return q_.tables.outermost_environment().same(*column, *key);
}

void select_parts::expand_stars() {
    std::vector<output_column> all;
    for (const sql::select_item& item : q_.query.items) {
        if (!item.value.is(expression_kind::star)) {
            all.push_back({sql::output_name(item), &item.value, std::nullopt});
            continue;
        }
        if (!q_.tables.outermost_scope().merged.empty()) return;
        for (const std::size_t at : q_.tables.outermost_scope().relations) {
            const relation& r = q_.tables.relations()[at];
            if (!item.value.path.empty() && r.name != item.value.path.back()) continue;
            if (r.renamed || (r.table && r.table->columns.empty()) || (!r.table && !r.columns_known)) return;
            if (r.table) {
                for (const column_facts& c : r.table->columns) all.push_back({c.name, nullptr, column_id{at, c.name}});
            } else {
                for (const relation::column& c : r.columns) all.push_back({c.name, nullptr, c.origin});
            }
        }
    }
    // NATURAL joins merge columns as USING does
    for (const sql::from_item& f : q_.query.from) {
        bool natural = false;
        const auto look = [&](const auto& self, const sql::from_item& i) -> void {
            natural = natural || i.natural || !i.using_columns.empty();
            for (const sql::from_item& s : i.sides) self(self, s);
        };
        look(look, f);
        if (natural && has_star_) return;
    }
    outputs_ = std::move(all);
}

std::vector<std::size_t> select_parts::items_named(std::string_view name) const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < q_.query.items.size(); ++i) {
        const sql::select_item& item = q_.query.items[i];
        if (!item.value.is(expression_kind::star) && sql::output_name(item) == name) out.push_back(i);
    }
    return out;
}

}  // namespace ashlar::route
