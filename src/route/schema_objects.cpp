#include "route/schema_objects.hpp"

namespace ashlar::route {

void schema_objects::add(const schema_objects& other) {
    const auto merge = [](auto& to, const auto& from) { to.insert(from.begin(), from.end()); };
    merge(functions, other.functions);
    merge(views, other.views);
    merge(children, other.children);
    merge(triggers, other.triggers);
    merge(rules, other.rules);
    merge(foreign_keys, other.foreign_keys);
    merge(expressions, other.expressions);
    merge(domain_checks, other.domain_checks);
    merge(operators, other.operators);
    merge(casts, other.casts);
    merge(event_triggers, other.event_triggers);
    merge(relations, other.relations);
}

}  // namespace ashlar::route
