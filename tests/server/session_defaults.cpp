// Servers whose sessions begin with different settings, by database, by role and by file: the cluster answers as one plain
// database does, through the proxy and through the library.
#include "support/proxied.hpp"
#include "support/seeds.hpp"
#include "wire/client_messages.hpp"

#include <ashlar/ashlar.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

using namespace ashlar;
using namespace ashlar::test;

namespace {

struct choice {
    const char* name;
    std::vector<const char*> values;
};

const std::vector<choice>& choices() {
    static const std::vector<choice> all{
        {"timezone", {"UTC", "Asia/Tokyo", "America/New_York", "Asia/Kathmandu"}},
        {"datestyle", {"ISO, MDY", "ISO, DMY", "ISO, YMD"}},
        {"intervalstyle", {"postgres", "iso_8601", "sql_standard", "postgres_verbose"}},
        {"bytea_output", {"hex", "escape"}},
        {"extra_float_digits", {"1", "0", "-5", "3"}},
        {"xmlbinary", {"base64", "hex"}},
        {"xmloption", {"content", "document"}},
        {"array_nulls", {"on", "off"}},
        {"standard_conforming_strings", {"on", "off"}},
        {"backslash_quote", {"safe_encoding", "on"}},
        {"escape_string_warning", {"off", "on"}},
        {"transform_null_equals", {"off", "on"}},
        {"quote_all_identifiers", {"off", "on"}},
        {"search_path", {"public", "\"$user\", public", "app, public", "public, app"}},
        {"default_text_search_config", {"pg_catalog.english", "pg_catalog.simple", "pg_catalog.german"}},
        {"default_transaction_isolation", {"read committed", "repeatable read", "serializable"}},
        {"default_transaction_deferrable", {"off", "on"}},
        {"row_security", {"on", "off"}},
        {"check_function_bodies", {"on", "off"}},
        {"client_min_messages", {"notice", "warning"}},
        {"statement_timeout", {"0", "90s", "10min"}},
        {"lock_timeout", {"0", "80s"}},
        {"session_replication_role", {"origin", "replica"}},
        {"lo_compat_privileges", {"off", "on"}},
    };
    return all;
}

using settings = std::map<std::string, std::string>;

// Some of all settings, each at some value.
settings draw(std::mt19937_64& random, int of_ten) {
    settings out;
    for (const choice& each : choices()) {
        if (static_cast<int>(random() % 10) < of_ten) out[each.name] = each.values[random() % each.values.size()];
    }
    return out;
}

std::string list_or_value(const std::string& name, const std::string& value) {
    return name == "search_path" || name == "datestyle" ? value : "'" + value + "'";
}

void alter(const postgres_server& on, const std::string& what, const settings& to) {
    for (const auto& [name, value] : to) {
        (void)on.run_sql("set default_transaction_read_only = off; alter " + what + " set " + name + " = " +
                         list_or_value(name, value));
    }
}

const std::vector<std::string>& schema() {
    static const std::vector<std::string> all{
        "create schema app",
        "create table public.t(id bigint primary key, n int, s text, d date, ts timestamptz, iv interval, b bytea, "
        "f double precision, a text[], x text)",
        "create table public.u(id int, ts timestamptz)"};
    return all;
}

// What writes is given to both sides alike; all answers must be the same.
std::vector<std::string> script() {
    std::vector<std::string> out;
    for (int i = 1; i <= 12; ++i) {
        out.push_back(fmt::format(
            "insert into t values ({0}, {1}, E'a\\\\\\\\b{0}', '0{2}/0{3}/20{4}', '2024-03-1{5} 0{5}:30', "
            "'{0} days 0{5}:00:01', E'x\\\\\\\\000\\\\\\\\377{5}', {0} * 0.1::float8 + 0.2, '{{1,NULL,{0}}}')",
            i, i % 3 == 0 ? "null" : std::to_string(i % 4), i % 9 + 1, i % 8 + 1, 10 + i, i % 5));
    }
    for (const char* one : {
             "select * from t order by id",
             "select id, ts from t where id = 3",
             "select id, ts from t where ts = '2024-03-13 03:30' order by id",
             "select ts from t order by ts desc, id",
             "select d, count(*) from t group by d order by d",
             "select f from t order by f desc",
             "select b from t order by b",
             "select min(ts), max(ts), min(d), max(d), sum(f), avg(f) from t",
             "select id from t where n = null order by id",
             "select id, a[2] from t order by id",
             "select id from t where s = 'a\\\\b7' order by id",
             "select date_trunc('day', ts), count(*) from t group by 1 order by 1",
             "select to_char(ts, 'YYYY-MM-DD HH24:MI TZ') from t order by id",
             "select to_tsvector('the foxes and die Katzen')",
             "select id, cast('2024-01-02 03:04' as timestamptz) from t order by id",
             "update t set ts = '2024-05-06 07:08' where id = 5",
             "select id, ts, ts::text from t where id = 5",
             "insert into u values (1, '2024-03-10 02:30')",
             "select * from u",
             "begin",
             "set local timezone = 'Asia/Tokyo'",
             "insert into t(id, ts) values (100, '2024-03-10 02:30')",
             "select id, ts from t where id in (5, 100) order by id",
             "commit",
             "select id, ts from t where id in (5, 100) order by id",
             "set timezone = 'Australia/Darwin'",
             "set intervalstyle = 'iso_8601'",
             "select id, ts, iv from t where id < 5 order by id",
             "reset timezone",
             "select id, ts, iv from t where id < 5 order by id",
             "begin",
             "set timezone = 'Asia/Tokyo'",
             "rollback",
             "select id, ts, iv from t where id < 5 order by id",
             "reset all",
             "select id, ts, iv, f, b from t order by id",
             "set extra_float_digits = 0",
             "discard all",
             "select id, ts, iv, f, b from t order by id",
         }) {
        out.emplace_back(one);
    }
    for (const choice& each : choices()) {
        for (int i = 0; i < 3; ++i) out.push_back(std::string{"show "} + each.name);
    }
    return out;
}

std::string prepared(raw_client& c, const std::string& sql) {
    std::string out;
    wire::write_parse(out, "", sql, {});
    wire::write_bind(out, "", "", {}, {}, {});
    wire::write_execute(out, "");
    wire::write_sync(out);
    std::string said = c.talk(out);
    return said;
}

// Without the warnings about escapes, which come for each parsing of a text, and with what is reported of settings at the end.
std::string plain_form(std::string said) {
    const auto cut = [&said](std::string_view begin) {
        std::string taken;
        for (std::size_t at = said.find(begin); at != said.npos; at = said.find(begin, at)) {
            const std::size_t end = said.find(") ", at);
            if (end == said.npos || (at > 0 && said[at - 1] != ' ')) {
                ++at;
                continue;
            }
            taken += said.substr(at, end + 2 - at);
            said.erase(at, end + 2 - at);
        }
        return taken;
    };
    (void)cut("N(");
    const std::string reported = cut("S(");
    // With quote_all_identifiers a configuration of text search is shown in quotes, or not, as it was set.
    std::erase(said, '"');
    return said + reported;
}

class SessionDefaults : public ::testing::Test {
protected:
    // shard_1 and shard_4 are on the first server, shard_2 and shard_3 on one with a file of its own. Where the primary is, there
    // is a plain database with the same settings.
    void build(std::uint64_t seed) {
        std::mt19937_64 random{seed};
        postgres_server::options filed;
        filed.settings = draw(random, 4);
        first_ = std::make_shared<postgres_server>();
        second_ = std::make_unique<postgres_server>(filed);
        for (const char* name : {"main", "plain", "shard_1", "shard_4"}) first_->create_database(name);
        for (const char* name : {"shard_2", "shard_3"}) second_->create_database(name);
        for (const char* name : {"main", "plain", "shard_1", "shard_4"}) make_tables(*first_, name);
        for (const char* name : {"shard_2", "shard_3"}) make_tables(*second_, name);
        const settings reference = draw(random, 5), of_role = draw(random, 2);
        for (const char* name : {"main", "plain"}) {
            alter(*first_, std::string{"database "} + name, reference);
            alter(*first_, std::string{"role postgres in database "} + name, of_role);
        }
        for (const auto& [server, name] : {std::pair{first_.get(), "shard_1"}, std::pair{first_.get(), "shard_4"},
                                           std::pair{second_.get(), "shard_2"}, std::pair{second_.get(), "shard_3"}}) {
            alter(*server, std::string{"database "} + name, draw(random, 5));
            alter(*server, std::string{"role postgres in database "} + name, draw(random, 3));
        }
    }
    static void make_tables(const postgres_server& on, const std::string& database) {
        for (const std::string& each : schema())
            (void)on.run_sql("set default_transaction_read_only = off;" + each, database);
    }
    proxied::options house() {
        proxied::options o;
        o.on = first_;
        o.tables = {proxied::sharded("t", "id")};
        o.change = [this](config::description& d) {
            for (config::database& each : d.shards_->list) {
                if (each.name == "shard_2" || each.name == "shard_3") each.primary.port = second_->port();
            }
        };
        return o;
    }
    std::string toml() const {
        std::string out = fmt::format(
            "[databases.primary]\nurl = \"{}\"\n[shards]\nfunction = \"hash\"\n"
            "key_type = \"integer\"\n",
            first_->url("main"));
        for (const char* name : {"shard_1", "shard_2", "shard_3", "shard_4"}) {
            const bool second = std::string_view{name} == "shard_2" || std::string_view{name} == "shard_3";
            out += fmt::format("[shards.{}]\nurl = \"{}\"\n", name, (second ? *second_ : *first_).url(name));
        }
        return out + "[tables]\nt = { shard_key = \"id\" }\n[pool]\nmin_connections = 0\n";
    }
    raw_client::options direct(const std::string& database) const {
        raw_client::options o;
        o.port = first_->port();
        o.database = database;
        return o;
    }

    std::shared_ptr<postgres_server> first_;
    std::unique_ptr<postgres_server> second_;
};

}  // namespace

TEST_F(SessionDefaults, AnswersAreThoseOfOnePlainDatabaseWhateverTheServersAreSetTo) {
    for (int round = 0; round < 3; ++round) {
        const char* given = std::getenv("ASHLAR_SEED");
        const std::uint64_t seed = given != nullptr ? std::stoull(given) : std::random_device{}();
        SCOPED_TRACE(fmt::format("seed {}", seed));
        build(seed);
        proxied proxy{house()};
        raw_client through{proxy.login()}, plain{direct("plain")};
        const auto same = [](const auto& a, const auto& b, const char* name) {
            const auto x = a.parameters().find(name), y = b.parameters().find(name);
            return x != a.parameters().end() && y != b.parameters().end() && x->second == y->second;
        };
        for (const char* name : {"TimeZone", "DateStyle", "IntervalStyle", "standard_conforming_strings"}) {
            EXPECT_TRUE(same(through, plain, name)) << name;
        }
        for (const std::string& sql : script()) {
            const std::string expected = plain_form(plain.query(sql)), got = plain_form(through.query(sql));
            if (got.find("E(0A000)") != std::string::npos) {
                // With standard_conforming_strings off, a backslash in plain quotes is refused.
                if (sql.find(" '") == sql.npos || sql.find('\\') == sql.npos)
                    ADD_FAILURE() << sql << "\nrefused: " << got;
                continue;
            }
            EXPECT_EQ(got, expected) << sql;
            if (sql.starts_with("select")) {
                EXPECT_EQ(plain_form(prepared(through, sql)), plain_form(prepared(plain, sql))) << sql;
            }
        }
    }
}

TEST_F(SessionDefaults, TheLibrarySeesWhatOnePlainDatabaseShows) {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE(fmt::format("seed {}", seed));
    build(seed);
    auto opened = cluster::open_text(toml());
    ASSERT_TRUE(opened) << opened.error();
    raw_client plain{direct("plain")};
    for (int i = 1; i <= 8; ++i) {
        const std::string sql = fmt::format(
            "insert into t(id, ts, d, iv, f, b) values ({0}, '2024-03-10 0{0}:30', '2024-03-0{0}', '{0} days 3 hours', "
            "{0} * 0.1::float8 + 0.2, E'\\\\x00ff')",
            i);
        ASSERT_EQ(plain_form(plain.query(sql)), "C(INSERT 0 1) Z(I)");
        const auto done = opened->execute(sql);
        ASSERT_TRUE(done) << done.error();
    }
    for (const char* sql :
         {"select id, ts, d, iv, f, b from t order by id", "select min(ts), max(ts), count(*) from t",
          "select d, count(*) from t group by d order by d", "select ts::text, f::text from t order by id",
          "select id from t where ts = '2024-03-10 04:30'"}) {
        const auto got = opened->query(sql);
        ASSERT_TRUE(got) << sql << got.error();
        std::string text;
        for (const row each : *got) {
            text += "D(";
            for (std::size_t i = 0; i < each.width(); ++i) {
                text += (i == 0 ? "" : ",") + std::string{each.text(i).value_or("~")};
            }
            text += ") ";
        }
        const std::string expected = plain_form(plain.query(sql));
        EXPECT_NE(expected.find(text + "C("), std::string::npos)
            << sql << "\ngot " << text << "\nexpected " << expected;
    }
}

TEST_F(SessionDefaults, TheConfigurationWins) {
    build(7);
    proxied::options o = house();
    o.change = [inner = o.change](config::description& d) {
        inner(d);
        d.session_defaults = {{"TimeZone", "pacific/apia"}, {"work_mem", "1MB"}, {"app.region", "eu west"}};
    };
    proxied proxy{o};
    raw_client c{proxy.login()};
    EXPECT_EQ(c.parameters().at("TimeZone"), "Pacific/Apia");
    for (int i = 0; i < 6; ++i) {
        EXPECT_NE(c.query("show work_mem").find("D(1MB)"), std::string::npos);
        EXPECT_NE(c.query("select current_setting('app.region')").find("D(eu west)"), std::string::npos);
    }
    EXPECT_EQ(c.query("set work_mem = '3MB'"), "C(SET) Z(I)");
    EXPECT_EQ(c.query("reset work_mem"), "C(RESET) Z(I)");
    EXPECT_NE(c.query("show work_mem").find("D(1MB)"), std::string::npos);
}

TEST_F(SessionDefaults, AShardInAnotherEncodingIsRefusedByName) {
    first_ = std::make_shared<postgres_server>();
    for (const char* name : {"main", "shard_1"}) first_->create_database(name);
    (void)first_->run_sql("create database shard_2 encoding 'SQL_ASCII' template template0");
    for (const char* name : {"main", "shard_1", "shard_2"}) make_tables(*first_, name);
    auto opened = cluster::open_text(fmt::format(
        "[databases.primary]\nurl = \"{}\"\n[shards]\nfunction = \"hash\"\nkey_type = \"integer\"\n"
        "[shards.shard_1]\nurl = \"{}\"\n[shards.shard_2]\nurl = \"{}\"\n[tables]\nt = {{ shard_key = \"id\" }}\n",
        first_->url("main"), first_->url("shard_1"), first_->url("shard_2")));
    std::optional<error> why;
    if (!opened) {
        why = opened.error();
    } else if (auto asked = opened->query("select count(*) from t"); !asked) {
        why = asked.error();
    }
    ASSERT_TRUE(why);
    EXPECT_NE(why->to_string().find("shard_2"), std::string::npos) << *why;
    EXPECT_NE(why->to_string().find("encoding"), std::string::npos) << *why;
}

// A role that may not set what it would have to.
TEST_F(SessionDefaults, WhatCannotBeSetIsRefusedWithTheServersName) {
    first_ = std::make_shared<postgres_server>();
    for (const char* name : {"main", "shard_1", "shard_2"}) {
        first_->create_database(name);
        make_tables(*first_, name);
    }
    (void)first_->run_sql(
        "create role modest login; alter role modest in database shard_2 set session_replication_role = replica");
    for (const char* name : {"main", "shard_1", "shard_2"})
        (void)first_->run_sql("grant all on all tables in schema public to modest", name);
    proxied::options o;
    o.on = first_;
    o.shards = 2;
    o.tables = {proxied::sharded("t", "id")};
    o.change = [](config::description& d) {
        for (config::database& each : d.shards_->list) each.primary.user = "modest";
    };
    try {
        proxied proxy{o};
        raw_client c{proxy.login()};
        const std::string said = c.query("select count(*) from t");
        EXPECT_NE(said.find("E("), std::string::npos) << said;
    } catch (const std::runtime_error& why) {
        EXPECT_NE(std::string{why.what()}.find("shard_2"), std::string::npos) << why.what();
        EXPECT_NE(std::string{why.what()}.find("session_replication_role"), std::string::npos) << why.what();
    }
}
