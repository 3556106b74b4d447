#include "proxy/our_settings.hpp"

#include "config/spelling.hpp"
#include "core/letter_case.hpp"
#include "proxy/session_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ashlar::proxy {

namespace {

struct known_name {
    std::string_view name;
    our_name means;
};

constexpr auto known = std::to_array<known_name>({
    {"ashlar.role", {our_setting::role, role_setting}},
    {"ashlar.shard", {our_setting::shard, shard_setting}},
    {"ashlar.sharding_key", {our_setting::sharding_key, sharding_key_setting}},
    {"ashlar.causal_token", {our_setting::causal_token, token_setting}},
    {"ashlar.primary_reads", {our_setting::primary_reads, "ashlar.primary_reads"}},
    {"pgdog.role", {our_setting::role, role_setting}},
    {"pgdog.shard", {our_setting::shard_number, shard_setting}},
    {"pgdog.sharding_key", {our_setting::sharding_key, sharding_key_setting}},
    {"__spqr__execute_on", {our_setting::shard, shard_setting}},
    {"__spqr__sharding_key", {our_setting::sharding_key, sharding_key_setting}},
    {"__spqr__target_session_attrs", {our_setting::role, role_setting}},
    {"target-session-attrs", {our_setting::role, role_setting}},
    {"__spqr__distribution", {our_setting::harmless, "__spqr__distribution"}},
    {"__spqr__scatter_query", {our_setting::harmless, "__spqr__scatter_query"}},
    {"__spqr__default_route_behaviour", {our_setting::harmless, "__spqr__default_route_behaviour"}},
    {"__spqr__maintain_params", {our_setting::harmless, "__spqr__maintain_params"}},
    {"__spqr__reply_notice", {our_setting::harmless, "__spqr__reply_notice"}},
    {"__spqr__engine_v2", {our_setting::harmless, "__spqr__engine_v2"}},
});

// SPQR's that have no meaning here.
constexpr auto refused = std::to_array<std::string_view>({
    "__spqr__commit_strategy",
    "__spqr__distribution_key",
    "__spqr__auto_distribution",
    "__spqr__distributed_relation",
    "__spqr__preferred_engine",
    "__spqr__set_next_2pc_gid",
});

}  // namespace

bool is_our_setting(std::string_view name) noexcept {
    return name.starts_with("ashlar.") || name.starts_with("pgdog.") || name.starts_with("__spqr__") ||
           name == "target-session-attrs";
}

result<std::optional<our_name>> find_our_setting(std::string_view name) {
    if (!is_our_setting(name)) return std::optional<our_name>{};
    for (const known_name& each : known) {
        if (each.name == name) return std::optional<our_name>{each.means};
    }
    if (std::find(refused.begin(), refused.end(), name) != refused.end()) {
        return error{errc::unsupported, fmt::format("{} has no meaning here", name)}.hint(
            "How tables are spread stands in [tables] and [shards] of ashlar.toml.");
    }
    error why{errc::invalid_argument, fmt::format("unrecognized configuration parameter \"{}\"", name.substr(0, 100))};
    why.sqlstate("42704");
    std::vector<std::string_view> names;
    for (const known_name& each : known) names.push_back(each.name);
    const std::string meant = config::did_you_mean(name, names);
    std::vector<std::string_view> own;
    for (const std::string_view each : names) {
        if (each.starts_with("ashlar.")) own.push_back(each);
    }
    why.hint(meant.empty() ? fmt::format("Ashlar's settings are {}.", config::listed(own, "and"))
                           : fmt::format("D{}", meant.substr(1)));
    return why;
}

status check_harmless(std::string_view name, std::string_view value) {
    const std::string said = lowered(value);
    const auto no = [&](std::string_view hint) {
        return error{errc::unsupported, fmt::format("{} = '{}' is not supported", name, value.substr(0, 100))}.hint(
            std::string{hint});
    };
    if (name == "__spqr__default_route_behaviour" && said != "allow") {
        return no("Statements go to several shards where their answers can be merged; explain (ashlar) shows it.");
    }
    const bool off = said == "off" || said == "false" || said == "no" || said == "0";
    if (name == "__spqr__scatter_query" && off) {
        return no("Statements go to several shards where their answers can be merged; explain (ashlar) shows it.");
    }
    if (name == "__spqr__maintain_params" && off) return no("Each client's settings are kept for it, always.");
    return {};
}

result<std::string_view> role_for_session_attrs(std::string_view value) {
    const std::string said = lowered(value);
    if (said == "read-write" || said == "primary") return std::string_view{"primary"};
    if (said == "read-only" || said == "standby") return std::string_view{"replica"};
    if (said == "smart-read-write" || said == "prefer-standby" || said == "any") return std::string_view{"auto"};
    return error{errc::invalid_argument, fmt::format("\"{}\" is not a target of a session", value.substr(0, 100))}
        .sqlstate("22023")
        .hint("They are read-write, smart-read-write, read-only, prefer-standby and any.");
}

std::optional<error> sets_ours_on_a_server(std::string_view text) {
    for (const std::string& name : custom_settings_named_in(text)) {
        if (!is_our_setting(name)) continue;
        return error{errc::unsupported, fmt::format("{} is a setting of the proxy, which servers do not know", name)}
            .hint(
                "Set it by SET, by SET LOCAL in a transaction, in the start-up options, or in a comment: "
                "/* ashlar_shard: shard_2 */.");
    }
    return std::nullopt;
}

}  // namespace ashlar::proxy
