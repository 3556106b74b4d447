#include "topology/causal_token.hpp"

#include <fmt/format.h>

namespace ashlar::topology {

namespace {

constexpr std::string_view version = "v1";
constexpr std::size_t token_most = 64 * 1024;

std::string_view next_part(std::string_view& rest) {
    const auto end = rest.find('!');
    const std::string_view part = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    return part;
}

}  // namespace

std::string to_causal_token(const causal_positions& what, const world& of) {
    std::string token{version};
    for (const auto* list : {&of.shards(), &of.databases()}) {
        for (const member& each : *list) {
            const auto at = what.find(each.number);
            if (at != what.end()) token += fmt::format("!{}!{}", each.name, at->second.to_string());
        }
    }
    return token;
}

result<causal_positions> read_causal_token(std::string_view token, const world& of) {
    const auto bad = [&] {
        return error{errc::bad_value, fmt::format("\"{}\" is not a causal token", token.substr(0, 100))}.hint(
            "Give the text that causal_token() gave, unchanged; an empty one is a session that has written nothing.");
    };
    causal_positions out;
    if (token.empty()) return out;
    std::string_view rest = token;
    if (token.size() > token_most || next_part(rest) != version) return bad();
    while (!rest.empty()) {
        const std::string_view name = next_part(rest);
        auto position = health::log_position::parse(next_part(rest));
        if (!position) return bad();
        const member* who = of.find(name);
        if (who == nullptr) return error{errc::database_unknown, fmt::format("no database is named {}", name)};
        out[who->number] = std::move(*position);
    }
    return out;
}

}  // namespace ashlar::topology
