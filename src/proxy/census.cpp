#include "proxy/census.hpp"

#include "proxy/worker.hpp"

namespace ashlar::proxy {

census::census(std::size_t workers, bool list_clients)
    : list_clients_(list_clients), reports_(workers), missing_(workers) {}

std::shared_ptr<census> census::begin(std::span<worker* const> of, bool list_clients) {
    std::shared_ptr<census> made{new census{of.size(), list_clients}};
    for (worker* const each : of) each->tell(made);
    return made;
}

void census::told(std::size_t by, worker_report what) {
    std::lock_guard hold{guard_};
    reports_[by] = std::move(what);
    if (--missing_ > 0) return;
    changed_.notify_all();
    all_told_.set();
}

result<std::vector<worker_report>> census::take() {
    std::lock_guard hold{guard_};
    if (missing_ > 0) {
        return error{errc::deadline_passed, "a worker of the proxy did not answer in time"}.hint(
            "It is busy, or the proxy is shutting down. Ask again.");
    }
    std::vector<worker_report> out;
    out.reserve(reports_.size());
    for (auto& each : reports_) out.push_back(std::move(*each));
    return out;
}

task<result<std::vector<worker_report>>> census::wait(io::loop& on) {
    const std::shared_ptr<census> self = shared_from_this();
    const deadline until{on.now() + patience};
    (void)co_await on.wait_for(self->all_told_, until);
    co_return self->take();
}

result<std::vector<worker_report>> census::block() {
    {
        std::unique_lock hold{guard_};
        changed_.wait_for(hold, patience, [this] { return missing_ == 0; });
    }
    return take();
}

}  // namespace ashlar::proxy
