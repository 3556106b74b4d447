// What the pool does by itself: opens connections that are wanted, resets the returned, closes the idle and the old.
#include "pool/pool_inside.hpp"

namespace ashlar::pool {

task<status> pool::run(io::loop& housekeeper) {
    const std::shared_ptr<pool> self = shared_from_this();
    inside& in = *inside_;
    io::this_scope here;
    io::cancel_scope* const outer = co_await here;
    {
        std::lock_guard hold{in.guard};
        ASHLAR_ASSERT(!in.has_housekeeper);
        in.has_housekeeper = true;
    }
    io::task_group<void> tending{housekeeper, outer};
    std::exception_ptr thrown;
    try {
        co_await in.keep_house(housekeeper, tending);
    } catch (...) {
        thrown = std::current_exception();
    }
    co_await tending.cancel_and_join();
    std::vector<farewell> unseen;
    {
        std::lock_guard hold{in.guard};
        in.has_housekeeper = false;
        unseen.swap(in.farewells);
    }
    if (thrown) std::rethrow_exception(thrown);
    co_return status{};
}

task<void> pool::inside::keep_house(io::loop& on, io::task_group<void>& tending) {
    for (;;) {
        wake.reset();
        tending.drop_ended();
        chores todo;
        std::vector<farewell> leaving;
        bool all_done = false;
        {
            const visit here{*this};
            const instant at_now = now();
            if (cap != nullptr && rules.wants_more(at_now) && cap->take_free(number)) rules.put_room(at_now);
            todo = rules.housekeep(at_now);
            for (const slot_number slot : todo.close) close(slot);
            all_done = rules.is_stopped() && rules.is_empty();
            if (cap != nullptr) settle_with_cap();
            hand_out();
            leaving.swap(farewells);
        }
        if (all_done) co_return;
        for (farewell& each : leaving) tending.start(see_off(on, std::move(each)));
        for (const slot_number slot : todo.reset) tending.start(tend(on, slot));
        if (todo.open) tending.start(warm(on, *todo.open));
        (void)co_await on.wait_for(wake, deadline{todo.look_again});
    }
}

task<void> pool::inside::see_off(io::loop& on, farewell what) {
    co_await what.wait(on);
    what.over();
}

// Opens a connection that nobody waits for yet. Destroyed amid: the slot is free again.
task<void> pool::inside::warm(io::loop& on, slot_number slot) {
    struct attempt {
        inside& of;
        slot_number slot;
        bool ended;
        attempt(inside& i, slot_number s) : of(i), slot(s), ended(false) {}
        ~attempt() {
            if (!ended) of.open_abandoned(slot, true);
        }
    } trying{*this, slot};
    auto got = co_await server->connect(on, deadline{now() + options.connect_timeout});
    trying.ended = true;
    if (!got) {
        open_failed(slot, got.error());
    } else {
        connection_ptr what = std::move(*got);
        (void)opened(slot, what, false, on);
    }
    wake.set();
}

// Resets what came back dirty. Destroyed amid: nobody knows how far the reset came, so the connection is closed.
task<void> pool::inside::tend(io::loop& on, slot_number slot) {
    struct chore_at {
        inside& of;
        slot_number slot;
        connection_ptr what;
        chore_at(inside& i, slot_number s) : of(i), slot(s) {
            std::lock_guard hold{of.guard};
            what = std::move(of.at(slot));
        }
        ~chore_at() {
            if (what) end(false, nullptr);
        }
        void end(bool well, place bound_to) {
            const visit here{of};
            of.at(slot) = std::move(what);
            if (!of.rules.chore_done(slot, well, bound_to, of.now())) of.close(slot);
            of.pass_on();
        }
    } tending{*this, slot};
    tending.what->bind(on);
    const bool well = co_await make_ready(*tending.what, chore::reset, deadline::never());
    tending.end(well, well ? park(*tending.what, on) : nullptr);
    wake.set();
}

}  // namespace ashlar::pool
