// Transactions and savepoints, on all servers that take part.
#include "core/quoting.hpp"
#include "proxy/session.hpp"
#include "proxy/settings_over_sqlite.hpp"
#include "proxy/statement_words.hpp"
#include "proxy/worker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ashlar::proxy {

namespace {

using route::statement_kind;

}  // namespace

bool session::is_read_only() const {
    if (read_only_) return *read_only_;
    const std::string* made = settings_->find("default_transaction_read_only");
    if (made == nullptr) return false;
    return read_switch(value_of_setting(*made)).value_or(false);
}

// BEGIN inside a transaction does nothing but set the modes that it names.
task<status> session::set_modes_of(const known_statement& begin) {
    const std::vector<std::string> words = words_of(begin.text);
    std::size_t first = 1;
    if (first < words.size() && (words[first] == "transaction" || words[first] == "work")) ++first;
    if (first >= words.size() || shared_.is_sqlite()) co_return status{};
    std::string sql = "SET TRANSACTION";
    for (std::size_t i = first; i < words.size(); ++i) sql += ' ' + words[i];
    if (participants_.empty()) {
        auto got = co_await acquire(any_place(), false);
        if (!got) co_return std::move(got).error();
    }
    status done = co_await on_every_participant(sql);
    if (!done) co_return done;
    take_read_only(words, read_only_);
    co_return keep_for_newcomers(std::move(sql));
}

// A transaction block begins, as begin_ says. No server takes part yet.
void session::start_block() {
    settings_at_begin_ = settings_;
    block_began_ = driver::this_moment();
    let_go_of_joined();
    leave_all();
    block_ = block::explicit_;
}

// The modes that SET TRANSACTION gave, which AND CHAIN hands on.
std::vector<std::string> session::modes_set_since_begin() const {
    std::vector<std::string> out;
    for (const std::string& each : replay_) {
        const std::vector<std::string> words = words_of(each);
        const bool modes = words.size() > 2 && words[0] == "set" && words[1] == "transaction";
        if (modes && words[2] != "snapshot") out.push_back(each);
    }
    return out;
}

// A plain BEGIN would take the new defaults, where AND CHAIN keeps the modes that the transaction has.
bool session::changes_modes_of_next() const {
    constexpr std::array names{"default_transaction_isolation", "default_transaction_read_only",
                               "default_transaction_deferrable"};
    return std::ranges::any_of(names, [&](const char* name) {
        const std::string *before = settings_at_begin_->find(name), *now = settings_->find(name);
        return (before == nullptr) != (now == nullptr) || (now != nullptr && *now != *before);
    });
}

status session::begin_block(const known_statement& what) {
    const std::vector<std::string> words = words_of(what.text);
    const bool start = !words.empty() && words.front() == "start";
    if (block_ == block::explicit_) {
        if (failed_) {
            return error{errc::transaction_failed,
                         "current transaction is aborted, commands ignored until end of transaction block"};
        }
        wire::write_notice(stream_.out(), wire::severity::warning, "25001",
                           "there is already a transaction in progress");
    } else {
        const bool plain =
            words.size() == 1 || (words.size() == 2 && (words[1] == "transaction" || words[1] == "work"));
        if (block_ == block::none) {
            start_block();
            begin_ = plain ? "BEGIN" : without_end(what.text);
        } else if (!plain && !participants_.empty()) {
            return error{errc::unsupported, "BEGIN with modes must come first in its query"};
        } else {
            begin_ = plain ? "BEGIN" : without_end(what.text);
        }
        block_ = block::explicit_;
        failed_ = false;
        end_flight();
        take_read_only(words, read_only_);
    }
    wire::write_command_complete(stream_.out(), start ? "START TRANSACTION" : "BEGIN");
    return {};
}

// `committed` becomes false when a participant could not commit; the reason is returned.
task<std::optional<error>> session::end_on_servers(bool& committed) {
    waits_for_ = waits_for::server;
    let_go_of_joined();
    const bool any_wrote = std::ranges::any_of(participants_, &participant::wrote);
    execute::ended_hook hook = [this](execute::participant& ended, execute::ending how, const status& came) {
        auto& p = static_cast<participant&>(ended);
        if (!came && (p.loan.lease->in_transaction() || !p.loan.lease->is_reusable())) return;
        // A rolled back SET is undone at the server too.
        const bool undone = how == execute::ending::rollback || !came;
        if (p.link != nullptr && undone && p.at_begin != nullptr) note(p, p.at_begin, p.link->is_dirty());
    };
    const execute::ending how = committed ? execute::ending::commit : execute::ending::rollback;
    execute::outcome out =
        co_await execute::end(execute::pointers_to(participants_), how, std::move(hook), deadline::never());
    committed = out.committed;
    for (participant& p : participants_) {
        if (!p.loan.lease) p.close();
    }
    note_writes(any_wrote);
    leave_closed();
    co_return std::move(out.why);
}

// Ends the transaction on every server that takes part. The session is outside a transaction afterwards, whatever happened.
task<status> session::end_block(execute::ending how) {
    bool committed = how == execute::ending::commit;
    std::optional<error> why = co_await end_on_servers(committed);
    if (!committed && settings_ != settings_at_begin_ && settings_at_begin_ != nullptr)
        use_settings(settings_at_begin_);
    for (participant& p : participants_) {
        const bool as_before = p.at_begin != nullptr && (committed || *p.at_begin == *settings_);
        if (p.link != nullptr && as_before && !p.settings_unsure) report_parameters(*p.link);
    }
    block_ = block::none;
    block_began_.reset();
    failed_ = false;
    replay_.clear();
    savepoints_.clear();
    spread_.clear();
    cursors_.clear();
    count_block();
    read_only_.reset();
    settings_at_begin_ = nullptr;
    if (!local_.empty()) {
        local_.clear();
        follow_settings();
    }
    end_flight();
    statements_.erase_portals();
    co_await release_all();
    if (std::exchange(changed_schema_, false) && committed) {
        const deadline until{steady_clock::now() + seconds{10}};
        (void)co_await shared_.world().read_catalogue(loop_, until);
    }
    if (why) co_return *why;
    co_return status{};
}

task<status> session::on_every_participant(std::string sql) {
    for (participant& p : participants_) {
        if (p.joined != nullptr) continue;  // its host's transaction is its own
        if (p.begin_pending) {
            std::string first = "BEGIN";
            p.begin_pending = false;
            p.in_block = true;
            status begun = co_await p.link->run_script(std::move(first), deadline::never());
            if (!begun) co_return begun;
        }
        std::string copy = sql;
        waits_for_ = waits_for::server;
        const bool was_dirty = p.link != nullptr && p.link->is_dirty();
        status done = co_await p.on().run_script(std::move(copy), deadline::never());
        if (!done) co_return done;
        // What ends with the transaction, or is kept account of, leaves nothing behind.
        if (p.link != nullptr && !was_dirty) p.link->account_for(p.link->notes());
    }
    co_return status{};
}

task<status> session::run_savepoint(const known_statement& what) {
    const statement_kind kind = what.plan->kind();
    std::vector<std::string> words = words_of(what.text);
    const std::string name = words.empty() ? std::string{} : words.back();
    const std::string_view verb = kind == statement_kind::savepoint ? "SAVEPOINT"
                                  : kind == statement_kind::release ? "RELEASE SAVEPOINT"
                                                                    : "ROLLBACK TO SAVEPOINT";
    if (block_ != block::explicit_) {
        co_return error{errc::transaction_state, fmt::format("{} can only be used in transaction blocks", verb)}
            .sqlstate("25P01");
    }
    const bool back = kind == statement_kind::rollback_to;
    if (failed_ && !back) {
        co_return error{errc::transaction_failed,
                        "current transaction is aborted, commands ignored until end of transaction block"};
    }
    const std::string sql = fmt::format("{} {}", verb, quoted_name(name));
    if (kind == statement_kind::savepoint) {
        if (touched_session_) {  // what stands before the savepoint stays when it is rolled back to
            status spread = co_await spread_settings();
            if (!spread) co_return spread;
        }
        status set = co_await on_every_participant(sql);
        if (!set) co_return set;
        savepoint made;
        made.name = name;
        made.replayed = replay_.size();
        made.settings_then = settings_;
        made.local_then = local_;
        if (status kept = keep_savepoint(std::move(made)); !kept) co_return kept;
        if (status kept = keep_for_newcomers(sql); !kept) co_return kept;
        wire::write_command_complete(stream_.out(), "SAVEPOINT");
        co_return status{};
    }
    std::size_t at = savepoints_.size();
    while (at > 0 && savepoints_[at - 1].name != name) --at;
    if (at == 0) {
        co_return error{errc::transaction_state, fmt::format("savepoint \"{}\" does not exist", name)}.sqlstate(
            "3B001");
    }
    --at;
    // A server may have left the transaction for good meanwhile.
    for (participant& p : participants_) {
        if (!p.in_block && !p.begin_pending) co_return error{errc::transaction_failed};
    }
    status done = co_await on_every_participant(sql);
    if (!done) co_return done;
    if (back) {
        const bool settings_changed = settings_ != savepoints_[at].settings_then;
        if (!(local_ == savepoints_[at].local_then)) {
            local_ = savepoints_[at].local_then;
            follow_settings();
        }
        replay_.resize(savepoints_[at].replayed + 1);
        savepoints_.resize(at + 1);
        count_block();
        failed_ = false;
        spread_.clear();
        for (participant& p : participants_) p.unspread = p.touched;
        if (settings_changed) {
            use_settings(savepoints_[at].settings_then);
            for (participant& p : participants_) {
                p.settings_unsure = true;
                if (p.link != nullptr) report_parameters(*p.link);
            }
        }
        wire::write_command_complete(stream_.out(), "ROLLBACK");
    } else {
        // What was set since stays set; a newcomer must know it all the same.
        if (status kept = keep_for_newcomers(sql); !kept) co_return kept;
        savepoints_.resize(at);
        count_block();
        wire::write_command_complete(stream_.out(), "RELEASE");
    }
    co_return status{};
}

}  // namespace ashlar::proxy
