// SHOW CLIENTS, SERVERS, LISTS and USERS: who is there.
#include "proxy/console_show.hpp"
#include "proxy/console_writer.hpp"

namespace ashlar::proxy {

namespace {

std::string_view name_of(client_facts::state which) {
    switch (which) {
        case client_facts::state::idle:
            return "idle";
        case client_facts::state::active:
            return "active";
        case client_facts::state::waiting:
            return "waiting";
    }
    return "idle";
}

}  // namespace

void show_clients(const snapshot& from, view& to) {
    view_writer out{to};
    for (const worker_report& worker : from.workers) {
        for (const client_facts& each : worker.list) {
            if (to.rows.rows() == view_rows_max) break;
            out.text("C").text(each.user).text(each.database).text("none").text(name_of(each.now));
            out.text(each.address).number(each.port).text(each.local_address).number(each.local_port);
            out.time(each.connected_at).time(each.asked_at).split(each.waiting_for).zero();
            out.text(fmt::format("c{}", each.process));
            std::string held;
            for (const held_server& server : each.holds) {
                if (held.size() > 200) {
                    held += " …";
                    break;
                }
                if (!held.empty()) held += ' ';
                held += from.of->place(server.place).servers->servers()[server.server].name;
            }
            out.text(each.holds.empty() ? std::string{} : pointer_of(*from.of, each.holds.front()));
            out.zero().text(each.tls).text(each.application).number(each.prepared).number(each.process);
            out.text(held).text(each.in_transaction ? "yes" : "no").end();
        }
    }
    to.left_out = from.clients > to.rows.rows() ? from.clients - to.rows.rows() : 0;
}

namespace {

std::string_view name_of(pool::connection_facts::state which) {
    switch (which) {
        case pool::connection_facts::state::opening:
            return "new";
        case pool::connection_facts::state::idle:
            return "idle";
        case pool::connection_facts::state::lent:
            return "active";
        case pool::connection_facts::state::tended:
            return "tested";
    }
    return "idle";
}

}  // namespace

void show_servers(const snapshot& from, view_writer out) {
    std::map<std::string, const client_facts*> holders;  // by what they hold
    for (const worker_report& worker : from.workers) {
        for (const client_facts& each : worker.list) {
            for (const held_server& held : each.holds) {
                if (held.process != 0) holders.emplace(pointer_of(*from.of, held), &each);
            }
        }
    }
    for (const server_facts& each : from.servers) {
        for (const pool::connection_facts& one : each.connections) {
            if (!out.has_room()) continue;
            const std::string pointer = pointer_of(*from.of, {each.place, each.number, one.process});
            const auto holder = one.now == pool::connection_facts::state::lent ? holders.find(pointer) : holders.end();
            const bool open = one.now != pool::connection_facts::state::opening;
            user_of(out.text("S"), each.where()).text(each.state.name).text("none").text(name_of(one.now));
            out.text(address_of(each.where())).number(port_of(each.where())).null(2);
            open ? out.time(to_wall(from, one.opened_at)).time(to_wall(from, one.used_at)) : out.null(2);
            out.zero(3).text(pointer);
            out.text(holder == holders.end() ? std::string{} : fmt::format("c{}", holder->second->process));
            out.number(one.process).null();
            out.text(holder == holders.end() ? std::string_view{} : holder->second->application);
            out.null().number(one.process);
            if (each.is_shard(*from.of))
                out.text(each.of->name);
            else
                out.null();
            out.text(role_of(each.state)).end();
        }
    }
}

namespace {

std::size_t users_known(const snapshot& from) {
    std::size_t known = from.users.size();
    for (const auto& each : from.of->settings().users) known += from.users.contains(each.name) ? 0 : 1;
    return known;
}

}  // namespace

void show_lists(const snapshot& from, view_writer out) {
    std::size_t connections = 0;
    for (const server_facts& each : from.servers) connections += each.state.pool.open;
    const auto line = [&](std::string_view name, std::size_t count) { out.text(name).number(count).end(); };
    line("databases", from.servers.size() + 1);
    line("users", users_known(from));
    line("peers", 0);
    line("pools", from.users.size() + from.servers.size());
    line("peer_pools", 0);
    line("free_clients", 0);
    line("used_clients", from.clients + from.strangers + from.consoles);
    line("login_clients", from.strangers);
    line("free_servers", 0);
    line("used_servers", connections);
    line("dns_names", 0);
    line("dns_zones", 0);
    line("dns_queries", 0);
    line("dns_pending", 0);
}

namespace {

bool among(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void show_users(const snapshot& from, view_writer out) {
    const config::serve_settings& serve = from.of->settings();
    std::map<std::string, user_counts> all = from.users;
    for (const auto& each : serve.users) all.try_emplace(each.name);
    for (const auto& [name, counts] : all) {
        if (!out.has_room()) continue;
        out.text(name).null(3).zero().number(counts.held).zero().number(counts.clients);
        out.text(among(serve.admin_users, name) ? "admin" : among(serve.stats_users, name) ? "stats" : "").end();
    }
}

}  // namespace ashlar::proxy
