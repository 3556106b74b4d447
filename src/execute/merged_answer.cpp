// The answer of several steps: each is started as soon as its connection is there, read ahead while others are waited for,
// and lets go of its connection when its shard has answered.
#include "core/io/task_group.hpp"
#include "execute/engine_words.hpp"
#include "execute/steps.hpp"
#include "merge/merger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>

namespace ashlar::execute {

namespace {

using driver::completion;
using driver::connection;
using driver::fetched;

// How long a read of several files waits for one while it holds others, attempt by attempt; then as long as the files allow.
constexpr std::array lock_patience{milliseconds{50}, milliseconds{100}, milliseconds{200}, milliseconds{400}};
constexpr milliseconds pause_between{5};
// How long a statement waits, in all, for memory that others are about to give back.
constexpr milliseconds memory_patience{10'000};

// What each shard is asked for, so that a column which is only passed on arrives as the client wants it. The planner's
// helpers stand behind the client's columns, and are best compared in binary.
result<result_formats> formats_of_shards(const result_formats& wanted, const route::recipe& what) {
    if (const auto all = wanted.of_all()) return result_formats{*all};
    if (what.helpers == 0) return wanted;
    const std::size_t visible = what.visible_columns;  // counted through a star, if there is one: helpers need that
    if (!wanted.fits(visible)) {
        return error{errc::protocol_violation,
                     fmt::format("bind message has {} result formats but query has {} columns",
                                 wanted.as_bound().size(), visible)};
    }
    std::vector<cell_format> all{wanted.as_bound().begin(), wanted.as_bound().end()};
    all.resize(visible + what.helpers, cell_format::binary);
    return result_formats{std::move(all)};
}

struct source {
    connection* on = nullptr;  // nullptr: not there yet, or let go of
    std::string where;
    bool running = false;         // started and neither ended nor failed
    std::deque<row_batch> ahead;  // rows that came before the merge asked for them
    std::uint64_t ahead_bytes = 0;
    completion completed;
};

class merged_answer final : public answer {
public:
    merged_answer(io::loop& loop, route::bound_plan plan, std::vector<driver::parameter> parameters,
                  std::unique_ptr<lender> from, result_formats results, result_formats asked, limits within)
        : loop_(loop),
          plan_(std::move(plan)),
          parameters_(std::move(parameters)),
          lender_(std::move(from)),
          results_(std::move(results)),
          asked_(std::move(asked)),
          within_(within),
          recipe_(plan_.merge),
          sources_(plan_.steps.size()),
          shapes_(plan_.steps.size()),
          ahead_memory_(within.account) {
        for (std::size_t i = 0; i < sources_.size(); ++i) sources_[i].where = where_of(plan_, plan_.steps[i]);
    }

    // Starts every step, then makes the merger. On failure everything has been cancelled and drained.
    task<status> begin(deadline until) {
        status begun = co_await lender_->enter(plan_, until);
        if (!begun) co_return begun;
        begun = co_await start_steps(until);
        if (begun) begun = make_merger();
        if (!begun) co_await abandon();
        co_return begun;
    }

    const columns& shape() const noexcept override { return merger_->shape(); }
    const completion& completed() const noexcept override { return completed_; }

    task<result<fetched>> fetch(row_batch& into, deadline until) override {
        auto got = co_await try_fetch(into, until);
        if (!got) co_await abandon();
        co_return got;
    }

    task<void> abandon() override {
        for (source& s : sources_) {
            if (s.running) s.on->cancel();
        }
        const deadline until = deadline::in(drain_time);
        for (source& s : sources_) {
            if (s.running) co_await drain(*s.on, until);
            let_go(s);
        }
        drop_ahead();
    }

private:
    // --- starting --------------------------------------------------------------------------------------------------

    // The first connection tells which engine it is: files may have to start anew, all of them.
    task<status> start_steps(deadline until) {
        status first = co_await take_connection(0);
        if (!first) co_return first;
        const bool files = sources_.front().on->speaks() == driver::dialect::sqlite;
        if (!files) co_return co_await start_as_they_come(until);
        for (std::size_t i = 1; i < sources_.size(); ++i) {
            status taken = co_await take_connection(i);
            if (!taken) co_return taken;
        }
        co_return co_await start_files(until);
    }

    task<status> take_connection(std::size_t index) {
        auto lent = co_await lender_->lend(plan_.steps[index]);
        if (!lent) co_return std::move(lent).error().on(sources_[index].where);
        sources_[index].on = *lent;
        co_return status{};
    }

    // A read that meets a lock lets go of those it has: the writer who holds the one may be waiting for the other.
    task<status> start_files(deadline until) {
        const bool may_start_anew =
            std::ranges::none_of(sources_, [](const source& s) { return s.on->in_transaction(); });
        for (std::size_t attempt = 0;; ++attempt) {
            std::optional<milliseconds> patience;
            if (may_start_anew && attempt < lock_patience.size()) patience = lock_patience[attempt];
            status started = co_await start_all(until, patience);
            if (started) co_return started;
            const deadline drained = deadline::in(drain_time);
            for (source& s : sources_) {
                if (!s.running) continue;
                s.on->cancel();
                co_await drain(*s.on, drained);
                s.running = false;
            }
            if (!patience || started.error() != errc::database_locked) co_return started;
            (void)co_await loop_.sleep_until(earlier(until, deadline::in(pause_between)));
        }
    }

    task<status> start_all(deadline until, std::optional<milliseconds> patience) {
        io::cancel_scope* outer = co_await io::this_scope{};
        io::task_group<status> starting{loop_, outer};
        busy_ = 0;
        starting.start(start_each(starting, until, patience));
        co_return co_await end_of(starting);
    }

    // Precondition: the first connection is there.
    task<status> start_as_they_come(deadline until) {
        io::cancel_scope* outer = co_await io::this_scope{};
        io::task_group<status> starting{loop_, outer};
        starting.start(take_and_start(starting, until));
        co_return co_await end_of(starting);
    }

    // Of all tasks of the group, or of the first that fails, which ends the others.
    static task<status> end_of(io::task_group<status>& group) {
        status outcome;
        std::exception_ptr thrown;
        try {
            while (outcome) {
                auto one = co_await group.next();
                if (!one) break;
                if (!*one) outcome = std::move(*one);
            }
        } catch (...) {
            thrown = std::current_exception();
        }
        if (!outcome || thrown) co_await group.cancel_and_join();
        if (thrown) std::rethrow_exception(thrown);
        co_return outcome;
    }

    // Until fewer run than may.
    task<void> wait_for_room() {
        while (busy_ >= std::max(within_.fan_out_max, 1u)) {
            one_less_.reset();
            (void)co_await loop_.wait_for(one_less_);
        }
        ++busy_;
    }
    void leave_room() {
        --busy_;
        one_less_.set();
    }

    task<status> start_each(io::task_group<status>& starting, deadline until, std::optional<milliseconds> patience) {
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            co_await wait_for_room();
            starting.start(start_only(i, until, patience));
        }
        co_return status{};
    }

    task<status> start_only(std::size_t index, deadline until, std::optional<milliseconds> patience) {
        status started = co_await start_one(index, until, patience);
        leave_room();
        co_return started;
    }

    task<status> take_and_start(io::task_group<status>& starting, deadline until) {
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            if (sources_[i].on == nullptr) {
                status taken = co_await take_connection(i);
                if (!taken) co_return taken;
            }
            co_await wait_for_room();
            starting.start(start_and_read_ahead(i, until));
        }
        co_return status{};
    }

    task<status> start_one(std::size_t index, deadline until, std::optional<milliseconds> patience) {
        source& s = sources_[index];
        driver::statement what = statement_of(plan_, plan_.steps[index], parameters_, asked_, within_.account);
        what.lock_patience = patience;
        what.moment = moment_;
        s.running = true;
        auto shape = co_await s.on->start(std::move(what), until);
        if (!shape) {
            s.running = false;
            co_return in_our_words(std::move(shape).error(), *s.on, plan_.steps[index].sql).on(s.where);
        }
        tell_as_shown(*shape, s.where);
        shapes_[index] = std::move(*shape);
        ++started_;
        co_return status{};
    }

    // Users' types by the object ids that the catalogue knows. A newer type keeps its own object id, unless that id belongs to another type.
    void tell_as_shown(columns& shape, const std::string& database) const {
        if (within_.object_ids == nullptr) return;
        const auto at = within_.object_ids->find(database);
        if (at == within_.object_ids->end()) return;
        for (column& each : shape) {
            const bool known = at->second->has_type_for_client(each.type);
            const bool means_another = recipe_->types != nullptr && recipe_->types->find(each.type) != nullptr;
            if (known || means_another) each.type = at->second->type_for_client(each.type);
        }
    }

    // Until all others have started too; one batch always, in which a short answer ends.
    task<status> start_and_read_ahead(std::size_t index, deadline until) {
        source& s = sources_[index];
        status going = co_await start_one(index, until, std::nullopt);
        while (going && s.running && s.ahead_bytes < within_.read_ahead_max &&
               (s.ahead.empty() || started_ < sources_.size())) {
            row_batch batch;
            going = co_await fetch_one(s, batch, until);
            if (!going || batch.empty()) continue;
            s.ahead_bytes += batch.byte_size();
            s.ahead.push_back(std::move(batch));
            going = count_ahead();
        }
        leave_room();
        co_return going;
    }

    status make_merger() {
        std::vector<route::bound_parameter> views;
        for (const driver::parameter& p : parameters_) {
            route::bound_parameter& v = views.emplace_back();
            if (p.bytes) v.bytes = *p.bytes;
            v.type = p.type;
            v.format = p.format;
        }
        merge::merge_options options;
        options.memory_max = within_.merge_memory_max;
        options.account = within_.account;
        options.results = results_;
        options.text_floats_exact = within_.text_floats_exact;
        for (const source& each : sources_) options.names.push_back(each.where);
        auto made = merge::merger::make(*recipe_, shapes_, views, options);
        if (!made) return std::move(made).error();
        merger_ = std::move(*made);
        return {};
    }

    // --- reading ---------------------------------------------------------------------------------------------------

    // Rows of one source, or its end: its connection goes back then.
    task<status> fetch_one(source& s, row_batch& into, deadline until) {
        status room = co_await wait_for_memory(until);
        if (!room) co_return room;
        auto got = co_await s.on->fetch(into, until);
        if (!got) {
            s.running = false;
            co_return std::move(got).error().on(s.where);
        }
        if (*got == fetched::rows && !s.on->at_end()) co_return status{};
        s.running = false;
        s.completed = s.on->completed();
        let_go(s);
        co_return status{};
    }

    // Fails when this statement is the one that has to end.
    task<status> wait_for_memory(deadline until) {
        const memory_account* const account = within_.account;
        if (account == nullptr) co_return status{};
        while (account->should_wait() && waited_for_memory_ < memory_patience && !until.passed(loop_.now())) {
            waited_for_memory_ += pause_between;
            status paused = co_await loop_.sleep_until(earlier(until, deadline::in(pause_between)));
            if (!paused) co_return paused;
        }
        if (account->is_condemned()) co_return account->why();
        co_return status{};
    }

    void let_go(source& s) noexcept {
        s.running = false;
        if (s.on != nullptr) lender_->ended(*std::exchange(s.on, nullptr));
    }

    status count_ahead() {
        std::uint64_t bytes = 0;
        for (const source& s : sources_) bytes += s.ahead_bytes;
        return ahead_memory_.set(bytes);
    }

    void drop_ahead() {
        for (source& s : sources_) {
            s.ahead.clear();
            s.ahead_bytes = 0;
        }
        (void)ahead_memory_.set(0);
    }

    task<result<fetched>> try_fetch(row_batch& into, deadline until) {
        if (holds_all_rows() && !gathered_) {
            gathered_ = true;
            status all = co_await gather(until);
            if (!all) co_return std::move(all).error();
        }
        const std::size_t before = into.rows();  // the caller may collect batch after batch in one
        for (;;) {
            auto more = merger_->take(into);
            if (!more) co_return std::move(more).error();
            if (into.rows() > before) {
                rows_ += into.rows() - before;
                co_return fetched::rows;
            }
            if (merger_->finished()) co_return co_await finish();
            const std::optional<std::size_t> next = merger_->wants();
            if (!next) continue;
            status fed = co_await feed(*next, until);
            if (!fed) co_return std::move(fed).error();
        }
    }

    // Such a merge gives nothing before it has everything, so all sources are read at once.
    bool holds_all_rows() const noexcept {
        return recipe_->grouped || (!recipe_->order.empty() && !recipe_->shards_are_sorted);
    }

    // One batch of one source into the merger.
    task<status> feed(std::size_t index, deadline until) {
        source& s = sources_[index];
        row_batch batch;
        if (!s.ahead.empty()) {
            batch = std::move(s.ahead.front());
            s.ahead.pop_front();
            s.ahead_bytes -= batch.byte_size();
            (void)count_ahead();
        } else if (s.running) {  // else it has ended without a row more
            status got = co_await fetch_one(s, batch, until);
            if (!got) co_return got;
        }
        if (!batch.empty()) {
            if (status added = merger_->add(index, std::move(batch)); !added) co_return added;
        }
        if (s.running || !s.ahead.empty()) co_return status{};
        co_return merger_->end(index);
    }

    task<status> read_whole(std::size_t index, deadline until) {
        bool more = true;
        while (more) {
            status fed = co_await feed(index, until);
            if (!fed) co_return fed;
            more = sources_[index].running || !sources_[index].ahead.empty();
        }
        co_return status{};
    }

    task<status> gather(deadline until) {
        io::cancel_scope* outer = co_await io::this_scope{};
        io::task_group<status> readers{loop_, outer};
        status outcome;
        std::exception_ptr thrown;
        try {
            for (std::size_t i = 0; i < sources_.size(); ++i) {
                source& s = sources_[i];
                if (s.running || !s.ahead.empty()) {
                    readers.start(read_whole(i, until));
                } else if (outcome) {
                    outcome = merger_->end(i);
                }
            }
            while (outcome) {
                auto one = co_await readers.next();
                if (!one) break;
                if (!*one) outcome = std::move(*one);
            }
        } catch (...) {
            thrown = std::current_exception();
        }
        if (!outcome || thrown) co_await readers.cancel_and_join();
        if (thrown) std::rethrow_exception(thrown);
        co_return outcome;
    }

    task<result<fetched>> finish() {
        // The limit may have been reached while shards still had rows.
        co_await abandon();
        const bool has_rows = !merger_->shape().empty();
        std::uint64_t affected = 0;
        std::vector<std::string> tags;
        for (const source& s : sources_) {
            affected += s.completed.rows_affected;
            if (!s.completed.tag.empty()) tags.push_back(s.completed.tag);
        }
        completed_.rows_affected = has_rows ? rows_ : affected;
        completed_.tag = has_rows ? fmt::format("SELECT {}", rows_) : combine_tags(tags, recipe_->count_once);
        if (!has_rows && recipe_->count_once && !sources_.empty()) completed_.rows_affected /= sources_.size();
        co_return fetched::ended;
    }

    io::loop& loop_;
    const route::bound_plan plan_;
    const std::vector<driver::parameter> parameters_;
    const std::unique_ptr<lender> lender_;
    const result_formats results_, asked_;  // by the client; of the shards
    const limits within_;
    const timestamp moment_ = driver::this_moment();     // of now(), on all
    const std::shared_ptr<const route::recipe> recipe_;  // the plan's
    std::vector<source> sources_;                        // by step
    std::vector<columns> shapes_;                        // by step
    std::size_t started_ = 0;                            // steps whose shape is known
    std::size_t busy_ = 0;                               // steps being started or read ahead
    io::signal one_less_;                                // of these
    memory_part ahead_memory_;
    milliseconds waited_for_memory_{0};
    std::unique_ptr<merge::merger> merger_;
    bool gathered_ = false;
    std::uint64_t rows_ = 0;
    completion completed_;
};

}  // namespace

task<result<std::unique_ptr<answer>>> begin_merged(io::loop& loop, route::bound_plan plan,
                                                   std::vector<driver::parameter> parameters,
                                                   std::unique_ptr<lender> from, result_formats results, limits within,
                                                   deadline until) {
    auto asked = formats_of_shards(results, *plan.merge);
    if (!asked) co_return std::move(asked).error();
    auto merged = std::make_unique<merged_answer>(loop, std::move(plan), std::move(parameters), std::move(from),
                                                  std::move(results), std::move(*asked), within);
    status begun = co_await merged->begin(until);
    if (!begun) co_return std::move(begun).error();
    co_return std::unique_ptr<answer>{std::move(merged)};
}

}  // namespace ashlar::execute
