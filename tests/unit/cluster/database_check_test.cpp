#include "cluster/database_check.hpp"

using namespace ashlar::detail;

TEST(PlainlyReads, OnlyWhatCanNotWrite) {
    for (const char* sql : {"select 1", " SELECT * FROM t", "(select 1)", "values (1)",
                            "with a as (select 1) select * from a", "table t", "select inserted, deleted_at from t"}) {
        EXPECT_TRUE(plainly_reads(sql)) << sql;
    }
    for (const char* sql :
         {"", "insert into t values (1)", "with a as (insert into t values (1) returning *) select * from a",
          "update t set a = 1", "select * into u from t", "explain analyze delete from t", "drop table t",
          "select 1; delete from t", "do $$ begin end $$", "-- select\nupdate t set a = 1", "copy t from stdin",
          "call p()"}) {
        EXPECT_FALSE(plainly_reads(sql)) << sql;
    }
}
