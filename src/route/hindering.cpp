#include "route/hindering.hpp"

#include "route/analysis.hpp"
#include "route/defaults.hpp"
#include "route/planning.hpp"
#include "route/refusal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace ashlar::route {
namespace {

const table_facts* find(const catalogue& known, const std::string& full) {
    const auto at = known.tables.find(full);
    return at == known.tables.end() ? nullptr : &at->second;
}

std::string display(const std::string& full) {
    return full.starts_with("public.") ? full.substr(7) : full;
}

std::string_view word_of(verb how) {
    switch (how) {
        case verb::read:
            return "a query of";
        case verb::insert:
            return "an insert into";
        case verb::update:
            return "an update of";
        case verb::delete_:
            return "a delete from";
        case verb::define:
            return "a command on";
        case verb::truncate:
            return "a truncation of";
    }
    return "a statement on";
}

}  // namespace

columns_written columns_written_by(const sql::statement& s, const table_facts& table, verb how) {
    columns_written out;
    if (how == verb::insert) {
        out.named = s.body ? columns_of(s, table) : std::vector<std::string>{};
        const auto is_filled = [&](const std::string& name) { return !is_left(s, out.named, name); };
        std::copy_if(out.named.begin(), out.named.end(), std::back_inserter(out.filled), is_filled);
        return out;
    }
    const auto& set = s.kind == sql::statement_kind::insert && s.conflict ? s.conflict->set : s.set;
    for (const sql::assignment& a : set) out.named.push_back(a.column);
    out.filled = out.named;
    return out;
}

std::string in_the_way_on_shards(const catalogue& known, const effects& does) {
    if (!does.unknown.empty()) return does.unknown;
    if (does.sequence) return "uses a sequence, of which each shard has its own";
    if (does.session) return "changes the session or takes advisory locks";
    for (const std::string& each : does.relations) {
        const table_facts* t = find(known, each);
        if (t == nullptr || t->kind == table_kind::unsharded)
            return fmt::format("names {}, which is not on the shards", display(each));
        if (t->kind == table_kind::sharded) return fmt::format("names the sharded table {}", display(each));
        if (does.writes) return fmt::format("may write the reference table {}", display(each));
    }
    return {};
}

std::string in_the_way_on_unsharded(const catalogue& known, const effects& does) {
    for (const std::string& each : does.relations) {
        const table_facts* t = find(known, each);
        if (t == nullptr || t->kind == table_kind::unsharded) continue;
        return fmt::format("names the {} table {}", t->kind == table_kind::sharded ? "sharded" : "reference",
                           display(each));
    }
    return known.unsharded_database_has_copies ? does.unknown : std::string{};
}

const hindrance* first_hindrance(const table_facts& table, verb how, const columns_written* columns, bool several) {
    const auto is_in = [](const std::vector<std::string>& list) {
        return [&list](const std::string& name) { return std::find(list.begin(), list.end(), name) != list.end(); };
    };
    const auto stands = [&](const hindrance& h) {
        if ((h.on & static_cast<verbs>(how)) == 0) return false;
        const auto all = [&](const auto& which) { return std::all_of(h.columns.begin(), h.columns.end(), which); };
        switch (h.applies) {
            case hindrance::when::always:
                return true;
            case hindrance::when::left_out:
                return columns == nullptr || !all(is_in(columns->filled));
            case hindrance::when::given:
                if (columns == nullptr || how == verb::insert) return columns == nullptr || all(is_in(columns->named));
                return std::any_of(h.columns.begin(), h.columns.end(), is_in(columns->named));
            case hindrance::when::several:
                return several;
        }
        return true;
    };
    const auto at = std::find_if(table.hindrances.begin(), table.hindrances.end(), stands);
    return at == table.hindrances.end() ? nullptr : &*at;
}

error refuse_hindered(std::string_view text, const table_facts& table, const hindrance& by, verb how, int location) {
    return refusal(text, location, fmt::format("{} {}, {},", word_of(how), table.name, by.what), by.hint);
}

std::optional<error> refuse_hindered(const question& q, const analysis& tables, bool several) {
    for (const analysis::touch& each : tables.touched()) {
        if (each.table->hindrances.empty()) continue;
        columns_written columns;
        if (each.by) columns = columns_written_by(*each.by, *each.table, each.how);
        if (const hindrance* h = first_hindrance(*each.table, each.how, each.by ? &columns : nullptr, several))
            return refuse_hindered(q.text, *each.table, *h, each.how, each.location);
    }
    return std::nullopt;
}

}  // namespace ashlar::route
