// `ashlar query` and `ashlar shell` over a MariaDB.

#include "support/ashlar_command.hpp"
#include "support/mariadb_server.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>

namespace {

using namespace ashlar;
using ::testing::HasSubstr;

}  // namespace

class CliOverMariadb : public ::testing::Test {
protected:
    static void SetUpTestSuite() { server() = std::make_unique<test::mariadb_server>(); }
    static void TearDownTestSuite() { server().reset(); }
    static std::unique_ptr<test::mariadb_server>& server() {
        static std::unique_ptr<test::mariadb_server> one;
        return one;
    }
    void SetUp() override {
        server()->run_sql("create or replace table t (id int primary key, v text) engine = innodb");
        as_primary_ = folder_.write("primary.toml", "[databases.primary]\nurl = \"" + server()->url() + "\"\n");
        named_ =
            folder_.write("named.toml", "[databases.primary]\nurl = \"sqlite:p.db\"\n[databases.analytics]\nurl = \"" +
                                            server()->url() + "\"\n");
    }
    // The script by every way in.
    std::vector<test::command_result> by_every_way(const std::string& script) {
        const std::string file = folder_.write("script.sql", script);
        return {test::run_ashlar({"query", "-c", as_primary_, "--csv", script}),
                test::run_ashlar({"query", "-c", as_primary_, "--csv", "-f", file}),
                test::run_ashlar({"query", "-c", as_primary_, "--csv", "-"}, script),
                test::run_ashlar({"query", "-c", named_, "-d", "analytics", "--csv", script}),
                test::run_ashlar({"shell", "-c", as_primary_}, script)};
    }
    std::string rows() {
        return server()->scalar("select coalesce(group_concat(concat(id, v) order by id), '') from t");
    }
    void clear() { server()->run_sql("delete from t"); }

private:
    test::temporary_folder folder_;
    std::string as_primary_, named_;
};

TEST_F(CliOverMariadb, CommentsAndQuotesOfMysqlDoNotCutAStatement) {
    for (const auto& said : by_every_way("select 1 + 1 as two; # a; b\nselect 'c;\\' as back -- d;\n;"
                                         "# e;\nselect `f;` from (select 7 as `f;`) q; /* ; */ # g;")) {
        EXPECT_TRUE(said.ok()) << said.describe();
        for (const char* part : {"two", "2", "c;\\", "f;", "7"}) EXPECT_THAT(said.out, HasSubstr(part));
    }
}

TEST_F(CliOverMariadb, ARoutineComesWithADelimiterOfItsOwn) {
    for (const auto& said : by_every_way("drop procedure if exists twice;\nDELIMITER //\n"
                                         "create procedure twice(n int)\nbegin\n  declare m int; # m;\n"
                                         "  set m = n * 2;\n  select m as doubled;\nend//\n"
                                         "delimiter ;\ncall twice(21);\n")) {
        EXPECT_TRUE(said.ok()) << said.describe();
        EXPECT_THAT(said.out, HasSubstr("42"));
    }
}

TEST_F(CliOverMariadb, ACommentBeforeBeginDoesNotHideIt) {
    for (const auto& said : by_every_way("delete from t; # x\nbegin; insert into t values (1, 'a'); # ; rollback\n"
                                         "rollback; -- y\nstart transaction; insert into t values (2, 'b'); commit")) {
        EXPECT_TRUE(said.ok()) << said.describe();
        EXPECT_EQ(rows(), "2b");
    }
}

TEST_F(CliOverMariadb, WhatBeginCannotTakeIsRefusedAndNotPassedOver) {
    for (const char* script : {"begin insert into t values (4, 'd'); commit", "begin not atomic select 1; end",
                               "start transaction with consistent snapshot; commit",
                               "begin; insert into t values (4, 'd'); commit and chain; rollback"}) {
        for (const auto& said : by_every_way(script)) {
            EXPECT_EQ(said.exit_code, 1) << said.describe();
            EXPECT_THAT(said.err, HasSubstr("0A000"));
            EXPECT_EQ(rows(), "");
        }
    }
    for (const auto& said :
         by_every_way("begin isolation level repeatable read, read write, not deferrable; commit work;"
                      "start transaction read only; rollback and no chain")) {
        EXPECT_TRUE(said.ok()) << said.describe();
    }
}

TEST_F(CliOverMariadb, AScriptThatEndsWithinATransactionKeepsNothingOfIt) {
    for (const auto& said : by_every_way("begin; insert into t values (3, 'c'); # commit;")) {
        EXPECT_EQ(said.exit_code, 1) << said.describe();
        EXPECT_EQ(rows(), "");
    }
}
