#include "proxy/shard_hint.hpp"

#include "config/spelling.hpp"
#include "core/ascii.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ashlar::proxy {

namespace {

constexpr std::size_t hint_shown_max = 100;

bool says_none(std::string_view value) {
    return value.empty() || equals_ignoring_case(value, "any") || equals_ignoring_case(value, "default") ||
           equals_ignoring_case(value, "none");
}

result<std::size_t> place_by_name(std::string_view name, const place_names& among) {
    const auto at = std::find(among.all.begin(), among.all.end(), name);
    if (at != among.all.end()) return static_cast<std::size_t>(at - among.all.begin());
    error why{errc::invalid_argument, fmt::format("no database is called \"{}\"", name.substr(0, hint_shown_max))};
    why.sqlstate("22023");
    const std::string meant = config::did_you_mean(name, among.all);
    why.hint(meant.empty() && among.all.size() <= 20 ? fmt::format("There are {}.", config::listed(among.all, "and"))
             : meant.empty()                         ? std::string{"SHOW SHARDS in the console lists them."}
                                                     : fmt::format("D{}", meant.substr(1)));
    return why;
}

result<std::size_t> place_by_number(std::string_view text, const place_names& among) {
    std::size_t number = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec == std::errc{} && read.ptr == end && number < among.shards) return number;
    error why{errc::invalid_argument,
              fmt::format("\"{}\" is not the number of a shard", text.substr(0, hint_shown_max))};
    why.sqlstate("22023");
    why.hint(among.shards == 0 ? std::string{"The configuration has no shards."}
                               : fmt::format("In PgDog's and PgCat's words shards are counted from 0 to {}; by name, "
                                             "ashlar.shard takes {}.",
                                             among.shards - 1, among.all.front()));
    return why;
}

result<std::size_t> place_by_key(std::string_view text, const place_names& among) {
    if (among.map == nullptr) {
        return error{errc::invalid_argument, "a sharding key without shards"}.sqlstate("22023").hint(
            "The configuration has no [shards].");
    }
    auto key = keyspace::key::from_text(text, among.map->key_type());
    if (!key) return std::move(key).error();
    auto shard = among.map->shard_of(*key);
    if (!shard) return std::move(shard).error();
    return keyspace::index_of(*shard);
}

}  // namespace

result<std::optional<std::size_t>> place_of(const shard_hint& hint, const place_names& among) {
    result<std::size_t> place = 0;
    switch (hint.what) {
        case shard_hint::kind::none:
            return std::optional<std::size_t>{};
        case shard_hint::kind::name:
            place = place_by_name(hint.text, among);
            break;
        case shard_hint::kind::number:
            place = place_by_number(hint.text, among);
            break;
        case shard_hint::kind::key:
            place = place_by_key(hint.text, among);
            break;
    }
    if (!place) return std::move(place).error();
    return std::optional<std::size_t>{*place};
}

shard_hint named(std::string_view value) {
    if (says_none(value)) return {};
    return {shard_hint::kind::name, std::string{value}};
}

shard_hint numbered(std::string_view value) {
    if (says_none(value)) return {};
    return {shard_hint::kind::number, std::string{value}};
}

shard_hint keyed(std::string_view value) {
    if (value.empty()) return {};
    return {shard_hint::kind::key, std::string{value}};
}

}  // namespace ashlar::proxy
