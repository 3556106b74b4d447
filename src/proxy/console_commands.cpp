#include "proxy/console_commands.hpp"

#include "core/ascii.hpp"
#include "core/letter_case.hpp"
#include "sql/lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace ashlar::proxy {

namespace {

constexpr std::array views{
    view_name{view_kind::help, "help", false},
    view_name{view_kind::version, "version", false},
    view_name{view_kind::state, "state", false},
    view_name{view_kind::pools, "pools", false},
    view_name{view_kind::stats, "stats", false},
    view_name{view_kind::stats_totals, "stats_totals", false},
    view_name{view_kind::stats_averages, "stats_averages", false},
    view_name{view_kind::totals, "totals", false},
    view_name{view_kind::servers, "servers", false},
    view_name{view_kind::clients, "clients", false},
    view_name{view_kind::databases, "databases", false},
    view_name{view_kind::lists, "lists", false},
    view_name{view_kind::users, "users", false},
    view_name{view_kind::config, "config", false},
    view_name{view_kind::mem, "mem", false},
    view_name{view_kind::peers, "peers", false},
    view_name{view_kind::peer_pools, "peer_pools", false},
    view_name{view_kind::shards, "shards", true},
    view_name{view_kind::replicas, "replicas", true},
    view_name{view_kind::breakers, "breakers", true},
};

constexpr std::string_view start_anew = "Change ashlar.toml and start the proxy anew.";
constexpr std::string_view at_the_source = "Clients cannot be held back here: stop them at their source.";
constexpr std::string_view clients_and_servers = "SHOW CLIENTS and SHOW SERVERS tell of both ends.";
constexpr std::string_view no_dns_cache = "Names are looked up at each new connection; nothing is kept of them.";

constexpr std::array refusals{
    refused_command{"pause", at_the_source},
    refused_command{"resume", "Nothing can be paused."},
    refused_command{"disable", start_anew},
    refused_command{"enable", start_anew},
    refused_command{"suspend", "Nothing can be suspended."},
    refused_command{"reconnect", "Connections are replaced by pool.max_lifetime, and those that broke at once."},
    refused_command{"kill", "KILL_CLIENT ends one client, by its id in SHOW CLIENTS."},
    refused_command{"reload", "Start the proxy anew to have it read ashlar.toml."},
    refused_command{"shutdown", "Send the process SIGTERM: transactions that are under way may finish."},
    refused_command{"wait_close", "SHOW POOLS shows when no connection is in use."},
    refused_command{"show fds", clients_and_servers},
    refused_command{"show sockets", clients_and_servers, false},
    refused_command{"show active_sockets", clients_and_servers, false},
    refused_command{"show dns_hosts", no_dns_cache, false},
    refused_command{"show dns_zones", no_dns_cache, false},
};

struct parameter {
    std::string_view name, value;
};
// What drivers ask when they connect.
constexpr std::array parameters{
    parameter{"client_encoding", "UTF8"},
    parameter{"datestyle", "ISO"},
    parameter{"default_transaction_isolation", "read committed"},
    parameter{"standard_conforming_strings", "on"},
    parameter{"timezone", "UTC"},
    parameter{"transaction_isolation", "read committed"},
    parameter{"transaction_read_only", "off"},
};
// What they set. It means nothing here.
constexpr std::array settable{std::string_view{"application_name"},
                              std::string_view{"client_encoding"},
                              std::string_view{"client_min_messages"},
                              std::string_view{"datestyle"},
                              std::string_view{"extra_float_digits"},
                              std::string_view{"search_path"},
                              std::string_view{"standard_conforming_strings"},
                              std::string_view{"statement_timeout"},
                              std::string_view{"timezone"}};

std::string what_there_is() {
    std::string out = "There are SHOW ";
    for (const view_name& each : views) out += (each.which == views.front().which ? "" : ", ") + uppered(each.word);
    return out + "; and KILL_CLIENT.";
}

error unknown(std::string_view text) {
    std::string shown;
    for (const char c : text.substr(0, 60)) shown += c < ' ' && c >= 0 ? ' ' : c;
    while (!shown.empty() && (static_cast<unsigned char>(shown.back()) & 0x80) != 0) shown.pop_back();
    return error{errc::syntax, fmt::format("unknown console command: {}{}", shown, text.size() > 60 ? "…" : "")}.hint(
        what_there_is());
}

error denied(std::string_view word) {
    return error{errc::unsupported, fmt::format("permission denied for {}", uppered(word))}.sqlstate("42501").hint(
        "It is for serve.admin_users.");
}

result<console_command> refuse(const refused_command& what, bool is_admin) {
    if (what.is_admins && !is_admin) return denied(what.word);
    return error{errc::unsupported, fmt::format("{} is not supported", uppered(what.word))}.hint(
        std::string{what.hint});
}

console_command of(console_command::kind kind) {
    console_command out;
    out.what = kind;
    return out;
}

}  // namespace

std::span<const view_name> view_names() noexcept {
    return views;
}

std::span<const refused_command> refused_commands() noexcept {
    return refusals;
}

result<console_command> read_console_command(std::string_view text, bool is_admin) {
    if (text.size() > console_text_max) {
        return error{errc::limit_reached, fmt::format("a console command has at most {} bytes", console_text_max)};
    }
    std::vector<std::string> words;
    std::string last;  // word, as PostgreSQL reads a name
    for (const sql::token& each : sql::tokens(text)) {
        std::string_view word = text.substr(each.begin, each.end - each.begin);
        const bool is_quoted = each.kind == sql::token_kind::quoted_word && word.size() >= 2;
        if (is_quoted) word = word.substr(1, word.size() - 2);
        words.push_back(lowered(word));
        last = is_quoted ? std::string{word} : words.back();
    }
    if (words.empty()) return unknown(text);
    const std::string& verb = words.front();

    if (verb == "show" && words.size() == 2) {
        for (const view_name& each : views) {
            if (each.word != words[1]) continue;
            console_command show = of(console_command::kind::show);
            show.view = each.which;
            return show;
        }
        for (const parameter& each : parameters) {
            if (each.name != words[1]) continue;
            console_command show = of(console_command::kind::parameter);
            show.name = each.name;
            show.value = each.value;
            return show;
        }
        for (const refused_command& each : refusals) {
            if (each.word == "show " + words[1]) return refuse(each, is_admin);
        }
        return unknown(text);
    }
    if (verb == "set" && words.size() >= 2) {
        const bool scoped = words.size() > 2 && (words[1] == "session" || words[1] == "local");
        const std::string& name = words[scoped ? 2 : 1];
        if (std::find(settable.begin(), settable.end(), name) != settable.end()) return of(console_command::kind::set);
        if (!is_admin) return denied(verb);
        return error{errc::unsupported, fmt::format("{} cannot be set while the proxy runs", name)}.hint(
            std::string{start_anew});
    }
    if (verb == "begin" || (verb == "start" && words.size() > 1)) return of(console_command::kind::begin);
    if ((verb == "commit" || verb == "end") && words.size() <= 2) return of(console_command::kind::commit);
    if ((verb == "rollback" || verb == "abort") && words.size() <= 2) return of(console_command::kind::rollback);
    if (verb == "deallocate" && (words.size() == 2 || (words.size() == 3 && words[1] == "prepare"))) {
        console_command drop = of(console_command::kind::deallocate);
        if (last != "all") drop.name = last;
        return drop;
    }
    if (verb == "discard" && words.size() == 2 && last == "all") return of(console_command::kind::discard);
    if (verb == "reset" && words.size() == 2) return of(console_command::kind::reset);
    if (verb == "kill_client") {
        if (!is_admin) return denied(verb);
        console_command end = of(console_command::kind::kill_client);
        const auto read = std::from_chars(last.data(), last.data() + last.size(), end.number);
        if (words.size() != 2 || read.ec != std::errc{} || read.ptr != last.data() + last.size()) {
            return error{errc::syntax, "KILL_CLIENT wants the id of a client"}.hint("SHOW CLIENTS tells it.");
        }
        return end;
    }
    for (const refused_command& each : refusals) {
        if (each.word == verb) return refuse(each, is_admin);
    }
    return unknown(text);
}

}  // namespace ashlar::proxy
