// Which servers do not answer: the monitor's verdict, and the doubt that makes it look. A stopped server accepts connections and
// says nothing; only waiting tells.
#include "core/io/task_group.hpp"
#include "topology/server_set.hpp"
#include "topology/server_set_parts.hpp"

#include <fmt/format.h>

namespace ashlar::topology {

namespace {

// An answer that is owed for longer makes statements that others can answer go elsewhere.
constexpr milliseconds doubt_after{500};
// How long what was found counts; asking a pool costs its lock.
constexpr milliseconds doubt_holds{100};
constexpr milliseconds looks_apart{1'000};
constexpr milliseconds silence_checked_every{250};

}  // namespace

bool server_set::is_in_doubt(std::size_t which, instant now) {
    mark& m = marks_[which];
    if (m.silent.load(std::memory_order_relaxed)) return true;
    if (now - doubt_holds < at(m.doubt_at)) return m.doubted.load(std::memory_order_relaxed);
    put(m.doubt_at, now);
    const auto since = servers_[which].pool->unanswered_since();
    const bool doubted = since && now - *since > doubt_after;
    m.doubted.store(doubted, std::memory_order_relaxed);
    if (doubted && at(m.asked_at) < now - looks_apart) {
        put(m.asked_at, now);
        asked_.store(true, std::memory_order_relaxed);
        wake_.set();
    }
    return doubted;
}

bool server_set::seems_well(instant now) {
    const auto who = writer_now();
    return who && !is_in_doubt(*who, now);
}

task<std::optional<result<pool::lease>>> server_set::lend_one(io::loop& loop, std::size_t which, deadline until,
                                                              pool::borrower who) {
    co_return co_await servers_[which].pool->lend(loop, until, who);
}

task<std::optional<result<pool::lease>>> server_set::await_silence(io::loop& loop, std::size_t which) {
    while (!is_silent(which)) (void)co_await loop.sleep_until(deadline{loop.now() + silence_checked_every});
    co_return std::nullopt;
}

// A connection, or the news that the server does not answer while it was waited for.
task<result<pool::lease>> server_set::lend_unless_silent(io::loop& loop, std::size_t which, deadline until,
                                                         pool::borrower who) {
    pool::lease ready = servers_[which].pool->lend_ready(loop, who);
    if (ready) co_return ready;
    io::cancel_scope* outer = co_await io::this_scope{};
    io::task_group<std::optional<result<pool::lease>>> race{loop, outer};
    std::optional<std::optional<result<pool::lease>>> first;
    std::exception_ptr thrown;
    try {
        race.start(lend_one(loop, which, until, who));
        race.start(await_silence(loop, which));
        first = co_await race.next();
    } catch (...) {
        thrown = std::current_exception();
    }
    co_await race.cancel_and_join();
    if (thrown) std::rethrow_exception(thrown);
    if (first && *first) co_return std::move(**first);
    co_return error{errc::connect_failed, fmt::format("{} does not answer", servers_[which].name)};
}

}  // namespace ashlar::topology
