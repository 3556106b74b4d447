// The loop over a client's messages, and its end.
#include "proxy/session.hpp"

#include "core/time_text.hpp"

#include "core/event_log.hpp"
#include "proxy/worker.hpp"

#include <sys/socket.h>

#include <algorithm>

namespace ashlar::proxy {

namespace {

const settings_ptr& no_settings() {
    static const settings_ptr none = std::make_shared<const settings>();
    return none;
}

}  // namespace

session::session(worker& home, service& shared, io::loop& loop, io::byte_stream client, buffers& memory,
                 wire::cancel_key key)
    : home_(home),
      shared_(shared),
      counted_(home.counted()),
      loop_(loop),
      memory_(shared.memory()),
      stream_(std::move(client), memory, &memory_),
      key_(std::move(key)),
      came_at_(loop.now()),
      settings_(no_settings()),
      defaults_(no_settings()),
      since_(loop.now()),
      answer_memory_(&memory_) {
    use_settings(defaults_);
    turn_ = key_.process;
}

session::~session() {
    add_bytes(counted());
    if (logged_in_) (console_ ? shared_.counts.consoles : shared_.counts.clients).fetch_sub(1);
}

plan_cache& session::plans() const noexcept {
    return home_.plans();
}

std::shared_ptr<const route::catalogue> session::catalogue() {
    auto known = shared_.world().catalogue();
    if (oids_ != known->oids) oids_ = known->oids;
    return known;
}

task<void> session::run() {
    // A coroutine of its own, so that the clean-up stands outside whatever cancelled it.
    struct in_own_scope {
        task<status>::handle inner;
        io::cancel_scope* where;
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<task<void>::promise_type> h) const noexcept {
            inner.promise().continuation = h;
            inner.promise().scope = where;
            return inner;
        }
        status await_resume() const { return inner.promise().take(); }
    };
    std::optional<error> why;
    bool was_cancelled = false;
    try {
        task<status> all = serve();
        in_own_scope bounded{all.frame(), scope};
        status ended = co_await bounded;
        if (!ended) why = std::move(ended).error();
    } catch (const io::cancelled_exception&) {
        was_cancelled = true;
    } catch (const std::exception& e) {
        // A broken promise of ours ends this client, not the others.
        log_event(log_level::error, "session_failed", {{"user", user_}, {"reason", e.what()}});
        why = error{errc::internal};
    }
    if (was_cancelled) {
        why = ended_              ? error{errc::shutting_down, "terminating connection due to administrator command"}
              : crowded_out       ? error{errc::too_many_clients, "sorry, too many connections wait to log in"}
              : memory_calls_ > 0 ? keeps_much() ? memory_.why_of_what_is_kept() : memory_.why()
              : shared_.draining
                  ? error{errc::shutting_down, "terminating connection: the proxy is shutting down"}
                  : error{errc::deadline_passed, "terminating connection due to an idle limit"}.sqlstate("57P05");
    }
    log_end(why);
    if (why && !(*why == errc::peer_closed) && !(*why == errc::cancelled)) say_fatal(*why);
    co_await clean_up();
}

// One attempt: a client that reads nothing does not keep us.
void session::say_fatal(const error& why) {
    if (passed_on_ != 0 && waits_for_ == waits_for::server) return;  // perhaps in the midst of a message
    std::string out = std::move(stream_.out());                      // what was answered before the error
    wire::write_error(out, why, wire::severity::fatal);
    stream_.send_now(out);
}

// Servers go back clean, or closed.
task<void> session::clean_up() {
    for (portal* each = nullptr; auto& [name, p] : statements_.portals()) {
        each = &p;
        if (each->answer == nullptr) continue;
        co_await each->answer->abandon();
        each->answer = nullptr;
    }
    const deadline until{steady_clock::now() + seconds{5}};
    as_one_ = as_one::nothing;
    let_go_of_joined();
    for (participant& p : participants_) {
        if (!p.loan.lease) continue;
        const bool half_said = &p == current_ && unsynced_;  // an implicit transaction is open, though nothing shows it
        if (p.link != nullptr && (!p.link->is_quiet() || p.link->is_broken() || half_said)) {
            // A statement runs that no client waits for: it is cancelled, and the link is unusable.
            server_canceller canceller = p.link->canceller();
            canceller.send_in_background();
            p.close();
            continue;
        }
        if (p.link == nullptr && !p.loan.lease->is_reusable()) {
            p.loan.lease->cancel();
            p.close();
            continue;
        }
        if (p.loan.lease->in_transaction()) {
            status rolled_back = co_await p.loan.lease->rollback(until);
            if (!rolled_back) {
                p.close();
                continue;
            }
            if (p.link != nullptr && p.settings_unsure) p.link->mark_dirty();
            if (p.link != nullptr && p.at_begin != nullptr) note(p, p.at_begin, p.link->is_dirty());
        }
        if (p.link != nullptr && touched_session_) p.link->mark_dirty();
    }
    current_ = nullptr;
    expected_.clear();
    touched_session_ = false;
    co_await release_all();
}

deadline session::idle_deadline() const {
    const milliseconds limit = block_ == block::explicit_ ? shared_.settings().idle_transaction_timeout
                                                          : shared_.settings().client_idle_timeout;
    return limit == milliseconds{0} ? deadline::never() : deadline{loop_.now() + limit};
}

task<status> session::serve() {
    status in = co_await log_in();
    if (!in) co_return in;
    if (console_) co_return co_await serve_console();
    for (;;) {
        client_message m;
        switch (stream_.next(m)) {
            case client_stream::found::message: {
                if (m.type == wire::client_says::terminate) co_return co_await stream_.flush();
                note_arrival();
                // Its bytes stay where they are until more are asked for.
                stream_.take(m.whole.size());
                passed_on_ = 0;
                task<status> rest = handle(m);
                if (!rest) break;
                status done = co_await rest;
                if (!done) co_return done;
                break;
            }
            case client_stream::found::part: {
                status sent = co_await stream_.flush();
                if (!sent) co_return sent;
                waits_for_ = waits_for::client;
                if (shared_.draining && is_at_rest() && stream_.is_empty()) co_return error{errc::shutting_down};
                status more = co_await stream_.more(idle_deadline());
                if (!more) {
                    if (more.error() == errc::deadline_passed) {
                        const bool inside = block_ == block::explicit_;
                        co_return error{errc::deadline_passed,
                                        inside ? "terminating connection due to idle-in-transaction timeout"
                                               : "terminating connection due to idle-session timeout"}
                            .sqlstate(inside ? "25P03" : "57P05");
                    }
                    if (!(more.error() == errc::memory_exhausted)) co_return more;
                    error why = std::move(more).error();
                    status passed = co_await pass_over(std::move(why));
                    if (!passed) co_return passed;
                }
                break;
            }
            case client_stream::found::broken:
                co_return error{errc::protocol_violation, "invalid message length or type"};
            case client_stream::found::too_long: {
                error why{errc::limit_reached, "the message is longer than 256 MiB"};
                why.hint("Send it in parts, or by COPY, which streams.");
                status passed = co_await pass_over(std::move(why));
                if (!passed) co_return passed;
                break;
            }
        }
    }
}

// Of a message that the client has sent whole.
void session::note_arrival() {
    since_ = loop_.now();
    if (asked_at_ == instant::min()) asked_at_ = since_;
    timed_out_ = given_up_ = false;
}

// The message at the front cannot be kept whole. It is read to its end and dropped, and answered by an error, as PostgreSQL
// does when its memory does not suffice.
task<status> session::pass_over(error why) {
    wire::frame_header head;
    if (wire::read_frame_header(stream_.rest(), head) != wire::header_state::good) co_return why;
    const std::size_t whole = std::size_t{5} + head.body_size;
    status skipped = co_await stream_.skip(whole, idle_deadline());
    if (!skipped) co_return skipped;
    note_arrival();
    if (skipping_) co_return status{};
    const bool simple = head.type == wire::client_says::query || head.type == wire::client_says::function_call;
    if (!simple) co_return co_await fail_extended(std::move(why));
    status ended = co_await end_pipeline();
    if (!ended || skipping_) co_return ended;
    fail(why);
    ready();
    co_return status{};
}

task<status> session::handle(client_message m) {
    if (flight_is_long() && !skipping_) return after_shortening(m);
    switch (m.type) {
        case wire::client_says::query:
            return on_query(m);
        case wire::client_says::parse:
            return on_parse(m);
        case wire::client_says::bind:
            return on_bind(m);
        case wire::client_says::describe:
            return on_describe(m);
        case wire::client_says::execute:
            return on_execute(m);
        case wire::client_says::close:
            return on_close(m);
        case wire::client_says::flush:
            return on_flush();
        case wire::client_says::sync:
            return on_sync();
        case wire::client_says::copy_data:
        case wire::client_says::copy_done:
        case wire::client_says::copy_fail:
            // Left over from a COPY that failed: PostgreSQL ignores them too.
            return {};
        case wire::client_says::function_call:
            return on_function_call();
        default:
            return ended(error{errc::protocol_violation, "invalid frontend message type"});
    }
}

void session::cancel_statement() {
    if (waits_for_ == waits_for::client) return;  // nothing runs
    cancel_asked_ = true;
    if (lending_ != nullptr) lending_->cancel();
    for (participant& p : participants_) {
        if (!p.loan.lease && p.joined == nullptr) continue;
        if (p.link == nullptr) {
            p.on().cancel();
        } else if (!p.link->is_quiet() || &p == current_) {
            server_canceller canceller = p.link->canceller();
            canceller.send_in_background();
            cancels_sent_ = true;
        }
    }
}

bool session::end() {
    if (!logged_in_ || console_ || scope == nullptr) return false;
    ended_ = true;
    cancel_statement();
    scope->cancel();
    return true;
}

void session::look_after(instant now) {
    if (scope == nullptr) return;
    const bool holds_something = waits_for_ != waits_for::client || block_ != block::none;
    if (holds_something && now - since_ > seconds{30} && stream_.is_unreachable()) {
        cancel_statement();
        scope->cancel();
        return;
    }
    look_at_memory();
    if (waits_for_ == waits_for::client) return;
    look_at_query_timeout(now);
    end_silent_waits(now);
    // A statement that runs long for a client who has gone is ended.
    if (now - since_ < seconds{2}) return;
    if (stream_.has_hung_up()) {
        cancel_statement();
        scope->cancel();
    }
}

// First the statement is cancelled, as its client could do; a server that does not answer to that is given up.
void session::look_at_query_timeout(instant now) {
    const milliseconds limit = shared_.settings().query_timeout;
    if (limit == milliseconds{0} || waits_for_ != waits_for::server || now - since_ < limit) return;
    if (!timed_out_) {
        timed_out_ = true;
        cancel_statement();
    } else if (!given_up_ && now - since_ >= limit + std::min<milliseconds>(limit, seconds{5})) {
        given_up_ = true;
        give_servers_up();
    }
}

// What waits for them sees the end of their connections.
void session::give_servers_up() {
    for (const participant& p : participants_) {
        if (p.link == nullptr || (p.link->is_quiet() && &p != current_)) continue;
        p.link->stream().shut_down();
    }
}

error session::took_too_long() const {
    return error{errc::cancelled, "canceling statement due to query_timeout"}.detail(
        fmt::format("It ran for longer than {}.", spoken(shared_.settings().query_timeout)));
}

// --- small ------------------------------------------------------------------------------------------------------

void session::fail(const error& why) {
    if (timed_out_ && why == errc::cancelled && why.message() != took_too_long().message())
        return fail(took_too_long());
    if (memory_calls_ > 0 && (why == errc::cancelled || why == errc::connection_lost)) {
        if (keeps_much()) return fail(memory_.why_of_what_is_kept());
        memory_calls_ = 0;
        return fail(memory_.why());
    }
    if (text_offset_ == 0) {
        wire::write_error(stream_.out(), why);
    } else {
        std::string message;
        wire::write_error(message, why);
        wire::write_error_moved(stream_.out(), std::string_view{message}.substr(5), text_offset_);
    }
    if (why.server() == nullptr) ++counted().refused;
    if (block_ != block::none) failed_ = true;
}

wire::transaction_state session::state() const noexcept {
    if (block_ != block::explicit_) return wire::transaction_state::idle;
    return failed_ ? wire::transaction_state::failed : wire::transaction_state::in_transaction;
}

void session::ready() {
    wire::write_ready_for_query(stream_.out(), state());
    count_answer();
    forgive_memory();
}

}  // namespace ashlar::proxy
