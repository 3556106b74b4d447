#include "driver/cancel_request.hpp"

#include "core/io/blocking_threads.hpp"

#include <utility>

namespace ashlar::driver {

void cancel_request::send() {
    {
        const std::lock_guard hold{guard_};
        if (under_way_) return;
        under_way_ = sent_ = true;
        over_ = io::signal{};  // of this request; whoever waited for the last one has a copy of it
    }
    io::run_on_blocking_thread([self = shared_from_this()] {
        self->carry_out();
        const std::lock_guard hold{self->guard_};
        self->under_way_ = false;
        self->over_.set();
    });
}

bool cancel_request::is_under_way() const {
    const std::lock_guard hold{guard_};
    return under_way_;
}

bool cancel_request::was_sent() const {
    const std::lock_guard hold{guard_};
    return sent_;
}

bool cancel_request::take_sent() {
    const std::lock_guard hold{guard_};
    return std::exchange(sent_, false);
}

task<bool> cancel_request::settled(io::loop& on, deadline until) {
    for (;;) {
        io::signal over;
        {
            const std::lock_guard hold{guard_};
            if (!under_way_) co_return true;
            over = over_;
        }
        if (status s = co_await on.wait_for(over, until); !s) co_return !is_under_way();
    }
}

}  // namespace ashlar::driver
