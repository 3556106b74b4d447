#include "sql/names.hpp"

namespace ashlar::sql {
namespace {

// How sure a name is: 0 none, 1 a weak one (a type's, "case"), 2 a good one; as FigureColname has it.
struct figured {
    int strength = 0;
    std::string name;
};

figured figure(const expression& e) {
    switch (e.kind) {
        case expression_kind::column:
            return e.path.empty() ? figured{} : figured{2, e.path.back()};
        case expression_kind::indirection:
            for (auto p = e.path.rbegin(); p != e.path.rend(); ++p) {
                if (p->starts_with('.') && *p != ".*") return {2, p->substr(1)};
            }
            return figure(e.inner.front());
        case expression_kind::function:
            return {2, e.name};
        case expression_kind::null_if:
            return {2, "nullif"};
        case expression_kind::cast: {
            figured inner = figure(e.inner.front());
            if (inner.strength > 1) return inner;
            return {1, e.type->name};
        }
        case expression_kind::collate:
            return figure(e.inner.front());
        case expression_kind::grouping:
            return {2, "grouping"};
        case expression_kind::subquery:
            if (e.name == "exists" || e.name == "array") return {2, e.name};
            if (e.name == "scalar" && e.sub && !e.sub->items.empty()) {
                const select_item& first = e.sub->items.front();
                return first.alias.empty() ? figure(first.value) : figured{2, first.alias};
            }
            return {};
        case expression_kind::case_: {
            const std::size_t pairs = e.inner.size() - static_cast<std::size_t>(e.number);
            figured other = pairs % 2 == 1 ? figure(e.inner.back()) : figured{};
            return other.strength > 1 ? other : figured{1, "case"};
        }
        case expression_kind::array:
            return {2, "array"};
        case expression_kind::row:
            return {2, "row"};
        case expression_kind::coalesce:
            return {2, "coalesce"};
        case expression_kind::greatest:
            return {2, "greatest"};
        case expression_kind::least:
            return {2, "least"};
        case expression_kind::value_keyword:
            return {2, e.name};
        default:
            return {};
    }
}

}  // namespace

std::string output_name(const select_item& item) {
    if (!item.alias.empty()) return item.alias;
    figured f = figure(item.value);
    return f.strength > 0 ? f.name : "?column?";
}

}  // namespace ashlar::sql
