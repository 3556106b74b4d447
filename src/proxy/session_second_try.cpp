// A read on a replica that goes away, or whose recovery cancels it, is asked elsewhere as long as the client has got nothing
// of it: of another replica, then of the primary. What stands in out() has not been sent, and is taken back.
//
// In the simple protocol that is the statement. In the extended one it is what came from its Bind to the Sync, which is kept
// until then; it is only done for a statement that is alone there, and for which nothing else was under way.
#include "core/assert.hpp"
#include "proxy/session.hpp"

namespace ashlar::proxy {

namespace {
// More than this is not kept.
constexpr std::size_t flight_kept = 64 * 1024;
}  // namespace

// Recovery cancels statements that hold it up, as if they had met another transaction. A function that is declared STABLE
// may call one that writes: that is for the primary.
void session::look_for_second_try(const wire::frame& f) {
    if (!second_.allowed || second_.anywhere || stream_.sent() != second_.sent) return;
    // A field begins behind the zero of the one before; the code is never the first.
    const auto is = [&](std::string_view state) { return f.body.find(state) != f.body.npos; };
    const bool writes = is({"\0C25006\0", 8});
    if (!writes && !is({"\0C40001\0", 8}) && !is({"\0C40P01\0", 8})) return;
    second_.conflicted = true;
    second_.writes = writes;
}

void session::allow_second_try() {
    second_.allowed = true;
    second_.anywhere = second_.conflicted = false;
    second_.mark = stream_.out().size();
    second_.sent = stream_.sent();
}

// Before a Bind that a replica is asked for, or any server. All up to the Sync must have come: a message that is still on its
// way cannot be kept.
void session::keep_flight(const client_message& bind) {
    const bool alone = expected_.empty() && to_server_.empty() && current_ == nullptr && !unsynced_;
    second_.allowed = false;
    if (!alone || !sync_follows()) return;
    if (!second_.again) {
        std::string_view rest = stream_.rest();
        std::size_t size = 0;
        wire::frame_header head;
        while (wire::read_frame_header(rest.substr(size), head) == wire::header_state::good &&
               head.type != wire::client_says::sync) {
            size += 5 + std::size_t{head.body_size};
        }
        if (bind.whole.size() + size > flight_kept) return;
        second_.flight.assign(bind.whole);
        second_.flight += rest.substr(0, size);
        second_.parse_owed = parse_owed_;
        second_.avoid = 0;
        second_.writes = false;
    }
    allow_second_try();
}

// Takes back what the client would have got, and remembers who is not to be asked again.
void session::take_back(const participant& from) {
    stream_.out().resize(second_.mark);
    // Numbers are of one place: where any place will do, the next one is another.
    if (!second_.anywhere) second_.avoid |= std::uint64_t{1} << from.loan.server;
    second_.allowed = second_.conflicted = false;
    expected_.clear();
    drop_gathered();
    held_.clear();
    gaps_.clear();
    passed_on_ = 0;
    torn_ = error_seen_ = false;
}

void session::end_second_try() {
    second_.allowed = second_.anywhere = second_.again = second_.writes = false;
    second_.avoid = 0;
    if (second_.parse_owed != nullptr) second_.parse_owed.reset();
}

// The flight that has failed at its Sync, once more. `p` has been taken back from.
task<status> session::fly_again() {
    end_flight();
    skipping_ = false;
    flight_.clear();
    parse_owed_ = second_.parse_owed;
    if (!release_now()) co_await release_all();
    const std::string flight = second_.flight;
    second_.again = true;
    std::string_view rest = flight;
    while (!rest.empty()) {
        wire::frame_header head;
        ASHLAR_ASSERT(wire::read_frame_header(rest, head) == wire::header_state::good);
        client_message m;
        m.type = head.type;
        m.whole = rest.substr(0, 5 + std::size_t{head.body_size});
        m.body = m.whole.substr(5);
        if (m.type == wire::client_says::bind) {
            if (status read = wire::read_bind_into(bind_, m.body); read) statements_.close_portal(bind_.portal);
        }
        if (task<status> dealing = handle(m)) {
            status dealt = co_await dealing;
            if (!dealt) co_return dealt;
        }
        rest.remove_prefix(m.whole.size());
    }
    co_return co_await on_sync();
}

}  // namespace ashlar::proxy
