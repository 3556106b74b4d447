// What the test kit says of statements that went where they should, and where they should not.
#include <ashlar/testkit.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::testkit;
using ::testing::HasSubstr;

namespace {

statement_event on(const std::string& database, server_role role = server_role::writing) {
    statement_event event;
    event.database = database;
    event.server = database;
    event.role = role;
    event.sql = "select 1";
    return event;
}

std::string why(const std::function<void()>& expectation) {
    try {
        expectation();
    } catch (const expectation_failed& failed) {
        return failed.what();
    }
    return "";
}

}  // namespace

TEST(SentStatements, AreCountedByDatabase) {
    const sent_statements sent{{on("shard_1"), on("shard_3"), on("shard_1")}};
    EXPECT_EQ(sent.per_database(), (std::map<std::string, std::size_t>{{"shard_1", 2}, {"shard_3", 1}}));
    EXPECT_EQ(sent.count("shard_2"), 0u);
    EXPECT_EQ(why([&] { sent.expect_count(3).expect_count("shard_1", 2).expect_shards({"shard_1", "shard_3"}); }), "");
}

TEST(SentStatements, OneOnAnotherShardFailsTheExpectationAndIsShown) {
    const sent_statements sent{{on("shard_1"), on("shard_3")}};
    const std::string told = why([&] { sent.expect_shard("shard_1"); });
    EXPECT_THAT(told, HasSubstr("expected every statement on shard_1, but sent were:"));
    EXPECT_THAT(told, HasSubstr("shard_3 (writing): select 1"));
    EXPECT_NE(why([&] { sent.expect_shards({"shard_1"}); }), "");
    EXPECT_NE(why([&] { sent.expect_shards({"shard_1", "shard_2", "shard_3"}); }), "");
}

TEST(SentStatements, ARoleIsWhatWasAskedFor) {
    const sent_statements sent{{on("primary", server_role::reading)}};
    EXPECT_EQ(why([&] { sent.expect_role(server_role::reading).expect_primary(); }), "");
    EXPECT_THAT(why([&] { sent.expect_role(server_role::writing); }), HasSubstr("primary (reading): select 1"));
    EXPECT_NE(why([&] { sent.expect_replica(); }), "");
    EXPECT_NE(why([&] { sent.expect_transaction(); }), "");
}

TEST(SentStatements, NothingSentMeetsNoExpectationButThatOfNothing) {
    const sent_statements none;
    EXPECT_EQ(why([&] { none.expect_none(); }), "");
    EXPECT_THAT(why([&] { none.expect_shard("shard_1"); }), HasSubstr("but nothing was sent"));
    EXPECT_NE(why([&] { none.expect_role(server_role::writing); }), "");
    EXPECT_NE(why([&] { none.expect_replica(); }), "");
    EXPECT_NE(why([&] { sent_statements{{on("primary")}}.expect_none(); }), "");
}

TEST(SentStatements, AFailureCanBeToldToAFrameworkInstead) {
    std::vector<std::string> told;
    report_failures_to([&](const std::string& text) { told.push_back(text); });
    EXPECT_NO_THROW(sent_statements{}.expect_shard("shard_1").expect_count(2));
    report_failures_to({});
    EXPECT_EQ(told.size(), 2u);
    EXPECT_THROW(sent_statements{}.expect_count(1), expectation_failed);
}

TEST(Recorder, GivesWhatWasNotedDuringSomeWorkAndKeepsTheRest) {
    const recorder notes;
    const auto observer = notes.observer();
    observer(on("shard_1"));
    EXPECT_EQ(notes.during([&] { observer(on("shard_2")); }).per_database(),
              (std::map<std::string, std::size_t>{{"shard_2", 1}}));
    EXPECT_EQ(notes.take().count(), 2u);
    EXPECT_EQ(notes.take().count(), 0u);
}
