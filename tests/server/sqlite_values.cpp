// Every declared type of a SQLite table through every kind of merge. Two SQLite shards have to answer as one SQLite file with
// all rows does, and as PostgreSQL does where its types have the operation: the same rows, to the last character.
#include "support/postgres_server.hpp"
#include "support/temporary_folder.hpp"

#include <ashlar/ashlar.hpp>

#include <fmt/format.h>

#include <functional>

using namespace ashlar;
using namespace ashlar::test;

namespace {

// What the engines can do with a type: PostgreSQL has no min(boolean), and compares no json at all.
enum can : unsigned { equal = 1, order = 2, extreme = 4, add = 8, all = 15 };

struct typed_column {
    std::string type;
    unsigned postgres;  // a set of `can`
    std::function<value(int)> at;
};

std::vector<typed_column> declared_columns() {
    const auto moment = [](int i) {
        return fmt::format("2024-02-{:02} 12:{:02}:00{}", 1 + i % 3, i % 5, i % 2 == 0 ? "" : ".25");
    };
    return {
        {"integer", all, [](int i) { return value{i % 4 - 1}; }},
        {"bigint", all, [](int i) { return value{(std::int64_t{1} << 62) - i % 3}; }},
        {"smallint", all, [](int i) { return value{-(i % 3)}; }},
        {"boolean", equal | order, [](int i) { return value{i % 3 == 0}; }},
        {"text", equal | order | extreme,
         [](int i) { return value{std::string(static_cast<std::size_t>(i % 3), 'x')}; }},
        {"varchar(20)", equal | order | extreme, [](int i) { return value{fmt::format("v{}", i % 4 * 7)}; }},
        {"numeric(12,2)", all,
         [](int i) { return value{decimal::parse(fmt::format("{}.{:02}", 2321 - i % 4, i % 3 * 49)).value()}; }},
        {"decimal(20,4)", all, [](int i) { return value{decimal::parse(fmt::format("-{}.0001", i % 3)).value()}; }},
        {"double precision", all, [](int i) { return value{i % 3 * 0.25}; }},
        {"real", equal | order | extreme, [](int i) { return value{i % 4 * 0.5}; }},
        {"date", equal | order | extreme,
         [](int i) { return value{parse_date(fmt::format("2024-02-{:02}", 1 + i % 28)).value()}; }},
        {"timestamp", equal | order | extreme, [=](int i) { return value{parse_timestamp(moment(i)).value()}; }},
        {"timestamptz", equal | order | extreme,
         [=](int i) { return value{parse_timestamp(moment(i) + "+02").value()}; }},
        {"time", equal | order | extreme, [](int i) { return value{fmt::format("12:{:02}:00", i % 3)}; }},
        {"uuid", equal | order,
         [](int i) {
             return value{uuid::parse(fmt::format("d4ff2862-e12e-4702-8ea7-c436b07f70{:02}", i % 4)).value()};
         }},
        {"json", 0, [](int i) { return value{json{fmt::format("{{\"a\": {}}}", i % 3)}}; }},
        {"bytea", equal | order,
         [](int i) {
             return value{bytes{{0, static_cast<std::uint8_t>(i % 3), 0xff}}};
         }},
        {"interval", 0, [](int i) { return value{fmt::format("{} days", 2 + i % 3)}; }},
    };
}

constexpr int row_count = 40;

// Every seventh value is NULL, and the last rows have values that no other shard has.
value value_at(const typed_column& c, int row) {
    return row % 7 == 6 ? value{} : c.at(row);
}

std::string text_of(const rows& all) {
    std::string out;
    for (std::size_t r = 0; r < all.size(); ++r) {
        for (std::size_t c = 0; c < all.width(); ++c) {
            const auto cell = all[r].text(c);
            out += cell ? fmt::format("'{}' ", *cell) : "NULL ";
        }
        out += '\n';
    }
    return out;
}

class SqliteValues : public ::testing::Test {
protected:
    static postgres_server& server() {
        static postgres_server one;
        return one;
    }

    static cluster open(const std::string& folder, const std::string& url, int count) {
        std::string tables = "v = { shard_key = \"id\" }\n";
        for (std::size_t i = 0; i < declared_columns().size(); ++i)
            tables += fmt::format("v{} = {{ shard_key = \"id\" }}\n", i);
        const std::string text = fmt::format(R"(
[shards]
function = "modulo"
key_type = "integer"
count = {}
url = "{}"
[pool]
min_connections = 0
[tables]
{}
)",
                                             count, url, tables);
        auto opened = cluster::open_text(text, folder);
        EXPECT_TRUE(opened) << opened.error();
        return std::move(*opened);
    }

    static void make(const cluster& c, const std::string& table, const std::string& type) {
        status made = c.all_shards().run_script(
            fmt::format("drop table if exists {0}; create table {0} (id bigint primary key, c {1})", table, type));
        ASSERT_TRUE(made) << made.error();
    }

    static void add_rows(const cluster& c, const std::string& table, const typed_column& column) {
        for (int i = 0; i < row_count; ++i) {
            auto added =
                c.execute(fmt::format("insert into {} (id, c) values ($1, $2)", table), i, value_at(column, i));
            ASSERT_TRUE(added) << column.type << ": " << added.error();
        }
    }
};

struct question {
    std::string sql;
    unsigned needs;
};

std::vector<question> questions() {
    return {
        {"select id, c from v order by id", 0},
        {"select c from v order by c nulls last, id", order},
        {"select c, id from v order by c desc nulls last, id desc limit 7 offset 2", order},
        {"select distinct c from v order by c nulls first", order},
        {"select distinct c from v order by c desc nulls last limit 2", order},
        {"select c, count(*) from v group by c order by c nulls last", order},
        {"select count(*), c from v where id < 3 group by c having count(*) > 0 order by c nulls last", order},
        {"select count(c), count(*) from v group by c order by 1, 2", equal},
        {"select min(c), max(c) from v", extreme},
        {"select id % 3, min(c), max(c) from v group by id % 3 order by 1", extreme},
        {"select min(c), max(c) from v where id = 1 or id = 2", extreme},
        {"select min(c), count(*) from v where id < 0", extreme},
        {"select c, count(*) from v where id < 0 group by c having count(*) > 0", equal},
        {"select sum(c), avg(c), count(c) from v", add},
        {"select sum(c), avg(c) from v where id < 0", add},
        {"select sum(c) from v where id = 3", add},
        {"select avg(c) from v where id = 3", add},
        {"select id % 4, sum(c), avg(c) from v group by id % 4 order by sum(c), 1", add},
        {"select id % 4 from v group by id % 4 having sum(c) is not null order by avg(c) desc, 1", add},
        {"select sum(c) as s, id from v where id = 3 group by id having sum(c) = min(c) order by s desc", add},
        {"select c, sum(c) from v where c is not null group by c having sum(c) <> 0 order by 2 desc, c", add},
    };
}

TEST_F(SqliteValues, EveryDeclaredTypeGoesThroughEveryKindOfMerge) {
    temporary_folder folder;
    server().create_database("every_type");
    const cluster two = open(folder.path(), "sqlite:two_{shard}.db", 2);
    const cluster one = open(folder.path(), "sqlite:one_{shard}.db", 1);
    const cluster postgres = open(folder.path(), server().url("every_type"), 1);
    ASSERT_TRUE(postgres.all_shards().run_script("alter database every_type set timezone = 'UTC'"));
    std::size_t number = 0;
    for (const typed_column& column : declared_columns()) {
        SCOPED_TRACE(column.type);
        const std::string table = fmt::format("v{}", number++);
        for (const cluster* each : {&two, &one, &postgres}) {
            make(*each, table, column.type);
            add_rows(*each, table, column);
        }
        for (const question& q : questions()) {
            SCOPED_TRACE(q.sql);
            std::string sql = q.sql;
            sql.replace(sql.find("from v ") == sql.npos ? sql.find("from v") : sql.find("from v "), 6, "from " + table);
            const bool ordered = column.type != "interval" || (q.needs & (order | extreme)) == 0;
            const bool summable = (column.postgres & add) != 0 || (q.needs & add) == 0;
            if (!ordered || !summable) continue;
            const auto merged = two.query(sql);
            if (!merged && merged.error().sqlstate() == "42883") {  // min(boolean), min(uuid): there is none
                EXPECT_FALSE(postgres.query(sql));
                continue;
            }
            ASSERT_TRUE(merged) << merged.error();
            const auto alone = one.query(sql);
            ASSERT_TRUE(alone) << alone.error();
            EXPECT_EQ(text_of(*merged), text_of(*alone));
            if ((q.needs & column.postgres) != q.needs) continue;
            const auto plain = postgres.query(sql);
            ASSERT_TRUE(plain) << plain.error();
            EXPECT_EQ(text_of(*merged), text_of(*plain));
            for (std::size_t c = 0; c < merged->width(); ++c) EXPECT_EQ(merged->type(c), alone->type(c)) << c;
        }
    }
}

TEST_F(SqliteValues, AValueThatIsNoneOfItsTypeFailsInEveryKindOfMergeAndLeavesNothingBehind) {
    temporary_folder folder;
    const cluster two = open(folder.path(), "sqlite:bad_{shard}.db", 2);
    const struct {
        std::string type, stored;
    } bad[] = {
        {"integer", "'abc'"},       {"integer", "1.5"},
        {"boolean", "'t'"},         {"boolean", "2"},
        {"date", "'soon'"},         {"timestamp", "1700000000"},
        {"time", "'25:00:00'"},     {"uuid", "'x'"},
        {"numeric(9,2)", "'dear'"}, {"double precision", "'high'"},
        {"text", "x'00'"},          {"interval", "7"},
    };
    for (const auto& each : bad) {
        SCOPED_TRACE(each.type + " " + each.stored);
        make(two, "v", each.type);
        ASSERT_TRUE(two.execute("insert into v (id) values (1), (2), (3), (4)"));
        // by the shard itself: what comes in through Ashlar is checked
        ASSERT_TRUE(two.database("shard_2").run_script("update v set c = " + each.stored + " where id = 3"));
        for (const char* sql :
             {"select id, c from v order by id", "select id, c from v where id = 3", "select id, c, id from v",
              "select distinct c from v", "select c, count(*) from v group by c"}) {
            const auto failed = two.query(sql);
            ASSERT_FALSE(failed) << sql;
            EXPECT_EQ(failed.error().sqlstate(), "22P02") << sql << ": " << failed.error();
            EXPECT_NE(failed.error().message().find("\"c\""), std::string::npos) << failed.error();
            const auto after = two.query("select id from v where id = 1");
            ASSERT_TRUE(after) << after.error();
            EXPECT_EQ(text_of(*after), "'1' \n") << sql;
            const auto both = two.query("select id, id + 1 from v where id <> 3 order by id");
            ASSERT_TRUE(both) << both.error();
            EXPECT_EQ(text_of(*both), "'1' '2' \n'2' '3' \n'4' '5' \n") << sql;
        }
    }
}

TEST_F(SqliteValues, SumsOfMoneyAreExactOnOneShardAndOnAll) {
    temporary_folder folder;
    const cluster two = open(folder.path(), "sqlite:money_{shard}.db", 2);
    make(two, "v", "numeric(12,2)");
    for (int i = 0; i < 1000; ++i) {
        ASSERT_TRUE(two.execute("insert into v values ($1, $2)", i,
                                decimal::parse(fmt::format("{}.{:02}", i * 37, i % 100)).value()));
    }
    const auto text = [&](const char* sql) {
        const auto got = two.query(sql);
        return got ? text_of(*got) : got.error().message();
    };
    EXPECT_EQ(text("select sum(c), avg(c) from v"), "'18481995.00' '18481.995000000000' \n");
    EXPECT_EQ(text("select sum(c) as s from v where id in (1, 3, 5) order by s"), "'333.09' \n");
    EXPECT_EQ(text("select sum(c) from v where id = 7"), "'259.07' \n");
    EXPECT_EQ(text("select sum(distinct c) from v where id in (2, 4)"), "'222.06' \n");
    EXPECT_EQ(text("select min(c), max(c) from v where id = 10"), "'370.10' '370.10' \n");
    EXPECT_EQ(text("select c * 2, -c, c + 1 from v where id = 10"), "'740.20' '-370.10' '371.10' \n");
    EXPECT_EQ(text("select sum(4611686018427387904), avg(4611686018427387904) from v"),
              "'4611686018427387904000' '4611686018427387904' \n");
    EXPECT_EQ(text("select sum(4611686018427387904) from v where id = 1"), "'4611686018427387904' \n");
    EXPECT_TRUE(two.query("explain select sum(c), c > 1 from v where id = 1 group by c"));
    const auto doubled = two.query("select sum(c) * 2, sum(c) / 2.0 from v where id = 10");
    ASSERT_TRUE(doubled) << doubled.error();
    EXPECT_EQ(doubled->name(0), "?column?");
    EXPECT_EQ((*doubled)[0].text(0), "740.20");
    EXPECT_EQ(text("select c > 300, c is null from v where id = 10"), "'t' 'f' \n");
    EXPECT_EQ(
        text("select date_part('year', timestamp 'infinity'), extract(epoch from timestamp '-infinity')::float8 from v "
             "where id = 10"),
        "'Infinity' '-Infinity' \n");
    EXPECT_EQ(text("select id % 2, sum(c) from v group by id % 2 order by sum(c) desc"),
              "'1' '9250250.00' \n'0' '9231745.00' \n");
    EXPECT_EQ(text("select id % 10 from v group by id % 10 having sum(c) > 1850050 order by 1"),
              "'6' \n'7' \n'8' \n'9' \n");
}

TEST_F(SqliteValues, AggregatesOfExpressionsHaveTheTypesAndDigitsOfPostgresOnOneShardAndOnAll) {
    temporary_folder folder;
    const cluster two = open(folder.path(), "sqlite:computed_{shard}.db", 2);
    make(two, "v", "numeric(12,2)");
    for (const auto& [id, c] : {std::pair{1, "0.10"}, {2, "100001.48"}, {3, "-0.01"}, {4, "9999999999.99"}}) {
        ASSERT_TRUE(two.execute("insert into v values ($1, $2)", id, decimal::parse(c).value()));
    }
    const auto text = [&](const std::string& sql) {
        const auto got = two.query(sql);
        return got ? text_of(*got) : got.error().message();
    };
    const auto type = [&](const std::string& sql) {
        const auto got = two.query(sql);
        return got ? got->type(0) : 0;
    };
    for (const auto& [sql, answer] : {
             std::pair{"select sum(c * 3) from v", "'30000300004.68' \n"},
             {"select avg(c * 3) from v", "'7500075001.17000000' \n"},
             {"select sum(-c), max(c / 3) from v", "'-10000100001.56' '3333333333.33000000' \n"},
             {"select sum(9223372036854775807 - id) from v where id < 3", "'18446744073709551611' \n"},
             {"select min(nullif('7', 1.50)) from v", "'7' \n"},
             {"select nullif('7', 1.50) from v where id < 3", "'7' \n'7' \n"},
             {"select c / 3 from v order by c / 3 desc limit 1", "'3333333333.33000000' \n"},
         }) {
        EXPECT_EQ(text(sql), answer) << sql;
        EXPECT_EQ(type(sql), 1700u) << sql;  // numeric
    }
    EXPECT_EQ(text("select id % 2, sum(c * 2) from v group by id % 2 having sum(c * 2) > '0.17' order by 2 desc"),
              "'0' '20000200002.94' \n'1' '0.18' \n");
    // over windows, and of values in the statement
    EXPECT_EQ(text("select sum(c) over (order by n rows between 1 preceding and current row), avg(c) over () from "
                   "(values (1, 1.10), (2, 2.20), (3, 3.30)) q (n, c) order by n"),
              "'1.10' '2.2000000000000000' \n'3.30' '2.2000000000000000' \n'5.50' '2.2000000000000000' \n");
    EXPECT_EQ(text("select x, x * 2 from (values (1.50), (null), (7), ('0.1')) q (x) order by x"),
              "'0.1' '0.2' \n'1.50' '3.00' \n'7' '14' \nNULL NULL \n");
    EXPECT_EQ(text("select concat('a', null, true, 1.50), 0.1::float4 = 0.1::float8, 0.1::float4::float8"),
              "'at1.50' 'f' '0.10000000149011612' \n");
    // equal numbers with other digits are one
    EXPECT_EQ(text("select x, count(*) from (values (1.50), (1.50), (7)) q (x) group by x order by x"),
              "'1.50' '2' \n'7' '1' \n");
    EXPECT_EQ(text("select distinct c / 3 as third from v where id > 2 order by third"),
              "'-0.00333333333333333333' \n'3333333333.33000000' \n");
    EXPECT_EQ(text("select c / 3, count(*) from v where id > 2 group by c / 3 order by 1"),
              "'-0.00333333333333333333' '1' \n'3333333333.33000000' '1' \n");
    EXPECT_EQ(text("select sum(distinct c * 3) from v where id = 2"), "'300004.44' \n");
    EXPECT_EQ(text("select sum(c) from v where id = 2 having sum(c) < 100001.4800000000000000001"), "'100001.48' \n");
}

}  // namespace
