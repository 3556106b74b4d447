#include "route/loose_code.hpp"

#include "route/functions.hpp"
#include "route/hindering.hpp"

#include <fmt/format.h>

namespace ashlar::route {
namespace {

std::string in_the_way(const table_facts& t, bool writes) {
    if (t.kind != table_kind::unsharded)
        return fmt::format("names the {} table {}", t.kind == table_kind::sharded ? "sharded" : "reference", t.name);
    if (t.view_of) return fmt::format("names the view {} over sharded or reference tables", t.name);
    const auto on = static_cast<verbs>(writes ? everything : static_cast<verbs>(verb::read));
    for (const hindrance& h : t.hindrances) {
        if ((h.on & on) != 0) return fmt::format("names {}, {}", t.name, h.what);
    }
    return {};
}

}  // namespace

code_verdict judge_calls(const catalogue& known, const code_facts& code) {
    code_verdict out;
    const auto look = [&](const std::string& schema, const std::string& name) {
        const function_facts f = facts_of_function(known, schema == "pg_catalog" ? schema : "", name, 1);
        if (out.why.empty() && !f.touches.empty()) out.why = fmt::format("calls {}(), which {}", name, f.touches);
    };
    for (const auto& c : code.calls) {
        look(c.schema, c.name);
        if (!facts_of_function(known, "", c.name, 1).known) out.unknown_names.push_back(c.name);
    }
    for (const auto& w : code.words) {
        const auto own = known.own_functions.find(w.name);
        if (!w.schema.empty() && own != known.own_functions.end() && own->second.takes_row) look("", w.name);
        if (const auto type = known.touching_types.find(w.name); type != known.touching_types.end())
            look("", type->second);
    }
    for (const std::string& o : code.operators) {
        if (const auto at = known.touching_operators.find(o); at != known.touching_operators.end())
            look("", at->second);
    }
    return out;
}

code_verdict judge_on_unsharded(const catalogue& known, const code_facts& code) {
    code_verdict out = judge_calls(known, code);
    for (const auto& r : code.relations) {
        for (const auto& [key, table] : known.tables) {
            if (table.name != r.name || (!r.schema.empty() && table.schema != r.schema)) continue;
            if (out.why.empty()) out.why = in_the_way(table, code.writes);
        }
    }
    if (out.why.empty() && known.unsharded_database_has_copies) out.why = code.unknown;
    return out;
}

}  // namespace ashlar::route
