#include "proxy/routing_hints.hpp"

#include "core/ascii.hpp"
#include "proxy/our_settings.hpp"
#include "proxy/statement_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace ashlar::proxy {

std::string_view name_of(role_hint which) noexcept {
    return which == role_hint::primary ? "primary" : which == role_hint::replica ? "replica" : "auto";
}

result<role_hint> read_role(std::string_view name) {
    if (equals_ignoring_case(name, "primary")) return role_hint::primary;
    if (equals_ignoring_case(name, "replica")) return role_hint::replica;
    for (const std::string_view any : {"any", "auto", "default"}) {
        if (equals_ignoring_case(name, any)) return role_hint::none;
    }
    return error{errc::invalid_argument, fmt::format("\"{}\" is not a role", name.substr(0, 100))}
        .sqlstate("22023")
        .hint("Roles are primary, replica and auto.");
}

namespace {

// The literal that a text of one literal holds, as it is written; "" for none.
std::string_view only_literal(std::string_view sql) {
    const std::size_t begin = sql.find('\''), end = sql.rfind('\'');
    return begin == sql.npos || end == begin ? std::string_view{} : sql.substr(begin, end + 1 - begin);
}

}  // namespace

std::optional<std::string> in_our_words(std::string_view sql) {
    std::vector<std::string> words = words_of(sql);
    const auto begin = [&](std::initializer_list<std::string_view> these) {
        return words.size() >= these.size() && std::equal(these.begin(), these.end(), words.begin());
    };
    const auto are = [&](std::initializer_list<std::string_view> these) {
        return words.size() == these.size() && begin(these);
    };
    if (are({"show", "server", "role"})) return fmt::format("SHOW {}", role_setting);
    if (are({"show", "shard"})) return fmt::format("SHOW {}", shard_setting);
    if (are({"show", "sharding", "key"})) return fmt::format("SHOW {}", sharding_key_setting);
    if (are({"show", "primary", "reads"})) return std::string{"SHOW ashlar.primary_reads"};
    for (const std::string_view role : {"primary", "replica", "any", "auto", "default"}) {
        if (are({"set", "server", "role", "to", role})) return fmt::format("SET {} TO '{}'", role_setting, role);
    }
    const std::string_view literal = only_literal(sql);
    if (begin({"set", "sharding", "key", "to"}) && !literal.empty())
        return fmt::format("SET {} TO {}", sharding_key_setting, literal);
    if (begin({"set", "shard", "to"}) && words.size() == 4) return fmt::format("SET pgdog.shard TO '{}'", words[3]);
    if (begin({"set", "primary", "reads", "to"}) && words.size() == 5)
        return fmt::format("SET ashlar.primary_reads TO '{}'", words[4]);
    return std::nullopt;
}

}  // namespace ashlar::proxy
