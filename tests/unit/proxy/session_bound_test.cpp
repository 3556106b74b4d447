#include "proxy/session_bound.hpp"

namespace ashlar::proxy {
namespace {

TEST(SessionBound, RefusesWhatOnlyOneServerSessionCouldKeep) {
    for (const char* sql :
         {"create temp table t(i int)", "CREATE TEMPORARY TABLE t AS SELECT 1", "create local temp table t(i int)",
          "create or replace temp view v as select 1", "/* a */ create /* b */ temp table t(i int)",
          "select * into temp t from notes", "insert into pg_temp.t values (1)", "select pg_advisory_lock(1)",
          "select pg_catalog.pg_try_advisory_lock(1, 2)", "select pg_advisory_unlock(1)", "listen news",
          "declare c cursor with hold for select 1", "select currval('s')", "select \"lastval\"()",
          "load 'auto_explain'"}) {
        const auto why = bound_to_a_session(sql);
        ASSERT_TRUE(why) << sql;
        EXPECT_EQ(why->sqlstate(), "0A000") << sql;
        EXPECT_FALSE(why->hint().empty()) << sql;
    }
}

TEST(SessionBound, LetsEverythingElsePass) {
    for (const char* sql :
         {"select 1", "", "create table t(temp int)", "select temp from readings", "select 'create temp table'",
          "-- currval\nselect 1", "select pg_advisory_xact_lock(1)", "notify news", "select nextval('s')",
          "declare c cursor for select 1", "declare c cursor without hold for select 1",
          "insert into t values ('pg_advisory_lock(1)')", "create unique index on t(a)"}) {
        EXPECT_FALSE(bound_to_a_session(sql)) << sql;
    }
}

}  // namespace
}  // namespace ashlar::proxy
