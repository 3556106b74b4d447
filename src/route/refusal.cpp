#include "route/refusal.hpp"

#include "route/catalogue.hpp"
#include "sql/parse.hpp"

#include <fmt/format.h>

namespace ashlar::route {

error refusal_of(errc code, std::string_view text, int location, std::string message, std::string hint) {
    error out{code, std::move(message)};
    if (!hint.empty()) out.hint(std::move(hint));
    if (location >= 0) out.at(sql::position_of(text, location));
    return out;
}

error refusal(std::string_view text, int location, std::string_view what, std::string hint) {
    return refusal_of(errc::unsupported, text, location, fmt::format("{} cannot be answered across shards", what),
                      std::move(hint));
}

error refuse_differing(const table_facts& table) {
    return error{errc::shards_disagree,
                 fmt::format("the table {} is not the same on all shards: {}", table.name, table.differs->what)}
        .hint(
            "Bring the shards to one schema: statements about the table go on by themselves then. Until then it can be "
            "used "
            "on one shard alone, by that shard's name.");
}

}  // namespace ashlar::route
