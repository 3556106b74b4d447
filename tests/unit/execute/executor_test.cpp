#include "execute/executor.hpp"

#include <algorithm>

using namespace ashlar;
using namespace ashlar::execute;
using driver::fetched;

namespace {

using table = std::vector<std::vector<std::string>>;

// What all connections of a test see together.
struct observed {
    int starting = 0, most_starting = 0;
};

// A server that is a script: these columns, these batches, or a failure; it remembers what was asked of it.
class scripted final : public driver::connection {
public:
    std::vector<std::string> names{"n"};
    std::vector<table> batches;
    std::optional<errc> fails_at_start, fails_at_fetch;  // fetch: once the batches are out
    bool is_endless = false;                             // the last batch comes again and again until it is cancelled
    bool is_slow_to_start = false;
    bool knows_its_end = false;  // with the last batch
    std::string tag = "SELECT 0";
    std::uint64_t affected = 0;
    observed* seen = nullptr;

    std::vector<driver::statement> asked;
    int fetches = 0;
    bool was_cancelled = false, is_running = false;

    driver::dialect speaks() const noexcept override { return driver::dialect::postgres; }
    void bind(io::loop& loop) override { loop_ = &loop; }

    task<result<columns>> start(driver::statement what, deadline) override {
        asked.push_back(std::move(what));
        if (seen != nullptr) seen->most_starting = std::max(seen->most_starting, ++seen->starting);
        if (is_slow_to_start) (void)co_await loop_->sleep_until(deadline::in(milliseconds{5}));
        if (seen != nullptr) --seen->starting;
        if (fails_at_start) co_return error{*fails_at_start};
        is_running = true;
        columns shape;
        for (const std::string& name : names) {
            column& c = shape.emplace_back();
            c.name = name;
            c.type = oid::int4;
        }
        co_return shape;
    }

    task<result<fetched>> fetch(row_batch& into, deadline) override {
        ++fetches;
        // As a network would: the others get their turn.
        if (is_endless) (void)co_await loop_->sleep_until(deadline::in(milliseconds{1}));
        if (was_cancelled || (next_ == batches.size() && !fails_at_fetch && !is_endless)) {
            is_running = false;
            completed_.tag = tag;
            completed_.rows_affected = affected;
            co_return fetched::ended;
        }
        if (next_ == batches.size() && fails_at_fetch) {
            is_running = false;
            co_return error{*fails_at_fetch};
        }
        for (const auto& row : batches[std::min(next_, batches.size() - 1)]) {
            for (const std::string& c : row) into.add(c);
            into.end_row();
        }
        if (next_ < batches.size()) ++next_;
        if (knows_its_end && next_ == batches.size()) {
            is_running = false;
            completed_.tag = tag;
            completed_.rows_affected = affected;
        }
        co_return fetched::rows;
    }
    bool at_end() const noexcept override { return knows_its_end && !is_running; }

    const driver::completion& completed() const noexcept override { return completed_; }
    task<status> run_script(std::string, deadline) override { co_return status{}; }
    task<status> begin(driver::transaction_options, deadline) override { co_return status{}; }
    task<status> commit(deadline) override { co_return status{}; }
    task<status> rollback(deadline) override { co_return status{}; }
    task<status> savepoint(std::string_view, deadline) override { co_return status{}; }
    task<status> rollback_to(std::string_view, deadline) override { co_return status{}; }
    task<status> release(std::string_view, deadline) override { co_return status{}; }
    bool in_transaction() const noexcept override { return false; }
    void cancel() noexcept override { was_cancelled = true; }
    task<status> ping(deadline) override { co_return status{}; }
    task<status> reset(deadline) override { co_return status{}; }
    bool is_reusable() const noexcept override { return !is_running; }
    bool is_clean() const noexcept override { return true; }
    std::string describe() const override { return "a script"; }

private:
    io::loop* loop_ = nullptr;
    std::size_t next_ = 0;
    driver::completion completed_;
};

struct course {
    table rows;
    std::optional<error> failure;
    driver::completion completed;
};

class scatter {
public:
    explicit scatter(std::size_t shards) : loop_(io::make_poll_loop()), servers(shards) {
        recipe.visible_columns = 1;
        for (std::size_t i = 0; i < shards; ++i) {
            servers[i] = std::make_unique<scripted>();
            servers[i]->bind(*loop_);
            route::step& s = plan.steps.emplace_back();
            s.shard = static_cast<keyspace::shard_id>(i);
            s.sql = "select " + std::to_string(i);
        }
        plan.where = route::target::all_shards;
    }

    scripted& server(std::size_t i) { return *servers[i]; }
    void sort_by_first() {
        recipe.order.resize(1);
        recipe.shards_are_sorted = true;
    }

    course run() { return loop_->run(read_all()); }
    // Takes one part of the answer and goes away.
    void run_and_abandon() { loop_->run(read_one_part()); }
    result<driver::completion> run_command() {
        return loop_->run(run_to_end(*loop_, planned(), parameters, lender_from(source()), within, deadline::never()));
    }

    route::bound_plan plan;
    route::recipe recipe;
    bool merges = true;
    std::vector<driver::parameter> parameters;
    limits within;

private:
    route::bound_plan planned() const {
        route::bound_plan p = plan;
        if (merges) p.merge = std::make_shared<route::recipe>(recipe);
        return p;
    }
    static task<result<driver::connection*>> lend(scatter* self, std::size_t index) {
        co_return self->servers[index].get();
    }
    connection_source source() {
        return [this](const route::step& s) { return lend(this, keyspace::index_of(s.shard)); };
    }

    task<course> read_all() {
        course c;
        auto begun = co_await execute::run(*loop_, planned(), parameters, lender_from(source()), cell_format::text,
                                           within, deadline::never());
        if (!begun) {
            c.failure = std::move(begun).error();
            co_return c;
        }
        row_batch batch;
        for (;;) {
            batch.clear();
            auto got = co_await (*begun)->fetch(batch, deadline::never());
            if (!got) {
                c.failure = std::move(got).error();
                co_return c;
            }
            for (std::size_t r = 0; r < batch.rows(); ++r) {
                auto& row = c.rows.emplace_back();
                for (std::size_t i = 0; i < batch.width(); ++i) row.emplace_back(*batch.at(r, i));
            }
            if (*got == fetched::ended) break;
        }
        c.completed = (*begun)->completed();
        co_return c;
    }

    task<void> read_one_part() {
        auto begun = co_await execute::run(*loop_, planned(), parameters, lender_from(source()), cell_format::text,
                                           within, deadline::never());
        row_batch batch;
        auto got = co_await begun.value()->fetch(batch, deadline::never());
        EXPECT_TRUE(got);
        co_await begun.value()->abandon();
    }

    std::unique_ptr<io::loop> loop_;
    std::vector<std::unique_ptr<scripted>> servers;
};

}  // namespace

TEST(Executor, OneStepStreamsThroughUntouched) {
    scatter s{1};
    s.merges = false;
    s.server(0).batches = {{{"3"}, {"1"}}, {{"2"}}};
    s.server(0).tag = "SELECT 3";
    const course c = s.run();
    EXPECT_EQ(c.rows, (table{{"3"}, {"1"}, {"2"}}));
    EXPECT_EQ(c.completed.tag, "SELECT 3");
}

TEST(Executor, SeveralStepsAreMergedAndCounted) {
    scatter s{3};
    s.sort_by_first();
    s.server(0).batches = {{{"1"}, {"4"}}, {{"7"}}};
    s.server(1).batches = {{{"2"}}, {{"3"}}};
    const course c = s.run();
    EXPECT_FALSE(c.failure);
    EXPECT_EQ(c.rows, (table{{"1"}, {"2"}, {"3"}, {"4"}, {"7"}}));
    EXPECT_EQ(c.completed.tag, "SELECT 5");
    EXPECT_EQ(c.completed.rows_affected, 5u);
}

TEST(Executor, EachStepGetsItsOwnTextAndParameters) {
    scatter s{2};
    for (const char* text : {"a", "b", "c"}) s.parameters.emplace_back().bytes = text;
    s.plan.steps[1].all_parameters = false;
    s.plan.steps[1].parameters = {2, 0};
    (void)s.run();
    EXPECT_EQ(s.server(0).asked.at(0).sql, "select 0");
    EXPECT_EQ(s.server(0).asked.at(0).parameters.size(), 3u);
    ASSERT_EQ(s.server(1).asked.at(0).parameters.size(), 2u);
    EXPECT_EQ(s.server(1).asked.at(0).parameters[0].bytes, "c");
    EXPECT_EQ(s.server(1).asked.at(0).parameters[1].bytes, "a");
}

TEST(Executor, TheFirstFailureEndsTheRestAndNamesItsShard) {
    for (const bool at_start : {true, false}) {
        scatter s{3};
        (at_start ? s.server(1).fails_at_start : s.server(1).fails_at_fetch) = errc::connection_lost;
        for (const std::size_t i : {0u, 2u}) {
            s.server(i).batches = {{{"1"}}};
            s.server(i).is_endless = true;
        }
        s.recipe.grouped = true;  // reads all sources at once
        s.recipe.outputs.resize(1);
        const course c = s.run();
        ASSERT_TRUE(c.failure);
        EXPECT_EQ(*c.failure, errc::connection_lost);
        EXPECT_EQ(c.failure->where(), "shard_2");
        for (const std::size_t i : {0u, 2u}) {
            EXPECT_FALSE(s.server(i).is_running) << at_start << " " << i;
        }
    }
}

TEST(Executor, AReachedLimitCancelsWhatStillRuns) {
    scatter s{2};
    s.sort_by_first();
    s.recipe.limit.constant = 2;
    s.server(0).batches = {{{"1"}, {"2"}}};
    s.server(1).batches = {{{"9"}}};
    s.server(0).is_endless = s.server(1).is_endless = true;
    const course c = s.run();
    EXPECT_EQ(c.rows, (table{{"1"}, {"2"}}));
    EXPECT_EQ(c.completed.tag, "SELECT 2");
    for (const std::size_t i : {0u, 1u}) {
        EXPECT_TRUE(s.server(i).was_cancelled);
        EXPECT_TRUE(s.server(i).is_reusable());
    }
}

TEST(Executor, ReadsASourceOnlyWhenTheMergeWantsIt) {
    scatter s{2};
    s.sort_by_first();
    s.recipe.limit.constant = 3;
    s.server(0).batches = {{{"1"}}, {{"2"}}, {{"3"}}, {{"4"}}, {{"5"}}};
    s.server(1).batches = {{{"100"}}, {{"200"}}, {{"300"}}};
    s.within.read_ahead_max = 0;
    (void)s.run();
    EXPECT_EQ(s.server(0).fetches, 3 + 1);  // three for rows, one to drain
    EXPECT_EQ(s.server(1).fetches, 1 + 1);
}

TEST(Executor, ShardsOfAnotherShapeAreRefusedAndDrained) {
    scatter s{2};
    s.server(0).batches = {{{"1"}}};
    s.server(1).names = {"m"};
    s.server(1).batches = {{{"1"}}};
    const course c = s.run();
    ASSERT_TRUE(c.failure);
    EXPECT_EQ(*c.failure, errc::shards_disagree);
    EXPECT_NE(c.failure->message().find("shard_2 answers otherwise than shard_1: column 1 is \"m\""), std::string::npos)
        << *c.failure;
    EXPECT_TRUE(s.server(0).is_reusable());
    EXPECT_TRUE(s.server(1).is_reusable());
}

TEST(Executor, AnAbandonedAnswerLeavesConnectionsThatCanBeUsedAgain) {
    for (const bool merges : {true, false}) {
        scatter s{merges ? 2u : 1u};
        s.merges = merges;
        for (std::size_t i = 0; i < s.plan.steps.size(); ++i) {
            s.server(i).batches = {{{"1"}}};
            s.server(i).is_endless = true;
        }
        s.run_and_abandon();
        for (std::size_t i = 0; i < s.plan.steps.size(); ++i) {
            EXPECT_TRUE(s.server(i).was_cancelled);
            EXPECT_TRUE(s.server(i).is_reusable());
        }
    }
}

TEST(Executor, StartsNoMoreAtOnceThanItMay) {
    observed seen;
    scatter s{9};
    s.within.fan_out_max = 4;
    for (std::size_t i = 0; i < 9; ++i) {
        s.server(i).seen = &seen;
        s.server(i).is_slow_to_start = true;
        s.server(i).batches = {{{std::to_string(i)}}};
    }
    EXPECT_EQ(s.run().rows.size(), 9u);
    EXPECT_EQ(seen.most_starting, 4);
}

TEST(Executor, AMergeThatNeedsTooMuchFailsByName) {
    scatter s{2};
    s.recipe.distinct = true;
    s.within.merge_memory_max = 10'000;
    for (const std::size_t i : {0u, 1u}) {
        for (int batch = 0; batch < 100; ++batch) {
            table& rows = s.server(i).batches.emplace_back();
            for (int r = 0; r < 10; ++r) rows.push_back({std::to_string(batch * 10 + r)});
        }
    }
    EXPECT_EQ(*s.run().failure, errc::limit_reached);
    EXPECT_TRUE(s.server(0).is_reusable());
    EXPECT_TRUE(s.server(1).is_reusable());
}

TEST(Executor, CommandsOverSeveralShardsSumTheirCounts) {
    scatter s{3};
    s.recipe.visible_columns = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        s.server(i).names.clear();
        s.server(i).tag = "UPDATE " + std::to_string(i + 1);
        s.server(i).affected = i + 1;
    }
    const auto done = s.run_command();
    ASSERT_TRUE(done) << done.error();
    EXPECT_EQ(done->tag, "UPDATE 6");
    EXPECT_EQ(done->rows_affected, 6u);
}

TEST(Executor, TheSameWriteOnEveryShardCountsOnce) {
    scatter s{3};
    s.recipe.visible_columns = 0;
    s.recipe.count_once = true;
    for (std::size_t i = 0; i < 3; ++i) {
        s.server(i).names.clear();
        s.server(i).tag = "INSERT 0 2";
        s.server(i).affected = 2;
    }
    const auto done = s.run_command();
    ASSERT_TRUE(done) << done.error();
    EXPECT_EQ(done->tag, "INSERT 0 2");
    EXPECT_EQ(done->rows_affected, 2u);
}

TEST(CombineTags, SumsCountsAndLeavesTagsWithoutOne) {
    EXPECT_EQ(combine_tags({"DELETE 3", "DELETE 4"}, false), "DELETE 7");
    EXPECT_EQ(combine_tags({"INSERT 0 3", "INSERT 0 4"}, false), "INSERT 0 7");
    EXPECT_EQ(combine_tags({"CREATE TABLE", "CREATE TABLE"}, false), "CREATE TABLE");
    EXPECT_EQ(combine_tags({"UPDATE 3", "UPDATE 3"}, true), "UPDATE 3");
    EXPECT_EQ(combine_tags({}, false), "");
}

namespace {

// Lends one connection a step, and never the last one before it is told to.
class watched_lender final : public lender {
public:
    watched_lender(std::vector<scripted*> servers, io::signal& go) : servers_(std::move(servers)), go_(go) {}
    task<result<driver::connection*>> lend(const route::step& step) override {
        const std::size_t index = keyspace::index_of(step.shard);
        if (index + 1 == servers_.size()) (void)co_await loop->wait_for(go_);
        co_return servers_[index];
    }
    void ended(driver::connection& which) noexcept override {
        given_back->push_back(&which);
        if (given_back->size() + 1 == servers_.size()) go_.set();
    }
    io::loop* loop = nullptr;
    std::vector<driver::connection*>* given_back = nullptr;

private:
    std::vector<scripted*> servers_;
    io::signal& go_;
};

task<result<std::uint64_t>> read_through(io::loop& loop, route::bound_plan plan, std::unique_ptr<lender> from) {
    limits within;
    std::vector<driver::parameter> none;
    auto begun = co_await execute::run(loop, std::move(plan), std::move(none), std::move(from), cell_format::text,
                                       within, deadline::never());
    if (!begun) co_return std::move(begun).error();
    std::uint64_t rows = 0;
    row_batch batch;
    for (;;) {
        batch.clear();
        auto got = co_await (*begun)->fetch(batch, deadline::never());
        if (!got) co_return std::move(got).error();
        rows += batch.rows();
        if (*got == fetched::ended) co_return rows;
    }
}

}  // namespace

// The last shard's connection only comes once all others have been given back: who kept them would wait for ever.
TEST(Executor, ConnectionsGoBackAsTheirShardsAnswerWhileAnotherOneIsWaitedFor) {
    const auto loop = io::make_poll_loop();
    for (const bool sorted : {false, true}) {
        std::vector<std::unique_ptr<scripted>> servers;
        std::vector<scripted*> all;
        route::bound_plan plan;
        plan.where = route::target::all_shards;
        auto recipe = std::make_shared<route::recipe>();
        recipe->visible_columns = 1;
        if (sorted) {
            recipe->order.resize(1);
            recipe->shards_are_sorted = true;
        }
        plan.merge = recipe;
        for (std::size_t i = 0; i < 4; ++i) {
            servers.push_back(std::make_unique<scripted>());
            servers.back()->bind(*loop);
            servers.back()->batches = {{{"1"}, {"2"}}, {{"3"}}};
            all.push_back(servers.back().get());
            plan.steps.emplace_back().shard = static_cast<keyspace::shard_id>(i);
        }
        io::signal go;
        std::vector<driver::connection*> given_back;
        auto from = std::make_unique<watched_lender>(all, go);
        from->loop = loop.get();
        from->given_back = &given_back;
        const auto rows = loop->run(read_through(*loop, plan, std::move(from)));
        ASSERT_TRUE(rows) << rows.error();
        EXPECT_EQ(*rows, 12u);
        ASSERT_EQ(given_back.size(), 4u);
        EXPECT_EQ(given_back.back(), all.back());
    }
}

TEST(Executor, ALimitThatIsSatisfiedCancelsNobodyWhoHasAnswered) {
    scatter s{3};
    s.recipe.limit.constant = 1;
    for (std::size_t i = 0; i < 3; ++i) {
        s.server(i).batches = {{{"1"}}};
        s.server(i).knows_its_end = true;
    }
    const course c = s.run();
    ASSERT_FALSE(c.failure) << *c.failure;
    EXPECT_EQ(c.rows.size(), 1u);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_FALSE(s.server(i).was_cancelled) << i;
}

TEST(Executor, ShardsWithoutRowsEndWithoutBeingAskedAgain) {
    for (const bool sorted : {false, true}) {
        scatter s{4};
        if (sorted) s.sort_by_first();
        s.server(2).batches = {{{"7"}}};
        for (std::size_t i = 0; i < 4; ++i) s.server(i).knows_its_end = i % 2 == 0;
        const course c = s.run();
        ASSERT_FALSE(c.failure) << *c.failure;
        EXPECT_EQ(c.rows, (table{{"7"}}));
    }
}
