// The order and the equality of types beside numbers and text, against a real server: random values of each type, ranked by the
// server, and compared here by their text and by their binary form.
#include "merge/further_types.hpp"
#include "support/postgres_server.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <random>

namespace ashlar {
namespace {

std::string from_hex(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        out += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    return out;
}

struct ranked {
    std::uint32_t type;
    std::string name, send;
    std::string random;  // an expression that draws one
    merge::comparable how = merge::comparable::in_order;
    bool text = true;  // comparable in text too
};

const std::vector<ranked>& types() {
    using enum merge::comparable;
    static const std::vector<ranked> all{
        {oid::time, "time", "time_send",
         "case when random() < 0.05 then time '24:00' else (random() * interval '86399 s')::time(3) end"},
        {oid::timetz, "timetz", "timetz_send",
         "(((random() * 6)::int + 10) || ':30:00' || (array['+00', '-03', '+05:30', '+15:59:59', '-15:59:59', "
         "'+01'])[1 + (random() * 5)::int])::timetz"},
        {oid::interval, "interval", "interval_send",
         "make_interval(months => (random() * 30 - 15)::int, days => (random() * 70 - 35)::int, secs => "
         "round((random() * 200000 - 100000)::numeric, 3)::float8)"},
        {oid::inet, "inet", "inet_send",
         "case when random() < 0.5 then set_masklen(('10.' || (random() * 3)::int || '.0.' || (random() * "
         "2)::int)::inet, "
         "(random() * 32)::int) else set_masklen(('fe80::' || (random() * 3)::int)::inet, (random() * 128)::int) end"},
        {650, "cidr", "cidr_send",
         "set_masklen(('10.' || (random() * 255)::int || '.' || (random() * 3)::int || '.0')::inet, (random() * "
         "24)::int)::cidr"},
        {829, "macaddr", "macaddr_send",
         "(lpad(to_hex((random() * 255)::int), 2, '0') || ':00:00:00:00:' || lpad(to_hex((random() * 3)::int), 2, "
         "'0'))"},
        {oid::varbit, "varbit", "varbit_send",
         "substring(((random() * 1000000)::int::bit(20))::varbit || B'000000001', 1, (random() * 29)::int)"},
        {oid::bit, "bit(11)", "bit_send", "(random() * 2047)::int::bit(11)"},
        {3220, "pg_lsn", "pg_lsn_send",
         "((to_hex((random() * 3)::int) || '/' || to_hex((random() * 4294967295)::bigint))::pg_lsn)"},
        {5069, "xid8", "xid8send", "(floor(random()::numeric * 1000) * 18446744073709551)::text::xid8"},
        {oid::char1, "\"char\"", "charsend", "chr(33 + (random() * 93)::int)::\"char\""},
        {790, "money", "cash_send", "(random() * 1000 - 500)::numeric::money", in_order, false},
        {oid::jsonb, "jsonb", "jsonb_send",
         "case (random() * 3)::int when 0 then to_jsonb(round((random() * 4)::numeric, (random() * 3)::int)) "
         "when 1 then jsonb_build_array(1.50, (random() * 2)::int::numeric(5,2), 'a\"1.0') when 2 then "
         "jsonb_build_object('k' || (random() * 2)::int, (random() * 2)::int::numeric(4,1), 'b', null) else '\"1.50\"' "
         "end",
         as_equal},
        {1007, "int4[]", "array_send",
         "case when random() < 0.3 then array_fill((random() * 2)::int, array[2], array[(random() * 2)::int]) else "
         "array[(random() * 2)::int, nullif((random() * 2)::int, 1)] end",
         as_equal},
        {1009, "text[]", "array_send",
         "array[(array['NULL', '', 'a b', 'A', 'a,b', '{', null])[1 + (random() * 6)::int], 'x']", as_equal},
        {3904, "int4range", "range_send",
         "int4range(nullif((random() * 3)::int, 3), 3 + (random() * 2)::int, (array['[]', '[)', '()'])[1 + (random() * "
         "2)::int])",
         as_equal},
        {3912, "daterange", "range_send",
         "daterange('2024-01-01', date '2024-01-02' + (random() * 3)::int, (array['[]', '[)'])[1 + (random() * "
         "1)::int])",
         as_equal},
        {3908, "tsrange", "range_send",
         "tsrange('2024-01-01', timestamp '2024-01-02' + (random() * 3)::int * interval '1 h', (array['[]', '[)'])[1 + "
         "(random() * "
         "1)::int])",
         as_equal},
        {3614, "tsvector", "tsvectorsend",
         "to_tsvector('simple', (array['a b', 'b a', 'a', 'A B', ''])[1 + (random() * 4)::int])", as_equal},
    };
    return all;
}

double seed_of_run() {
    const char* given = std::getenv("ASHLAR_SEED");
    const unsigned long s = given != nullptr ? std::strtoul(given, nullptr, 10) : std::random_device{}();
    fmt::print("ASHLAR_SEED={}\n", s);
    return static_cast<double>(s % 1'000'000) / 1'000'000;
}

int sign(int c) {
    return c < 0 ? -1 : c > 0 ? 1 : 0;
}

TEST(Orders, AreTheServersInTextAndBinary) {
    test::postgres_server server;
    const std::string seed = fmt::format("select setseed({}); ", seed_of_run());
    for (const ranked& type : types()) {
        const auto rows = server.run_sql(
            "set timezone = 'UTC'; set lc_monetary = 'C'; " + seed +
            fmt::format(
                "select v::text, encode({}(v), 'hex'), dense_rank() over (order by v) from (select ({})::{} as v from "
                "generate_series(1, 300)) as t order by t.v",
                type.send, type.random, type.name));
        ASSERT_EQ(rows.size(), 300u) << type.name;
        for (const cell_format format : {cell_format::text, cell_format::binary}) {
            const bool comparable = type.text || format == cell_format::binary;
            EXPECT_EQ(merge::further_type(type.type, format), comparable ? type.how : merge::comparable::as_equal);
            std::string before;
            std::map<std::string, std::string> rank_of;  // by key
            for (std::size_t i = 0; i < rows.size(); ++i) {
                const std::string bytes = format == cell_format::text ? *rows[i][0] : from_hex(*rows[i][1]);
                std::string key;
                const status made = merge::append_further(key, bytes, type.type, format);
                ASSERT_TRUE(made) << type.name << " " << *rows[i][0] << ": " << made.error().to_string();
                const bool same = i > 0 && *rows[i][2] == *rows[i - 1][2];
                if (i > 0 && comparable && type.how == merge::comparable::in_order) {
                    EXPECT_EQ(sign(key.compare(before)), same ? 0 : 1)
                        << type.name << ": " << *rows[i - 1][0] << " and " << *rows[i][0];
                }
                EXPECT_EQ(i > 0 && key == before, same) << type.name << ": " << *rows[i][0];
                EXPECT_EQ(rank_of.try_emplace(key, *rows[i][2]).first->second, *rows[i][2])
                    << type.name << ": " << *rows[i][0];
                before = std::move(key);
            }
        }
    }
}

}  // namespace
}  // namespace ashlar
