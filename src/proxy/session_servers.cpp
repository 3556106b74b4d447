// Getting servers, making each look like the one the client believes it has, and giving them back.
//
// A link's notes say which settings were last put on it. At checkout the difference to the session's own is sent, and
// waited for: a statement must not run under settings that were refused. Sessions that set nothing pay nothing.
#include "core/letter_case.hpp"
#include "driver/pgwire/server_driver.hpp"
#include "proxy/session_lending.hpp"
#include "proxy/worker.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::proxy {

namespace {

constexpr seconds idle_before_look{1};

bool is_plain_begin(std::string_view text) {
    return text.size() <= 20 && text.find('\n') == text.npos &&
           (text.find(' ') == text.npos || text == "start transaction" || text == "START TRANSACTION");
}

// What a function may have left behind: settings by name, and, under the empty name, things that cannot be carried over.
constexpr std::string_view settings_sql =
    "select name, setting from pg_catalog.pg_settings where source operator(pg_catalog.=) 'session' "
    "union all select 'role', pg_catalog.current_setting('role') "
    "where pg_catalog.current_setting('role') operator(pg_catalog.<>) 'none' ";
constexpr std::string_view leftovers_sql =
    "union all select '', '' where pg_catalog.pg_my_temp_schema() operator(pg_catalog.<>) 0 "
    "or exists (select from pg_catalog.pg_locks where locktype operator(pg_catalog.=) 'advisory' "
    "and pid operator(pg_catalog.=) pg_catalog.pg_backend_pid()) "
    "or exists (select from pg_catalog.pg_listening_channels()) "
    "or exists (select from pg_catalog.pg_cursors where is_holdable) "
    "or exists (select from pg_catalog.pg_prepared_statements where from_sql)";

}  // namespace

void session::use_settings(settings_ptr now) {
    settings_ = shared_.shared_settings(std::move(now));
    (void)settings_memory_.set(settings_->bytes());
    follow_settings();
}

// --- leaving ----------------------------------------------------------------------------------------------------

void session::leave_all() {
    end_flight();
    participants_.clear();
}

template <class Predicate>
void session::leave_if(Predicate goes) {
    if (current_ != nullptr && goes(*current_)) end_flight();
    participants_.remove_if(goes);
}

// What was gathered and not sent is dropped. A server that waits for a Sync is inside a transaction that nothing else shows:
// its link is not used again.
void session::end_flight() {
    if (current_ == nullptr) return;
    if (unsynced_ && current_->link != nullptr) current_->link->mark_broken();
    current_ = nullptr;
    drop_gathered();
    expected_.clear();
    unsynced_ = unsynced_executed_ = unsynced_wrote_ = false;
}

void session::leave_closed() {
    leave_if([](const participant& p) { return !p.loan.lease; });
}

// --- getting ----------------------------------------------------------------------------------------------------

// Only one server may be written in a transaction, or all that commit together. A replica cannot be written at all.
status session::may_write(std::size_t place, bool joins_host) const {
    for (const participant& p : participants_) {
        if (!p.loan.from_replica || p.place() != place) continue;
        return error{errc::read_only, "cannot write in a transaction that reads on a replica"}.hint(
            "Begin it without READ ONLY, or set replicas.read_write_split = false.");
    }
    return execute::may_write(participants_, shared_.place(place), joins_host);
}

// Any server would do: one that takes part already, else one that answers.
std::size_t session::any_place() {
    if (const auto pinned = hints_.place()) return *pinned;
    if (!participants_.empty()) return participants_.front().place();
    if (shared_.shards() > 0) return any_shard();
    const std::size_t primary = shared_.place_of_database(catalogue()->unsharded_database);
    return primary == SIZE_MAX ? 0 : primary;
}

// Nothing but rows is asked for, which a replica has too: not what servers tell of themselves.
bool session::wants_replica(const known_statement& what) const {
    const route::prepared_plan& plan = *what.plan;
    const role_hint hint = role_for(what);
    const bool hinted = hint == role_hint::replica;
    if (!(hinted ? shared_.has_replicas() : shared_.splits_reads() && hint == role_hint::none)) return false;
    if (plan.kind() != route::statement_kind::select || !plan.may_read_on_replicas() ||
        (plan.reads_catalogue() && !hinted) || as_one_ != as_one::nothing) {
        return false;
    }
    if (block_ != block::none && (block_ != block::explicit_ || !read_only_.value_or(hinted))) return false;
    // Hot standbys know no serializable transactions.
    const auto serializable = [](std::string_view text) {
        return lowered(text).find("serializable") != std::string::npos;
    };
    if (block_ != block::none && (serializable(begin_) || !replay_.empty())) return false;
    const std::string* made = settings_->find("default_transaction_isolation");
    return made == nullptr || !serializable(*made);
}

// Outside of a block, a pipeline is one transaction: what comes after may write. So a replica is asked only for what is alone
// in it.
bool session::sync_follows() {
    if (second_.again) return true;
    std::string_view rest = stream_.rest();
    for (;;) {
        wire::frame_header head;
        if (wire::read_frame_header(rest, head) != wire::header_state::good) return false;
        if (head.type == wire::client_says::sync) return true;
        const std::size_t size = 5 + std::size_t{head.body_size};
        const bool goes_on = head.type == wire::client_says::describe || head.type == wire::client_says::execute;
        if (!goes_on || rest.size() < size) return false;
        rest.remove_prefix(size);
    }
}

// What waits for nothing; an empty lease: ask lend().
topology::loan session::lend_ready(std::size_t place, bool replica, pool::borrower for_whom) {
    topology::server_set& among = *shared_.place(place).servers;
    topology::loan out;
    std::optional<std::size_t> who;
    if (replica && !among.is_alone()) {
        topology::reading_terms terms;
        terms.wrote_at = wrote_at_;
        terms.avoid = second_.avoid;
        if (const auto from = after_.find(place); from != after_.end()) terms.after = &from->second;
        who = among.replica_now(terms, loop_.now());
        out.from_replica = true;
    } else {
        who = among.writer_now();
    }
    if (!who) return out;
    out.server = *who;
    out.lease = among.servers()[*who].pool->lend_ready(loop_, for_whom);
    return out;
}

task<result<topology::loan>> session::lend(std::size_t place, bool replica, pool::borrower for_whom) {
    struct in_scope {
        task<result<topology::loan>>::handle inner;
        io::cancel_scope* where;
        bool await_ready() const noexcept { return false; }
        std::coroutine_handle<> await_suspend(
            std::coroutine_handle<task<result<topology::loan>>::promise_type> h) const noexcept {
            inner.promise().continuation = h;
            inner.promise().scope = where;
            return inner;
        }
        result<topology::loan> await_resume() const { return inner.promise().take(); }
    };
    io::cancel_scope* outer = co_await io::this_scope{};
    io::cancel_scope lending{outer};
    lending_ = &lending;
    waits_for_ = waits_for::lease;
    const milliseconds limit = shared_.settings().query_wait_timeout;
    const deadline until = limit == milliseconds{0} ? deadline::never() : deadline{loop_.now() + limit};
    bool called_off = false;
    const instant asked = loop_.now();
    std::optional<result<topology::loan>> got;
    try {
        topology::server_set& among = *shared_.place(place).servers;
        topology::reading_terms terms;
        terms.wrote_at = wrote_at_;
        terms.avoid = second_.avoid;
        if (const auto from = after_.find(place); from != after_.end()) terms.after = &from->second;
        task<result<topology::loan>> asking = replica && !among.is_alone()
                                                  ? among.lend_to_read(loop_, terms, until, for_whom)
                                                  : among.lend_to_write(loop_, until, for_whom);
        in_scope bounded{asking.frame(), &lending};
        got.emplace(co_await bounded);
    } catch (const io::cancelled_exception&) {
        called_off = true;
    }
    lending_ = nullptr;
    waits_for_ = waits_for::server;
    waited_ += loop_.now() - asked;
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

// A connection that died while it was idle is replaced silently. Looking costs a system call.
bool session::died_idle(driver::connection& which, std::size_t place) const {
    server_link* const link = server_link_of(which);
    if (link == nullptr) return false;
    const link_notes* notes = notes_of(*link);
    const bool look = notes == nullptr || loop_.now() - notes->last_used > idle_before_look ||
                      notes->last_used <= shared_.last_loss(place);
    return look && link->has_news();
}

task<result<participant*>> session::acquire(std::size_t place, bool writes, bool replica, pool::borrower who) {
    if (block_ != block::none && touched_session_ && !failed_) {
        bool news = false;
        for (const participant& p : participants_) news = news || (p.unspread && p.place() != place);
        if (news) {
            status spread = co_await spread_settings();
            if (!spread) co_return std::move(spread).error();
        }
    }
    for (participant& p : participants_) {
        if (p.place() != place) continue;
        if (status free = is_free(p); !free) co_return std::move(free).error();
        if (oids_ != nullptr) use_oids(p);
        if (writes && !p.wrote) {
            status allowed = may_write(place, p.part().with_host());
            if (!allowed) co_return std::move(allowed).error();
            p.wrote = true;
        }
        waits_for_ = waits_for::server;
        co_return &p;
    }
    if (execute::host_of(participants_) != nullptr && execute::commits_with_others(shared_.place(place))) {
        participant* joined = nullptr;
        status tried = co_await join_host(place, writes, joined);
        if (!tried) co_return std::move(tried).error();
        if (joined != nullptr) co_return joined;
    }
    if (writes && !participants_.empty()) {
        status allowed = may_write(place, false);
        if (!allowed) co_return std::move(allowed).error();
    }
    for (int attempt = 0;; ++attempt) {
        result<topology::loan> got = lend_ready(place, replica, who);
        if (!got->lease) got = co_await lend(place, replica, who);
        if (!got) co_return std::move(got).error();
        if (attempt < 10 && died_idle(*got->lease, place)) {
            got->lease.discard();
            continue;
        }
        participant& p = enter(place, std::move(*got), writes);
        status good;
        if (p.link != nullptr && notes_of(*p.link)->applied != settings_to_begin_with())
            good = co_await put_settings(p);
        if (good && (block_ != block::none || as_one_ != as_one::nothing)) good = co_await open_block(p);
        if (good) co_return &p;
        if (p.link != nullptr && p.link->is_reusable() && !p.link->in_transaction())
            p.link->mark_dirty();
        else
            p.loan.lease.discard();
        leave_if([last = &participants_.back()](const participant& each) { return &each == last; });
        co_return std::move(good).error();
    }
}

// A portal whose rows are merged keeps its servers busy until it has given all of them.
status session::is_free(const participant& p) const {
    if (p.link == nullptr || p.link->is_quiet() || p.link->is_broken() || &p == current_) return {};
    return error{errc::unsupported,
                 fmt::format("an open portal still reads rows from {}", shared_.place(p.place()).name)}
        .hint("Fetch all rows of the portal or close it first.");
}

// The common case, in which nothing has to be waited for: the only server, outside a transaction, as it was left. nullptr:
// ask acquire().
participant* session::acquire_now(std::size_t place, bool writes, bool replica) {
    if (!participants_.empty() || block_ != block::none || as_one_ != as_one::nothing) return nullptr;
    topology::loan got = lend_ready(place, replica, pool::borrower::one_database);
    if (!got.lease) return nullptr;
    server_link* const link = server_link_of(*got.lease);
    if (link == nullptr) return nullptr;
    const link_notes* const notes = notes_of(*link);
    if (notes == nullptr || notes->applied != settings_) return nullptr;
    if (died_idle(*got.lease, place)) {
        got.lease.discard();
        return nullptr;
    }
    return &enter(place, std::move(got), writes);
}

// A server takes part.
participant& session::enter(std::size_t place, topology::loan lent, bool writes) {
    waits_for_ = waits_for::server;
    ++counted().assignments;
    participants_.emplace_back();
    participant& p = participants_.back();
    p.where = &shared_.place(place);
    p.loan = std::move(lent);
    p.link = server_link_of(*p.loan.lease);
    if (p.loan.from_replica) shared_.place(place).servers->took_replica();
    p.wrote = writes;
    if (p.link == nullptr) return p;
    if (oids_ != nullptr || p.link->oids() != nullptr) use_oids(p);
    if (notes_of(*p.link) == nullptr) {
        static const settings_ptr none = std::make_shared<const settings>();
        note(p, none, p.link->is_dirty());
    }
    return p;
}

// Who was asked for a read may have got the primary. There a function that is said to be STABLE is not believed.
status session::note_reader(participant& p, bool writes) {
    if (!writes || p.loan.from_replica || p.wrote) return {};
    status allowed = may_write(p.place(), false);
    if (allowed) p.wrote = true;
    return allowed;
}

// A file that cannot join takes part with a transaction of its own, as long as only one of the two is written.
task<status> session::join_host(std::size_t place, bool writes, participant*& joined) {
    if (writes) {
        status allowed = may_write(place, true);
        if (!allowed) co_return allowed;
    }
    waits_for_ = waits_for::server;
    const bool must = writes && !may_write(place, false);
    driver::connection& on = execute::host_of(participants_)->on();
    auto made = co_await execute::join(loop_, shared_.place(place), on, must, deadline::never());
    if (!made) co_return std::move(made).error();
    if (*made == nullptr) co_return status{};
    participants_.emplace_back();
    joined = &participants_.back();
    joined->where = &shared_.place(place);
    joined->joined = std::move(*made);
    joined->in_block = true;
    joined->wrote = writes;
    co_return status{};
}

// What joined ends before its host may be used for anything else.
void session::let_go_of_joined() {
    execute::credit_host(participants_);
    leave_if([](const participant& p) { return p.joined != nullptr; });
}

// A server that joins a transaction late begins with the settings of the transaction's start. replay_ then repeats the later SETs on it,
// so that a rollback, also to a savepoint, undoes the same on every server.
const settings_ptr& session::settings_to_begin_with() const noexcept {
    return settings_at_begin_ != nullptr ? settings_at_begin_ : settings_;
}

task<status> session::put_settings(participant& p) {
    const settings_ptr first = settings_to_begin_with();
    std::string sql = difference(*notes_of(*p.link)->applied, *first);
    const bool was_dirty = p.link->is_dirty();
    if (!sql.empty()) {
        p.link->mark_dirty();
        status done = co_await p.link->run_script(std::move(sql), deadline::never());
        if (!done) co_return done;
    }
    note(p, first, was_dirty);
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
        how.moment = block_began_;
        status begun = co_await p.on().begin(how, answer_until_);
        if (!begun) co_return begun;
        p.in_block = true;
        p.is_host = execute::host_of(participants_) == nullptr && execute::commits_with_others(*p.where);
        for (std::size_t i = 0; i < savepoints_.size(); ++i) {
            const std::string name = savepoints_[i].name;
            status set = co_await p.on().savepoint(name, deadline::never());
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
    const bool was_dirty = p.link->is_dirty();
    status told = co_await p.link->run_script(std::move(sql), deadline::never());
    if (told) note(p, settings_, was_dirty);
    co_return told;
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
    co_return &p.on();
}

// --- giving back ------------------------------------------------------------------------------------------------

void session::drop(participant* p) {
    note_writes(p->wrote);
    let_go_of_joined();
    p->close();
    leave_if([p](const participant& each) { return &each == p; });
}

// What was written is acknowledged by now, or may have happened.
void session::note_writes(bool any_wrote) {
    if (!shared_.has_replicas()) return;
    for (const participant& p : participants_) {
        if (!p.wrote) continue;
        any_wrote = true;
        if (wrote_on_.size() <= p.place()) wrote_on_.resize(shared_.places());
        wrote_on_[p.place()] = true;
    }
    if (any_wrote) wrote_at_ = steady_clock::now();
}

// The common case, in which nothing has to be waited for.
bool session::release_now() {
    if (touched_session_ || cancels_sent_) return false;
    note_writes();
    let_go_of_joined();
    for (participant& p : participants_) {
        if (p.link == nullptr) continue;
        if (const link_notes* notes = notes_of(*p.link)) notes->last_used = since_;
        if (p.settings_unsure) p.link->mark_dirty();
    }
    leave_all();
    cancel_asked_ = false;
    return true;
}

task<void> session::release_all() {
    while (!release_now()) {  // a cancel may come while we wait
        if (touched_session_) {
            touched_session_ = false;
            for (participant& p : participants_) {
                if (!p.touched || p.link == nullptr || !p.link->is_reusable()) continue;
                co_await read_back(p);
            }
            named_custom_.clear();
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

// No server lists settings with a dot in their names: those that the session has, or that were named, are asked for.
std::vector<std::string> session::custom_names() const {
    std::vector<std::string> out = named_custom_;
    for (const auto& [name, statement] : settings_->all()) {
        if (name.find('.') != name.npos) out.push_back(name);
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

void session::touch(participant& p, const route::prepared_plan& plan, std::string_view text) {
    if (p.link == nullptr) return;
    if (plan.may_change_reading()) reading_from_ = p.place();
    touched_session_ = p.touched = p.unspread = true;
    for (std::string& name : custom_settings_named_in(text)) {
        if (named_custom_.size() < 100) named_custom_.push_back(std::move(name));
    }
}

// Names and values. The empty name stands for something left behind that is no setting.
task<result<std::vector<std::pair<std::string, std::string>>>> session::ask_settings(participant& p,
                                                                                     std::string_view sql) {
    const deadline until{steady_clock::now() + seconds{10}};
    driver::statement ask;
    ask.sql = sql;
    const std::vector<std::string> customs = custom_names();
    for (const std::string& name : customs) {
        ask.sql += fmt::format("union all select {0}, pg_catalog.current_setting({0}, true) ", quoted_value(name));
    }
    auto shape = co_await p.link->start(std::move(ask), until);
    if (!shape) co_return std::move(shape).error();
    std::vector<std::pair<std::string, std::string>> out;
    row_batch rows;
    for (;;) {
        rows.clear();
        auto more = co_await p.link->fetch(rows, until);
        if (!more) co_return std::move(more).error();
        for (std::size_t i = 0; i < rows.rows(); ++i) {
            const cell name = rows.at(i, 0), value = rows.at(i, 1);
            if (!name || !value) continue;
            // A setting with a dot that was reset, or never set, is empty.
            const bool custom = name->find('.') != name->npos;
            if (custom && value->empty() && settings_->find(std::string{*name}) == nullptr) continue;
            out.emplace_back(*name, *value);
        }
        if (*more == driver::fetched::ended) break;
    }
    co_return out;
}

// Within a transaction, all its servers have to show what a function set on one of them: row security policies and the
// like read it. LOCAL, since what outlives the transaction is read back at its end.
task<status> session::spread_settings() {
    for (participant& from : participants_) {
        if (!from.unspread) continue;
        if (from.link == nullptr || !from.link->is_reusable()) {
            co_return error{errc::unsupported,
                            "a function may have changed settings on a server that is still answering"}
                .hint("Close the cursor first.");
        }
        auto found = co_await ask_settings(from, settings_sql);
        if (!found) co_return std::move(found).error();
        std::map<std::string, std::string> now{found->begin(), found->end()};
        std::string sql, role;
        for (const auto& [name, value] : now) {
            const auto told = spread_.find(name);
            if (told != spread_.end() && told->second == value) continue;
            std::string& to = name == "role" ? role : sql;
            to += fmt::format(";SELECT pg_catalog.set_config({}, {}, true)", quoted_value(name), quoted_value(value));
        }
        for (const auto& [name, value] : spread_) {
            if (!now.contains(name)) sql += fmt::format(";SET LOCAL {} TO DEFAULT", quoted_setting_name(name));
        }
        sql += role;
        from.unspread = false;
        if (sql.empty()) continue;
        sql.erase(0, 1);
        spread_ = std::move(now);
        for (participant& to : participants_) {
            if (&to == &from || to.link == nullptr) continue;
            std::string all = to.begin_pending ? "BEGIN;" + sql : sql;
            to.begin_pending = false;
            to.in_block = true;
            status done = co_await to.link->run_script(std::move(all), deadline::never());
            if (!done) co_return done;
            report_parameters(*to.link);
        }
        if (status kept = keep_for_newcomers(sql); !kept) co_return kept;
    }
    co_return status{};
}

// A function that we know nothing of has run: whatever it set becomes the session's.
task<void> session::read_back(participant& p) {
    const std::string ask = std::string{settings_sql} + std::string{leftovers_sql} + ' ';
    auto rows = co_await ask_settings(p, ask);
    if (!rows) {
        p.link->mark_dirty();
        co_return;
    }
    settings found;
    bool left_over = false;
    for (const auto& [name, value] : *rows) {
        if (name.empty())
            left_over = true;
        else if (!is_our_setting(name))
            found.set_from_value(name, value);
    }
    // Settings that we put there are of source `session` too; only news make a new set.
    for (const auto& [name, statement] : settings_->all()) {
        if (is_our_setting(name)) found.set(name, statement);
    }
    bool news = found.all().size() != settings_->all().size();
    for (const auto& [name, statement] : found.all()) news = news || settings_->find(name) == nullptr;
    if (news || !(found == *settings_)) use_settings(std::make_shared<const settings>(std::move(found)));
    // It may also have set what no server lists, and nobody named. That must not wait for the next borrower.
    std::string clean = "RESET SESSION AUTHORIZATION;RESET ROLE;RESET ALL";
    if (std::string mine = difference(settings{}, *settings_); !mine.empty()) clean += ';' + mine;
    const deadline until{steady_clock::now() + seconds{10}};
    status cleaned = co_await p.link->run_script(std::move(clean), until);
    if (!cleaned) {
        p.link->mark_broken();
        co_return;
    }
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
