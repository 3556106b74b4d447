// Logging in needs a server, and any will do: one whose database is away, or is written by two, is passed over.
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

namespace ashlar::proxy {

namespace {

// Another server may do what this one could not.
bool is_away(const error& why) {
    switch (why.code()) {
        case errc::connect_failed:
        case errc::connection_lost:
        case errc::peer_closed:
        case errc::deadline_passed:
        case errc::pool_timeout:
        case errc::pool_queue_full:
        case errc::shard_unavailable:
        case errc::login_failed:
        case errc::database_unknown:
        case errc::config_invalid:  // its mark does not fit
            return true;
        default:
            return false;
    }
}

}  // namespace

task<result<participant*>> session::acquire_any() {
    const std::size_t shards = shared_.shards();
    const std::size_t first = any_place();
    std::vector<std::size_t> ready, others;
    for (std::size_t i = 0; i < std::max<std::size_t>(shards, 1); ++i) {
        const std::size_t place = shards == 0 ? first : (first + i) % shards;
        (shared_.place(place).servers->writer_now() ? ready : others).push_back(place);
    }
    ready.insert(ready.end(), others.begin(), others.end());
    std::optional<error> why;
    for (const std::size_t place : ready) {
        auto got = co_await acquire(place, false);
        if (got || !is_away(got.error())) co_return got;
        if (!why) why = got.error();
    }
    for (const std::size_t place : ready) {
        if (shared_.place(place).servers->is_alone() || !shared_.place(place).servers->gate_is_open()) continue;
        auto got = co_await acquire_to_look(place);
        if (got || !is_away(got.error())) co_return got;
    }
    co_return std::move(*why);
}

task<result<participant*>> session::acquire_to_look(std::size_t place) {
    const deadline until{loop_.now() + shared_.settings().client_login_timeout};
    auto lent = co_await shared_.place(place).servers->lend_to_look(loop_, until);
    if (!lent) co_return std::move(lent).error();
    participant& p = enter(place, std::move(*lent), false);
    status good;
    if (p.link != nullptr) good = co_await put_settings(p);
    if (good) co_return &p;
    p.loan.lease.discard();
    participants_.pop_back();
    co_return std::move(good).error();
}

}  // namespace ashlar::proxy
