// char(n) over SQLite files keeps its blanks where PostgreSQL does, and RETURNING names its table as clients do.
#include "support/proxied.hpp"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

using test::proxied;
using test::raw_client;

class SqlitePaddedTexts : public ::testing::Test {
protected:
    SqlitePaddedTexts() {
        proxied::options o;
        o.sqlite = true;
        o.shards = 2;
        o.schema = {"create table t (id bigint primary key, c char(3), price numeric(10,2))"};
        o.tables = {proxied::sharded("t", "id")};
        house_.emplace(std::move(o));
        client_.emplace(house_->login());
        EXPECT_EQ(client_->query("insert into t values (2, 'ab', 12.3)"), "C(INSERT 0 1) Z(I)");
    }

    // The rows, without the names of the columns.
    std::string ask(const std::string& sql) {
        const std::string all = client_->query(sql);
        return all.starts_with("T(") ? all.substr(all.find(") ") + 2) : all;
    }

    std::optional<proxied> house_;
    std::optional<raw_client> client_;
};

TEST_F(SqlitePaddedTexts, BlanksCountWhereTheyDoInPostgres) {
    EXPECT_EQ(ask("select concat(c, '|', c), c || '|', octet_length(c), length(c) from t"),
              "D(ab |ab ,ab|,3,2) C(SELECT 1) Z(I)");
    EXPECT_EQ(ask("select concat('a'::char(3), '|'), octet_length('a'::char(3))"), "D(a  |,3) C(SELECT 1) Z(I)");
    EXPECT_EQ(ask("select string_agg(c, ','), min(c) || '|' from t where id = 2"), "D(ab,ab|) C(SELECT 1) Z(I)");
    EXPECT_EQ(ask("select max(c) from t where id = 2 having max(c) = 'ab'"), "D(ab ) C(SELECT 1) Z(I)");
    EXPECT_EQ(ask("select m || '|' from (select min(c) as m from t where id = 2) x"), "D(ab|) C(SELECT 1) Z(I)");
}

TEST_F(SqlitePaddedTexts, NullHasTheDigitsOfTheNumericsBesideIt) {
    EXPECT_EQ(
        ask("select coalesce(price, null), greatest(null, price), case when id = 2 then price else null end from t"),
        "D(12.30,12.30,12.30) C(SELECT 1) Z(I)");
}

// '10' is less than '9', whatever is compared in a condition inside the value.
TEST_F(SqlitePaddedTexts, ConditionsInsideAValueDoNotDecideHowItIsCompared) {
    EXPECT_EQ(ask("insert into t values (4, '10', 9)"), "C(INSERT 0 1) Z(I)");
    EXPECT_EQ(ask("insert into t values (5, '9', 9)"), "C(INSERT 0 1) Z(I)");
    const std::string value = "case when price * 1.5 > 2 then c::text else 'z' end";
    EXPECT_EQ(ask("select id from t where " + value + " < '9'"), "D(4) C(SELECT 1) Z(I)");
    EXPECT_EQ(ask("select id from t where '9' > " + value), "D(4) C(SELECT 1) Z(I)");
    EXPECT_EQ(ask("select id from t order by " + value), "D(4) D(5) D(2) C(SELECT 3) Z(I)");
    EXPECT_EQ(ask("select " + value + " as v from t order by v"), "D(10) D(9) D(ab) C(SELECT 3) Z(I)");
    EXPECT_EQ(ask("select min(" + value + ") from t"), "D(10) C(SELECT 1) Z(I)");
    EXPECT_EQ(ask("insert into t values (6, '9.0', 9)"), "C(INSERT 0 1) Z(I)");
    EXPECT_EQ(ask("select " + value + " as v, count(*) from t group by v order by v"),
              "D(10,1) D(9,1) D(9.0,1) D(ab,1) C(SELECT 4) Z(I)");
    EXPECT_EQ(ask("delete from t where id > 2"), "C(DELETE 3) Z(I)");
}

TEST_F(SqlitePaddedTexts, ReturningTakesTheTableAndItsAlias) {
    EXPECT_EQ(ask("insert into t as x (id, c) values (3, 'q') returning x.id, x.c"), "D(3,q  ) C(INSERT 0 1) Z(I)");
    EXPECT_EQ(ask("update t as x set price = 2 where x.id = 3 returning x.price, x.*"),
              "D(2.00,3,q  ,2.00) C(UPDATE 1) Z(I)");
    EXPECT_EQ(
        ask("update t set price = 3 where id = 3 returning (select count(*) from t as o where o.id = t.id), t.id"),
        "D(1,3) C(UPDATE 1) Z(I)");
    EXPECT_EQ(ask("delete from t where t.id = 3 returning t.*"), "D(3,q  ,3.00) C(DELETE 1) Z(I)");
}

}  // namespace
}  // namespace ashlar
