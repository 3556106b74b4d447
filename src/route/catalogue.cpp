#include "route/catalogue.hpp"

#include <algorithm>
#include <utility>

namespace ashlar::route {

const column_facts* table_facts::find(std::string_view column) const {
    const auto at = std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.name == column; });
    return at == columns.end() ? nullptr : &*at;
}

const table_facts* catalogue::find(std::string_view schema, std::string_view table) const {
    std::string full;
    if (!schema.empty()) full.append(schema).append(".");
    full.append(table);
    const auto at = tables.find(full);
    return at == tables.end() ? nullptr : &at->second;
}

catalogue catalogue::seen_by(keyspace::shard_id shard) const {
    catalogue out = *this;
    for (auto& [name, table] : out.tables) {
        const auto differs = std::exchange(table.differs, nullptr);
        if (differs == nullptr) continue;
        if (const auto own = differs->on.find(shard); own != differs->on.end()) table = own->second;
    }
    return out;
}

bool catalogue::shows_catalogue_of(std::string_view database) const {
    return (!shards || unsharded_database_has_all) && database == unsharded_database;
}

bool catalogue::shows_catalogue_of_the_shards() const {
    return shards && shards->size() == 1 && !unsharded_database_has_all;
}

}  // namespace ashlar::route
