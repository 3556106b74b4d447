#include "merge/shapes.hpp"

#include "core/codec.hpp"

namespace ashlar::merge {

namespace {

constexpr std::uint32_t first_user_oid = 16'384;

bool same_type(std::uint32_t a, std::uint32_t b) {
    return a == b || (a >= first_user_oid && b >= first_user_oid);
}

error disagree(const std::vector<std::string>& names, std::size_t source, const std::string& what) {
    const std::string text = names.empty() ? "source " + std::to_string(source + 1) + " differs from the first one"
                                           : names[source] + " answers otherwise than " + names.front();
    return error{errc::shards_disagree, text + ": " + what}.hint("Apply the same migrations to every shard.");
}

// For SQLite's columns without a type, which are what their values are: a shard without a value has no say, and integer
// and real are both numbers.
std::uint32_t wider(std::uint32_t a, std::uint32_t b) {
    if (a == b || b == oid::unknown) return a;
    if (a == oid::unknown) return b;
    const auto number = [](std::uint32_t t) { return codec::is_integer(t) || codec::is_float(t) || t == oid::numeric; };
    return number(a) && number(b) ? oid::float8 : oid::text;
}

}  // namespace

result<columns> common_shape(const std::vector<columns>& shapes, const std::vector<std::string>& names,
                             route::dialect dialect) {
    if (shapes.empty()) return error{errc::internal, "a merge without sources"};
    columns common = shapes.front();
    for (std::size_t s = 1; s < shapes.size(); ++s) {
        const columns& other = shapes[s];
        if (other.size() != common.size()) {
            return disagree(names, s,
                            std::to_string(other.size()) + " columns instead of " + std::to_string(common.size()));
        }
        for (std::size_t i = 0; i < common.size(); ++i) {
            column& c = common[i];
            if (other[i].name != c.name) {
                return disagree(
                    names, s,
                    "column " + std::to_string(i + 1) + " is \"" + other[i].name + "\" instead of \"" + c.name + "\"");
            }
            if (dialect == route::dialect::sqlite) {
                c.type = wider(c.type, other[i].type);
                c.type_size = codec::type_size(c.type);
                continue;
            }
            if (!same_type(other[i].type, c.type) || other[i].format != c.format) {
                return disagree(names, s,
                                "column \"" + c.name + "\" is " + codec::type_name(other[i].type) + " instead of " +
                                    codec::type_name(c.type));
            }
            if (other[i].type_modifier != c.type_modifier) c.type_modifier = -1;
        }
    }
    return common;
}

}  // namespace ashlar::merge
