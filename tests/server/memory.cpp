// What many large statements of the proxy hold together: within memory_max, whatever they ask for, and gone when they end.
#include "core/memory_bound.hpp"
#include "support/becomes.hpp"
#include "support/proxied.hpp"
#include "support/sanitizer.hpp"
#include "support/script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <thread>

namespace ashlar {
namespace {

using test::becomes;
using test::proxied;
using test::raw_client;

constexpr std::uint64_t mib = 1u << 20;

proxied::options house_of(std::uint64_t memory_max) {
    proxied::options how;
    static std::shared_ptr<test::postgres_server> databases;
    how.on = databases;
    how.shards = 4;
    how.pool = 12;
    how.function = keyspace::function_kind::modulo;
    how.schema = {
        "create table big (id int, t text)",
        "insert into big select i, current_database() || i || repeat('x', 190) from generate_series(1, 60000) i "
        "where current_database() like 'shard%' and i % 4 = ascii(right(current_database(), 1)) - ascii('1')",
        "create table one (id int, t text)",
        "insert into one select 1, repeat('y', 50000000) where current_database() = 'shard_2'"};
    how.tables = {proxied::sharded("big", "id"), proxied::sharded("one", "id")};
    if (databases == nullptr) databases = proxied{how}.shared_databases();
    how.on = databases;
    how.change = [memory_max](config::description& d) {
        d.serve.memory_max = memory_max;
        d.serve.stats_users = {"postgres"};
    };
    return how;
}

TEST(ProxyMemory, EightLargeStatementsStayWithinTheBoundAndSmallOnesGoOn) {
    constexpr std::uint64_t most = 64 * mib;
    proxied house{house_of(most)};
    raw_client warm{house.login()};
    ASSERT_NE(warm.query("select count(*) from big").find("D(60000)"), std::string::npos);
    const std::uint64_t before = resident_bytes();
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> highest{0};
    std::thread watching{[&] {
        while (!over) {
            highest = std::max(highest.load(), resident_bytes());
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
    }};
    std::atomic<int> answered{0}, ended{0};
    std::vector<std::thread> large;
    for (int i = 0; i < 8; ++i) {
        large.emplace_back([&] {
            raw_client::options patient = house.login();
            patient.patience = std::chrono::seconds{120};
            raw_client c{patient};
            for (int n = 0; n < 3; ++n) {
                const std::string got = c.query("select t, count(*) from big group by t order by 2, 1 limit 1");
                if (got.find("C(SELECT 1)") != got.npos)
                    ++answered;
                else if (got.find("E(53200)") != got.npos)
                    ++ended;
                else
                    ADD_FAILURE() << got.substr(0, 300);
            }
        });
    }
    raw_client small{house.login()};
    for (int i = 0; i < 100; ++i) {
        const std::string got = small.query(fmt::format("select id from big where id = {} limit 1", i + 1));
        EXPECT_EQ(got.find("E("), got.npos) << got;
    }
    for (std::thread& each : large) each.join();
    over = true;
    watching.join();
    EXPECT_EQ(answered + ended, 24);
    EXPECT_GT(answered.load(), 0) << "while the largest end, the others wait for its memory";
    // The reserve, the allocator's own, the eight answers' buffers.
    if (!test::sanitized) {
        EXPECT_LT(highest - before, most + most / 8 + 96 * mib);
    }
    EXPECT_NE(small.query("select count(*) from big").find("D(60000)"), std::string::npos);
}

TEST(ProxyMemory, ALongRowIsNotCopied) {
    proxied house{house_of(1'024 * mib)};
    raw_client::options patient = house.login();
    patient.patience = std::chrono::seconds{60};
    raw_client c{patient};
    ASSERT_NE(c.query("select count(*) from one").find("D(1)"), std::string::npos);
    const std::uint64_t before = resident_bytes();
    std::atomic<bool> over{false};
    std::atomic<std::uint64_t> highest{0};
    std::thread watching{[&] {
        while (!over) {
            highest = std::max(highest.load(), resident_bytes());
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
    }};
    // Read in parts and dropped, so that only the proxy's memory counts.
    std::string query = "Q";
    const std::string sql = "select id, t from one";
    const auto size = static_cast<std::uint32_t>(sql.size() + 5);
    for (int shift = 24; shift >= 0; shift -= 8) query += static_cast<char>(size >> shift & 0xff);
    query += sql;
    query += '\0';
    c.send(query);
    std::size_t got = 0;
    while (got + 64 * 1024 < 50'000'000) got += c.receive_bytes(64 * 1024).size();
    over = true;
    watching.join();
    if (!test::sanitized) {
        EXPECT_LT(highest - before, 50 * mib + 50 * mib / 4 + 24 * mib);
    }
}

TEST(ProxyMemory, ARowThatIsLongerThanTheBoundEndsItsStatementAlone) {
    proxied house{house_of(32 * mib)};
    raw_client c{house.login()};
    EXPECT_NE(c.query("select id, t from one").find("E(53200)"), std::string::npos);
    EXPECT_NE(c.query("select count(*) from one").find("D(1)"), std::string::npos) << "the session goes on";
}

// A text of so many bytes that no other client has.
std::string long_text(std::size_t bytes, int which) {
    return fmt::format("select '{}{}' || $1", std::string(bytes, 'z'), which);
}

// What all accounts of the proxy hold, as its console says.
std::uint64_t held_in(const proxied& house) {
    raw_client::options to_console = house.login();
    to_console.database = "ashlar";
    raw_client console{to_console};
    const std::string got = console.query("show mem");
    constexpr std::string_view head = "D(statements,";
    const std::size_t begun = got.find(head);
    if (begun == got.npos) throw std::runtime_error{"show mem: " + got};
    const std::string line = got.substr(begun + head.size(), got.find(')', begun) - begun - head.size());
    return std::stoull(line.substr(line.rfind(',') + 1));
}

std::string refusal_of(const std::vector<test::said>& answers) {
    for (const test::said& each : answers) {
        if (each.type != 'E') continue;
        std::string fields = each.body;
        std::replace(fields.begin(), fields.end(), '\0', ' ');
        return fields;
    }
    return {};
}

TEST(ProxyMemory, NamedStatementsOfAClientCountAndAreRefusedByNameAtTheBound) {
    constexpr std::uint64_t most = 32 * mib;
    proxied house{house_of(most)};
    raw_client hoarder{house.login()};
    std::string refused;
    int kept = 0;
    for (; kept < 100 && refused.empty(); ++kept) {
        hoarder.send(test::script{}.parse(fmt::format("s{}", kept), long_text(mib / 2, kept)).sync().bytes());
        refused = refusal_of(hoarder.until_ready());
    }
    EXPECT_NE(refused.find("53200"), refused.npos) << refused;
    EXPECT_NE(refused.find("prepared statements"), refused.npos) << refused;
    EXPECT_GT(kept, 5);
    EXPECT_LT(kept, 30);
    EXPECT_GT(held_in(house), most / 2);
    for (int i = 0; i < 3; ++i) {
        hoarder.send(test::script{}.parse("more", long_text(mib / 2, 1000)).sync().bytes());
        EXPECT_NE(refusal_of(hoarder.until_ready()).find("53200"), std::string::npos)
            << "each time, and the session lives";
    }
    EXPECT_NE(hoarder.query("deallocate all").find("C(DEALLOCATE ALL)"), std::string::npos);
    EXPECT_EQ(held_in(house), 0u) << "given back at once";
    hoarder.send(test::script{}.parse("s0", long_text(mib / 2, 0)).sync().bytes());
    EXPECT_EQ(refusal_of(hoarder.until_ready()), "");
    hoarder.close();
    EXPECT_TRUE(becomes([&] { return held_in(house) == 0; }));
}

TEST(ProxyMemory, AnIdleClientThatKeepsTheMostMakesRoomForOthers) {
    constexpr std::uint64_t most = 64 * mib;
    proxied house{house_of(most)};
    raw_client hoarder{house.login()};
    for (int i = 0; i < 20; ++i) {
        hoarder.send(test::script{}.parse(fmt::format("s{}", i), long_text(mib / 2, i)).sync().bytes());
        ASSERT_EQ(refusal_of(hoarder.until_ready()), "");
    }
    raw_client other{house.login()};
    EXPECT_TRUE(becomes([&] {
        return other.query("select t, count(*) from big group by t order by 2, 1 limit 1").find("C(SELECT 1)") !=
               std::string::npos;
    }));
    const std::string last = refusal_of(hoarder.until_ready());
    EXPECT_NE(last.find("53200"), last.npos) << last;
    EXPECT_NE(last.find("prepared statements"), last.npos) << last;
    EXPECT_TRUE(hoarder.is_closed_by_peer());
}

TEST(ProxyMemory, ParametersOfOpenPortalsCount) {
    proxied house{house_of(32 * mib)};
    raw_client c{house.login()};
    const std::string value(3 * mib, 'p');
    const std::string sql = "select count(*) from big where t > $1";
    c.send(test::script{}.parse("s", sql).bind("p1", "s", {value}).flush().bytes());
    EXPECT_TRUE(becomes([&] { return held_in(house) >= 3 * mib; }));
    std::string refused;
    for (int i = 2; i < 20 && refused.empty(); ++i) {
        c.send(test::script{}.bind(fmt::format("p{}", i), "s", {value}).flush().bytes());
        const auto said = c.receive();
        if (said && said->type == 'E') refused = refusal_of({*said});
    }
    EXPECT_NE(refused.find("53200"), refused.npos) << refused;
    c.send(test::script{}.sync().bytes());
    (void)c.until_ready();
    EXPECT_TRUE(becomes([&] { return held_in(house) == 0; })) << "portals end with the transaction";
}

TEST(ProxyMemory, AMessageThatCannotBeKeptIsPassedOverAndTheSessionGoesOn) {
    proxied house{house_of(32 * mib)};
    raw_client c{house.login()};
    const std::string long_query = fmt::format("select '{}'", std::string(60 * mib, 'x'));
    EXPECT_EQ(c.query(long_query), "E(53200) Z(I)");
    EXPECT_EQ(c.query("select 1"), "T(?column?:23) D(1) C(SELECT 1) Z(I)");
    // What comes behind it in a pipeline is skipped to the Sync, as behind any error.
    c.send(test::script{}.parse("long", long_query).bind("", "long").execute("").sync().bytes());
    EXPECT_EQ(raw_client::in_short(c.until_ready()), "E(53200) Z(I)");
    ASSERT_NE(c.query("begin").find("C(BEGIN)"), std::string::npos);
    EXPECT_EQ(c.query(long_query), "E(53200) Z(E)");
    EXPECT_EQ(c.query("rollback"), "C(ROLLBACK) Z(I)");
    EXPECT_EQ(c.query("select 2"), "T(?column?:23) D(2) C(SELECT 1) Z(I)");
    EXPECT_TRUE(becomes([&] { return held_in(house) == 0; }));
}

TEST(ProxyMemory, WhatATransactionHasToTellServersCounts) {
    proxied house{house_of(32 * mib)};
    raw_client c{house.login()};
    ASSERT_NE(c.query("begin").find("C(BEGIN)"), std::string::npos);
    std::string got;
    for (int i = 0; i < 100 && got.find("E(") == got.npos; ++i) {
        got = c.query(fmt::format("set local app.x{} = '{}'", i, std::string(mib, 's')));
    }
    EXPECT_NE(got.find("E(53200)"), got.npos) << got;
    EXPECT_NE(c.query("rollback").find("C(ROLLBACK)"), std::string::npos);
    EXPECT_TRUE(becomes([&] { return held_in(house) == 0; }));
    got = c.query(fmt::format("set app.x = '{}'", std::string(2 * mib, 's')));
    EXPECT_NE(got.find("E(53400)"), got.npos) << got << ": links remember settings when their client has gone";
}

// Messages that a server is not asked for take no room in what is gathered for it, but their answers wait behind its own.
TEST(ProxyMemory, MessagesWithoutASyncAreAnsweredAndForgotten) {
    if (test::sanitized) GTEST_SKIP() << "the sanitizer keeps what is freed";
    proxied house{house_of(64 * mib)};
    const std::string sql = "select count(*) from big where id = $1";
    const auto repeated = [](const std::string& messages, std::size_t times) {
        std::string out;
        for (std::size_t i = 0; i < times; ++i) out += messages;
        return out;
    };
    constexpr std::size_t times = 1'000, rounds = 500;
    const std::vector<std::pair<std::string, std::string>> kinds = {
        {"parse", test::script{}.parse("a", sql).close('S', "a").bytes()},
        {"describe", test::script{}.describe('P', "p").describe('P', "p").bytes()},
        {"bind", test::script{}.bind("x", "s", {"1"}).close('P', "x").bytes()},
        {"show", test::script{}.bind("y", "own").close('P', "y").bytes()}};
    for (const auto& [what, messages] : kinds) {
        raw_client c{house.login()};
        c.send(test::script{}.parse("s", sql).parse("own", "show ashlar.role").sync().bytes());
        (void)c.until_ready();
        c.send(test::script{}.parse("s2", sql).bind("p", "s2", {"1"}).execute("p").bytes());
        const std::uint64_t before = resident_bytes();
        const std::string many = repeated(messages, times);
        std::thread sending{[&] {
            for (std::size_t i = 0; i < rounds; ++i) c.send(many);
            c.send(test::script{}.sync().bytes());
        }};
        std::size_t answers = 0;
        std::uint64_t highest = 0;
        std::string refused;
        for (auto said = c.receive(); said && said->type != 'Z'; said = c.receive()) {
            if (said->type == 'E') refused = refusal_of({*said});
            if (++answers % 10'000 == 0) highest = std::max(highest, resident_bytes());
        }
        sending.join();
        EXPECT_EQ(refused, "") << what;
        EXPECT_GT(answers, 2 * times * rounds) << what;
        EXPECT_LT(highest, before + 16 * mib) << what;
    }
}

}  // namespace
}  // namespace ashlar
