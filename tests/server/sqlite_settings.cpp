// Settings of sessions over SQLite files: each is carried out, changes no answer, or is refused by name.
#include "support/proxied.hpp"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

using test::proxied;
using test::raw_client;

proxied::options house() {
    proxied::options o;
    o.sqlite = true;
    o.shards = 2;
    o.schema = {"create table t (id bigint primary key, n bigint)"};
    o.tables = {proxied::sharded("t", "id")};
    return o;
}

// More than any machine counts in the time of this test.
constexpr const char* endless =
    "with recursive c(i) as (select 1 union all select i + 1 from c where i < 100000000000) select count(*) from c";

struct one {
    const char* sql;
    const char* answer;
};

TEST(SqliteSettings, WhatWouldHaveNoEffectIsRefused) {
    const proxied served{house()};
    raw_client c{served.login()};
    for (const one& each : {
             one{"set timezone = 'Asia/Tokyo'", "E(0A000) Z(I)"},
             one{"set time zone 'UTC'", "C(SET) Z(I)"},
             one{"set time zone interval '+09:00' hour to minute", "E(0A000) Z(I)"},
             one{"set local timezone to 'Asia/Tokyo'", "E(0A000) Z(I)"},
             one{"set datestyle = 'SQL, DMY'", "E(0A000) Z(I)"},
             one{"set datestyle to iso, dmy", "C(SET) Z(I)"},
             one{"set intervalstyle = iso_8601", "E(0A000) Z(I)"},
             one{"set bytea_output = 'escape'", "E(0A000) Z(I)"},
             one{"set extra_float_digits = 0", "E(0A000) Z(I)"},
             one{"set extra_float_digits = 3", "C(SET) Z(I)"},
             one{"set transform_null_equals = true", "E(0A000) Z(I)"},
             one{"set role other", "E(0A000) Z(I)"},
             one{"set role none", "C(SET) Z(I)"},
             one{"set session authorization other", "E(0A000) Z(I)"},
             one{"set lock_timeout = '2s'", "E(0A000) Z(I)"},
             one{"set lock_timeout = 0", "C(SET) Z(I)"},
             one{"set idle_in_transaction_session_timeout = 1000", "E(0A000) Z(I)"},
             one{"set session_replication_role = replica", "E(42501) Z(I)"},
             one{"set max_connections = 5", "E(55P02) Z(I)"},
             one{"set nothing_known = 1", "E(42704) Z(I)"},
             one{"reset nothing_known", "E(42704) Z(I)"},
             one{"set app.tenant = 'x'", "C(SET) Z(I)"},
             one{"set statement_timeout = 'soon'", "E(22023) Z(I)"},
             one{"set statement_timeout = -1", "E(22023) Z(I)"},
             one{"set enable_seqscan = perhaps", "E(22023) Z(I)"},
             one{"set work_mem = '64MB'", "C(SET) Z(I)"},
             one{"show work_mem", "T(work_mem:25) D(64MB) C(SHOW) Z(I)"},
             one{"show enable_seqscan", "T(enable_seqscan:25) D(on) C(SHOW) Z(I)"},
             one{"show timezone", "T(timezone:25) D(UTC) C(SHOW) Z(I)"},
         }) {
        EXPECT_EQ(c.query(each.sql), each.answer) << each.sql;
    }
    for (const char* how :
         {"set session characteristics as transaction read only", "set default_transaction_read_only = on"}) {
        EXPECT_EQ(c.query(how), "C(SET) Z(I)");
        EXPECT_EQ(c.query("insert into t values (1, 1)"), "E(25006) Z(I)") << how;
        EXPECT_EQ(c.query("reset default_transaction_read_only"), "C(RESET) Z(I)");
    }
}

TEST(SqliteSettings, AColumnWithoutATypeIsToldAsText) {
    const proxied served{house()};
    raw_client c{served.login()};
    for (const char* sql :
         {"select ifnull(null, null) as x", "select null as x", "select iif(id = 1, null, null) as x from t"}) {
        EXPECT_TRUE(c.query(sql).starts_with("T(x:25) ")) << sql;
    }
}

TEST(SqliteSettings, StatementTimeoutEndsAStatement) {
    const proxied served{house()};
    raw_client c{served.login()};
    for (int i = 0; i < 4; ++i)
        ASSERT_EQ(c.query("insert into t values (" + std::to_string(i) + ", 0)"), "C(INSERT 0 1) Z(I)");
    EXPECT_EQ(c.query("show statement_timeout"), "T(statement_timeout:25) D(0) C(SHOW) Z(I)");
    EXPECT_EQ(c.query("set statement_timeout = 90"), "C(SET) Z(I)");
    EXPECT_EQ(c.query("show statement_timeout"), "T(statement_timeout:25) D(90ms) C(SHOW) Z(I)");
    EXPECT_EQ(c.query(endless), "E(57014) Z(I)");
    // the connection is none the worse
    EXPECT_EQ(c.query("set statement_timeout to '5 min'"), "C(SET) Z(I)");
    EXPECT_EQ(c.query("select id from t order by id"), "T(id:20) D(0) D(1) D(2) D(3) C(SELECT 4) Z(I)");
    EXPECT_EQ(c.query("reset statement_timeout"), "C(RESET) Z(I)");
    // over several shards, and after the first rows; a transaction fails by it
    EXPECT_EQ(c.query("begin"), "C(BEGIN) Z(T)");
    EXPECT_EQ(c.query("set local statement_timeout = '0.09s'"), "C(SET) Z(T)");
    const char* const slow =
        "select id from t where n = (select count(*) from (with recursive c(i) as "
        "(select 1 union all select i + 1 from c where i < 100000000000) select i from c) x)";
    EXPECT_EQ(c.query(slow), "E(57014) Z(E)");
    EXPECT_EQ(c.query("rollback"), "C(ROLLBACK) Z(I)");
    EXPECT_EQ(c.query("show statement_timeout"), "T(statement_timeout:25) D(0) C(SHOW) Z(I)");
    EXPECT_EQ(c.query("select count(*) from t"), "T(count:20) D(4) C(SELECT 1) Z(I)");
}

}  // namespace
}  // namespace ashlar
