// Our hash against a real server's own: 100,000 values of each type, three moduli each.
#include "keyspace/postgres_hash.hpp"
#include "support/postgres_server.hpp"

using namespace ashlar;
using namespace ashlar::keyspace;
using namespace ashlar::test;

namespace {

constexpr int values_of_each_type = 100'000;

postgres_server& server() {
    static postgres_server one;
    return one;
}

struct type_case {
    std::string type, make;  // an SQL expression over i = 1 … 100,000
    key_type read_as;
};

// int2 has 65,536 values: all of them come, some twice.
const type_case cases[] = {
    {"int2", "((i * 7919) % 65536 - 32768)::int2", key_type::integer},
    {"int4", "(hashint4(i))::int4", key_type::integer},
    {"int8", "hashint8extended(i, 42)", key_type::integer},
    {"text", "repeat(chr(65 + i % 500), i % 40) || substr(md5(i::text), 1, i % 33)", key_type::text},
    {"uuid", "md5(i::text)::uuid", key_type::uuid},
    {"timestamptz", "'epoch'::timestamptz + (hashint8extended(i, 7) % 60000000000000000) * interval '1 microsecond'",
     key_type::timestamp},
    {"date", "'2000-01-01'::date + hashint4(i) % 1000000", key_type::date},
};

// What PostgreSQL says in binary form would do as well; text exercises our reading too. Years beyond 9999 and before
// Christ are left to the binary form, which carries the number itself.
key key_of(const std::string& text, const std::string& number, key_type type) {
    auto k = key::from_text(text, type);
    if (k) return *k;
    std::string bytes;
    const std::int64_t n = std::stoll(number);
    const int width = type == key_type::date ? 4 : 8;
    for (int i = width - 1; i >= 0; --i) bytes += static_cast<char>(static_cast<std::uint64_t>(n) >> (8 * i));
    return key::from_binary(bytes, 0, type).value();
}

std::string number_of(const type_case& c) {
    if (c.read_as == key_type::date) return "(k - '2000-01-01'::date)::text";
    if (c.read_as == key_type::timestamp) return "(extract(epoch from k) * 1000000 - 946684800000000)::bigint::text";
    return "'0'";
}

}  // namespace

class HashPartition : public ::testing::TestWithParam<int> {};

TEST_P(HashPartition, OursIsTheServersOwnForEveryValue) {
    const type_case& c = cases[GetParam()];
    server().run_sql("drop table if exists v, ours, p4, p7, p16");
    server().run_sql("create table v as select i, " + c.make + " as k from generate_series(1, " +
                     std::to_string(values_of_each_type) + ") i");
    auto values = server().run_sql("select i, k::text, " + number_of(c) + " from v order by i");
    ASSERT_EQ(values.size(), static_cast<std::size_t>(values_of_each_type));

    for (std::uint64_t modulus : {4, 7, 16}) {
        const std::string m = std::to_string(modulus);
        server().run_sql("create table p" + m + " (k " + c.type + ") partition by hash (k)");
        std::string rows;
        for (const auto& row : values) {
            const std::uint64_t bucket = partition_hash(key_of(*row[1], *row[2], c.read_as)) % modulus;
            rows += (rows.empty() ? "(" : ",(") + *row[0] + "," + std::to_string(bucket) + ")";
        }
        server().run_sql("drop table if exists ours; create table ours (i int, bucket int); insert into ours values " +
                         rows);
        auto told = server().run_sql(
            "select satisfies_hash_partition('p" + m + "'::regclass, " + m +
            ", bucket, k) as ours_is_right, count(*), min(k::text) from v join ours using (i) group by 1");
        ASSERT_EQ(told.size(), 1u) << "modulo " << m << ": for instance " << told.back()[2].value_or("NULL");
        EXPECT_EQ(told[0][0], "t");
        EXPECT_EQ(told[0][1], std::to_string(values_of_each_type));
    }
}

INSTANTIATE_TEST_SUITE_P(EachType, HashPartition, ::testing::Range(0, static_cast<int>(std::size(cases))),
                         [](const auto& param_info) { return cases[param_info.param].type; });
