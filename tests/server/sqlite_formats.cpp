// SQLite has text only. A client who asks for binary gets the very bytes that PostgreSQL sends for the same text of the declared
// type, special values too; a text that is not of the type fails.
#include "support/proxied.hpp"
#include "wire/client_messages.hpp"
#include "wire/error_fields.hpp"
#include "wire/server_messages.hpp"

#include <fmt/format.h>

namespace ashlar {
namespace {

using test::proxied;
using test::raw_client;

struct typed {
    std::string declared;    // in SQLite
    std::string postgresql;  // the same there
    std::vector<std::string> values;
};

const std::vector<typed>& types() {
    static const std::vector<typed> all{
        {"bigint", "bigint", {"-9223372036854775808", "-1", "0", "9223372036854775807"}},
        {"boolean", "boolean", {"true", "false"}},
        {"double precision", "float8", {"-1.5", "0.0", "5e-324", "1.7976931348623157e+308"}},
        {"text", "text", {"", "zoë", "日本"}},
        {"varchar(10)", "varchar", {"", "a b"}},
        {"date",
         "date",
         {"4714-11-24 BC", "0044-03-15 BC", "0001-12-31 BC", "1999-12-31", "2024-02-29", "12026-11-30", "5874897-12-31",
          "infinity", "-infinity"}},
        {"timestamp",
         "timestamp",
         {"4714-11-24 00:00:00 BC", "10000-01-01 00:00:00", "1999-12-31 23:59:59.999999",
          "294276-12-31 23:59:59.999999", "infinity", "-infinity"}},
        {"timestamptz", "timestamptz", {"0044-03-15 12:00:00 BC", "2024-02-29 12:00:00.5", "infinity", "-infinity"}},
        {"uuid", "uuid", {"230d30d2-296d-4d60-8064-91204aa3fe1c", "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
        {"interval",
         "interval",
         {"1 year 2 mons -3 days +04:05:06.789", "-1 days", "00:00:00", "-00:00:00.5", "100:00:00"}},
        {"json", "json", {"{\"a\": 1.50}", "null", "[]"}},
    };
    return all;
}

// Booleans as they are: a text is no boolean in SQLite.
std::string quoted(const std::string& text) {
    return text == "true" || text == "false" ? text : "'" + text + "'";
}

proxied& house() {
    static proxied one{[] {
        proxied::options o;
        o.sqlite = true;
        o.shards = 2;
        o.function = keyspace::function_kind::modulo;
        for (std::size_t i = 0; i < types().size(); ++i) {
            o.schema.push_back(fmt::format("create table t{} (id integer primary key, v {})", i, types()[i].declared));
            o.tables.push_back(proxied::sharded(fmt::format("t{}", i), "id"));
        }
        o.schema.push_back(
            "create table m (id integer primary key, d date, ts timestamp, tz timestamptz, iv interval)");
        o.tables.push_back(proxied::sharded("m", "id"));
        return o;
    }()};
    return one;
}

struct told {
    std::string sqlstate;
    std::vector<std::string> rows;
};

// A portal that wants the id in text and the value in binary.
told ask(raw_client& to, const std::string& sql) {
    std::string out;
    const cell_format formats[] = {cell_format::text, cell_format::binary};
    const wire::target_message portal{wire::target_message::kind::portal, ""};
    wire::write_parse(out, "", sql, {});
    wire::write_bind(out, "", "", {}, {}, formats);
    wire::write_describe(out, portal);
    wire::write_execute(out, "");
    wire::write_sync(out);
    to.send(out);
    told all;
    for (const test::said& m : to.until_ready()) {
        if (m.type == 'D') all.rows.push_back(m.body);
        if (m.type != 'E') continue;
        const auto fields = wire::read_error_fields(m.body);
        all.sqlstate = fields ? fields->sqlstate : "?";
    }
    return all;
}

TEST(SqliteFormats, BinaryIsWhatPostgresqlSends) {
    test::postgres_server server;
    raw_client::options where;
    where.port = server.port();
    where.parameters["timezone"] = "UTC";
    raw_client postgresql{where}, through{house().login()};
    for (std::size_t i = 0; i < types().size(); ++i) {
        std::string list;
        int id = 0;
        for (const std::string& value : types()[i].values) {
            const std::string insert = fmt::format("insert into t{} values ({}, {})", i, ++id, quoted(value));
            ASSERT_EQ(through.query(insert), "C(INSERT 0 1) Z(I)") << insert;
            list += fmt::format("{}({}, {}::{})", list.empty() ? "" : ", ", id, quoted(value), types()[i].postgresql);
        }
        ASSERT_EQ(through.query(fmt::format("insert into t{} values ({}, null)", i, ++id)), "C(INSERT 0 1) Z(I)");
        list += fmt::format(", ({}, null)", id);
        const told expected = ask(postgresql, "select id, v from (values " + list + ") as t (id, v) order by id");
        ASSERT_EQ(expected.sqlstate, "") << types()[i].declared;
        const told got = ask(through, fmt::format("select id, v from t{} order by id", i));
        EXPECT_EQ(got.sqlstate, "") << types()[i].declared;
        EXPECT_EQ(got.rows, expected.rows) << types()[i].declared;
        // One shard at a time: not merged.
        std::vector<std::string> one_by_one;
        for (int key = 1; key <= id; ++key) {
            const told one = ask(through, fmt::format("select id, v from t{} where id = {}", i, key));
            one_by_one.insert(one_by_one.end(), one.rows.begin(), one.rows.end());
        }
        EXPECT_EQ(one_by_one, expected.rows) << types()[i].declared;
    }
}

// What PostgreSQL says of all its dates, the first and the last too, over two files and over one.
TEST(SqliteFormats, DatesOfAllYearsCompareAndSortAndComputeAsPostgresqlsDo) {
    test::postgres_server server;
    raw_client::options where;
    where.port = server.port();
    where.parameters["timezone"] = "UTC";
    raw_client postgresql{where}, through{house().login()};
    ASSERT_EQ(
        postgresql.query("create table m (id bigint primary key, d date, ts timestamp, tz timestamptz, iv interval)"),
        "C(CREATE TABLE) Z(I)");
    int id = 0;
    for (const char* day :
         {"-infinity", "4714-11-24 BC", "0044-03-15 BC", "0043-03-15 BC", "0001-12-31 BC", "0001-01-01", "0099-12-31",
          "1999-12-31", "9999-12-31", "10000-01-01", "294276-12-31", "infinity"}) {
        // the rows of one day lie on both shards
        for (int i = 0; i < 2; ++i) {
            const char* const spans[] = {"1 day", "24:00:00", "1 mon", "-1 mons", "2 mons", "9 days 02:00:00.5"};
            const char* const span = spans[id % 6];
            const std::string insert =
                fmt::format("insert into m values ({}, '{}', '{}', '{}', '{}')", ++id, day, day, day, span);
            ASSERT_EQ(postgresql.query(insert), "C(INSERT 0 1) Z(I)") << insert;
            ASSERT_EQ(through.query(insert), "C(INSERT 0 1) Z(I)") << insert;
        }
    }
    for (const char* sql : {
             "select id, d, ts, tz from m order by d, id",
             "select id from m order by ts desc, id",
             "select distinct d from m order by d desc",
             "select d, count(*) from m group by d order by d",
             "select min(d), max(d), min(ts), max(ts), min(tz), max(tz) from m",
             "select id from m where d < '0044-03-15 BC' order by id",
             "select id from m where d > '9999-12-31' and ts <= '294276-12-31 00:00:00' order by id",
             "select id from m where ts = d and tz between '4714-11-24 BC' and '10000-01-01' order by id",
             "select id from m where d = '44-03-15 BC' or ts = 'infinity' order by id",
             "select id, d::text, ts::text, tz::text, d || '', ts::date, d::timestamp, ts::time from m order by id",
             "select id, d + 1, d - 1 from m where d > '-infinity' and d <> '4714-11-24 BC' order by id",
             "select id, d - '2000-01-01' from m where d > '-infinity' and d < 'infinity' order by id",
             "select id, extract(year from d), extract(century from ts), extract(doy from d), extract(isodow from d), "
             "extract(epoch from ts), extract(decade from d), extract(millennium from ts) from m order by id",
             "select id, date_trunc('year', ts), date_trunc('century', ts), date_trunc('week', ts) from m where ts > "
             "'0044-03-15 BC' order by id",
             "select id, iv from m order by iv, id",
             "select count(*) from m group by iv order by iv",
             "select distinct iv from m where iv > '1 day' order by iv desc",
             "select min(iv), max(iv) from m",
             "select id from m where iv > '1 day' or iv = '-30 days' order by id",
             "select id, greatest(d, '0001-01-01 BC'), least(ts, '9999-01-01') from m order by id",
             "select d - 'infinity' from m where id = 9",
             "select d + 1 from m where d = 'infinity'",
             "select d - 1 from m where id = 3",
         }) {
        std::string expected = postgresql.query(sql);
        if (const std::size_t failed = expected.find("E("); failed != expected.npos) expected.erase(0, failed);
        EXPECT_EQ(through.query(sql), expected) << sql;
        if (expected.starts_with("E(")) continue;
        EXPECT_EQ(ask(through, sql).rows, ask(postgresql, sql).rows) << sql;
    }
}

}  // namespace
}  // namespace ashlar
