// Getting servers, making each look like the one the client believes it has, and giving them back.
//
// A link's notes say which settings were last put on it. At checkout the difference to the session's own is sent, and
// waited for: a statement must not run under settings that were refused. Sessions that set nothing pay nothing.
#include "proxy/server_driver.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

#include <fmt/format.h>

namespace ashlar::proxy {

namespace {

constexpr seconds idle_before_look{1};

const link_notes* notes_of(const server_link& link) {
    return static_cast<const link_notes*>(link.notes().get());
}

bool is_plain_begin(std::string_view text) {
    return text.size() <= 20 && text.find('\n') == text.npos &&
           (text.find(' ') == text.npos || text == "start transaction" || text == "START TRANSACTION");
}

// What a function may have left behind: settings by name, and, under the empty name, things that cannot be carried over.
constexpr std::string_view leftovers_sql =
    "select name, setting from pg_catalog.pg_settings where source operator(pg_catalog.=) 'session' "
    "union all select 'role', pg_catalog.current_setting('role') "
    "where pg_catalog.current_setting('role') operator(pg_catalog.<>) 'none' "
    "union all select '', '' where pg_catalog.pg_my_temp_schema() operator(pg_catalog.<>) 0 "
    "or exists (select from pg_catalog.pg_locks where locktype operator(pg_catalog.=) 'advisory' "
    "and pid operator(pg_catalog.=) pg_catalog.pg_backend_pid()) "
    "or exists (select from pg_catalog.pg_listening_channels()) "
    "or exists (select from pg_catalog.pg_cursors where is_holdable) "
    "or exists (select from pg_catalog.pg_prepared_statements where from_sql)";

}  // namespace

void session::use_settings(settings_ptr now) {
    settings_ = shared_.shared_settings(std::move(now));
    environment_ = plans().environment(*settings_);
}

// --- getting ----------------------------------------------------------------------------------------------------

// Only one server may be written in a transaction, until commits over several are made atomic.
status session::may_write(std::size_t place) const {
    for (const participant& p : participants_) {
        if (!p.wrote || p.place == place) continue;
        error why{errc::unsupported, fmt::format("the transaction has written on {} and cannot write on {} too",
                                                 shared_.place(p.place).name, shared_.place(place).name)};
        why.hint("Write the rows of one shard key in one transaction, or commit in between.");
        return why;
    }
    return {};
}

// Any server would do: one that takes part already, else each in turn.
std::size_t session::any_place() {
    if (!participants_.empty()) return participants_.front().place;
    const std::size_t among = shared_.shards();
    if (among == 0) {
        const std::size_t primary = shared_.place_of_database(catalogue()->unsharded_database);
        return primary == SIZE_MAX ? 0 : primary;
    }
    return turn_++ % among;
}

task<result<pool::lease>> session::lend(std::size_t place) {
    struct in_scope {
        task<result<pool::lease>>::handle inner;
        io::cancel_scope* where;
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(
            std::coroutine_handle<task<result<pool::lease>>::promise_type> h) const noexcept {
            inner.promise().continuation = h;
            inner.promise().scope = where;
            return inner;
        }
        result<pool::lease> await_resume() const { return inner.promise().take(); }
    };
    io::cancel_scope* outer = co_await io::this_scope{};
    io::cancel_scope lending{outer};
    lending_ = &lending;
    waits_for_ = waits_for::lease;
    const milliseconds limit = shared_.settings().query_wait_timeout;
    const deadline until = limit == milliseconds{0} ? deadline::never() : deadline{loop_.now() + limit};
    bool called_off = false;
    std::optional<result<pool::lease>> got;
    try {
        task<result<pool::lease>> asking = shared_.place(place).pool->lend(loop_, until);
        in_scope bounded{asking.frame(), &lending};
        got.emplace(co_await bounded);
    } catch (const io::cancelled_exception&) {
        called_off = true;
    }
    lending_ = nullptr;
    waits_for_ = waits_for::server;
    if (called_off) {
        if (outer != nullptr && outer->is_cancelled()) throw io::cancelled_exception{};
        co_return error{errc::cancelled, "canceling statement due to user request"};
    }
    if (!*got) {
        error why = std::move(*got).error();
        why.on(shared_.place(place).name);
        co_return why;
    }
    co_return std::move(**got);
}

task<result<participant*>> session::acquire(std::size_t place, bool writes) {
    for (participant& p : participants_) {
        if (p.place != place) continue;
        if (writes && !p.wrote) {
            status allowed = may_write(place);
            if (!allowed) co_return std::move(allowed).error();
            p.wrote = true;
        }
        waits_for_ = waits_for::server;
        co_return &p;
    }
    if (writes && !participants_.empty()) {
        status allowed = may_write(place);
        if (!allowed) co_return std::move(allowed).error();
    }
    for (int attempt = 0;; ++attempt) {
        result<pool::lease> got = shared_.place(place).pool->lend_ready(loop_);
        if (!*got) got = co_await lend(place);
        if (!got) co_return std::move(got).error();
        server_link* link = server_link_of(**got);
        // One that died while it was idle is nobody's business.
        if (link != nullptr && attempt < 10) {
            const link_notes* notes = notes_of(*link);
            const bool rested = notes == nullptr || loop_.now() - notes->last_used > idle_before_look;
            if (rested && link->has_news()) {
                got->discard();
                continue;
            }
        }
        participants_.emplace_back();
        participant& p = participants_.back();
        p.place = place;
        p.lease = std::move(*got);
        p.link = link;
        p.wrote = writes;
        if (link != nullptr && notes_of(*link) == nullptr) {
            static const settings_ptr none = std::make_shared<const settings>();
            note(p, none, link->is_dirty());
        }
        status good;
        if (link != nullptr && notes_of(*link)->applied != settings_) good = co_await put_settings(p);
        if (good && block_ != block::none) good = co_await open_block(p);
        if (good) co_return &p;
        if (p.link != nullptr && p.link->is_reusable() && !p.link->in_transaction()) {
            p.link->mark_dirty();
            participants_.pop_back();
        } else {
            p.lease.discard();
            participants_.pop_back();
        }
        co_return std::move(good).error();
    }
}

task<status> session::put_settings(participant& p) {
    std::string sql = difference(*notes_of(*p.link)->applied, *settings_);
    const bool was_dirty = p.link->is_dirty();
    if (!sql.empty()) {
        p.link->mark_dirty();
        status done = co_await p.link->run_script(std::move(sql), deadline::never());
        if (!done) co_return done;
    }
    note(p, settings_, was_dirty);
    co_return status{};
}

void session::note(participant& p, settings_ptr applied, bool was_dirty) {
    auto notes = std::make_shared<link_notes>();
    notes->applied = std::move(applied);
    notes->last_used = loop_.now();
    p.link->account_for(std::move(notes));
    if (was_dirty) p.link->mark_dirty();
}

// BEGIN and what came after it that a newcomer must know. A plain BEGIN goes along with the first statement.
task<status> session::open_block(participant& p) {
    if (p.link == nullptr) {
        driver::transaction_options how;
        status begun = co_await p.lease->begin(how, deadline::never());
        if (!begun) co_return begun;
        p.in_block = true;
        for (std::size_t i = 0; i < savepoints_.size(); ++i) {
            const std::string name = savepoints_[i].name;
            status set = co_await p.lease->savepoint(name, deadline::never());
            if (!set) co_return set;
        }
        co_return status{};
    }
    p.at_begin = notes_of(*p.link)->applied;
    if (replay_.empty() && (block_ == block::implicit || is_plain_begin(begin_))) {
        p.begin_pending = true;
        co_return status{};
    }
    std::string sql = block_ == block::implicit ? std::string{"BEGIN"} : begin_;
    for (const std::string& each : replay_) {
        sql += ';';
        sql += each;
    }
    p.in_block = true;
    co_return co_await p.link->run_script(std::move(sql), deadline::never());
}

task<result<driver::connection*>> session::connection_for(std::size_t place) {
    auto got = co_await acquire(place, false);
    if (!got) co_return std::move(got).error();
    participant& p = **got;
    if (p.begin_pending) {
        std::string sql = "BEGIN";
        status begun = co_await p.link->run_script(std::move(sql), deadline::never());
        if (!begun) co_return std::move(begun).error();
        p.begin_pending = false;
        p.in_block = true;
    }
    co_return &*p.lease;
}

// --- giving back ------------------------------------------------------------------------------------------------

void session::drop(participant* p) {
    p->lease.discard();
    if (current_ == p) current_ = nullptr;
    participants_.remove_if([p](const participant& each) { return &each == p; });
}

// The common case, in which nothing has to be waited for.
bool session::release_now() {
    if (touched_session_ || cancels_sent_) return false;
    for (participant& p : participants_) {
        if (p.link == nullptr) continue;
        if (const link_notes* notes = notes_of(*p.link)) notes->last_used = since_;
        if (p.settings_unsure) p.link->mark_dirty();
    }
    participants_.clear();
    cancel_asked_ = false;
    return true;
}

task<void> session::release_all() {
    while (!release_now()) {  // a cancel may come while we wait
        if (touched_session_) {
            touched_session_ = false;
            for (participant& p : participants_) {
                if (p.link == nullptr || !p.link->is_reusable()) continue;
                co_await read_back(p);
            }
        }
        if (!cancels_sent_) continue;
        // A late cancel must not hit the next borrower.
        cancels_sent_ = false;
        for (participant& p : participants_) {
            if (p.link == nullptr) continue;
            const deadline until{steady_clock::now() + seconds{5}};
            const server_canceller canceller = p.link->canceller();
            status settled = co_await canceller.settled(loop_, until);
            if (!settled) p.link->mark_broken();
        }
    }
}

// A function that we know nothing of has run: whatever it set becomes the session's.
task<void> session::read_back(participant& p) {
    const deadline until{steady_clock::now() + seconds{10}};
    driver::statement ask;
    ask.sql = leftovers_sql;
    auto shape = co_await p.link->start(std::move(ask), until);
    if (!shape) {
        p.link->mark_dirty();
        co_return;
    }
    settings found;
    bool left_over = false;
    row_batch rows;
    for (;;) {
        rows.clear();
        auto more = co_await p.link->fetch(rows, until);
        if (!more) {
            p.link->mark_dirty();
            co_return;
        }
        for (std::size_t i = 0; i < rows.rows(); ++i) {
            const cell name = rows.at(i, 0), value = rows.at(i, 1);
            if (!name || !value) continue;
            if (name->empty()) {
                left_over = true;
            } else {
                // One that the session made itself keeps its own spelling as long as the values agree.
                found.set_from_value(std::string{*name}, *value);
            }
        }
        if (*more == driver::fetched::ended) break;
    }
    // Settings that we put there are of source `session` too; only news make a new set.
    bool news = found.all().size() != settings_->all().size();
    for (const auto& [name, statement] : found.all()) news = news || settings_->find(name) == nullptr;
    if (news || !(found == *settings_)) use_settings(std::make_shared<const settings>(std::move(found)));
    note(p, settings_, false);
    report_parameters(*p.link);
    if (left_over) {
        p.link->mark_dirty();
        wire::write_notice(
            stream_.out(), wire::severity::warning, "01000",
            "the statement left state in its server session, which is dropped now",
            "Temporary tables, session-level advisory locks, LISTEN, SQL-level PREPARE and cursors WITH HOLD "
            "do not outlive a transaction here.");
    }
}

// Tells the client what changed of the parameters that servers report.
void session::report_parameters(const server_link& link) {
    const auto& now = link.parameters();
    if (now == reported_ || now == nullptr) return;
    for (const auto& [name, value] : *now) {
        bool same = false;
        for (const auto& [old_name, old_value] : *reported_) {
            if (old_name == name) same = old_value == value;
        }
        if (!same) wire::write_parameter_status(stream_.out(), name, value);
    }
    reported_ = now;
}

}  // namespace ashlar::proxy
