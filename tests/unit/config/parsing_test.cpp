#include "config/environment.hpp"
#include "config/quantities.hpp"
#include "config/spelling.hpp"
#include "config/url.hpp"

#include <array>

namespace {

using namespace ashlar;
using namespace ashlar::config;
using namespace std::chrono_literals;

endpoint good(std::string_view url) {
    const auto parsed = parse_url(url);
    if (const auto* fault = std::get_if<url_fault>(&parsed)) {
        ADD_FAILURE() << url << ": " << fault->found;
        return {};
    }
    return std::get<endpoint>(parsed);
}
bool is_bad(std::string_view url) {
    return std::holds_alternative<url_fault>(parse_url(url));
}

TEST(Url, TakesAServersUrlApart) {
    const endpoint e = good("postgresql://shop:p%40ss%3Aw@db7b:6000/orders?sslmode=require&application_name=a%20b");
    EXPECT_EQ(e.engine, engine::postgres);
    EXPECT_EQ(e.user, "shop");
    EXPECT_EQ(e.password, "p@ss:w");
    EXPECT_EQ(e.host, "db7b");
    EXPECT_EQ(e.port, 6000);
    EXPECT_EQ(e.database, "orders");
    EXPECT_EQ(e.options.at("application_name"), "a b");
    EXPECT_EQ(e.display(), "postgres://shop@db7b:6000/orders");
}

TEST(Url, KnowsTheDefaultPorts) {
    EXPECT_EQ(good("postgres://h/d").port, 5432);
    EXPECT_EQ(good("mysql://h/d").port, 3306);
}

TEST(Url, TakesAnIpv6Address) {
    const endpoint e = good("postgres://u@[2001:db8::1]:5433/d");
    EXPECT_EQ(e.host, "2001:db8::1");
    EXPECT_EQ(e.display(), "postgres://u@[2001:db8::1]:5433/d");
}

TEST(Url, TakesAUnixSocketsFolderInBothSpellings) {
    EXPECT_EQ(good("postgres:///shop?host=/var/run/postgresql").host, "/var/run/postgresql");
    EXPECT_EQ(good("postgres://%2Fvar%2Frun%2Fpostgresql/shop").host, "/var/run/postgresql");
}

TEST(Url, TakesMysqlUrlsWithTheirOwnOptions) {
    const endpoint e = good("mariadb://shop:p%40ss@db7b:3307/orders?ssl_mode=verify_identity&ssl_ca=%2Fetc%2Fca.pem");
    EXPECT_EQ(e.engine, engine::mysql);
    EXPECT_EQ(e.password, "p@ss");
    EXPECT_EQ(e.port, 3307);
    EXPECT_EQ(e.options.at("ssl_ca"), "/etc/ca.pem");
    EXPECT_EQ(e.display(), "mysql://shop@db7b:3307/orders");
    EXPECT_EQ(good("mysql://u@/shop?socket=/run/mysqld/mysqld.sock").host, "/run/mysqld/mysqld.sock");
    EXPECT_EQ(good("mysql://u@%2Frun%2Fmysqld.sock/shop").host, "/run/mysqld.sock");
}

TEST(Url, APasswordMayHoldAnAtSign) {
    EXPECT_EQ(good("postgres://u:p@ss@h/d").password, "p@ss");
}

TEST(Url, TakesAnSqliteFile) {
    EXPECT_EQ(good("sqlite:data/shop.db").database, "data/shop.db");
    EXPECT_EQ(good("sqlite:/srv/shop.db").database, "/srv/shop.db");
    EXPECT_EQ(good("sqlite:///srv/a%20b.db").database, "/srv/a b.db");
}

TEST(Url, RefusesWhatItCannotBeSureOf) {
    for (std::string_view url :
         {"", "shop", "postgres:h/d", "postgres://h:0/d", "postgres://h/d?port=x", "postgres://h/d?x",
          "postgres://h/d?sslmode=on", "postgres://h/d#x", "sqlite:", "sqlite:x?mode=ro", "postgres://%zz/d",
          "postgres://%00/d", "postgres://a:1,b:2/d", "postgres://1::2/d", "mysql:///d", "mysql://h",
          "mysql://h/d?sslmode=require", "mysql://h/d?ssl_mode=verify_ca", "mysql://h/d?local_infile=1"}) {
        EXPECT_TRUE(is_bad(url)) << url;
    }
}

TEST(Duration, ReadsUnitsAndSums) {
    EXPECT_EQ(parse_duration("250ms").value(), 250ms);
    EXPECT_EQ(parse_duration("1h30m").value(), 90min);
    EXPECT_EQ(parse_duration("2min").value(), 2min);
    EXPECT_EQ(parse_duration("0").value(), 0ms);
    for (std::string_view bad : {"", "5", "ms", "-5s", "5s5", "1.5s", "99999999999999999999h", "999999999999d"}) {
        EXPECT_FALSE(parse_duration(bad)) << bad;
    }
    EXPECT_EQ(duration_text(300'000ms), "5m");
    EXPECT_EQ(duration_text(1'500ms), "1500ms");
}

TEST(Size, ReadsBinaryAndDecimalUnits) {
    EXPECT_EQ(parse_size("256MiB").value(), 256u << 20);
    EXPECT_EQ(parse_size("10MB").value(), 10'000'000u);
    for (std::string_view bad : {"", "256", "MiB", "1MiB2", "99999999TiB"}) EXPECT_FALSE(parse_size(bad)) << bad;
    EXPECT_EQ(size_text(256u << 20), "256MiB");
    EXPECT_EQ(size_text(1000), "1000B");
}

TEST(Interpolate, PutsInVariablesDefaultsAndPlainBraces) {
    const environment env = [](std::string_view name) -> std::optional<std::string> {
        if (name == "A") return "1";
        if (name == "EMPTY") return "";
        return std::nullopt;
    };
    EXPECT_EQ(interpolate("x${A}y${B:-2}z", env).text, "x1y2z");
    EXPECT_EQ(interpolate("${EMPTY:-d}|${EMPTY}|${B:-}", env).text, "d||");
    EXPECT_EQ(interpolate("$${A} $A {A}", env).text, "${A} $A {A}");
    EXPECT_EQ(interpolate("${B}", env).faults.size(), 1u);
    EXPECT_EQ(interpolate("ab${A", env).faults.at(0).offset, 2u);
}

TEST(Spelling, FindsWhatWasMeant) {
    const std::array<std::string_view, 3> choices{"max_connections", "min_connections", "listen_port"};
    EXPECT_EQ(edit_distance("ab", "ba"), 1u);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
    EXPECT_EQ(nearest("max_conections", choices), "max_connections");
    EXPECT_EQ(nearest("Max-Connections", choices), "max_connections");
    EXPECT_EQ(nearest("port", choices), "listen_port");
    const std::array<std::string_view, 2> ports{"listen_port", "target_port"};
    EXPECT_EQ(nearest("port", ports), std::nullopt) << "two have it";
    EXPECT_EQ(nearest("zzz", choices), std::nullopt);
}

}  // namespace
