#include "topology/table_differences.hpp"

#include "core/codec.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::topology {

namespace {

constexpr std::size_t told_max = 4;

// Of other types the collation says nothing. 0: an own type, which may be a domain over text.
bool has_collation(const route::column_facts& c) {
    constexpr std::uint32_t text_array = 1009, varchar_array = 1015, bpchar_array = 1014, name_array = 1003;
    return c.type == 0 || codec::is_text(c.type) || c.type == oid::char1 || c.type == text_array ||
           c.type == varchar_array || c.type == bpchar_array || c.type == name_array;
}

std::string type_of(const route::column_facts& c) {
    return c.type == 0 ? "of a user-defined type" : codec::type_name(c.type);
}

std::string column_difference(const route::column_facts& usual, const route::column_facts& here) {
    if (usual.type != here.type)
        return fmt::format("column {} is {} and not {}", here.name, type_of(here), type_of(usual));
    if (usual.type_modifier != here.type_modifier)
        return fmt::format("column {} is {} of another length or precision", here.name, type_of(here));
    if (usual.collation != here.collation && has_collation(here))
        return fmt::format("column {} has another collation", here.name);
    return {};
}

bool same_order(const route::table_facts& usual, const route::table_facts& here) {
    return std::ranges::equal(usual.columns, here.columns, {}, &route::column_facts::name, &route::column_facts::name);
}

const route::table_facts* table_of(const schema_snapshot& in, const std::string& name) {
    const auto at = in.tables.find(name);
    return at == in.tables.end() ? nullptr : &at->second;
}

}  // namespace

std::string difference_between(const route::table_facts* usual, const route::table_facts* here) {
    if (usual == nullptr && here == nullptr) return {};
    if (here == nullptr) return "the table is missing";
    if (usual == nullptr) return "the table is there, and the other shards do not have it";
    std::vector<std::string> found;
    if (usual->is_view != here->is_view) found.emplace_back(here->is_view ? "it is a view" : "it is not a view");
    for (const route::column_facts& each : here->columns) {
        const route::column_facts* other = usual->find(each.name);
        std::string what =
            other == nullptr ? fmt::format("column {} is extra", each.name) : column_difference(*other, each);
        if (!what.empty()) found.push_back(std::move(what));
    }
    for (const route::column_facts& each : usual->columns) {
        if (here->find(each.name) == nullptr) found.push_back(fmt::format("column {} is missing", each.name));
    }
    if (found.empty() && !same_order(*usual, *here)) found.emplace_back("its columns are in another order");
    std::string out;
    for (std::size_t i = 0; i < std::min(found.size(), told_max); ++i) out += (i == 0 ? "" : ", ") + found[i];
    if (found.size() > told_max) out += fmt::format(", and {} more", found.size() - told_max);
    return out;
}

table_comparison compare_table(const std::string& name, const std::vector<shard_schema>& shards) {
    table_comparison out;
    std::size_t most = 0;
    for (const shard_schema& each : shards) {
        if (each.schema == nullptr) continue;
        const route::table_facts* const table = table_of(*each.schema, name);
        const auto is_alike = [&](const shard_schema& other) {
            return other.schema != nullptr && difference_between(table, table_of(*other.schema, name)).empty();
        };
        const auto alike = static_cast<std::size_t>(std::ranges::count_if(shards, is_alike));
        // As many have it as have it not: it is being made.
        if (alike > most || (alike == most && out.usual == nullptr)) {
            most = alike;
            out.usual = table;
        }
    }
    auto made = std::make_shared<route::disagreement>();
    for (std::size_t i = 0; i < shards.size(); ++i) {
        if (shards[i].schema == nullptr) continue;
        const route::table_facts* const table = table_of(*shards[i].schema, name);
        std::string what = difference_between(out.usual, table);
        if (what.empty()) continue;
        made->what += fmt::format("{}on {} {}", made->what.empty() ? "" : "; ", shards[i].shard, what);
        made->on.emplace(static_cast<keyspace::shard_id>(i), table == nullptr ? route::table_facts{} : *table);
        out.differences.push_back({name, shards[i].shard, std::move(what)});
    }
    if (!out.differences.empty()) out.differs = std::move(made);
    return out;
}

}  // namespace ashlar::topology
