#include "execute/executor.hpp"

#include "core/io/task_group.hpp"
#include "merge/merger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace ashlar::execute {

namespace {

using driver::completion;
using driver::connection;
using driver::fetched;

// How long a cancelled statement may take to end before its connection is given up.
constexpr seconds drain_time{5};

std::string where_of(const route::bound_plan& plan, const route::step& s) {
    if (plan.where == route::target::unsharded) return plan.database;
    return fmt::format("shard {}", keyspace::index_of(s.shard) + 1);
}

driver::statement statement_of(const route::bound_plan& plan, const route::step& s,
                               const std::vector<driver::parameter>& parameters, const result_formats& results) {
    driver::statement what;
    what.sql = s.sql;
    what.results = results;
    if (plan.shows != nullptr) what.shows = *plan.shows;
    if (s.all_parameters) {
        what.parameters = parameters;
    } else {
        for (const std::size_t index : s.parameters) what.parameters.push_back(parameters.at(index));
    }
    return what;
}

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

// What the statement's text and its caller's parameters say is never taken on trust.
status may_run(const route::bound_plan& plan, std::size_t parameters) {
    if (plan.steps.empty() || (plan.merge == nullptr && plan.steps.size() != 1)) {
        return error{errc::unsupported, "the statement cannot be run on a database by itself"};
    }
    for (const route::step& s : plan.steps) {
        for (const std::size_t index : s.parameters) {
            if (index < parameters) continue;
            return error{errc::invalid_argument,
                         fmt::format("the statement names ${}, but only {} parameters came", index + 1, parameters)}
                .sqlstate("08P01");
        }
    }
    return {};
}

// Reads what a cancelled statement still sends. A connection that does not end in time is left as it is, which makes it
// not reusable.
task<void> drain(connection& what, deadline until) {
    row_batch dropped;
    for (;;) {
        dropped.clear();
        auto got = co_await what.fetch(dropped, until);
        if (!got || *got == fetched::ended) co_return;
    }
}

// How long a read of several files waits for one while it holds others, attempt by attempt; then as long as the files allow.
constexpr std::array lock_patience{milliseconds{50}, milliseconds{100}, milliseconds{200}, milliseconds{400}};
constexpr milliseconds pause_between{5};

// One step, streamed through untouched.
class one_step_answer final : public answer {
public:
    one_step_answer(connection& on, columns shape, std::string where)
        : on_(on), shape_(std::move(shape)), where_(std::move(where)) {
        look_for_end();
    }

    const columns& shape() const noexcept override { return shape_; }
    task<result<fetched>> fetch(row_batch& into, deadline until) override {
        if (ended_) co_return fetched::ended;
        auto got = co_await on_.fetch(into, until);
        if (!got) co_return std::move(got).error().on(where_);
        look_for_end();
        if (*got == fetched::ended && !ended_) end();
        co_return got;
    }
    const completion& completed() const noexcept override { return completed_; }
    task<void> abandon() override {
        if (ended_) co_return;
        on_.cancel();
        co_await drain(on_, deadline::in(drain_time));
    }

private:
    // Its connection may be used for the next statement before the end is asked for.
    void look_for_end() {
        if (on_.at_end()) end();
    }
    void end() {
        ended_ = true;
        completed_ = on_.completed();
    }

    connection& on_;
    columns shape_;
    std::string where_;
    bool ended_ = false;
    completion completed_;
};

struct source {
    connection* on = nullptr;
    std::string where;
    bool running = false;  // started and neither ended nor failed
};

class merged_answer final : public answer {
public:
    merged_answer(io::loop& loop, std::vector<source> sources, std::shared_ptr<const route::recipe> what)
        : loop_(loop), sources_(std::move(sources)), recipe_(std::move(what)) {}

    // Starts every step, then makes the merger. On failure everything has been cancelled and drained.
    task<status> begin(const route::bound_plan& plan, const std::vector<driver::parameter>& parameters,
                       const result_formats& results, const result_formats& asked, limits within, deadline until) {
        std::vector<columns> shapes(sources_.size());
        const bool may_start_anew = std::ranges::all_of(sources_, [](const source& s) {
            return s.on->speaks() == driver::dialect::sqlite && !s.on->in_transaction();
        });
        for (std::size_t attempt = 0;; ++attempt) {
            std::optional<milliseconds> patience;
            if (may_start_anew && attempt < lock_patience.size()) patience = lock_patience[attempt];
            status started = co_await start_all(plan, parameters, asked, within, until, shapes, patience);
            if (started) break;
            co_await abandon();
            if (!patience || started.error() != errc::database_locked) co_return started;
            (void)co_await loop_.sleep_until(earlier(until, deadline::in(pause_between)));
        }
        std::vector<route::bound_parameter> views;
        for (const driver::parameter& p : parameters) {
            route::bound_parameter& v = views.emplace_back();
            if (p.bytes) v.bytes = *p.bytes;
            v.type = p.type;
            v.format = p.format;
        }
        merge::merge_options options;
        options.memory_max = within.merge_memory_max;
        options.results = results;
        options.text_floats_exact = within.text_floats_exact;
        auto made = merge::merger::make(*recipe_, shapes, views, options);
        if (!made) {
            co_await abandon();
            co_return std::move(made).error();
        }
        merger_ = std::move(*made);
        co_return status{};
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
            s.running = false;
        }
    }

private:
    task<status> start_one(std::size_t index, driver::statement what, deadline until, std::vector<columns>& shapes) {
        source& s = sources_[index];
        s.running = true;
        auto shape = co_await s.on->start(std::move(what), until);
        if (!shape) {
            s.running = false;
            co_return std::move(shape).error().on(s.where);
        }
        shapes[index] = std::move(*shape);
        co_return status{};
    }

    task<status> start_all(const route::bound_plan& plan, const std::vector<driver::parameter>& parameters,
                           const result_formats& results, limits within, deadline until, std::vector<columns>& shapes,
                           std::optional<milliseconds> patience) {
        io::cancel_scope* outer = co_await io::this_scope{};
        io::task_group<status> starting{loop_, outer};
        status outcome;
        std::exception_ptr thrown;
        try {
            for (std::size_t i = 0; i < sources_.size() && outcome; ++i) {
                driver::statement what = statement_of(plan, plan.steps[i], parameters, results);
                what.lock_patience = patience;
                starting.start(start_one(i, std::move(what), until, shapes));
                // Those that ended earlier may be handed out while as many as may still run.
                while (outcome && starting.running() >= std::max(within.fan_out_max, 1u)) {
                    auto one = co_await starting.next();
                    if (one && !*one) outcome = std::move(*one);
                }
            }
            while (outcome) {
                auto one = co_await starting.next();
                if (!one) break;
                if (!*one) outcome = std::move(*one);
            }
        } catch (...) {
            thrown = std::current_exception();
        }
        if (!outcome || thrown) co_await starting.cancel_and_join();
        if (thrown) std::rethrow_exception(thrown);
        co_return outcome;
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
        auto got = co_await s.on->fetch(batch, until);
        if (!got) {
            s.running = false;
            co_return std::move(got).error().on(s.where);
        }
        if (!batch.empty()) {
            if (status added = merger_->add(index, std::move(batch)); !added) co_return added;
        }
        if (*got == fetched::rows && !s.on->at_end()) co_return status{};
        s.running = false;
        affected_ += s.on->completed().rows_affected;
        tags_.push_back(s.on->completed().tag);
        co_return merger_->end(index);
    }

    task<status> read_whole(std::size_t index, deadline until) {
        while (sources_[index].running) {
            status fed = co_await feed(index, until);
            if (!fed) co_return fed;
        }
        co_return status{};
    }

    task<status> gather(deadline until) {
        io::cancel_scope* outer = co_await io::this_scope{};
        io::task_group<status> readers{loop_, outer};
        status outcome;
        std::exception_ptr thrown;
        try {
            for (std::size_t i = 0; i < sources_.size(); ++i) readers.start(read_whole(i, until));
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
        completed_.rows_affected = has_rows ? rows_ : affected_;
        completed_.tag = has_rows ? fmt::format("SELECT {}", rows_) : combine_tags(tags_, recipe_->count_once);
        if (!has_rows && recipe_->count_once && !sources_.empty()) completed_.rows_affected /= sources_.size();
        co_return fetched::ended;
    }

    io::loop& loop_;
    std::vector<source> sources_;
    std::shared_ptr<const route::recipe> recipe_;
    std::unique_ptr<merge::merger> merger_;
    bool gathered_ = false;
    std::uint64_t rows_ = 0;
    std::uint64_t affected_ = 0;
    std::vector<std::string> tags_;
    completion completed_;
};

}  // namespace

std::string combine_tags(const std::vector<std::string>& tags, bool once) {
    if (tags.empty()) return {};
    const std::string& first = tags.front();
    const std::size_t blank = first.rfind(' ');
    if (once || blank == std::string::npos) return first;
    std::uint64_t sum = 0;
    for (const std::string& tag : tags) {
        const char* begin = tag.data() + std::min(tag.size(), tag.rfind(' ') + 1);
        std::uint64_t n = 0;
        const auto read = std::from_chars(begin, tag.data() + tag.size(), n);
        if (read.ec != std::errc{} || read.ptr != tag.data() + tag.size()) return first;  // a tag without a count
        sum += n;
    }
    return first.substr(0, blank + 1) + std::to_string(sum);
}

task<result<std::unique_ptr<answer>>> run(io::loop& loop, route::bound_plan plan,
                                          std::vector<driver::parameter> parameters, connection_source source_of,
                                          result_formats results, limits within, deadline until) {
    if (status s = may_run(plan, parameters.size()); !s) co_return std::move(s).error();
    std::vector<source> sources;
    for (const route::step& s : plan.steps) {
        auto lent = co_await source_of(s);
        if (!lent) co_return std::move(lent).error().on(where_of(plan, s));
        source& entry = sources.emplace_back();
        entry.on = *lent;
        entry.where = where_of(plan, s);
    }
    if (plan.merge == nullptr) {
        source& only = sources.front();
        auto shape = co_await only.on->start(statement_of(plan, plan.steps.front(), parameters, results), until);
        if (!shape) co_return std::move(shape).error().on(only.where);
        co_return std::make_unique<one_step_answer>(*only.on, std::move(*shape), std::move(only.where));
    }
    auto asked = formats_of_shards(results, *plan.merge);
    if (!asked) co_return std::move(asked).error();
    auto merged = std::make_unique<merged_answer>(loop, std::move(sources), plan.merge);
    status begun = co_await merged->begin(plan, parameters, results, *asked, within, until);
    if (!begun) co_return std::move(begun).error();
    co_return std::unique_ptr<answer>{std::move(merged)};
}

task<result<driver::completion>> run_to_end(io::loop& loop, route::bound_plan plan,
                                            std::vector<driver::parameter> parameters, connection_source source_of,
                                            limits within, deadline until) {
    auto begun = co_await run(loop, std::move(plan), std::move(parameters), std::move(source_of), cell_format::text,
                              within, until);
    if (!begun) co_return std::move(begun).error();
    std::unique_ptr<answer> all = std::move(*begun);
    row_batch dropped;
    for (;;) {
        dropped.clear();
        auto got = co_await all->fetch(dropped, until);
        if (!got) co_return std::move(got).error();
        if (*got == driver::fetched::ended) co_return all->completed();
    }
}

}  // namespace ashlar::execute
