#include "core/io/sim_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ashlar::io {

using detail::op_kind;
using detail::op_state;
using detail::operation;

namespace {

constexpr std::size_t window = 64 * 1024;

}  // namespace

sim_loop::sim_loop(std::uint64_t seed, sim_faults faults) : seed_(seed), random_(seed), faults_(faults) {
    now_ = instant{} + std::chrono::hours{1};  // the same in every run
}

sim_loop::~sim_loop() = default;

bool sim_loop::chance(double p) {
    return p > 0 && std::uniform_real_distribution<double>{0, 1}(random_) < p;
}

milliseconds sim_loop::between(milliseconds least, milliseconds most) {
    return milliseconds{std::uniform_int_distribution<std::int64_t>{least.count(), most.count()}(random_)};
}

// --- streams ------------------------------------------------------------------------------------------------------

std::pair<int, int> sim_loop::make_stream() {
    const int a = next_fd_++;
    const int b = next_fd_++;
    ends_[a].peer = b;
    ends_[b].peer = a;
    return {a, b};
}

sim_loop::end* sim_loop::find(int fd) {
    const auto at = ends_.find(fd);
    return at == ends_.end() ? nullptr : &at->second;
}

void sim_loop::finish_sending(int fd) {
    end* const mine = find(fd);
    end* const other = mine != nullptr ? find(mine->peer) : nullptr;
    if (other == nullptr || other->peer_finished) return;
    other->peer_finished = true;
    other->finished_due = other->inbox.empty() ? now_ : other->inbox.back().due;
}

void sim_loop::close(int fd) noexcept {
    finish_sending(fd);
    end* const mine = find(fd);
    if (mine == nullptr) return;
    ASHLAR_ASSERT(mine->reader == nullptr && mine->writer == nullptr);
    ends_.erase(fd);
}

void sim_loop::cut(int fd) {
    end* const mine = find(fd);
    if (mine == nullptr) return;
    mine->was_cut = true;
    if (end* const other = find(mine->peer)) other->was_cut = true;
}

void sim_loop::send_now(int fd, std::string_view bytes) noexcept {
    end* const mine = find(fd);
    end* const other = mine != nullptr && !mine->was_cut ? find(mine->peer) : nullptr;
    if (other != nullptr && !bytes.empty() && other->held < window) (void)put(*other, bytes);
}

std::optional<std::size_t> sim_loop::peek(int fd, std::span<char> into) noexcept {
    const end* const mine = find(fd);
    if (mine == nullptr || mine->was_cut) return std::nullopt;
    std::size_t seen = 0;
    for (const segment& each : mine->inbox) {
        if (each.due > now_ || seen == into.size()) break;
        seen += each.bytes.copy(into.data() + seen, into.size() - seen);
    }
    if (seen == 0 && peer_has_closed(fd)) return std::nullopt;
    return seen;
}

bool sim_loop::peer_has_closed(int fd) noexcept {
    const end* const mine = find(fd);
    return mine == nullptr || mine->was_cut || (mine->peer_finished && mine->finished_due <= now_);
}

void sim_loop::shut_down(int fd) noexcept {
    finish_sending(fd);
    end* const mine = find(fd);
    if (mine == nullptr) return;
    mine->inbox.clear();
    mine->held = 0;
    mine->peer_finished = true;
    mine->finished_due = now_;
}

void sim_loop::advance(nanoseconds span) {
    struct scene {
        static task<void> sleep(loop& l, deadline until) { (void)co_await l.sleep_until(until); }
    };
    run(scene::sleep(*this, deadline{now_ + span}));
}

// --- operations ---------------------------------------------------------------------------------------------------

bool sim_loop::try_now(operation& op) {
    end* const e = find(op.fd);
    if (e == nullptr) {
        op.error_number = EBADF;
        return true;
    }
    if (chance(faults_.cut)) cut(op.fd);
    return attempt(op, *e);
}

// True: it ended.
bool sim_loop::attempt(operation& op, end& e) {
    if (e.was_cut) {
        op.error_number = ECONNRESET;
        return true;
    }
    const bool has_bytes = !e.inbox.empty() && e.inbox.front().due <= now_;
    const bool at_end = e.peer_finished && e.inbox.empty() && e.finished_due <= now_;
    switch (op.kind) {
        case op_kind::receive:
            return has_bytes ? receive(op, e) : at_end;
        case op_kind::send:
            return send(op, e);
        case op_kind::wait:
            if (op.direction == interest::readable) return has_bytes || at_end;
            {
                const end* const other = find(e.peer);
                return other == nullptr || other->held < window;
            }
        case op_kind::arrival:
            return has_bytes || at_end;
        default:
            return false;
    }
}

bool sim_loop::receive(operation& op, end& e) {
    std::size_t room = part_of(op.size);
    while (room > 0 && !e.inbox.empty() && e.inbox.front().due <= now_) {
        segment& s = e.inbox.front();
        const std::size_t n = std::min(room, s.bytes.size());
        std::memcpy(op.data + op.done, s.bytes.data(), n);
        op.done += n;
        room -= n;
        e.held -= n;
        s.bytes.erase(0, n);
        if (s.bytes.empty()) e.inbox.pop_front();
    }
    return true;
}

bool sim_loop::send(operation& op, end& e) {
    end* const other = find(e.peer);
    if (other == nullptr) {
        op.error_number = EPIPE;
        return true;
    }
    while (op.done < op.size && other->held < window) op.done += put(*other, {op.data + op.done, op.size - op.done});
    return op.done == op.size;
}

// Some of the bytes, as many as its window has room for. Precondition: it has.
std::size_t sim_loop::put(end& into, std::string_view bytes) {
    const std::size_t n = part_of(std::min(bytes.size(), window - into.held));
    instant due = now_;
    if (faults_.delay_most > milliseconds{0}) due += between(milliseconds{0}, faults_.delay_most);
    if (!into.inbox.empty()) due = std::max(due, into.inbox.back().due);
    into.inbox.push_back(segment{due, std::string{bytes.substr(0, n)}});
    into.held += n;
    return n;
}

std::size_t sim_loop::part_of(std::size_t whole) {
    if (whole < 2 || !chance(faults_.partial)) return whole;
    return std::uniform_int_distribution<std::size_t>{1, whole - 1}(random_);
}

bool sim_loop::watch(operation& op) {
    end& e = *find(op.fd);
    operation*& place = op.direction == interest::readable ? e.reader : e.writer;
    ASHLAR_ASSERT(place == nullptr);
    place = &op;
    return true;
}

void sim_loop::unwatch(operation& op) {
    end* const e = find(op.fd);
    if (e == nullptr) return;
    operation*& place = op.direction == interest::readable ? e->reader : e->writer;
    if (place == &op) place = nullptr;
}

// --- the clock ----------------------------------------------------------------------------------------------------

bool sim_loop::serve() {
    bool any = false;
    for (auto& [fd, e] : ends_) {
        for (operation** place : {&e.reader, &e.writer}) {
            if (*place == nullptr || !attempt(**place, e)) continue;
            finish(*std::exchange(*place, nullptr), op_state::done);
            any = true;
        }
    }
    return any;
}

instant sim_loop::next_delivery() const {
    instant next = instant::max();
    for (const auto& [fd, e] : ends_) {
        if (e.reader == nullptr) continue;
        if (!e.inbox.empty()) {
            next = std::min(next, e.inbox.front().due);
        } else if (e.peer_finished) {
            next = std::min(next, e.finished_due);
        }
    }
    return next;
}

void sim_loop::turn(deadline until) {
    {
        std::lock_guard hold{guard_};
        if (std::exchange(woken_, false)) return;
    }
    if (serve() || until.at() == instant::min()) return;
    const instant next = std::min(until.at(), next_delivery());
    if (next == instant::max()) {
        wait_for_outside();
        return;
    }
    now_ = std::max(now_, next);
    (void)serve();
}

void sim_loop::wait_for_outside() {
    std::unique_lock hold{guard_};
    const bool came = outside_.wait_for(hold, std::chrono::seconds{10}, [this] { return woken_; });
    ASHLAR_ASSERT(came && "the simulation is stuck: nothing is ready and nothing is due");
    woken_ = false;
}

void sim_loop::wake() noexcept {
    std::lock_guard hold{guard_};
    woken_ = true;
    outside_.notify_one();
}

}  // namespace ashlar::io
