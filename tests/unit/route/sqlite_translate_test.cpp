#include "route/sqlite/translate.hpp"

#include "core/stored_form.hpp"
#include "route/sqlite/catalogue_question.hpp"
#include "sql/parse.hpp"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::route;

namespace {

const catalogue& shop() {
    static const catalogue known = [] {
        catalogue out;
        out.dialect = dialect::sqlite;
        table_facts t;
        t.schema = "public";
        t.name = "t";
        const auto add = [&](const char* name, std::uint32_t type, std::int32_t modifier = -1) {
            column_facts c;
            c.name = name;
            c.type = type;
            c.type_modifier = modifier;
            t.columns.push_back(c);
        };
        add("id", oid::int8);
        t.columns.back().not_null = true;
        add("n", oid::int4);
        add("price", oid::numeric, numeric_modifier(10, 2));
        add("f", oid::float8);
        add("active", oid::boolean);
        add("name", oid::text);
        add("v", oid::varchar, 5 + 4);
        add("d", oid::date);
        add("ts", oid::timestamp);
        add("u", oid::uuid);
        add("c", oid::bpchar, 3 + 4);
        add("odd", 0);
        out.tables["t"] = out.tables["public.t"] = t;
        return out;
    }();
    return known;
}

result<sqlite::translation> translated(std::string_view text, std::vector<std::uint32_t> declared = {}) {
    const auto said = sql::parse(text);
    if (!said) return said.error();
    static const std::vector<std::string> path{"public"};
    return sqlite::translate(text, *said, shop(), path, declared);
}

// The condition that SQLite gets for `select id from t where …`; the SQLSTATE of a refusal.
std::string where(std::string_view condition) {
    const auto made = translated("select id from t where " + std::string{condition});
    if (!made) return std::string{made.error().sqlstate()};
    constexpr std::string_view before = "select id from t where ";
    return made->sql.substr(before.size());
}

std::string refusal(std::string_view text) {
    const auto made = translated(text);
    return made ? "not refused: " + made->sql : std::string{made.error().sqlstate()};
}

std::string types(std::string_view text) {
    const auto made = translated(text);
    if (!made) return made.error().to_string();
    std::string out;
    for (const parameter_kind& p : made->types.parameters) out += (out.empty() ? "" : ", ") + sql_name_of_type(p.type);
    return out;
}

}  // namespace

TEST(SqliteTypes, AStatementThatSaysTheSameIsLeftAsItIs) {
    for (const char* text : {"select * from t where id = $1", "Select  id,n  from t where id = 7 and name = 'x'",
                             "insert into t (id, name) values ($1, 'x')", "update t set name = $2 where id = $1",
                             "delete from t where id in (1, 2)"}) {
        EXPECT_EQ(translated(text).value().sql, text);
    }
}

TEST(SqliteTypes, AnUntypedLiteralHasTheTypeOfWhatItStandsBeside) {
    EXPECT_EQ(where("length(name) = '3'"), "length(name) = 3");
    EXPECT_EQ(where("active = 't'"), "active = TRUE");
    EXPECT_EQ(where("10 < '9'"), "10 < 9");
    EXPECT_EQ(where("coalesce(n, -1) = '-1'"), "coalesce(n, -1) = -1");
    EXPECT_EQ(where("n in ('1', 2)"), "n IN (1, 2)");
    EXPECT_EQ(where("n between '1' and '2'"), "n BETWEEN 1 AND 2");
    EXPECT_EQ(where("u = '230D30D2-296D-4D60-8064-91204AA3FE1C'"), "u = '230d30d2-296d-4d60-8064-91204aa3fe1c'");
    EXPECT_EQ(where("case when active then n else '7' end = 7"), "CASE WHEN active THEN n ELSE 7 END = 7");
    EXPECT_EQ(where("ts >= '2023-01-31'"), "ts >= '2023-01-31 00:00:00'");
    EXPECT_EQ(where("c = 'ab'"), "rtrim(c, ' ') = rtrim('ab', ' ')");
}

TEST(SqliteTypes, ALiteralThatIsNoValueOfTheTypeIsRefusedWherePostgresRefusesIt) {
    EXPECT_EQ(where("n = 'x'"), "22P02");
    EXPECT_EQ(where("n = '3000000000'"), "22003");
    EXPECT_EQ(where("d = '2023-02-30'"), "22008");
    EXPECT_EQ(where("active = 'maybe'"), "22P02");
    EXPECT_EQ(refusal("insert into t (id, n) values (1, 'x')"), "22P02");
    EXPECT_EQ(refusal("insert into t (id, d) values (1, '2023-02-30')"), "22008");
    EXPECT_EQ(refusal("insert into t (id, v) values (1, 'abcdef')"), "22001");
    EXPECT_EQ(refusal("insert into t (id, n) values (1, name)"), "42703");
    EXPECT_EQ(refusal("update t set n = name"), "42804");
    EXPECT_EQ(refusal("update t set n = active"), "42804");
}

TEST(SqliteTypes, OperandsOfDifferentKindsAreNoMatch) {
    EXPECT_EQ(where("n = name"), "42883");
    EXPECT_EQ(where("name = 3"), "42883");
    EXPECT_EQ(where("active = 1"), "42883");
    EXPECT_EQ(where("n like '1%'"), "42883");
    EXPECT_EQ(where("n"), "42804");
    EXPECT_EQ(where("odd = 1"), "42883");
    EXPECT_EQ(where("n || n = ''"), "42883");
    EXPECT_EQ(refusal("select id from t union select name from t"), "42804");
    EXPECT_EQ(refusal("select '1' + '2'"), "42725");
}

TEST(SqliteTypes, ParametersAreDescribedWithTheTypesThatPostgresInfers) {
    EXPECT_EQ(types("select 1 from t where n = $1 and name = $2 and active = $3 and price > $4"),
              "integer, text, boolean, numeric");
    EXPECT_EQ(types("select 1 from t where n % 3 = $1 and length(name) = $2"), "integer, integer");
    EXPECT_EQ(types("select id from t order by id limit $1 offset $2"), "bigint, bigint");
    EXPECT_EQ(types("insert into t (id, d, ts, u) values ($1, $2, $3, $4)"),
              "bigint, date, timestamp without time zone, uuid");
    EXPECT_EQ(types("update t set price = $1, v = $2 where id = $3"), "numeric, character varying, bigint");
    EXPECT_EQ(types("select 1 from t where id in ($1, $2) or $3 = f or d between $4 and $5"),
              "bigint, bigint, double precision, date, date");
    EXPECT_EQ(types("select $1::int, coalesce(n, $2), name || $3, $4 from t"), "integer, integer, text, text");
    EXPECT_NE(types("select count($1) from t").find("42P18"), std::string::npos);
    EXPECT_NE(types("select $1 + $2").find("42725"), std::string::npos);
    EXPECT_NE(types("select 1 from t where $1 is null and id = $2").find("42P18"), std::string::npos);
}

TEST(SqliteTypes, ArithmeticIsChecked) {
    EXPECT_EQ(where("n / 2 = 1"), "pg_int4_div(n, 2) = 1");
    EXPECT_EQ(where("id + n > 1"), "pg_int8_add(id, n) > 1");
    EXPECT_EQ(where("n % 3 = $1"), "pg_int4_mod(n, 3) = $1");
    EXPECT_EQ(where("price * 2 = 3"), "pg_numeric_mul(pg_decimal(price, 2), '2') COLLATE ashlar_decimal = '3'");
    EXPECT_EQ(where("f / n > 1"), "pg_float8_div(f, n) > 1");
    EXPECT_EQ(where("d - '2023-01-01' > 3"), "pg_date_diff(d, '2023-01-01') > 3");
    EXPECT_EQ(where("ts - ts > '1 day'"), "pg_moment_diff(ts, ts) COLLATE ashlar_interval > '1 day'");
    EXPECT_EQ(where("ts > ts - interval '1 day'"), "ts > pg_moment_sub(ts, '1 day')");
    EXPECT_EQ(where("ts + '1 day' > d"), "pg_moment_add(ts, '1 day') > pg_timestamp_of_date(d)");
    EXPECT_EQ(where("ts > d + 1.5 * interval '1 day'"),
              "ts > pg_moment_add(pg_timestamp_of_date(d), pg_span_mul('1 day', 1.5))");
    EXPECT_EQ(where("ts + ts > ts"), "42883");
    EXPECT_EQ(where("d + '1 day' > ts"), "42725");
}

TEST(SqliteTypes, RegularExpressions) {
    EXPECT_EQ(where("name ~ '^a'"), "pg_regex(name, '^a')");
    EXPECT_EQ(where("name !~* $1"), "NOT pg_iregex(name, $1)");
    EXPECT_EQ(where("name similar to 'a!%' escape '!'"), "pg_similar(name, 'a!%', '!')");
    EXPECT_EQ(where("n ~ 'a'"), "42883");
    EXPECT_EQ(where("regexp_replace(name, 'a', '') = ''"), "pg_regexp_replace(name, 'a', '') = ''");
}

TEST(SqliteTypes, AnyAndAllOverArrays) {
    EXPECT_EQ(where("id = any($1)"), "id IN (SELECT value FROM json_each(pg_array($1, 20)))");
    EXPECT_EQ(where("id <> all($1::int[])"), "id NOT IN (SELECT value FROM json_each(pg_array($1, 23)))");
    EXPECT_EQ(types("select 1 from t where name = any($1)"), "text[]");
    EXPECT_EQ(where("id = any('{1,2}')"), "id IN (1, 2)");
    EXPECT_EQ(where("id = any(array[1, 2])"), "id IN (1, 2)");
    EXPECT_EQ(where("id > all(array[1, 2])"), "id > 1 AND id > 2");
    EXPECT_EQ(where("name like any(array['a%', 'b%'])"), "pg_like(name, 'a%') OR pg_like(name, 'b%')");
    EXPECT_EQ(where("id = any('{1,x}')"), "22P02");
    EXPECT_EQ(where("id = any(array['1'])"), "42883");
    EXPECT_EQ(where("id > any($1)"), "0A000");
    EXPECT_EQ(where("id = any(select n from t)"), "id IN (SELECT n FROM t)");
    EXPECT_EQ(where("id <> all(select n from t)"), "id NOT IN (SELECT n FROM t)");
}

TEST(SqliteTypes, TextAndPatternsMeanWhatPostgresMeans) {
    EXPECT_EQ(where("name like 'A%'"), "pg_like(name, 'A%')");
    EXPECT_EQ(where("name not ilike 'A%'"), "NOT pg_ilike(name, 'A%')");
    EXPECT_EQ(where("name || n = 'x'"), "name || CAST(n AS TEXT) = 'x'");
    EXPECT_EQ(where("active::text = 'true'"), "pg_boolean_text(active) = 'true'");
    EXPECT_EQ(where("(name = E'a\\'b')"), "name = 'a''b'");
}

TEST(SqliteTypes, NullStandsWherePostgresPutsIt) {
    EXPECT_EQ(translated("select id from t order by n, id desc").value().sql,
              "SELECT id FROM t ORDER BY n NULLS LAST, id DESC");
    EXPECT_EQ(translated("select id from t order by n desc").value().sql,
              "SELECT id FROM t ORDER BY n DESC NULLS FIRST");
    EXPECT_EQ(translated("select id from t order by n nulls first").value().sql,
              "select id from t order by n nulls first");
}

TEST(SqliteTypes, ColumnsHaveTheNamesAndTypesOfPostgres) {
    const auto made =
        translated("select n + 1, count(*), lower(name), n > 3, price from t group by n, name, price").value();
    EXPECT_EQ(made.types.names, (std::vector<std::string>{"?column?", "count", "lower", "?column?", "price"}));
    std::vector<std::uint32_t> found;
    for (const known_type& c : made.types.columns) found.push_back(c.type);
    EXPECT_EQ(found, (std::vector<std::uint32_t>{oid::int4, oid::int8, oid::text, oid::boolean, oid::numeric}));
}

TEST(SqliteTypes, WhatSqliteLacksIsRefusedByName) {
    for (const char* text : {
             "select id from t where id > any($1)",
             "select array[1]",
             "select distinct on (n) n from t",
             "select id from t for update",
             "select id from t tablesample system (1)",
             "select * from generate_series(1, 3)",
             "select id from t, lateral (select 1) x",
             "delete from t using t x where t.id = x.id",
             "insert into t values (1) on conflict on constraint t_pkey do nothing",
             "insert into t (id, n) values (1, default)",
             "select id from t intersect all select id from t",
             "select id from t group by rollup (id)",
             "select b'1'",
             "select id from t where name @@ 'x'",
             "select to_char(d, 'YYYY') from t",
             "select id from t order by id fetch first 3 rows with ties",
         }) {
        const auto made = translated(text);
        ASSERT_FALSE(made) << text << " became " << made->sql;
        EXPECT_EQ(made.error().sqlstate(), "0A000") << text;
        EXPECT_FALSE(made.error().hint().empty()) << text;
        EXPECT_EQ(made.error().message().find("IMMUTABLE"), std::string::npos);
        EXPECT_EQ(made.error().hint().find("IMMUTABLE"), std::string::npos);
    }
}

TEST(SqliteTypes, ASessionsNamesFollowTheParameters) {
    const auto made = translated("select current_user, current_database() from t where id = $1").value();
    EXPECT_EQ(made.sql, "SELECT $2 AS \"current_user\", $3 AS current_database FROM t WHERE id = $1");
    EXPECT_EQ(made.types.session_names, (std::vector{session_name::user, session_name::database}));
    EXPECT_EQ(made.types.parameters.size(), 1u);
}

TEST(SqliteTypes, TellsQuestionsToTheCatalogue) {
    const auto asks = [](std::string_view text) {
        return sqlite::asks_for_catalogue(sql::parse(text).value(), shop());
    };
    EXPECT_TRUE(asks("select relname from pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"));
    EXPECT_TRUE(asks("select * from information_schema.tables"));
    EXPECT_TRUE(asks("select current_setting('server_version')"));
    EXPECT_FALSE(asks("select * from t"));
    EXPECT_FALSE(asks("select * from t join pg_class on true"));
    EXPECT_FALSE(asks("select current_database()"));
}
