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
        {"date", "date", {"4714-11-24 BC", "0044-03-15 BC", "1999-12-31", "2024-02-29", "infinity", "-infinity"}},
        {"timestamp",
         "timestamp",
         {"4714-11-24 00:00:00 BC", "1999-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999", "infinity",
          "-infinity"}},
        {"timestamptz", "timestamptz", {"0044-03-15 12:00:00 BC", "2024-02-29 12:00:00.5", "infinity", "-infinity"}},
        {"uuid", "uuid", {"230d30d2-296d-4d60-8064-91204aa3fe1c", "ffffffff-ffff-ffff-ffff-ffffffffffff"}},
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
            const std::string stored = through.query(insert);
            // Dates before Christ and after 9999, whose text SQLite cannot order.
            if (stored == "E(0A000) Z(I)" || stored == "E(22008) Z(I)") continue;
            ASSERT_EQ(stored, "C(INSERT 0 1) Z(I)") << insert;
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

}  // namespace
}  // namespace ashlar
