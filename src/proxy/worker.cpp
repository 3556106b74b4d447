#include "proxy/worker.hpp"

#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

namespace ashlar::proxy {

namespace {

// A vanished client must not hold its transaction's locks: it counts as gone when it leaves probes unanswered for about half a
// minute (TRAPS 22). What was sent to it and stays unacknowledged is looked after by the session: TCP_USER_TIMEOUT would
// also end a client who is there and reads slowly.
void prepare_socket(int descriptor) {
    const auto set = [&](int level, int option, int value) {
        (void)::setsockopt(descriptor, level, option, &value, sizeof value);
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
    set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
    set(IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace

worker::worker(service& shared, std::uint32_t number, std::uint32_t workers)
    : shared_(shared),
      number_(number),
      workers_(workers),
      loop_(io::make_epoll_loop()),
      plans_(number, shared.shown_name()),
      before_at_(loop_->now()),
      last_at_(before_at_) {
    tasks_.emplace(*loop_);
}

worker::~worker() = default;

void worker::start() {
    thread_ = std::thread{[this] { run(); }};
}

void worker::run() {
    // Signals are for the program's main thread.
    sigset_t all;
    sigfillset(&all);
    (void)::pthread_sigmask(SIG_BLOCK, &all, nullptr);
    loop_->run(sweep());
    // Only now are all sessions at their end.
    loop_->run(tasks_->cancel_and_join());
}

void worker::join() {
    if (thread_.joinable()) thread_.join();
}

void worker::take_client(int descriptor) {
    const std::size_t now = clients_.fetch_add(1, std::memory_order_relaxed) + 1;
    std::size_t most = clients_most_.load(std::memory_order_relaxed);
    while (most < now && !clients_most_.compare_exchange_weak(most, now, std::memory_order_relaxed)) {
    }
    strangers_count_.fetch_add(1, std::memory_order_relaxed);
    loop_->post([this, descriptor] { tasks_->start(serve_client(descriptor)); });
}

void worker::end_oldest_stranger() {
    // Counted as gone at once, so that who comes in a burst is weighed against what is left.
    strangers_count_.fetch_sub(1, std::memory_order_relaxed);
    clients_.fetch_sub(1, std::memory_order_relaxed);
    loop_->post([this] {
        if (strangers_.empty()) {  // it has logged in or left meanwhile
            strangers_count_.fetch_add(1, std::memory_order_relaxed);
            clients_.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        session& oldest = *strangers_.begin()->second;
        strangers_.erase(strangers_.begin());
        oldest.crowded_out = true;
        oldest.scope->cancel();
    });
}

void worker::no_stranger(const session& who) {
    if (strangers_.erase(who.arrival) != 0) strangers_count_.fetch_sub(1, std::memory_order_relaxed);
}

wire::cancel_key worker::new_key() {
    // The process number tells the worker; it is never 0 and not in use.
    std::uint32_t process = 0;
    do {
        process = next_process_++ * workers_ + number_;
        if (next_process_ > 0x7fff'ffff / workers_ - 1) next_process_ = 1;
    } while (process == 0 || sessions_.count(process) != 0);
    wire::cancel_key key;
    key.process = process;
    key.secret.resize(4);
    ASHLAR_ASSERT(::getrandom(key.secret.data(), key.secret.size(), 0) == 4);
    return key;
}

task<void> worker::serve_client(int descriptor) {
    prepare_socket(descriptor);
    session one{*this, shared_, *loop_, io::byte_stream{*loop_, descriptor}, buffers_, new_key()};
    // A scope of its own, so that one client can be ended without the others.
    io::cancel_scope* outer = co_await io::this_scope{};
    io::cancel_scope scope{outer};
    one.scope = &scope;
    sessions_.emplace(one.key().process, &one);
    one.arrival = arrivals_++;
    strangers_.emplace(one.arrival, &one);
    co_await one.run();
    no_stranger(one);
    sessions_.erase(one.key().process);
    if (!one.crowded_out) clients_.fetch_sub(1, std::memory_order_relaxed);
}

task<void> worker::sweep() {
    while (sweeping_) {
        const milliseconds beat = drain_until_ ? milliseconds{20} : milliseconds{1'000};
        const deadline next{loop_->now() + beat};
        (void)co_await loop_->wait_for(hurry_, next);
        if (hurry_.is_set()) hurry_.reset();
        tasks_->drop_ended();
        keep_averages();
        if (number_ == 0) look_at_heap();
        std::vector<session*> all;
        all.reserve(sessions_.size());
        for (auto& [number, each] : sessions_) all.push_back(each);
        for (session* each : all) {
            each->look_after(loop_->now());
            if (drain_until_ && each->scope != nullptr && (each->is_at_rest() || drain_until_->passed(loop_->now()))) {
                each->scope->cancel();
            }
        }
        if (drain_until_ && sessions_.empty()) sweeping_ = false;
    }
}

// What clients who have left, and answers that have been sent, took is the system's again before long.
void worker::look_at_heap() {
    trim_rules::sight clients, bytes;
    for (worker* each : all_) {
        clients.now += each->clients();
        clients.most += each->clients_most_.exchange(each->clients(), std::memory_order_relaxed);
    }
    bytes.most = shared_.memory()->peak_since_last();
    bytes.now = shared_.memory()->used();
    if (trimming_.look(clients, bytes, loop_->now())) tasks_->start(trim_heap());
}

task<void> worker::trim_heap() {
    co_await loop_->run_blocking([] { (void)::malloc_trim(0); });
}

// --- what it tells --------------------------------------------------------------------------------------------------

traffic worker::totals() const {
    traffic out = counted_;
    for (const auto& [number, each] : sessions_) each->add_bytes(out);
    return out;
}

void worker::keep_averages() {
    const instant now = loop_->now();
    if (now - last_at_ < shared_.settings().stats_period) return;
    before_ = std::exchange(last_, totals());
    before_at_ = std::exchange(last_at_, now);
}

void worker::tell(std::shared_ptr<census> into) {
    loop_->post([this, into = std::move(into)] { report(into); });
}

void worker::report(const std::shared_ptr<census>& into) {
    auto what = std::make_shared<worker_report>();  // shared with the turns that list its clients
    what->now = totals();
    what->before = before_;
    what->now_at = loop_->now();
    what->before_at = before_at_;
    what->strangers = strangers_.size();
    what->plan_hits = plans_.hits();
    what->plan_misses = plans_.misses();
    what->plans = plans_.size();
    what->plan_bytes = plans_.bytes();
    what->linked.resize(shared_.places());
    for (std::size_t i = 0; i < shared_.places(); ++i)
        what->linked[i].resize(shared_.place(i).servers->servers().size());
    auto clients = std::make_shared<std::vector<std::uint32_t>>();  // shared like `what`
    for (const auto& [number, each] : sessions_) {
        if (!each->count_in(*what)) continue;
        if (into->lists_clients() && into->has_room()) clients->push_back(number);
    }
    list_some(into, std::move(what), std::move(clients), 0);
}

void worker::list_some(std::shared_ptr<census> into, std::shared_ptr<worker_report> what,
                       std::shared_ptr<const std::vector<std::uint32_t>> clients, std::size_t from) {
    const std::size_t end = std::min(clients->size(), from + census::listed_at_once);
    for (; from < end; ++from) {
        const auto at = sessions_.find((*clients)[from]);
        if (at != sessions_.end()) what->list.push_back(at->second->facts());
    }
    if (from == clients->size()) return into->told(number_, std::move(*what));
    loop_->post([this, into = std::move(into), what = std::move(what), clients = std::move(clients), from] {
        list_some(into, what, clients, from);
    });
}

void worker::stop(deadline until) {
    loop_->post([this, until] { begin_drain(until); });
}

void worker::begin_drain(deadline until) {
    drain_until_ = until;
    hurry_.set();
    for (auto& [number, each] : sessions_) {
        if (each->is_at_rest() && each->scope != nullptr) each->scope->cancel();
    }
}

task<void> worker::forward_cancel(wire::cancel_key key) {
    worker* other = all_[key.process % workers_];
    if (other == this) {
        cancel_here(key);
        co_return;
    }
    io::signal done;
    other->loop_->post([other, key = std::move(key), done]() mutable {
        other->cancel_here(key);
        done.set();
    });
    (void)co_await loop_->wait_for(done, deadline{loop_->now() + seconds{5}});
}

task<bool> worker::end_client(std::uint32_t process) {
    worker* const other = all_[process % workers_];
    const auto found = std::make_shared<bool>(false);  // shared with the other's thread; read once `done` is set
    io::signal done;
    other->loop_->post([other, process, found, done]() mutable {
        *found = other->end_here(process);
        done.set();
    });
    status told = co_await loop_->wait_for(done, deadline{loop_->now() + seconds{5}});
    co_return told&&* found;
}

bool worker::end_here(std::uint32_t process) {
    const auto at = sessions_.find(process);
    return at != sessions_.end() && at->second->end();
}

void worker::cancel_here(const wire::cancel_key& key) {
    const auto at = sessions_.find(key.process);
    if (at == sessions_.end() || !(at->second->key() == key)) return;
    shared_.counts.cancels.fetch_add(1, std::memory_order_relaxed);
    at->second->cancel_statement();
}

}  // namespace ashlar::proxy
