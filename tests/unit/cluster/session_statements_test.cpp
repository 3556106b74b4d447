#include "cluster/session_statements.hpp"

namespace ashlar::detail {
namespace {

using driver::dialect;

std::string refused(std::string_view sql, dialect engine, session_span span = session_span::statement) {
    const status s = check_session_statement(sql, engine, span);
    return s ? "" : std::string{s.error().sqlstate()};
}

constexpr dialect all[] = {dialect::postgres, dialect::sqlite, dialect::mysql};

TEST(SessionStatements, WhatNeedsASessionIsRefusedOnEveryEngine) {
    for (const dialect engine : all) {
        for (const char* sql : {"begin",
                                "BEGIN IMMEDIATE",
                                "start transaction read only",
                                "commit",
                                "end",
                                "rollback",
                                "abort",
                                "savepoint a",
                                "release savepoint a",
                                "rollback to a",
                                "/* x */ begin",
                                "-- x\nset search_path = a",
                                "SET x = 1",
                                "create temp table t (n int)",
                                "create temporary table t (n int)",
                                "prepare x as select 1",
                                "prepare transaction 'x'",
                                "execute x",
                                "deallocate all",
                                "declare c cursor for select 1"}) {
            EXPECT_EQ(refused(sql, engine), "0A000") << sql << " on " << static_cast<int>(engine);
        }
        for (const char* sql :
             {"", "select 1", "select 'begin'", "insert into t values ('set x')",
              "create table temporary_things (n int)", "create table t (temp int)", "update t set begin_at = 1",
              "select commit from t", "with a as (select 1) select 1", "delete from t", "create index i on t (n)",
              "explain select 1", "select count(*) from changes"}) {
            EXPECT_EQ(refused(sql, engine), "") << sql << " on " << static_cast<int>(engine);
        }
    }
}

TEST(SessionStatements, EachEngineHasItsOwn) {
    for (const char* sql :
         {"listen x", "unlisten *", "reset all", "discard all", "set local x = 1", "set role a", "load 'x'",
          "select set_config('search_path', 'a', false)", "select currval('s')", "select 1 into temp t",
          "create local temporary table t (n int)", "create or replace temp view v as select 1"}) {
        EXPECT_EQ(refused(sql, dialect::postgres), "0A000") << sql;
    }
    for (const char* sql : {"notify x", "select nextval('s')", "lock table t", "vacuum"}) {
        EXPECT_EQ(refused(sql, dialect::postgres), "") << sql;
    }
    for (const char* sql : {"use shop", "# a comment\nbegin", "/*!40101 set names latin1 */", "lock tables t write",
                            "unlock tables", "select last_insert_id()", "select found_rows()", "select row_count()",
                            "select get_lock('a', 1)", "xa start 'x'", "flush tables with read lock", "set @a = 1"}) {
        EXPECT_EQ(refused(sql, dialect::mysql), "0A000") << sql;
    }
    for (const char* sql : {"set global max_connections = 10", "flush tables", "execute immediate 'select 1'",
                            "update t set n = last_insert_id(n + 1)", "call p()", "select @a := 1"}) {
        EXPECT_EQ(refused(sql, dialect::mysql), "") << sql;
    }
    for (const char* sql : {"attach 'x.db' as x", "detach x", "pragma foreign_keys = off", "select last_insert_rowid()",
                            "select changes()", "create table temp.t (n int)"}) {
        EXPECT_EQ(refused(sql, dialect::sqlite), "0A000") << sql;
    }
    for (const char* sql : {"pragma table_info(t)", "pragma user_version = 7", "pragma journal_mode"}) {
        EXPECT_EQ(refused(sql, dialect::sqlite), "") << sql;
    }
}

TEST(SessionStatements, ATransactionIsOneConnectionButIsEndedByItsCalls) {
    for (const dialect engine : all) {
        for (const char* sql : {"begin", "commit", "rollback", "end"}) {
            EXPECT_EQ(refused(sql, engine, session_span::transaction), "25000") << sql;
        }
        for (const char* sql : {"savepoint a", "rollback to savepoint a", "create temp table t (n int)", "select 1"}) {
            EXPECT_EQ(refused(sql, engine, session_span::transaction), "") << sql;
        }
    }
}

}  // namespace
}  // namespace ashlar::detail
