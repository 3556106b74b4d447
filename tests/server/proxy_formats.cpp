// Every built-in type with its special values, asked through the proxy in text, in binary and in both at once, and of one plain
// database that holds all the rows: the same bytes in every cell, or refused where the merge would have to know the type's order.
// What is only passed on is never refused.
#include "support/proxied.hpp"
#include "wire/client_messages.hpp"
#include "wire/error_fields.hpp"
#include "wire/server_messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace ashlar {
namespace {

using test::proxied;
using test::raw_client;

struct typed {
    std::string name;
    std::vector<std::string> values;  // literals; none equals another, so that a group has one spelling
};

// Sums of floats depend on their order, but for those that are here.
const std::vector<typed>& types() {
    static const std::vector<typed> all{
        {"smallint", {"-32768", "0", "7", "32767"}},
        {"integer", {"-2147483648", "-1", "0", "2147483647"}},
        {"bigint", {"-9223372036854775808", "-1", "0", "9223372036854775807"}},
        {"numeric",
         {"-1e30", "-0.5", "0.000", "12345678901234567890.123456789", "1e-1000", "1e1000", "10000", "0.0001"}},
        {"numeric(12,2)", {"-1.25", "0.00", "9999999999.99"}},
        {"numeric(1000,900)", {"1e-900", "-1", "0"}},
        {"dec_special", {"'NaN'", "'Infinity'", "1.50"}},
        {"dec_negative", {"'-Infinity'", "0", "-1.5"}},
        {"real", {"-1.5", "'-0'", "0.25", "1048576"}},
        {"double precision", {"-1.5", "'-0'", "0.25", "1099511627776.125"}},
        {"float8", {"'-0'"}},
        {"float4", {"1e38", "-1e38", "1.17549435e-38", "1e-45", "'NaN'", "'Infinity'", "'-Infinity'"}},
        {"float8", {"1e100", "-1e100", "5e-324", "123456789.123456789", "'NaN'", "'Infinity'", "'-Infinity'"}},
        {"boolean", {"true", "false"}},
        {"text", {"''", "'a'", "'B'", "'b'", "'zoë'", "'日本'", "E'tab\\there\\n'", "'NULL'", "repeat('x', 5000)"}},
        {"varchar(10)", {"''", "'a'", "'B '", "'B'"}},
        {"char(5)", {"''", "'a'", "'a   b'"}},
        {"\"char\"", {"'a'", "'z'", "''", "'\\377'"}},
        {"name", {"'a'", "'Z'", "''", "repeat('n', 63)"}},
        {"bytea", {"'\\x'", "'\\x00'", "'\\x00ff'", "'\\xdeadbeef'"}},
        {"date",
         {"'4714-11-24 BC'", "'0001-12-31 BC'", "'1999-12-31'", "'2000-01-01'", "'2024-02-29'", "'5874897-12-31'",
          "'infinity'", "'-infinity'"}},
        {"time", {"'00:00'", "'12:30:00.000001'", "'23:59:59.999999'", "'24:00'"}},
        {"time(0)", {"'00:00'", "'12:30:01'"}},
        {"timetz", {"'00:00+15:59:59'", "'00:00-15:59:59'", "'12:30:00.5+05:30'", "'24:00+00'"}},
        {"timestamp",
         {"'4714-11-24 00:00 BC'", "'1999-12-31 23:59:59.999999'", "'294276-12-31 23:59:59.999999'", "'infinity'",
          "'-infinity'"}},
        {"timestamptz",
         {"'4714-11-24 00:00+00 BC'", "'1999-12-31 23:59:59.999999+00'", "'2024-07-01 12:00+02'",
          "'294276-12-31 23:59:59.999999+00'", "'infinity'", "'-infinity'"}},
        {"interval",
         {"'0'", "'1 day'", "'-1 mon 32 days'", "'1 year 2 mons 3 days 04:05:06.789'", "'-25:00'", "'178000000 years'",
          "'-178000000 years'", "'2147483647 days'", "'2562047788:00:54.775807'"}},
        {"uuid",
         {"'00000000-0000-0000-0000-000000000000'", "'230d30d2-296d-4d60-8064-91204aa3fe1c'",
          "'ffffffff-ffff-ffff-ffff-ffffffffffff'"}},
        {"inet",
         {"'0.0.0.0'", "'10.0.0.1'", "'10.0.0.0/8'", "'255.255.255.255'", "'::'", "'::1'", "'fe80::1/10'",
          "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'"}},
        {"cidr", {"'0.0.0.0/0'", "'10.0.0.0/8'", "'::/0'", "'192.168.1.0/24'", "'10.1.2.3/32'"}},
        {"macaddr", {"'08:00:2b:01:02:03'", "'00:00:00:00:00:00'", "'ff:ff:ff:ff:ff:ff'"}},
        {"macaddr8", {"'08:00:2b:01:02:03:04:05'", "'00:00:00:00:00:00:00:00'"}},
        {"money", {"'-92233720368547758.08'", "'0'", "'12345.67'", "'92233720368547758.07'"}},
        {"bit(4)", {"B'0000'", "B'1010'", "B'0001'"}},
        {"bit varying", {"B''", "B'0'", "B'1010'", "B'101'", "B'101010101'", "repeat('1', 100)::varbit"}},
        {"json", {"'{}'", "'[1, 2]'", "'{\"b\": 1,  \"a\": 2}'", "'null'"}},
        {"jsonb", {"'{}'", "'[1, 2]'", "'{\"b\": 1, \"a\": 2}'", "'null'", "'1.50'", "'\"x\"'", "'[]'"}},
        {"jsonpath", {"'$.a[*] ? (@ > 1)'", "'strict $'"}},
        {"xml", {"'<a/>'", "''", "'<?xml version=\"1.0\"?><b>x</b>'"}},
        {"integer[]", {"'{}'", "'{1,2}'", "'{1,NULL}'", "'{{1,2},{3,4}}'", "'[0:1]={7,12}'", "'{{{5}}}'"}},
        {"text[]", {"'{}'", "'{a,B}'", "'{\"x y\",NULL,\"NULL\",\"\"}'"}},
        {"numeric[]", {"'{1.50}'", "'{NaN,Infinity}'", "'{NULL}'"}},
        {"date[]", {"'{infinity,-infinity}'", "'{2024-02-29}'"}},
        {"bytea[]", {"array['\\x00'::bytea]", "'{}'"}},
        {"int4range", {"'empty'", "'[1,5)'", "'(,3)'", "'[2,)'", "'(,)'"}},
        {"int8range", {"'[-9223372036854775808,9223372036854775807)'", "'empty'"}},
        {"numrange", {"'[1.0,2.50]'", "'(,)'"}},
        {"tsrange", {"'[-infinity,infinity]'", "'empty'"}},
        {"tstzrange", {"'empty'", "'[2024-01-01 00:00+00, 2024-06-01 00:00+00)'"}},
        {"daterange", {"'[2024-01-01,2024-01-31]'", "'(,infinity)'"}},
        {"int4multirange", {"'{}'", "'{[1,3),[5,7)}'"}},
        {"datemultirange", {"'{}'", "'{[2024-01-01,2024-02-01)}'"}},
        {"tsvector", {"''", "'a b'", "'a:1A c:2,16383'"}},
        {"tsquery", {"''", "'a & b'", "'!c | d:*'"}},
        {"point", {"'(1,2)'", "'(-0,0.5)'", "'(NaN,Infinity)'"}},
        {"line", {"'{1,2,3}'"}},
        {"lseg", {"'[(0,0),(1,1)]'"}},
        {"box", {"'(1,2),(0,0)'", "'(Infinity,2),(-Infinity,0)'"}},
        {"path", {"'[(0,0),(1,1)]'", "'((0,0),(1,1))'"}},
        {"polygon", {"'((0,0),(1,1),(2,0))'"}},
        {"circle", {"'<(0,0),1>'"}},
        {"pg_lsn", {"'0/0'", "'16/B374D848'", "'FFFFFFFF/FFFFFFFF'"}},
        {"oid", {"0", "42", "4294967295"}},
        {"xid", {"'0'", "'4294967295'"}},
        {"cid", {"'0'", "'7'"}},
        {"xid8", {"'0'", "'18446744073709551615'"}},
        {"tid", {"'(0,0)'", "'(4294967295,65535)'"}},
        {"oidvector", {"''", "'1 2'"}},
        {"int2vector", {"''", "'1 -2'"}},
        {"pg_snapshot", {"'10:20:10,14,15'"}},
        {"txid_snapshot", {"'10:20:10,14,15'"}},
        {"refcursor", {"'c'"}},
        {"mood", {"'sad'", "'happy'"}},
        {"percent", {"0", "100"}},
        {"place", {"row(1, '')", "row(null, 'x y')"}},
    };
    return all;
}

std::string table_of(std::size_t type) {
    return "t" + std::to_string(type);
}

constexpr int copies = 3;  // of each value, with NULLs between, so that most shards hold some

std::vector<std::string> rows_of(std::size_t type) {
    std::vector<std::string> out;
    int id = 0;
    const auto add = [&](const std::string& value) {
        out.push_back(fmt::format("insert into {} values ({}, {}, {})", table_of(type), id, value, id % 3));
        ++id;
    };
    for (int copy = 0; copy < copies; ++copy) {
        for (const std::string& value : types()[type].values) add(value);
        add("null");
    }
    return out;
}

proxied& house() {
    static proxied one{[] {
        proxied::options o;
        o.shards = 4;
        o.schema = {"create type mood as enum ('sad', 'ok', 'happy')", "create domain percent as integer",
                    "create domain dec_special as numeric", "create domain dec_negative as numeric",
                    "create type place as (floor int, label text)"};
        for (std::size_t i = 0; i < types().size(); ++i) {
            o.schema.push_back(
                fmt::format("create table {} (id bigint primary key, v {}, w int)", table_of(i), types()[i].name));
            o.tables.push_back(proxied::sharded(table_of(i), "id"));
        }
        return o;
    }()};
    static const bool filled = [] {
        std::string script;
        one.databases().create_database("plain");
        script =
            "create type mood as enum ('sad', 'ok', 'happy'); create domain percent as integer;"
            "create domain dec_special as numeric; create domain dec_negative as numeric;"
            "create type place as (floor int, label text);";
        raw_client through{one.login()};
        for (std::size_t i = 0; i < types().size(); ++i) {
            script +=
                fmt::format("create table {} (id bigint primary key, v {}, w int);", table_of(i), types()[i].name);
            for (const std::string& row : rows_of(i)) {
                script += row + ";";
                const std::string said = through.query(row);
                if (!said.ends_with("C(INSERT 0 1) Z(I)")) throw std::runtime_error{row + ": " + said};
            }
        }
        (void)one.databases().run_sql(script, "plain");
        return true;
    }();
    EXPECT_TRUE(filled);
    return one;
}

// The columns but for what only names a server, and the rows' bytes; or the error.
struct told {
    std::string sqlstate, message;
    std::vector<std::string> columns;
    std::vector<std::string> rows;
};

// A sum's NaN has a sign that depends on the order in which the server met the infinities.
std::string positive_nan(std::string bytes) {
    static const std::string minus{"\0\0\0\x8\xff\xf8\0\0\0\0\0\0", 12}, plus{"\0\0\0\x8\x7f\xf8\0\0\0\0\0\0", 12};
    for (std::size_t at; (at = bytes.find(minus)) != bytes.npos;) bytes.replace(at, minus.size(), plus);
    return bytes;
}

told read(const std::vector<test::said>& messages) {
    told out;
    for (const test::said& m : messages) {
        if (m.type == 'E') {
            const auto fields = wire::read_error_fields(m.body);
            out.sqlstate = fields ? fields->sqlstate : "?";
            out.message = fields ? fields->message : "?";
        } else if (m.type == 'T') {
            const auto shape = wire::read_row_description(m.body);
            for (const column& c : *shape) {
                const std::uint32_t type = c.type < 10'000 ? c.type : 0;
                out.columns.push_back(fmt::format("{} {} {} {} {}", c.name, type, c.type_size, c.type_modifier,
                                                  c.format == cell_format::binary ? "binary" : "text"));
            }
        } else if (m.type == 'D') {
            out.rows.push_back(positive_nan(m.body));
        }
    }
    return out;
}

// A named statement, described as a portal, run twice with these formats.
told ask(raw_client& to, const std::string& sql, const std::vector<cell_format>& formats) {
    static int made = 0;
    const std::string name = "s" + std::to_string(++made);
    std::string out;
    wire::write_parse(out, name, sql, {});
    wire::write_sync(out);
    to.send(out);
    told first = read(to.until_ready());
    if (!first.sqlstate.empty()) return first;
    for (int run = 0; run < 2; ++run) {
        out.clear();
        wire::write_bind(out, "", name, {}, {}, formats);
        const wire::target_message portal{wire::target_message::kind::portal, ""};
        wire::write_describe(out, portal);
        wire::write_execute(out, "");
        wire::write_sync(out);
        to.send(out);
        told now = read(to.until_ready());
        if (run == 0) {
            first = std::move(now);
            continue;
        }
        EXPECT_EQ(now.sqlstate, first.sqlstate) << sql;
        EXPECT_EQ(now.rows.size(), first.rows.size()) << sql;
    }
    out.clear();
    const wire::target_message statement{wire::target_message::kind::statement, name};
    wire::write_close(out, statement);
    wire::write_sync(out);
    to.send(out);
    (void)to.until_ready();
    return first;
}

struct asked {
    std::string sql;
    std::size_t columns;
    bool ordered;      // the rows' order is fixed
    bool only_passed;  // the merge looks into no value of the type
};

std::vector<asked> queries(std::size_t type) {
    const std::string t = table_of(type);
    return {
        {"select id, v, w from " + t + " where id = 2", 3, true, true},
        {"select id, v, w from " + t, 3, false, true},
        {"select v, w, id from " + t + " order by id", 3, true, true},
        {"select *, v from " + t + " order by id desc limit 5", 4, true, true},
        {"select v, w, v from " + t + " order by w, id", 3, true, true},
        {"select v, id from " + t + " order by v, id", 2, true, false},
        {"select w, id from " + t + " order by v desc nulls last, id", 2, true, false},
        {"select v, count(*) from " + t + " group by v", 2, false, false},
        {"select count(*), v, v from " + t + " group by v", 3, false, false},
        {"select distinct v, w from " + t, 2, false, false},
        {"select min(v), max(v) from " + t, 2, true, false},
        {"select sum(v), avg(v), count(v), count(*) from " + t, 4, true, false},
        {"select w, min(v), count(v), max(v) from " + t + " group by w order by w", 4, true, false},
        {"select w, max(v) from " + t + " group by w having count(*) > 1 order by max(v), w", 2, true, false},
        {"select w, v is null, count(v) from " + t + " group by w, v is null order by 1, 2", 3, true, true},
    };
}

std::vector<std::vector<cell_format>> formats_for(std::size_t columns) {
    std::vector<std::vector<cell_format>> all{{cell_format::text}, {cell_format::binary}};
    for (std::size_t first = 0; first < 2; ++first) {
        std::vector<cell_format>& one = all.emplace_back();
        for (std::size_t i = 0; i < columns; ++i)
            one.push_back((i + first) % 2 == 0 ? cell_format::text : cell_format::binary);
    }
    return all;
}

std::string name_of(const std::vector<cell_format>& formats) {
    std::string out;
    for (const cell_format f : formats) out += f == cell_format::binary ? 'b' : 't';
    return out;
}

class comparison {
public:
    comparison() : plain_(house().direct("plain")), through_(house().login()) {}

    void set(const std::string& statement) {
        (void)plain_.query(statement);
        (void)through_.query(statement);
    }
    // All queries of a type in all formats.
    void compare(std::size_t type) {
        for (const asked& q : queries(type)) {
            for (const auto& formats : formats_for(q.columns)) compare(q, types()[type].name, formats);
        }
    }
    int answered() const { return answered_; }
    const std::set<std::string>& refused() const { return refused_; }
    void report() const {
        std::string list;
        for (const std::string& each : refused_) list += each + ", ";
        fmt::print("answered {}, refused {} (some query of: {}), both fail {}\n", answered_, refusals_, list,
                   both_fail_);
    }

private:
    void compare(const asked& q, const std::string& name, const std::vector<cell_format>& formats) {
        const std::string where = fmt::format("{} of {} as {}", q.sql, name, name_of(formats));
        told expected = ask(plain_, q.sql, formats);
        told got = ask(through_, q.sql, formats);
        if (!expected.sqlstate.empty()) {
            EXPECT_FALSE(got.sqlstate.empty()) << where << ": " << expected.message;
            ++both_fail_;
            return;
        }
        if (!got.sqlstate.empty()) {
            EXPECT_EQ(got.sqlstate, "0A000") << where << ": " << got.message;
            EXPECT_FALSE(q.only_passed) << where << ": " << got.message;
            ++refusals_;
            refused_.insert(name);
            return;
        }
        EXPECT_EQ(got.columns, expected.columns) << where;
        if (!q.ordered) {
            std::sort(expected.rows.begin(), expected.rows.end());
            std::sort(got.rows.begin(), got.rows.end());
        }
        EXPECT_EQ(got.rows, expected.rows) << where;
        ++answered_;
    }

    raw_client plain_, through_;
    int answered_ = 0, refusals_ = 0, both_fail_ = 0;
    std::set<std::string> refused_;
};

TEST(Formats, EveryTypeArrivesAsTheServerSendsIt) {
    comparison all;
    for (std::size_t type = 0; type < types().size(); ++type) all.compare(type);
    EXPECT_GE(all.answered(), 3450);
    // sums of these, and the order of the last three
    const std::set<std::string> known{"float4", "real", "time", "time(0)", "int2vector", "tsquery", "tsvector"};
    EXPECT_EQ(all.refused(), known) << "every other type is merged in every way that PostgreSQL has for it";
    all.report();
}

// A value in another style is passed on; where the merge cannot read it, it is refused.
TEST(Formats, OtherStylesAreTheServersOrRefused) {
    comparison all;
    for (const char* style :
         {"set datestyle = 'German'; set intervalstyle = 'sql_standard'; set timezone = 'Asia/Tokyo'",
          "set datestyle = 'SQL, DMY'; set intervalstyle = 'iso_8601'; set bytea_output = 'escape'",
          "set datestyle = 'Postgres, MDY'; set intervalstyle = 'postgres_verbose'"}) {
        all.set(style);
        for (std::size_t type = 0; type < types().size(); ++type) {
            const std::string& name = types()[type].name;
            const bool styled = name.starts_with("time") || name.starts_with("date") || name.starts_with("ts") ||
                                name == "interval" || name.starts_with("bytea");
            if (styled) all.compare(type);
        }
    }
    EXPECT_GE(all.answered(), 900);
    all.report();
}

TEST(Formats, AListOfAnotherLengthIsRefusedAsPostgresqlDoes) {
    raw_client plain{house().direct("plain")}, through{house().login()};
    for (const char* sql : {"select id, w from t0", "select id from t0 order by w",
                            "select w, count(*) from t0 group by w", "select * from t0 order by w + 1"}) {
        const std::vector<cell_format> five{cell_format::text, cell_format::binary, cell_format::text,
                                            cell_format::text, cell_format::text};
        const told expected = ask(plain, sql, five), got = ask(through, sql, five);
        EXPECT_EQ(expected.sqlstate, "08P01");
        EXPECT_EQ(got.sqlstate, expected.sqlstate) << sql << got.message;
        EXPECT_EQ(got.message, expected.message) << sql;
    }
}

}  // namespace
}  // namespace ashlar
