// console_commands.hpp: what may be said to the console, by whom, and what PgBouncer's console knows that this one refuses. One
// table, from which SHOW HELP, the errors and the tests are made. Pure.
#pragma once

#include <ashlar/result.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ashlar::proxy {

enum class view_kind {
    help,
    version,
    state,
    pools,
    stats,
    stats_totals,
    stats_averages,
    totals,
    servers,
    clients,
    databases,
    lists,
    users,
    config,
    mem,
    peers,
    peer_pools,
    shards,
    replicas,
    breakers,
};

struct view_name {
    view_kind which;
    std::string_view word;  // after SHOW, in lower case
    bool is_ours;           // PgBouncer has none of the name
};
std::span<const view_name> view_names() noexcept;

struct refused_command {
    std::string_view word;  // in lower case: "pause", "show fds"
    std::string_view hint;
    bool is_admins = true;  // others are told that they may not
};
std::span<const refused_command> refused_commands() noexcept;

struct console_command {
    enum class kind {
        show,       // `view`
        parameter,  // SHOW of what drivers ask any server: `name` has `value`
        set,        // of a parameter that has no effect here
        begin,
        commit,
        rollback,
        deallocate,   // the statement `name`; empty: all
        discard,      // all
        reset,        // of what set sets
        kill_client,  // with the id `number`
        nothing,      // an empty text
    };
    static console_command nothing() {
        console_command out;
        out.what = kind::nothing;
        return out;
    }
    kind what = kind::show;
    view_kind view = view_kind::help;
    std::string name, value;
    std::uint32_t number = 0;
};

constexpr std::size_t console_text_max = 4'096;

// One statement without its semicolon. Fails with syntax when nobody knows it, unsupported when PgBouncer does,
// and 42501 when it is for admin_users and `is_admin` is false.
result<console_command> read_console_command(std::string_view text, bool is_admin);

}  // namespace ashlar::proxy
