#include "route/own_tables.hpp"

#include "core/ascii.hpp"
#include "route/refusal.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route {

bool is_own_table(const sql::table_name& name, dialect in, std::span<const std::string> search_path) {
    if (in == dialect::sqlite) return equals_ignoring_case(name.name, "ashlar_shard_mark");
    if (!name.schema.empty()) return name.schema == "ashlar";
    return name.name == "shard_mark" && std::ranges::find(search_path, "ashlar") != search_path.end();
}

error refuse_own_table(std::string_view text, const sql::table_name& name) {
    return refusal_of(errc::unsupported, text, text.empty() ? -1 : name.location,
                      fmt::format("{} is Ashlar's own, and no statement may change it",
                                  name.schema.empty() ? name.name : name.schema + "." + name.name),
                      "`ashlar marks` shows the shards' marks, and `ashlar marks --accept` stores them anew.");
}

}  // namespace ashlar::route
