// The order and the equality of every type that has one, against a real server: random values of each type, ranked by the server,
// and compared here by their text and by their binary form.
#include "merge/value_order.hpp"
#include "support/driver_servers.hpp"
#include "topology/catalogue_reader.hpp"
#include "topology/type_books.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <functional>
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

// Draws a literal of the type, without quotes around it.
using draw = std::function<std::string(std::mt19937&)>;

struct ranked {
    std::string name;
    draw one;
    merge::purpose why = merge::purpose::order;  // equality: of types whose order is not computed
};

int below(std::mt19937& r, int n) {
    return static_cast<int>(r() % static_cast<unsigned>(n));
}

template <class... Text>
draw one_of(Text... texts) {
    return [all = std::vector<std::string>{texts...}](std::mt19937& r) {
        return all[static_cast<std::size_t>(below(r, static_cast<int>(all.size())))];
    };
}

std::string quoted_inside(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

// One or two dimensions, other lower bounds now and then, NULLs.
draw array_of(const draw& element) {
    return [element](std::mt19937& r) {
        const int rows = below(r, 3), columns = below(r, 4);
        const auto row = [&] {
            std::string out = "{";
            for (int i = 0; i < columns; ++i)
                out += (i == 0 ? "" : ",") + (below(r, 5) == 0 ? "NULL" : quoted_inside(element(r)));
            return out + "}";
        };
        if (columns == 0) return std::string{"{}"};
        if (rows != 1) return (below(r, 5) == 0 ? fmt::format("[{}:{}]=", rows - 1, rows + columns - 2) : "") + row();
        return "{" + row() + "," + row() + "}";
    };
}

// `at`: a literal for each number, in order.
template <class At>
draw range_of(At at) {
    return [at](std::mt19937& r) {
        if (below(r, 8) == 0) return std::string{"empty"};
        const int low = below(r, 4), high = low + below(r, 3);
        return fmt::format("{}{},{}{}", below(r, 2) == 0 ? '[' : '(', below(r, 5) == 0 ? "" : quoted_inside(at(low)),
                           below(r, 5) == 0 ? "" : quoted_inside(at(high)), below(r, 2) == 0 ? ']' : ')');
    };
}
draw multirange_of(const draw& range) {
    return [range](std::mt19937& r) {
        std::string out;
        for (int n = below(r, 4); n > 0; --n) out += (out.empty() ? "" : ",") + range(r);
        return "{" + out + "}";
    };
}

std::string number_at(int i) {
    return std::to_string(i - 2);
}
std::string decimal_at(int i) {
    return fmt::format("{}.{}0", i, i % 2 == 0 ? "5" : "50");
}
std::string day_at(int i) {
    return i == 0 ? "-infinity" : i == 5 ? "infinity" : fmt::format("2024-01-{:02}", i + 1);
}
std::string moment_at(int i) {
    return i == 0 ? "-infinity" : i == 5 ? "infinity" : fmt::format("2024-01-{:02} 10:30:00.25+00", i + 1);
}

std::string any_number(std::mt19937& r) {
    return fmt::format("{}{}.{}", below(r, 2) == 0 ? "-" : "", below(r, 3), below(r, 2) == 0 ? "50" : "5");
}
std::string any_text(std::mt19937& r) {
    return one_of("", "a", "b", "B", "a b", "NULL", "null", "{", "a,b", "\"", "\\", "aa", "zo\u00eb", "\u65e5",
                  "a'")(r);
}

std::string json_text(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}
std::string any_json(std::mt19937& r, int depth) {
    const int kind = below(r, depth == 0 ? 4 : 8);
    if (kind == 0) return "null";
    if (kind == 1) return below(r, 2) == 0 ? "true" : "false";
    if (kind == 2) return any_number(r);
    if (kind == 3) return json_text(below(r, 4) == 0 ? "tab\\tand \\u0001" : any_text(r));
    std::string out;
    for (int n = below(r, 4); n > 0; --n) {
        if (!out.empty()) out += ", ";
        if (kind >= 6) out += json_text(any_text(r) + (below(r, 3) == 0 ? "long" : "")) + ": ";
        out += any_json(r, depth - 1);
    }
    return kind >= 6 ? "{" + out + "}" : "[" + out + "]";
}

std::string any_bits(std::mt19937& r, int size) {
    std::string out;
    for (int i = 0; i < size; ++i) out += below(r, 2) == 0 ? '0' : '1';
    return out;
}
std::string any_interval(std::mt19937& r) {
    return fmt::format("{} mons {} days {}.{} s", below(r, 30) - 15, below(r, 70) - 35, below(r, 200'000) - 100'000,
                       below(r, 1000));
}
std::string any_inet(std::mt19937& r) {
    return below(r, 2) == 0 ? fmt::format("10.{}.0.{}/{}", below(r, 4), below(r, 3), below(r, 33))
                            : fmt::format("fe80::{}/{}", below(r, 4), below(r, 129));
}

std::vector<ranked> scalar_types() {
    const draw number = [](std::mt19937& r) { return number_at(below(r, 6)); };
    return {
        {"boolean", one_of("t", "f")},
        {"smallint", number},
        {"integer", number},
        {"bigint", number},
        {"oid", one_of("0", "7", "4294967295")},
        {"real", one_of("NaN", "Infinity", "-Infinity", "-0", "0", "0.1", "1e-45", "3e38", "-1.5")},
        {"double precision", one_of("NaN", "Infinity", "-Infinity", "-0", "0", "0.1", "5e-324", "1e308", "-1.5")},
        {"numeric",
         one_of("NaN", "Infinity", "-Infinity", "0.00", "0", "1.50", "1.5", "-1.5", "1e-30", "1e30", "-1e30")},
        {"text", any_text},
        {"varchar", any_text},
        {"name", any_text},
        {"character(6)", any_text},
        {"\"char\"", one_of("a", "z", "", "A", "~")},
        {"bytea", one_of("\\x", "\\x00", "\\x00ff", "\\xff", "\\x0000")},
        {"uuid", one_of("00000000-0000-0000-0000-000000000000", "230d30d2-296d-4d60-8064-91204aa3fe1c",
                        "ffffffff-ffff-ffff-ffff-ffffffffffff")},
        {"date", [](std::mt19937& r) { return day_at(below(r, 6)); }},
        {"timestamp", [](std::mt19937& r) { return moment_at(below(r, 6)); }},
        {"timestamptz", [](std::mt19937& r) { return moment_at(below(r, 6)); }},
        {"time", one_of("24:00", "00:00", "12:30:00.5", "12:30:00.25", "23:59:59.999999")},
        {"timetz",
         [](std::mt19937& r) {
             return fmt::format("{}:30:00", 10 + below(r, 7)) +
                    one_of("+00", "-03", "+05:30", "+15:59:59", "-15:59:59", "+01")(r);
         }},
        {"interval", any_interval},
        {"inet", any_inet},
        {"cidr", one_of("10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/16", "::/0", "fe80::/10", "0.0.0.0/0")},
        {"macaddr",
         [](std::mt19937& r) { return fmt::format("{:02x}:00:00:00:00:{:02x}", below(r, 256), below(r, 3)); }},
        {"macaddr8", one_of("08:00:2b:01:02:03:04:05", "00:00:00:00:00:00:00:00", "ff:00:00:00:00:00:00:01")},
        {"varbit", [](std::mt19937& r) { return any_bits(r, below(r, 20)); }},
        {"bit(11)", [](std::mt19937& r) { return any_bits(r, 11); }},
        {"pg_lsn", one_of("0/0", "1/0", "0/FFFFFFFF", "16/B374D848", "2/9")},
        {"xid8", one_of("0", "1", "18446744073709551615", "9223372036854775808")},
        {"money",
         [](std::mt19937& r) {
             return one_of("-92233720368547758.08", "92233720368547758.07", "0", "-0.05", "1234.50", "-1234.5",
                           "999")(r);
         }},
        {"tid", one_of("(0,0)", "(0,1)", "(256,1)", "(4294967295,65535)", "(1,0)")},
        {"oidvector", one_of("", "1", "2", "1 2", "1 10", "4294967295")},
        {"jsonb", [](std::mt19937& r) { return any_json(r, 3); }},
        {"tsvector", one_of("a b", "a:1 b", "a:1A,2 b", "a", ""), merge::purpose::equality},
    };
}

// Beside those: arrays of all that have one and an order, and ranges.
std::vector<ranked> types() {
    std::vector<ranked> all = scalar_types();
    for (const ranked& each : scalar_types()) {
        if (each.why == merge::purpose::order) all.push_back({each.name + "[]", array_of(each.one)});
    }
    const std::vector<std::pair<std::string, draw>> ranges{
        {"int4", range_of(number_at)}, {"int8", range_of(number_at)}, {"num", range_of(decimal_at)},
        {"date", range_of(day_at)},    {"ts", range_of(moment_at)},   {"tstz", range_of(moment_at)},
    };
    for (const auto& [name, range] : ranges) {
        all.push_back({name + "range", range});
        all.push_back({name + "multirange", multirange_of(range)});
        all.push_back({name + "range[]", array_of(range)});
        all.push_back({name + "multirange[]", array_of(multirange_of(range))});
    }
    // of users: composites compare their columns, NULL being the greatest
    all.push_back({"sample", [](std::mt19937& r) {
                       const std::string n = below(r, 3) == 0 ? "" : number_at(below(r, 6));
                       return fmt::format("({},{},{})", n, below(r, 4) == 0 ? "" : quoted_inside(any_text(r)),
                                          below(r, 4) == 0 ? "" : one_of("cold", "warm", "hot", "mild")(r));
                   }});
    all.push_back({"sample[]", array_of(all.back().one)});
    all.push_back({"heat", one_of("cold", "warm", "hot", "mild", "it is \"boiling\"")});
    all.push_back({"heat[]", array_of(all.back().one)});
    all.push_back({"heatrange", range_of([](int i) {
                       return std::vector<std::string>{
                           "it is \"boiling\"", "cold", "mild", "warm", "hot", "hot"}[static_cast<std::size_t>(i)];
                   })});
    all.push_back({"heatmultirange", multirange_of(all.back().one)});
    all.push_back({"short[]", array_of(one_of("a", "b", "", "B", "ab"))});
    return all;
}

constexpr const char* schema =
    "create type heat as enum ('cold', 'hot'); alter type heat add value 'warm' before 'hot';"
    "alter type heat add value 'mild' before 'warm'; alter type heat add value 'it is \"boiling\"' before 'cold';"
    "create type heatrange as range (subtype = heat, multirange_type_name = heatmultirange);"
    "create domain short as text check (length(value) < 10);"
    "create type sample as (n int, label text, felt heat);";

unsigned seed_of_run() {
    const char* given = std::getenv("ASHLAR_SEED");
    const unsigned s =
        given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
    fmt::print("ASHLAR_SEED={}\n", s);
    return s;
}

int sign(int c) {
    return c < 0 ? -1 : c > 0 ? 1 : 0;
}

std::string literals(const ranked& type, std::mt19937& r, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) {
        std::string text;
        for (const char c : type.one(r)) text += c == '\'' ? "''" : std::string{c};
        out += (i == 0 ? "('" : ", ('") + text + "')";
    }
    return out;
}

// The types of the server's users, as the catalogue reads them.
type_book book_of(const test::postgres_server& server) {
    const std::unique_ptr<io::loop> loop = io::make_epoll_loop();
    const deadline until{steady_clock::now() + seconds{30}};
    const auto driver = test::make_driver(test::options_of(server));
    auto on = loop->run(driver->connect(*loop, until));
    auto read = loop->run(topology::read_oids(**on, until));
    EXPECT_TRUE(read) << (read ? "" : read.error().to_string());
    return topology::book_of(*read);
}

// Ranked by the server, and compared by the keys that are made here of the text and of the binary form.
void compare(const test::postgres_server& server, const ranked& type, const type_book& book, std::mt19937& random) {
    const std::uint32_t number =
        static_cast<std::uint32_t>(std::stoul(server.scalar("select '" + type.name + "'::regtype::oid::text")));
    const std::string send =
        server.scalar("select typsend::regproc::text from pg_type where oid = " + std::to_string(number));
    const auto rows =
        server.run_sql(fmt::format("set timezone = 'UTC'; set lc_monetary = 'C'; select v::text, encode({}(v), 'hex'), "
                                   "dense_rank() over (order by v) "
                                   "from (select l::{} as v from (values {}) as given(l)) as t order by t.v",
                                   send, type.name, literals(type, random, 300)));
    ASSERT_EQ(rows.size(), 300u) << type.name;
    merge::value_rules rules;
    rules.types = &book;
    rules.database_text.kind = collation_kind::bytes;
    const auto order = merge::value_order::make(number, rules.database_text, rules, type.why);
    ASSERT_TRUE(order) << type.name << ": " << order.error().to_string();
    for (const cell_format format : {cell_format::text, cell_format::binary}) {
        std::string before;
        std::map<std::string, std::string> rank_of;  // by key
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const std::string bytes = format == cell_format::text ? *rows[i][0] : from_hex(*rows[i][1]);
            std::string key;
            const status made = order->append(key, bytes, format);
            ASSERT_TRUE(made) << type.name << " " << *rows[i][0] << ": " << made.error().to_string();
            const bool same = i > 0 && *rows[i][2] == *rows[i - 1][2];
            if (i > 0 && type.why == merge::purpose::order) {
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

TEST(Orders, AreTheServersInTextAndBinary) {
    const test::postgres_server server;
    (void)server.run_sql(schema);
    const type_book book = book_of(server);
    std::mt19937 random{seed_of_run()};
    for (const ranked& type : types()) compare(server, type, book, random);
}

}  // namespace
}  // namespace ashlar
