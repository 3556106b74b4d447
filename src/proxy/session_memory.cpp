// What a client has its session keep from one message to the next, on the process's memory account: settings, what servers that
// join the transaction later have to be told, and messages gathered for a server. (Statements and portals count by themselves.)
// And what happens when the account has to end.
#include "core/memory_bound.hpp"
#include "proxy/session.hpp"

namespace ashlar::proxy {

namespace {

constexpr std::uint64_t settings_max = 1u << 20;
constexpr std::uint64_t beside_each = 64;  // a string's or a list's own

}  // namespace

// The settings that the client asks for. Connections remember what was put on them, also when the client has gone: so they have
// a limit of their own.
status session::may_keep(const settings& next) {
    const std::uint64_t bytes = next.bytes();
    if (bytes > settings_max && bytes > settings_memory_.bytes()) {
        return error{errc::limit_reached, "the session's settings would take more than 1 MiB"}.hint(
            "RESET the settings that are not needed any more, or keep long values in a table.");
    }
    if (!settings_memory_.set(bytes)) return memory_.why_of_what_is_kept();
    return {};
}

// To be told servers that join the transaction later.
status session::keep_for_newcomers(std::string sql) {
    if (!block_memory_.set(block_memory_.bytes() + beside_each + sql.size())) return memory_.why_of_what_is_kept();
    replay_.push_back(std::move(sql));
    return {};
}

status session::keep_savepoint(savepoint made) {
    const std::uint64_t bytes = sizeof made + made.name.size() + made.local_then.bytes();
    if (!block_memory_.set(block_memory_.bytes() + bytes)) return memory_.why_of_what_is_kept();
    savepoints_.push_back(std::move(made));
    return {};
}

// Some of both was dropped.
void session::count_block() {
    std::uint64_t bytes = 0;
    for (const std::string& each : replay_) bytes += beside_each + each.size();
    for (const savepoint& each : savepoints_) bytes += sizeof each + each.name.size() + each.local_then.bytes();
    (void)block_memory_.set(bytes);
}

// A long message stands in to_server_ as well as in the client's stream until it is sent.
status session::may_gather(std::size_t more) {
    return flight_memory_.set(to_server_.size() + more);
}

void session::drop_gathered() {
    to_server_.clear();
    (void)flight_memory_.set(0);
}

bool session::keeps_much() const noexcept {
    return statements_.bytes() + settings_memory_.bytes() + block_memory_.bytes() >= memory_bound::granule;
}

// A statement is over: what comes next is another one, unless what is kept between them has to end.
void session::forgive_memory() {
    if (memory_.is_condemned() && keeps_much() && memory_.is_crowded()) return;
    memory_calls_ = 0;
    if (memory_.is_condemned()) memory_.absolve();
}

// Once a second: what this client holds was the most when memory_max was reached. Its statement is cancelled; then its servers
// are given up; then, if it does not read what it asked for or keeps what it holds, the client is.
void session::look_at_memory() {
    if (!memory_.is_condemned()) {
        if (waits_for_ == waits_for::client) memory_calls_ = 0;
        return;
    }
    switch (++memory_calls_) {
        case 1:
            return cancel_statement();
        case 2:
            return;
        case 3:
            return give_servers_up();
        default:
            scope->cancel();
    }
}

}  // namespace ashlar::proxy
