// Shard keys in every spelling that a client may send, compared with one plain database: a read gives the same rows, or fails
// where the plain database fails; a write changes the same rows, or is refused; and what was stored is found again by its own
// value, which shows that it lies on the shard of its key.
#include "support/proxied.hpp"
#include "wire/client_messages.hpp"
#include "wire/error_fields.hpp"
#include "wire/server_messages.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace ashlar {
namespace {

using keyspace::function_kind;
using keyspace::key_type;
using test::proxied;
using test::raw_client;

struct key_column {
    std::string name;  // of the case
    key_type keys;
    function_kind function;
    std::string type;                          // of the column
    std::vector<std::string> bounds;           // range: where each shard but the first begins
    std::vector<std::string> stored;           // rows that are there, as literals
    std::vector<std::string> spelled;          // parameters
    std::vector<std::uint32_t> declared = {};  // their types, beside none
};

void PrintTo(const key_column& of, std::ostream* to) {
    *to << of.name;
}

std::vector<key_column> columns_tried() {
    const std::vector<std::string> integers{"7", "0", "16", "1000", "-5", "3", "8"};
    const std::vector<std::string> integer_spellings{"7",
                                                     " 7 ",
                                                     "\t7\n",
                                                     "+7",
                                                     "007",
                                                     "-0",
                                                     "0x10",
                                                     "0o20",
                                                     "1_000",
                                                     "1e3",
                                                     "7.0",
                                                     "7.5",
                                                     "7.4",
                                                     "-5.0",
                                                     "NaN",
                                                     "",
                                                     "x",
                                                     "1e400",
                                                     "9223372036854775807",
                                                     "9223372036854775808",
                                                     "-9223372036854775808",
                                                     "-9223372036854775809",
                                                     "2147483648",
                                                     "Infinity"};
    const std::vector<std::uint32_t> number_types{oid::int2, oid::int4,   oid::int8,    oid::numeric,
                                                  oid::text, oid::float8, oid::varchar, oid::float4};
    std::vector<std::string> big = integers;
    big.insert(big.end(), {"9223372036854775807", "-9223372036854775808", "2147483648"});
    const std::vector<std::string> instants{"2024-02-29 12:00+00", "infinity",
                                            "-infinity",           "0044-03-15 12:00+00 BC",
                                            "2024-03-01 00:00+00", "294276-12-31 23:59:59.999999+00",
                                            "1970-01-01 00:00+00", "4714-11-24 00:00+00 BC",
                                            "2024-02-29 03:00+00"};
    const std::vector<std::string> instant_spellings{"2024-02-29 12:00+00",
                                                     "2024-02-29 12:00",
                                                     "2024-02-29T12:00:00Z",
                                                     "2024-02-29 13:00:00.0000004+01",
                                                     "Feb 29 2024 12:00 UTC",
                                                     "20240229T120000Z",
                                                     "2024-02-29 12:00 Europe/Berlin",
                                                     "infinity",
                                                     "-infinity",
                                                     "+infinity",
                                                     "epoch",

                                                     "2024-02-29 24:00+00",
                                                     "0044-03-15 12:00+00 BC",
                                                     "44-03-15 12:00+00 BC",
                                                     "29/02/2024 12:00+00",
                                                     "2024-02-30 12:00+00",
                                                     "",
                                                     "x",
                                                     "294276-12-31 23:59:59.999999+00",
                                                     "294277-01-01 00:00+00",
                                                     "4714-11-24 00:00+00 BC",
                                                     "2024-02-29 03:00:00 utc",
                                                     "2024-2-29 12:0:0+0"};
    const std::vector<std::string> days{"2024-02-29", "infinity",   "-infinity",     "0044-03-15 BC", "1999-12-31",
                                        "2000-01-01", "1970-01-01", "5874897-12-31", "4714-11-24 BC"};
    const std::vector<std::string> day_spellings{
        "2024-02-29", "2024-2-29", "20240229", "Feb 29, 2024",  "29.02.2024",  "2024-02-29 13:00", "2024-02-29 BC",
        "infinity",   "-infinity", "epoch",    "0044-03-15 BC", "44-03-15 BC", "5874897-12-31",    "5874898-01-01",
        "2023-02-29", "",          "x",        "J2451545",      "2024.060",    "4714-11-24 BC"};
    const std::vector<std::string> ids{"230d30d2-296d-4d60-8064-91204aa3fe1c", "00000000-0000-0000-0000-000000000000",
                                       "ffffffff-ffff-ffff-ffff-ffffffffffff", "d4ff2862-e12e-4702-8ea7-c436b07f700f"};
    const std::vector<std::string> id_spellings{"230d30d2-296d-4d60-8064-91204aa3fe1c",
                                                "230D30D2-296D-4D60-8064-91204AA3FE1C",
                                                "{230d30d2-296d-4d60-8064-91204aa3fe1c}",
                                                "230d30d2296d4d60806491204aa3fe1c",
                                                "230d-30d2-296d-4d60-8064-9120-4aa3-fe1c",
                                                " 230d30d2-296d-4d60-8064-91204aa3fe1c",
                                                "230d30d2-296d-4d60-8064-91204aa3fe1",
                                                "x",
                                                "",
                                                "ffffffff-ffff-ffff-ffff-ffffffffffff"};
    const std::vector<std::string> words{"a", "A", "a ", "", "zoë", "日本", "abc", "ab ", "x''y"};
    const std::vector<std::string> word_spellings{"a",   "A",      "a ", "a  ", "",     " ",    "zoë", "日本", "日本語",
                                                  "abc", "abc   ", "ab", "ab ", "ab  ", "abcd", "x'y", "42"};
    const std::vector<std::uint32_t> word_types{oid::text, oid::varchar, oid::bpchar, oid::name};
    std::vector<std::string> short_words;
    for (const std::string& w : words) short_words.push_back(w == "x''y" ? "x''" : w);

    return {
        {"bigint by hash", key_type::integer, function_kind::hash, "bigint", {}, big, integer_spellings, number_types},
        {"integer by modulo",
         key_type::integer,
         function_kind::modulo,
         "integer",
         {},
         integers,
         integer_spellings,
         number_types},
        {"smallint by ring",
         key_type::integer,
         function_kind::ring,
         "smallint",
         {},
         integers,
         integer_spellings,
         number_types},
        {"bigint by range",
         key_type::integer,
         function_kind::range,
         "bigint",
         {"0", "8", "1000"},
         big,
         integer_spellings,
         number_types},
        {"uuid by hash", key_type::uuid, function_kind::hash, "uuid", {}, ids, id_spellings, {oid::uuid, oid::text}},
        {"uuid by modulo", key_type::uuid, function_kind::modulo, "uuid", {}, ids, id_spellings},
        {"text by hash", key_type::text, function_kind::hash, "text", {}, words, word_spellings, word_types},
        {"text by ring", key_type::text, function_kind::ring, "text", {}, words, word_spellings, word_types},
        {"varchar by hash", key_type::text, function_kind::hash, "varchar", {}, words, word_spellings, word_types},
        {"varchar(3) by hash",
         key_type::text,
         function_kind::hash,
         "varchar(3)",
         {},
         short_words,
         word_spellings,
         word_types},
        {"varchar(3) by range",
         key_type::text,
         function_kind::range,
         "varchar(3)",
         {"A", "a ", "b"},
         short_words,
         word_spellings,
         word_types},
        {"timestamptz by hash",
         key_type::timestamp,
         function_kind::hash,
         "timestamptz",
         {},
         instants,
         instant_spellings,
         {oid::timestamptz, oid::timestamp, oid::date, oid::text}},
        {"timestamptz by range",
         key_type::timestamp,
         function_kind::range,
         "timestamptz",
         {"0001-01-01 00:00+00", "2024-02-29 12:00+00", "2024-03-01"},
         instants,
         instant_spellings,
         {oid::timestamptz, oid::timestamp, oid::date}},
        {"date by hash",
         key_type::date,
         function_kind::hash,
         "date",
         {},
         days,
         day_spellings,
         {oid::date, oid::timestamp, oid::text}},
        {"date by range",
         key_type::date,
         function_kind::range,
         "date",
         {"0001-01-01", "1999-12-31", "2024-02-29"},
         days,
         day_spellings,
         {oid::date, oid::timestamptz}},
    };
}

struct told {
    std::string sqlstate, message;
    std::vector<std::string> rows;  // as bytes, sorted
};

std::vector<told> read(const std::vector<test::said>& messages) {
    std::vector<told> out(1);
    for (const test::said& m : messages) {
        if (m.type == 'E') {
            const auto fields = wire::read_error_fields(m.body);
            out.back().sqlstate = fields ? fields->sqlstate : "?";
            out.back().message = fields ? fields->message : "?";
        } else if (m.type == 'D') {
            out.back().rows.push_back(m.body);
        } else if (m.type == 'Z') {
            std::sort(out.back().rows.begin(), out.back().rows.end());
            out.emplace_back();
        }
    }
    out.pop_back();
    return out;
}

struct value_sent {
    std::string bytes;
    std::uint32_t type = 0;
    cell_format format = cell_format::text;
};

told ask(raw_client& to, const std::string& sql, const std::vector<value_sent>& values,
         cell_format results = cell_format::text) {
    std::string out;
    std::vector<std::uint32_t> types;
    std::vector<cell_format> formats;
    std::vector<cell> cells;
    for (const value_sent& v : values) {
        types.push_back(v.type);
        formats.push_back(v.format);
        cells.emplace_back(v.bytes);
    }
    const cell_format wanted[] = {results};
    wire::write_parse(out, "", sql, types);
    wire::write_bind(out, "", "", formats, cells, wanted);
    wire::write_execute(out, "");
    wire::write_sync(out);
    to.send(out);
    return read(to.until_ready()).front();
}

std::string quoted_element(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

class Keys : public testing::TestWithParam<key_column> {
protected:
    void SetUp() override {
        const key_column& how = GetParam();
        const std::string table = fmt::format("create table t (k {} primary key, n int not null)", how.type);
        proxied::options o;
        o.shards = 4;
        o.function = how.function;
        o.key_type = how.keys;
        o.schema = {table};
        o.tables = {proxied::sharded("t", "k")};
        o.change = [&](config::description& d) {
            for (std::size_t i = 0; i < how.bounds.size(); ++i) {
                d.shards_->list[i].until = how.bounds[i];
                d.shards_->list[i + 1].from = how.bounds[i];
            }
        };
        house_ = std::make_unique<proxied>(o);
        house_->databases().create_database("plain");
        (void)house_->databases().run_sql(table, "plain");
        plain_ = std::make_unique<raw_client>(house_->direct("plain"));
        through_ = std::make_unique<raw_client>(house_->login());
        int n = 0;
        for (const std::string& value : how.stored) {
            const std::string insert = fmt::format("insert into t values ('{}', {})", value, ++n * 100);
            ASSERT_EQ(plain_->query(insert), "C(INSERT 0 1) Z(I)") << insert;
            ASSERT_EQ(through_->query(insert), "C(INSERT 0 1) Z(I)") << insert;
        }
    }

    void same_read(const std::string& sql, const std::vector<value_sent>& values) {
        const told expected = ask(*plain_, sql, values), got = ask(*through_, sql, values);
        std::string where = sql;
        for (const value_sent& v : values) where += fmt::format(" with '{}' ({})", v.bytes, v.type);
        EXPECT_EQ(got.sqlstate.empty(), expected.sqlstate.empty())
            << where << ": " << got.sqlstate << " " << got.message << " instead of " << expected.message;
        if (!got.sqlstate.empty()) return;
        EXPECT_EQ(got.rows, expected.rows) << where;
        if (!got.rows.empty()) ++found_;
    }

    // Parameters, arrays of them, and the same as literals.
    void reads_agree();
    void writes_agree_or_are_refused();
    // Each row is found by its own key, as the server sends it.
    void every_row_is_found() {
        const told all = ask(*through_, "select k from t", {}, cell_format::binary);
        const told expected = ask(*plain_, "select k from t", {}, cell_format::binary);
        EXPECT_EQ(all.rows, expected.rows);
        for (const std::string& row : all.rows) {
            row_batch cells;
            ASSERT_TRUE(wire::read_data_row(row, 1, cells));
            const std::vector<value_sent> key{{std::string{*cells.at(0, 0)}, 0, cell_format::binary}};
            const told one = ask(*through_, "select k from t where k = $1", key, cell_format::binary);
            EXPECT_EQ(one.rows, std::vector{row}) << one.message;
        }
    }

    std::unique_ptr<proxied> house_;
    std::unique_ptr<raw_client> plain_, through_;
    int found_ = 0;
};

void Keys::reads_agree() {
    std::vector<const char*> zones{"UTC"};
    if (GetParam().keys == key_type::timestamp || GetParam().keys == key_type::date) zones.push_back("Asia/Tokyo");
    for (const char* zone : zones) {
        const std::string set = fmt::format("set timezone = '{}'", zone);
        (void)plain_->query(set);
        (void)through_->query(set);
        for (const std::string& spelled : GetParam().spelled) {
            std::vector<std::uint32_t> types{0};
            types.insert(types.end(), GetParam().declared.begin(), GetParam().declared.end());
            for (const std::uint32_t type : types) {
                const value_sent value{spelled, type};
                same_read("select k, n from t where k = $1", {value});
                same_read("select n from t where $1 = k and n > 0", {value});
                same_read("select count(*), sum(n) from t where k = $1", {value});
                same_read("select n from t where k in ($1, $2)", {value, {GetParam().stored[0]}});
            }
            const std::string element = quoted_element(spelled), other = quoted_element(GetParam().stored[0]);
            for (const std::string& array :
                 {fmt::format("{{{}}}", element), fmt::format("{{NULL,{},{}}}", other, element),
                  fmt::format("[0:1]={{{},{}}}", element, other), fmt::format("{{{{{}}},{{{}}}}}", other, element)}) {
                same_read("select k, n from t where k = any($1)", {{array}});
            }
            // The same as literals.
            std::string literal;
            for (const char c : spelled) literal += c == '\'' ? "''" : std::string(1, c);
            same_read(fmt::format("select k, n from t where k = '{}'", literal), {});
            same_read(fmt::format("select k, n from t where k in ('{}', '{}')", literal, GetParam().stored[0]), {});
            same_read(fmt::format("select k, n from t where k = any('[5:6]={{{},{}}}')", element, other), {});
        }
        for (const char* array : {"{}", "{", "7", "{{}}", "[0:1]={7}", "{{1},{2,3}}", "{1,,2}", "", "{1}x"}) {
            same_read("select k, n from t where k = any($1)", {{array}});
        }
    }
    EXPECT_GT(found_, 10);
}

void Keys::writes_agree_or_are_refused() {
    int written = 0;
    for (const std::string& spelled : GetParam().spelled) {
        const std::vector<value_sent> value{{spelled}};
        for (const char* write :
             {"update t set n = n + 1 where k = $1 returning n", "delete from t where k = $1 returning n",
              "insert into t values ($1, 7) on conflict (k) do update set n = t.n + 1 returning n"}) {
            (void)through_->query("begin");
            (void)plain_->query("begin");
            const told got = ask(*through_, write, value), expected = ask(*plain_, write, value);
            if (got.sqlstate.empty()) {
                EXPECT_EQ(got.rows, expected.rows) << write << " with '" << spelled << "' " << expected.message;
                written += static_cast<int>(got.rows.size());
            } else {
                EXPECT_FALSE(got.message.empty());
            }
            const bool keep =
                std::string_view{write}.starts_with("insert") && got.sqlstate.empty() && expected.sqlstate.empty();
            (void)through_->query(keep ? "commit" : "rollback");
            (void)plain_->query(keep ? "commit" : "rollback");
        }
    }
    EXPECT_GT(written, 2);
}

TEST_P(Keys, AreThoseOfOnePlainDatabase) {
    reads_agree();
    writes_agree_or_are_refused();
    every_row_is_found();
}

std::string name_of(const testing::TestParamInfo<key_column>& of) {
    std::string out;
    for (const char c : of.param.name) out += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
    return out;
}

INSTANTIATE_TEST_SUITE_P(Columns, Keys, testing::ValuesIn(columns_tried()), name_of);

}  // namespace
}  // namespace ashlar
