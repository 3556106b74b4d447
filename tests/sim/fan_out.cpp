// Statements over several shards, one of which never answers. Whatever the seed: they take no more than their share of each
// pool, give a connection back as soon as its shard has answered, and statements for the other shards do not wait for them.
#include "core/io/sim_loop.hpp"
#include "core/io/task_group.hpp"
#include "execute/executor.hpp"
#include "pool/pool.hpp"
#include "support/fake_server.hpp"
#include "support/seeds.hpp"

using namespace ashlar;
using ashlar::pool::borrower;
using ashlar::pool::lease;
using ashlar::pool::pool_options;
using ashlar::test::fake_connection;
using ashlar::test::fake_server;
using std::chrono::seconds;

namespace {

constexpr milliseconds ms(int n) {
    return milliseconds{n};
}
constexpr milliseconds never = std::chrono::hours{24};
constexpr seconds patience{5};

struct house {
    struct shard {
        std::shared_ptr<fake_server> server = std::make_shared<fake_server>();
        std::shared_ptr<ashlar::pool::pool> pool;
        int lent = 0, most_lent = 0, answered = 0;  // to fan-outs
    };
    io::sim_loop loop;
    pool_options options;
    std::vector<shard> shards;
    std::size_t silent = 0;
    int answered = 0, timed_out = 0;

    explicit house(std::uint64_t seed) : loop(seed), shards(static_cast<std::size_t>(dice(2, 5))) {
        options.max_connections = static_cast<std::uint32_t>(dice(2, 9));
        options.min_connections = 0;
        options.checkout_timeout = patience;
        options.waiters_max = 1'000;
        silent = static_cast<std::size_t>(dice(0, static_cast<int>(shards.size()) - 1));
        for (std::size_t i = 0; i < shards.size(); ++i) {
            shards[i].server->login_takes = loop.between(ms(0), ms(20));
            shards[i].server->statement_takes = [this, i] { return i == silent ? never : loop.between(ms(0), ms(20)); };
            shards[i].pool = ashlar::pool::pool::make("shard_" + std::to_string(i + 1), shards[i].server, options,
                                                      [this] { return loop.now(); });
        }
    }
    int dice(int from, int to) { return static_cast<int>(loop.between(ms(from), ms(to)).count()); }
    // Three quarters, and one at least.
    int share() const { return std::max(1, static_cast<int>(options.max_connections) * 3 / 4); }
    deadline soon() { return deadline{loop.now() + patience}; }
};

// Of one fan-out.
class from_pools final : public execute::lender {
public:
    from_pools(house& of, deadline until) : of_(of), until_(until) {}
    ~from_pools() override {
        for (auto& [which, held] : held_) --of_.shards[which].lent;
    }
    task<result<driver::connection*>> lend(const route::step& step) override {
        const std::size_t which = keyspace::index_of(step.shard);
        house::shard& from = of_.shards[which];
        auto got = co_await from.pool->lend(of_.loop, until_, borrower::fan_out);
        if (!got) co_return std::move(got).error();
        from.most_lent = std::max(from.most_lent, ++from.lent);
        held_.emplace_back(which, std::move(*got));
        co_return &*held_.back().second;
    }
    void ended(driver::connection& on) noexcept override {
        for (auto at = held_.begin(); at != held_.end(); ++at) {
            if (&*at->second != &on) continue;
            --of_.shards[at->first].lent;
            ++of_.shards[at->first].answered;
            held_.erase(at);
            return;
        }
    }

private:
    house& of_;
    const deadline until_;
    std::vector<std::pair<std::size_t, lease>> held_;
};

task<void> ask_all(house& h) {
    route::bound_plan plan;
    plan.where = route::target::all_shards;
    auto recipe = std::make_shared<route::recipe>();
    recipe->visible_columns = 1;
    plan.merge = std::move(recipe);
    for (std::size_t i = 0; i < h.shards.size(); ++i) {
        route::step& s = plan.steps.emplace_back();
        s.shard = static_cast<keyspace::shard_id>(i);
        s.sql = "select 1";
    }
    const deadline until = h.soon();
    std::unique_ptr<execute::lender> from = std::make_unique<from_pools>(h, until);
    std::vector<driver::parameter> none;
    execute::limits within;
    auto begun = co_await execute::run(h.loop, std::move(plan), std::move(none), std::move(from), cell_format::text,
                                       within, until);
    row_batch rows;
    while (begun) {
        rows.clear();
        auto got = co_await (*begun)->fetch(rows, until);
        if (!got) {
            ++h.timed_out;
            EXPECT_TRUE(got.error() == errc::deadline_passed || got.error() == errc::pool_timeout) << got.error();
            co_return;
        }
        if (*got == driver::fetched::ended) break;
    }
    if (begun) {
        ++h.answered;
        co_return;
    }
    ++h.timed_out;
    EXPECT_TRUE(begun.error() == errc::deadline_passed || begun.error() == errc::pool_timeout) << begun.error();
}

task<void> ask_one(house& h, std::size_t which) {
    const instant came = h.loop.now();
    auto got = co_await h.shards[which].pool->lend(h.loop, h.soon());
    EXPECT_TRUE(got.has_value()) << got.error();
    if (!got) co_return;
    (void)co_await static_cast<fake_connection&>(**got).work_for(h.loop.between(ms(0), ms(5)));
    EXPECT_LT(h.loop.now() - came, seconds{1}) << "a read of " << h.shards[which].pool->name() << " waited";
}

task<void> beside_a_silent_one(house& h) {
    io::task_group<> fan_outs{h.loop}, reads{h.loop};
    const int together = h.dice(1, 40);
    for (int i = 0; i < together; ++i) fan_outs.start(ask_all(h));
    for (int round = 0; round < 20; ++round) {
        (void)co_await h.loop.sleep_until(deadline{h.loop.now() + h.loop.between(ms(1), ms(20))});
        for (std::size_t i = 0; i < h.shards.size(); ++i) {
            if (i != h.silent) reads.start(ask_one(h, i));
        }
    }
    co_await reads.join();
    // All have been asked whose turn came, and each has answered: what is still held is the silent one's.
    (void)co_await h.loop.sleep_until(deadline{h.loop.now() + seconds{2}});
    for (std::size_t i = 0; i < h.shards.size(); ++i) {
        EXPECT_LE(h.shards[i].most_lent, h.share());
        if (i == h.silent) {
            EXPECT_EQ(h.shards[i].lent, std::min(together, h.share()));
        } else {
            EXPECT_EQ(h.shards[i].lent, 0) << "shard_" << i + 1 << " has answered, and its connection is not back";
            if (i < h.silent) {
                EXPECT_EQ(h.shards[i].answered, together);
            }
        }
    }
    co_await fan_outs.join();
    EXPECT_EQ(h.timed_out, together);

    // It speaks again.
    h.silent = h.shards.size();
    fan_outs.start(ask_all(h));
    co_await fan_outs.join();
    EXPECT_EQ(h.answered, 1);
    for (house::shard& each : h.shards) {
        EXPECT_EQ(each.lent, 0);
        EXPECT_EQ(each.pool->counts().active, 0u);
        each.pool->stop();
    }
}

TEST(FanOutSim, AServerThatNeverAnswersHoldsUpNothingOfTheOthers) {
    ashlar::test::for_each_seed(300, [](std::uint64_t seed) {
        house h{seed};
        h.loop.run(beside_a_silent_one(h));
    });
}

}  // namespace
