// A pool that shares its server's connections with others: getting room, giving way, and seeing off what was closed.
#include "pool/pool_inside.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace ashlar::pool {

namespace {
// A server that does not end a connection whose client has left is not waited for longer.
constexpr milliseconds farewell_patience{1'000};
}  // namespace

// --- visits ----------------------------------------------------------------------------------------------------------

void pool::inside::visit::end() noexcept {
    std::vector<connection_ptr> dead = std::move(of_.dead);
    of_.dead.clear();
    hold_.unlock();
    for (connection_ptr& each : dead) of_.bury(std::move(each));
    if (!quietly_ && of_.cap != nullptr && of_.cap->has_orders()) of_.cap->carry_out();
}

void pool::inside::close(slot_number slot, bool counted) {
    if (cap != nullptr && !counted) cap->leaving(number);
    dead.push_back(std::move(at(slot)));
}

// Without the guard. Room is free only once the server has seen the end, lest it sees the newcomer first.
void pool::inside::bury(connection_ptr what) {
    if (cap == nullptr) return;
    farewell last{cap, number, what->watch_end()};
    what.reset();
    last.close_our_side();
    const std::lock_guard hold{guard};
    if (!has_housekeeper || !last.is_awaited()) return;
    farewells.push_back(std::move(last));
    wake.set();
}

void farewell::over() noexcept {
    if (end_ >= 0) ::close(std::exchange(end_, -1));
    const std::shared_ptr<server_cap> cap = std::exchange(cap_, nullptr);
    if (cap == nullptr) return;
    cap->gone(of_, true);
    cap->carry_out();
}

// The server is not to wait for more from one who has left without a word.
void farewell::close_our_side() const noexcept {
    if (end_ >= 0) (void)::shutdown(end_, SHUT_WR);
}

task<void> farewell::wait(io::loop& on) {
    struct forgotten {
        io::loop& of;
        int descriptor;
        forgotten(io::loop& l, int d) : of(l), descriptor(d) {}
        ~forgotten() { of.forget(descriptor); }
    } at_end{on, end_};
    const deadline until = deadline{on.now() + farewell_patience};
    std::array<char, 512> dropped{};
    for (;;) {
        auto got = co_await on.receive(end_, dropped, until);
        if (!got || *got == 0) co_return;
    }
}

// --- room ------------------------------------------------------------------------------------------------------------

void pool::inside::take_free_room() {
    if (cap == nullptr) return;
    const instant at_now = now();
    if (rules.would_open(at_now) && cap->take_free(number)) rules.put_room(at_now);
}

// With the guard held: gives up what others wait for, asks for room or calls that off, and returns what is not needed.
void pool::inside::settle_with_cap() {
    const instant at_now = now();
    while (rules.has_idle() && cap->is_contended() && cap->yields(number, std::nullopt)) close(*rules.give_way(), true);
    while (const auto since = rules.wants_room(at_now)) {
        wants_room = !cap->want(number, *since);
        if (wants_room) break;
        rules.put_room(at_now);
    }
    if (wants_room && !rules.wants_room(at_now)) {
        cap->unwant(number);
        wants_room = false;
    }
    for (std::uint32_t spare = rules.take_room_back(); spare > 0; --spare) cap->gone(number, false);
}

void pool::inside::room_granted() {
    const visit here{*this, true};
    rules.put_room(now());
    pass_on();
}

instant pool::inside::longest_idle() {
    const std::lock_guard hold{guard};
    return rules.longest_idle();
}

bool pool::inside::give_way() {
    const visit here{*this, true};
    const auto slot = rules.give_way();
    if (!slot) return false;
    close(*slot);
    pass_on();
    return true;
}

}  // namespace ashlar::pool
