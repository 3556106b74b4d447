#include "cluster/silence.hpp"

#include "core/io/task_group.hpp"

#include <fmt/format.h>

#include <optional>

namespace ashlar::detail {

namespace {

constexpr std::chrono::milliseconds looks_apart{250};

using outcome = std::optional<result<rows>>;  // empty: a server is silent

io::task<outcome> carry_out(io::task<result<rows>> work) {
    co_return co_await work;
}

io::task<outcome> watch(io::loop& loop, const silent_server& look, std::string& silent) {
    while (silent.empty()) {
        (void)co_await loop.sleep_until(deadline{loop.now() + looks_apart});
        silent = look();
    }
    co_return std::nullopt;
}

}  // namespace

io::task<result<rows>> unless_silent(io::loop& loop, io::task<result<rows>> work, silent_server look) {
    io::cancel_scope* outer = co_await io::this_scope{};
    io::task_group<outcome> race{loop, outer};
    std::string silent;
    std::optional<outcome> first;
    std::exception_ptr thrown;
    try {
        race.start(carry_out(std::move(work)));
        race.start(watch(loop, look, silent));
        first = co_await race.next();
    } catch (...) {
        thrown = std::current_exception();
    }
    co_await race.cancel_and_join();
    if (thrown) std::rethrow_exception(thrown);
    if (first && *first) co_return std::move(**first);
    co_return error{errc::connection_lost, fmt::format("{} does not answer any more", silent)};
}

}  // namespace ashlar::detail
