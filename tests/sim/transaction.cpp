// The end of a transaction over several databases, whatever each of them answers: the writer commits last, and only when all
// others have committed; what did not commit is rolled back or closed; no connection goes back inside a transaction.
#include "execute/transaction.hpp"

#include "core/io/sim_loop.hpp"
#include "core/io/task_group.hpp"
#include "support/fake_server.hpp"
#include "support/seeds.hpp"

#include <gtest/gtest.h>

#include <list>

using namespace ashlar;
using ashlar::test::fake_connection;
using ashlar::test::fake_server;
using std::chrono::seconds;

namespace {

struct database {
    std::shared_ptr<fake_server> server = std::make_shared<fake_server>();
    topology::member member;
    std::vector<std::string> heard;
};

struct scene {
    io::sim_loop loop;
    std::list<database> databases;
    std::list<execute::participant> participants;

    explicit scene(std::uint64_t seed) : loop(seed) {
        const auto count = loop.between(milliseconds{1}, milliseconds{5}).count();
        for (int i = 1; i <= count; ++i) {
            database& made = databases.emplace_back();
            made.member.name = "shard_" + std::to_string(i);
            made.member.number = static_cast<std::size_t>(i - 1);
            pool::pool_options options;
            options.max_connections = 1;
            made.member.pool = pool::pool::make(made.member.name, made.server, options, [this] { return loop.now(); });
            made.server->heard = [&made](const char* verb) { made.heard.emplace_back(verb); };
            made.server->refuses_commit = [this] { return loop.chance(0.1); };
            made.server->loses_commit = [this] { return loop.chance(0.1); };
        }
    }
};

task<void> keep_house(pool::pool& which, io::loop& loop) {
    (void)co_await which.run(loop);
}

task<void> join_all(scene& s) {
    const bool writes = s.loop.chance(0.8);
    const auto writer = static_cast<std::size_t>(s.loop.between(milliseconds{0}, milliseconds{4}).count());
    for (database& each : s.databases) {
        auto lent = co_await each.member.pool->lend(s.loop);
        if (!lent) {
            ADD_FAILURE() << lent.error();
            continue;
        }
        execute::participant& p = s.participants.emplace_back();
        p.where = &each.member;
        p.loan.lease = std::move(*lent);
        p.in_block = s.loop.chance(0.9);  // else its BEGIN was never sent
        driver::transaction_options how;
        if (p.in_block) (void)co_await p.loan.lease->begin(how, deadline::never());
        p.wrote = writes && p.in_block && each.member.number == writer;
        if (s.loop.chance(0.1)) static_cast<fake_connection&>(*p.loan.lease).break_it();
    }
}

void check(const scene& s, execute::ending how, const execute::outcome& out,
           const std::vector<std::pair<std::string, bool>>& ended) {
    bool all_committed = true;
    for (const execute::participant& p : s.participants) {
        const database& of = *std::find_if(s.databases.begin(), s.databases.end(),
                                           [&](const database& d) { return &d.member == p.where; });
        if (p.loan.lease) {
            EXPECT_FALSE(p.loan.lease->in_transaction()) << p.where->name;
        }
        if (!p.in_block) {
            EXPECT_TRUE(of.heard.empty()) << "it had not begun";
            continue;
        }
        if (of.heard == std::vector<std::string>{"lost"} && out.why) {
            EXPECT_EQ(out.why->code(), p.wrote ? errc::commit_unknown : errc::connection_lost);
            EXPECT_EQ(out.why->where(), p.where->name);
        }
        const bool committed = of.heard == std::vector<std::string>{"commit"};
        all_committed = all_committed && committed;
        EXPECT_LE(of.heard.size(), 1u) << "a transaction ends once";
        if (how == execute::ending::rollback) {
            EXPECT_FALSE(committed);
        }
        if (p.wrote && committed) {
            EXPECT_TRUE(out.committed) << "the writer committed although another could not";
            EXPECT_EQ(ended.back().first, p.where->name) << "the writer is last";
        }
    }
    EXPECT_EQ(out.committed, how == execute::ending::commit && all_committed);
    EXPECT_EQ(out.why.has_value(), how == execute::ending::commit && !all_committed);
}

task<void> play(scene& s, int& committed, int& rolled_back) {
    io::task_group<> house{s.loop};
    for (database& each : s.databases) house.start(keep_house(*each.member.pool, s.loop));
    co_await join_all(s);
    const execute::ending how = s.loop.chance(0.8) ? execute::ending::commit : execute::ending::rollback;
    std::vector<std::pair<std::string, bool>> ended;
    execute::ended_hook hook = [&ended](execute::participant& p, execute::ending, const status& came) {
        ended.emplace_back(p.where->name, came.has_value());
    };
    const execute::outcome out =
        co_await execute::end(execute::pointers_to(s.participants), how, std::move(hook), deadline::never());
    check(s, how, out, ended);
    ++(out.committed ? committed : rolled_back);
    s.participants.clear();
    for (database& each : s.databases) each.member.pool->stop();
    co_await house.join();
    for (const database& each : s.databases) EXPECT_EQ(each.server->open, 0) << "a connection leaked";
}

}  // namespace

TEST(TransactionSim, TheWriterCommitsLastAndOnlyWhenAllOthersHave) {
    int committed = 0, rolled_back = 0;
    ashlar::test::for_each_seed(2'000, [&](std::uint64_t seed) {
        scene s{seed};
        s.loop.run(play(s, committed, rolled_back));
    });
    if (std::getenv("ASHLAR_SEED") != nullptr) return;
    EXPECT_GT(committed, 100);
    EXPECT_GT(rolled_back, 100);
}
