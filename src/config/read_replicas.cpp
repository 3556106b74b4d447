#include "config/parts.hpp"
#include "config/quantities.hpp"
#include "config/spelling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ashlar::config {

namespace {
using namespace std::chrono_literals;

constexpr std::size_t replicas_most = 63;
constexpr std::array<std::string_view, 4> policies{"round_robin", "random", "least_connections", "least_lag"};
constexpr std::array<std::string_view, 2> withouts{"primary", "refuse"};

struct listed_replica {
    spelled url;
    std::uint32_t weight = 1;
    std::string subject;
};

// Each is a URL, or a table of a url and a weight.
std::vector<listed_replica> list(section& from) {
    std::vector<listed_replica> out;
    const entry* found = from.find("replicas");
    if (found == nullptr || found->value.what != node::kind::array) {
        (void)from.texts("replicas");  // says what is wrong with it
        return out;
    }
    for (std::size_t i = 0; i < found->value.items.size(); ++i) {
        const node& item = found->value.items[i];
        const std::string subject = fmt::format("{}[{}]", from.at_path("replicas"), i);
        if (item.what == node::kind::table) {
            section one{from.with(), item, subject};
            const auto url = one.text("url");
            if (!one.has("url"))
                from.with().wrong.add_absence(item.at, subject, "no url", "{ url = \"…\", weight = 2 }");
            const auto weight = one.integer("weight", 1, 1000);
            one.finish();
            if (url) out.push_back({*url, static_cast<std::uint32_t>(weight.value_or(1)), subject});
            continue;
        }
        if (auto url = from.item_text(item, subject)) out.push_back({std::move(*url), 1, subject});
    }
    return out;
}

template <class Kind>
void read_word(section& from, std::string_view key, std::span<const std::string_view> words, Kind& into) {
    const auto written = from.text(key);
    if (!written) return;
    const auto at = std::find(words.begin(), words.end(), written->text);
    if (at == words.end()) {
        from.with().wrong.add(written->at, from.at_path(key), in_quotes(written->shown), listed(words),
                              did_you_mean(written->shown, words));
        return;
    }
    into = static_cast<Kind>(at - words.begin());
}

}  // namespace

void read_replicas(section& from, database& into, std::optional<std::uint32_t> shard) {
    mistakes& wrong = from.with().wrong;
    for (const listed_replica& each : list(from)) {
        auto place = to_endpoint(from.with(), each.url, each.subject, shard);
        if (!place) continue;
        if (*place == into.primary) {
            wrong.add(each.url.at, each.subject, "the replica is the primary itself", "another server");
        } else if (!into.primary.database.empty() && place->engine != into.primary.engine) {
            wrong.add(each.url.at, each.subject, fmt::format("a replica on {}", name_of(place->engine)),
                      fmt::format("{}, as the primary", name_of(into.primary.engine)));
        } else if (place->engine == engine::sqlite) {
            wrong.add(each.url.at, each.subject, "a replica of a SQLite file",
                      "replicas of PostgreSQL or MariaDB servers", "nothing keeps two files the same");
        } else if (std::find(into.replicas.begin(), into.replicas.end(), *place) != into.replicas.end()) {
            wrong.add(each.url.at, each.subject, "the same replica twice", "each replica once");
        } else if (into.replicas.size() == replicas_most) {
            wrong.add(each.url.at, each.subject, "one replica too many", fmt::format("{} at most", replicas_most));
        } else {
            into.replicas.push_back(std::move(*place));
            into.replica_weights.push_back(each.weight);
        }
    }
}

replica_settings read_replica_settings(reading& with, const node& what) {
    replica_settings out;
    section from{with, what, "replicas"};
    if (what.what != node::kind::table) return out;
    if (const auto given = from.boolean("read_write_split")) out.read_write_split = *given;
    read_word(from, "policy", policies, out.policy);
    read_word(from, "no_replica", withouts, out.no_replica);
    if (const auto d = from.duration("max_lag", 1ms, one_day)) out.max_lag = *d;
    if (const auto d = from.duration("check_interval", 10ms, one_day)) out.check_interval = *d;
    if (const auto d = from.duration("sample_interval", 1ms, one_day)) out.sample_interval = *d;
    if (const auto n = from.integer("primary_reads_max", 0, 100'000)) {
        out.primary_reads_max = static_cast<std::uint32_t>(*n);
    }
    from.finish();
    return out;
}

breaker_settings read_breaker(reading& with, const node& what) {
    breaker_settings out;
    section from{with, what, "breaker"};
    if (what.what != node::kind::table) return out;
    if (const auto n = from.integer("failures", 0, 1000)) out.failures = static_cast<std::uint32_t>(*n);
    if (const auto d = from.duration("window", 1ms, one_day)) out.window = *d;
    if (const auto d = from.duration("cool_down", 1ms, one_day)) out.cool_down = *d;
    from.finish();
    return out;
}

alert_settings read_alerts(reading& with, const node& what) {
    alert_settings out;
    section from{with, what, "alerts"};
    if (what.what != node::kind::table) return out;
    for (spelled& each : from.texts("command")) out.command.push_back(std::move(each.text));
    if (!out.command.empty() && out.command.front().empty()) {
        with.wrong.add(from.find("command")->value.at, from.at_path("command"), "a program without a name",
                       "an array: [\"program\", \"argument\"]");
    }
    if (auto url = from.text("webhook")) {
        const bool is_http = url->text.starts_with("http://") || url->text.starts_with("https://");
        if (is_http && url->text.size() > url->text.find("://") + 3 &&
            url->text.find_first_of(" \t\r\n") == url->text.npos) {
            out.webhook = std::move(url->text);
        } else {  // which is not shown: it may hold a secret
            with.wrong.add(from.find("webhook")->value.at, from.at_path("webhook"), "no URL of a web service",
                           "an URL that begins with https:// or http://");
        }
    }
    if (const auto d = from.duration("after", 0ms, one_day)) out.after = *d;
    if (const auto d = from.duration("timeout", 1ms, one_day)) out.timeout = *d;
    from.finish();
    return out;
}

}  // namespace ashlar::config
