#include "sql/facts.hpp"

#include <algorithm>

namespace ashlar::sql {
namespace {

bool same_all(const std::vector<expression>& a, const std::vector<expression>& b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

bool same_order(const std::vector<sort_item>& a, const std::vector<sort_item>& b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const sort_item& x, const sort_item& y) {
        return same(x.value, y.value) && x.descending == y.descending && x.nulls_first == y.nulls_first &&
               x.uses_operator == y.uses_operator;
    });
}

bool same_call(const call_facts& a, const call_facts& b) noexcept {
    return a.star == b.star && a.distinct == b.distinct && a.variadic == b.variadic &&
           a.within_group == b.within_group && !a.over && !b.over && same_all(a.filter, b.filter) &&
           same_order(a.order, b.order);
}

bool same_type(const type_name& a, const type_name& b) noexcept {
    return a.schema == b.schema && a.name == b.name && a.has_modifiers == b.has_modifiers && a.is_array == b.is_array &&
           a.is_set == b.is_set && a.modifiers == b.modifiers;
}

}  // namespace

bool same(const expression& a, const expression& b) noexcept {
    if (&a == &b) return true;
    if (a.kind != b.kind || a.kind == expression_kind::unknown || a.kind == expression_kind::subquery) return false;
    if (a.literal != b.literal || a.negated != b.negated || a.number != b.number || a.name != b.name ||
        a.schema != b.schema || a.path != b.path || (a.type == nullptr) != (b.type == nullptr) ||
        (a.call == nullptr) != (b.call == nullptr)) {
        return false;
    }
    if (a.type && !same_type(*a.type, *b.type)) return false;
    if (a.call && !same_call(*a.call, *b.call)) return false;
    return same_all(a.inner, b.inner);
}

}  // namespace ashlar::sql
