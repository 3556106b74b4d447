#include "cluster/fiber.hpp"

#include "core/assert.hpp"

#include <cxxabi.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <exception>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace ashlar::detail {

namespace {

thread_local fiber* running = nullptr;

// The exceptions being handled belong to a stack, but the runtime keeps them per thread: two machine words, which travel
// with each switch (the Itanium C++ ABI's __cxa_eh_globals).
struct exceptions_under_way {
    void* caught = nullptr;
    unsigned int uncaught = 0;
};

void swap_exceptions(exceptions_under_way& other) noexcept {
    void* globals = abi::__cxa_get_globals();
    exceptions_under_way mine;
    std::memcpy(&mine, globals, sizeof mine);
    std::memcpy(globals, &other, sizeof other);
    other = mine;
}

class stack {
public:
    stack() : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))) {
        base_ = ::mmap(nullptr, fiber::stack_size + page_, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
        if (base_ == MAP_FAILED) throw std::bad_alloc{};
        if (::mprotect(base_, page_, PROT_NONE)) {
            ::munmap(base_, fiber::stack_size + page_);
            throw std::bad_alloc{};
        }
    }
    ~stack() { ::munmap(base_, fiber::stack_size + page_); }
    stack(const stack&) = delete;
    stack& operator=(const stack&) = delete;
    void* begin() const noexcept { return static_cast<char*>(base_) + page_; }

private:
    std::size_t page_;
    void* base_ = nullptr;
};

}  // namespace

struct fiber::inside {
    std::function<void()> body;
    stack memory;
    ucontext_t own{}, resumer{};
    exceptions_under_way exceptions;  // of whichever side does not run
    fiber* outer = nullptr;           // who ran when this was resumed
    io::task<void> wanted;
    std::exception_ptr thrown;  // by what was wanted
    bool started = false, ended = false;
#if defined(__SANITIZE_ADDRESS__)
    void* own_fake_stack = nullptr;
    void* resumer_fake_stack = nullptr;
    const void* resumer_stack = nullptr;
    std::size_t resumer_stack_size = 0;
#endif
#if defined(__SANITIZE_THREAD__)
    void* own_state = __tsan_create_fiber(0);
    void* resumer_state = nullptr;
    ~inside() {
        __tsan_destroy_fiber(own_state);
    }
#endif

    void enter() {
        swap_exceptions(exceptions);
#if defined(__SANITIZE_THREAD__)
        resumer_state = __tsan_get_current_fiber();
        __tsan_switch_to_fiber(own_state, 0);
#endif
#if defined(__SANITIZE_ADDRESS__)
        __sanitizer_start_switch_fiber(&resumer_fake_stack, memory.begin(), fiber::stack_size);
#endif
        ::swapcontext(&resumer, &own);
#if defined(__SANITIZE_ADDRESS__)
        __sanitizer_finish_switch_fiber(resumer_fake_stack, nullptr, nullptr);
#endif
        swap_exceptions(exceptions);
    }

    void leave() {
#if defined(__SANITIZE_THREAD__)
        __tsan_switch_to_fiber(resumer_state, 0);
#endif
#if defined(__SANITIZE_ADDRESS__)
        __sanitizer_start_switch_fiber(ended ? nullptr : &own_fake_stack, resumer_stack, resumer_stack_size);
#endif
        ::swapcontext(&own, &resumer);
        arrived();
    }

    void arrived() {
#if defined(__SANITIZE_ADDRESS__)
        __sanitizer_finish_switch_fiber(own_fake_stack, &resumer_stack, &resumer_stack_size);
#endif
    }

    // A function of its own: getcontext() may return twice as far as the compiler knows, which it holds against the
    // caller's variables.
    void prepare() {
        started = true;
        ::getcontext(&own);
        own.uc_stack.ss_sp = memory.begin();
        own.uc_stack.ss_size = stack_size;
        own.uc_link = nullptr;
        const auto address = reinterpret_cast<std::uintptr_t>(this);
        ::makecontext(&own, reinterpret_cast<void (*)()>(&inside::start), 2, static_cast<unsigned>(address >> 32),
                      static_cast<unsigned>(address));
    }

    // makecontext() takes ints only.
    static void start(unsigned high, unsigned low) {
        auto* self = reinterpret_cast<inside*>(std::uintptr_t{high} << 32 | low);
        self->arrived();
        self->body();
        self->ended = true;
        self->leave();
    }
};

fiber::fiber(std::function<void()> body) : inside_(std::make_unique<inside>()) {
    inside_->body = std::move(body);
}

fiber::~fiber() {
    ASHLAR_ASSERT(inside_->ended || !inside_->started);
}

fiber* fiber::current() noexcept {
    return running;
}

void fiber::resume() {
    inside& me = *inside_;
    if (!me.started) me.prepare();
    me.outer = running;
    running = this;
    me.enter();
    running = me.outer;
}

void fiber::park(io::task<void> until) {
    ASHLAR_ASSERT(running == this);
    inside_->wanted = std::move(until);
    inside_->leave();
    if (inside_->thrown) std::rethrow_exception(std::exchange(inside_->thrown, nullptr));
}

io::task<void> fiber::drive() {
    for (;;) {
        resume();
        if (inside_->ended) co_return;
        io::task<void> wanted = std::move(inside_->wanted);
        try {
            co_await wanted;
        } catch (...) {
            inside_->thrown = std::current_exception();
        }
    }
}

}  // namespace ashlar::detail
