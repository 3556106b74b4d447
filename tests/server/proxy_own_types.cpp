// Types that users made have other numbers on each server; through the proxy they have those of the one database that answers
// questions about the catalogue, in every answer and in what clients declare.
#include "support/becomes.hpp"
#include "support/proxied.hpp"
#include "support/sanitizer.hpp"

#include <libpq-fe.h>

#include <atomic>
#include <memory>
#include <set>
#include <thread>

namespace ashlar {
namespace {

using test::proxied;

constexpr int keys = 24;  // enough for every shard to have some

struct finish {
    void operator()(PGconn* c) const { PQfinish(c); }
    void operator()(PGresult* r) const { PQclear(r); }
};
using answer = std::unique_ptr<PGresult, finish>;

class client {
public:
    explicit client(std::uint16_t port) {
        const std::string where = "host=127.0.0.1 port=" + std::to_string(port) + " user=postgres dbname=main";
        connection_.reset(PQconnectdb(where.c_str()));
        if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error{PQerrorMessage(connection_.get())};
    }

    answer query(const std::string& sql) { return answer{PQexec(connection_.get(), sql.c_str())}; }
    // With its parameters' types declared (0: not) and their text.
    answer bound(const std::string& sql, const std::vector<Oid>& types, const std::vector<std::string>& values,
                 int result_format = 0, int parameter_format = 0) {
        std::vector<const char*> bytes;
        std::vector<int> lengths, formats;
        for (const std::string& each : values) {
            bytes.push_back(each.data());
            lengths.push_back(static_cast<int>(each.size()));
            formats.push_back(parameter_format);
        }
        return answer{PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()),
                                   types.empty() ? nullptr : types.data(), bytes.data(), lengths.data(), formats.data(),
                                   result_format)};
    }
    answer described(const std::string& sql) {
        const std::string name = "s" + std::to_string(++prepared_);
        answer parsed{PQprepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr)};
        if (PQresultStatus(parsed.get()) != PGRES_COMMAND_OK) return parsed;
        return answer{PQdescribePrepared(connection_.get(), name.c_str())};
    }
    Oid number(const std::string& sql) {
        answer got = query(sql);
        if (PQntuples(got.get()) != 1) throw std::runtime_error{sql + ": " + PQresultErrorMessage(got.get())};
        return static_cast<Oid>(std::stoul(PQgetvalue(got.get(), 0, 0)));
    }
    Oid type(const std::string& name) {
        return number("select oid from pg_catalog.pg_type where typname = '" + name + "'");
    }

private:
    std::unique_ptr<PGconn, finish> connection_;
    int prepared_ = 0;
};

std::string state(const answer& of) {
    const char* const said = PQresultErrorField(of.get(), PG_DIAG_SQLSTATE);
    return said == nullptr ? "" : said;
}

std::string of_key(const std::string& columns, int key) {
    return "select " + columns + " from people where id = " + std::to_string(key);
}

proxied& house() {
    static proxied one{[] {
        proxied::options o;
        o.shards = 3;
        o.pool = 2;
        o.schema = {"create extension hstore",
                    "create extension citext",
                    "create type mood as enum ('sad', 'ok', 'happy')",
                    "create domain short_text as text check (length(value) < 20)",
                    "create type point_in as (x int, y int)",
                    "create type felt as (feeling mood, since date)",
                    "create table people(id int primary key, mood mood, moods mood[], place point_in, felt felt, "
                    "nick short_text, places point_in[])",
                    "create table labels(id int primary key, attributes hstore, title citext, titles citext[])",
                    "create domain table_name as regclass",
                    "create table tokens(id int primary key, given oid, made regclass, made_by table_name)",
                    "create type level as enum ('low', 'high')",
                    "alter type level add value 'middle' before 'high'",
                    "create domain tiny as int",
                    "create domain bytewise as text collate \"C\"",
                    "create type pair_of as (n int, label text)",
                    "create table ordered(id int primary key, at level, small tiny, label bytewise, given pair_of)",
                    "create table kinds(code text primary key, made regclass)",
                    "create table numbered(id int primary key, made oid default 'people'::regclass::oid)"};
        o.tables = {proxied::sharded("people", "id"),   proxied::sharded("tokens", "id"),
                    proxied::sharded("numbered", "id"), proxied::sharded("labels", "id"),
                    proxied::sharded("ordered", "id"),  proxied::reference("kinds")};
        return o;
    }()};
    static const bool filled = [] {
        client c{one.port()};
        for (int i = 1; i <= keys; ++i) {
            const answer in = c.query("insert into people values (" + std::to_string(i) +
                                      ", 'ok', '{sad,happy}', '(1,2)', '(happy,2020-01-01)', 'nick', '{\"(1,2)\"}')");
            EXPECT_EQ(PQresultStatus(in.get()), PGRES_COMMAND_OK) << PQresultErrorMessage(in.get());
        }
        return true;
    }();
    EXPECT_TRUE(filled);
    return one;
}

// Otherwise the tests below would prove nothing.
TEST(ProxyOwnTypes, ServersNumberTheSameTypesEachInItsOwnWay) {
    std::set<std::string> seen;
    for (const char* database : {"main", "shard_1", "shard_2", "shard_3"}) {
        test::raw_client direct{house().direct(database)};
        seen.insert(direct.query("select oid from pg_type where typname = 'mood'"));
        EXPECT_EQ(
            direct.query("select count(*) > 0 from people"),
            std::string{"T(?column?:16) D("} + (std::string{database} == "main" ? "f" : "t") + ") C(SELECT 1) Z(I)");
    }
    EXPECT_EQ(seen.size(), 4U);
}

TEST(ProxyOwnTypes, EveryAnswerShowsTheNumbersOfTheCatalogue) {
    client c{house().port()};
    const std::string columns = "id, mood, moods, place, felt, nick";
    const std::vector<Oid> expected{23, c.type("mood"), c.type("_mood"), c.type("point_in"), c.type("felt"), 25};
    const Oid table = c.number("select 'people'::regclass::oid");
    const auto check = [&](const answer& got, const std::string& what) {
        ASSERT_EQ(PQnfields(got.get()), static_cast<int>(expected.size())) << what << PQresultErrorMessage(got.get());
        for (std::size_t i = 0; i < expected.size(); ++i) {
            EXPECT_EQ(PQftype(got.get(), static_cast<int>(i)), expected[i]) << what << ", column " << i;
            EXPECT_EQ(PQftable(got.get(), static_cast<int>(i)), table) << what << ", column " << i;
        }
    };
    for (int key = 1; key <= keys; ++key) {
        check(c.query(of_key(columns, key)), "relayed");
        check(c.bound("select " + columns + " from people where id = $1", {}, {std::to_string(key)}), "bound");
    }
    for (int again = 0; again < 4; ++again) {  // whichever server is asked
        check(c.described("select " + columns + " from people where id = $1"), "described");
    }
    check(c.query("select " + columns + " from people"), "merged");
    check(c.query("select " + columns + " from people order by id limit 5"), "merged in order");
    check(c.bound("select " + columns + " from people where id > $1", {}, {"3"}), "merged and bound");
    check(c.described("select " + columns + " from people where id > $1"), "merged and described");
    const answer row = c.query(of_key("moods, felt", 5));
    EXPECT_STREQ(PQgetvalue(row.get(), 0, 0), "{sad,happy}");
    EXPECT_STREQ(PQgetvalue(row.get(), 0, 1), "(happy,2020-01-01)");
}

TEST(ProxyOwnTypes, ParametersAreDescribedAndDeclaredWithTheNumbersOfTheCatalogue) {
    client c{house().port()};
    const Oid mood = c.type("mood"), moods = c.type("_mood");
    for (int again = 0; again < 4; ++again) {
        const answer told = c.described("select id from people where id = $1 and mood = $2 and moods = $3");
        ASSERT_EQ(PQnparams(told.get()), 3) << PQresultErrorMessage(told.get());
        EXPECT_EQ(PQparamtype(told.get(), 1), mood);
        EXPECT_EQ(PQparamtype(told.get(), 2), moods);
        const answer merged = c.described("select id from people where mood = $1");
        ASSERT_EQ(PQnparams(merged.get()), 1) << PQresultErrorMessage(merged.get());
        EXPECT_EQ(PQparamtype(merged.get(), 0), mood);
    }
    for (int key = 1; key <= keys; ++key) {
        const answer got = c.bound("select $2, id from people where id = $1 and mood = $2 and moods = $3",
                                   {23, mood, moods}, {std::to_string(key), "ok", "{sad,happy}"});
        ASSERT_EQ(PQntuples(got.get()), 1) << key << PQresultErrorMessage(got.get());
        EXPECT_EQ(PQftype(got.get(), 0), mood);
    }
    const answer merged = c.bound("select count(*) from people where mood = $1", {mood}, {"ok"});
    ASSERT_EQ(PQntuples(merged.get()), 1) << PQresultErrorMessage(merged.get());
    EXPECT_EQ(PQgetvalue(merged.get(), 0, 0), std::to_string(keys));

    // A number of one shard's own means nothing here, although that shard would take it.
    test::raw_client direct{house().direct("shard_1")};
    const std::string said = direct.query("select oid from pg_type where typname = 'mood'");
    const Oid foreign = static_cast<Oid>(std::stoul(said.substr(said.find("D(") + 2)));
    for (int key = 1; key <= keys; ++key) {
        const answer refused =
            c.bound("select id from people where id = $1 and mood = $2", {23, foreign}, {std::to_string(key), "ok"});
        EXPECT_EQ(state(refused), "0A000") << key;
    }
    EXPECT_EQ(state(c.bound("select count(*) from people where mood = $1", {foreign}, {"ok"})), "0A000");
    EXPECT_EQ(PQntuples(c.query(of_key("id", 1)).get()), 1);
}

std::string bytes_of(const answer& of, int row, int column) {
    return {PQgetvalue(of.get(), row, column), static_cast<std::size_t>(PQgetlength(of.get(), row, column))};
}

std::string in_network_order(std::uint32_t number) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
    return out;
}
std::string sized(const std::string& value) {
    return in_network_order(static_cast<std::uint32_t>(value.size())) + value;
}
// One dimension from 1 on, as PostgreSQL sends it.
std::string array_of(Oid element, const std::vector<std::string>& values) {
    std::string out = in_network_order(1) + in_network_order(0) + in_network_order(element) +
                      in_network_order(static_cast<std::uint32_t>(values.size())) + in_network_order(1);
    for (const std::string& each : values) out += sized(each);
    return out;
}
std::string row_of(const std::vector<std::pair<Oid, std::string>>& columns) {
    std::string out = in_network_order(static_cast<std::uint32_t>(columns.size()));
    for (const auto& [type, value] : columns) out += in_network_order(type) + sized(value);
    return out;
}

// As one database would send them: with the numbers of the catalogue, deep inside too, from one shard and from several.
TEST(ProxyOwnTypes, BinaryValuesHoldTheNumbersOfTheCatalogue) {
    client c{house().port()};
    const Oid mood = c.type("mood"), moods = c.type("_mood"), place = c.type("point_in"), felt = c.type("felt");
    const std::string two_moods = array_of(mood, {"sad", "happy"});
    const std::string point = row_of({{23, in_network_order(1)}, {23, in_network_order(2)}});
    const std::string feeling = row_of({{mood, "happy"}, {1082, in_network_order(7305)}});
    const std::vector<std::pair<std::string, std::string>> all{
        {"moods", two_moods},
        {"felt", feeling},
        {"places", array_of(place, {point})},
        {"row(mood, felt)", row_of({{mood, "ok"}, {felt, feeling}})},
        {"array[mood]", array_of(mood, {"ok"})},
        {"array[felt, felt]", array_of(felt, {feeling, feeling})},
        {"row(row(moods))", row_of({{2249, row_of({{moods, two_moods}})}})},
    };
    for (const auto& [column, expected] : all) {
        for (int key = 1; key <= keys; ++key) {
            const answer one =
                c.bound("select id, " + column + " from people where id = $1", {}, {std::to_string(key)}, 1);
            ASSERT_EQ(PQntuples(one.get()), 1) << column << PQresultErrorMessage(one.get());
            EXPECT_EQ(bytes_of(one, 0, 1), expected) << column << " of " << key;
        }
        const answer merged = c.bound("select id, " + column + " from people where id > $1 order by id", {}, {"0"}, 1);
        ASSERT_EQ(PQntuples(merged.get()), keys) << column << PQresultErrorMessage(merged.get());
        for (int row = 0; row < keys; ++row) EXPECT_EQ(bytes_of(merged, row, 1), expected) << column;
    }
    const answer passes = c.bound("select mood, place, nick from people where id = $1", {}, {"3"}, 1);
    ASSERT_EQ(PQntuples(passes.get()), 1) << PQresultErrorMessage(passes.get());
    EXPECT_STREQ(PQgetvalue(passes.get(), 0, 0), "ok");
    EXPECT_EQ(PQftype(passes.get(), 0), mood);
    EXPECT_EQ(PQntuples(c.bound("select mood from people where id > $1", {}, {"0"}, 1).get()), keys);
    // a number that is the value itself is refused, wherever it stands
    EXPECT_EQ(state(c.bound("select row('people'::regclass) from people where id = 3", {}, {}, 1)), "0A000");
}

TEST(ProxyOwnTypes, BinaryParametersMayHoldTheNumbersOfTheCatalogue) {
    client c{house().port()};
    const Oid mood = c.type("mood"), moods = c.type("_mood"), felt = c.type("felt"), places = c.type("_point_in");
    const std::string two_moods = array_of(mood, {"sad", "happy"});
    for (int key = 1; key <= keys; ++key) {
        const std::string where = "select id from people where id = " + std::to_string(key);
        const answer one = c.bound(where + " and moods = $1", {}, {two_moods}, 0, 1);
        EXPECT_EQ(PQntuples(one.get()), 1) << PQresultErrorMessage(one.get());
        const answer none = c.bound(where + " and moods = $1", {moods}, {array_of(mood, {"sad"})}, 0, 1);
        EXPECT_EQ(PQntuples(none.get()), 0) << PQresultErrorMessage(none.get());
        EXPECT_EQ(state(none), "") << PQresultErrorMessage(none.get());
    }
    const answer all = c.bound("select count(*) from people where moods = $1", {moods}, {two_moods}, 0, 1);
    EXPECT_EQ(bytes_of(all, 0, 0), std::to_string(keys)) << PQresultErrorMessage(all.get());
    const answer both =
        c.bound("select moods, felt from people where moods = $1 and id > 0", {moods}, {two_moods}, 1, 1);
    ASSERT_EQ(PQntuples(both.get()), keys) << PQresultErrorMessage(both.get());
    EXPECT_EQ(bytes_of(both, 3, 0), two_moods);

    const std::string point = row_of({{23, in_network_order(7)}, {23, in_network_order(8)}});
    const std::string feeling = row_of({{mood, "sad"}, {1082, in_network_order(0)}});
    const answer in = c.bound("update people set felt = $1, places = $2 where id = 5", {felt, places},
                              {feeling, array_of(c.type("point_in"), {point})}, 0, 1);
    EXPECT_EQ(state(in), "") << PQresultErrorMessage(in.get());
    const answer out = c.query("select felt, places from people where id = 5");
    EXPECT_EQ(bytes_of(out, 0, 0), "(sad,2000-01-01)");
    EXPECT_EQ(bytes_of(out, 0, 1), "{\"(7,8)\"}");
    (void)c.query("update people set felt = '(happy,2020-01-01)', places = '{\"(1,2)\"}' where id = 5");
    // a type that no server has, and bytes that are not of the type
    const std::vector<std::string> wrong{array_of(4'000'000, {"x"}), "", std::string(11, '\0'),
                                         two_moods.substr(0, 30)};
    for (const std::string& each : wrong) {
        EXPECT_NE(state(c.bound("select id from people where id = 3 and moods = $1", {moods}, {each}, 0, 1)), "");
        EXPECT_NE(state(c.bound("select id from people where moods = $1", {moods}, {each}, 0, 1)), "");
    }
    EXPECT_EQ(PQntuples(c.query(of_key("id", 1)).get()), 1);
}

// The labels' order is not that of their numbers: one was added in the midst.
TEST(ProxyOwnTypes, EnumsDomainsAndCompositesAreOrderedAndGroupedAsTheirTypesAre) {
    client c{house().port()};
    for (int i = 1; i <= 12; ++i) {
        const std::string key = std::to_string(i);
        const answer in =
            c.query("insert into ordered values (" + key + ", (array['low', 'middle', 'high'])[1 + " + key +
                    " % 3]::level, " + key + " % 5, 'n' || " + key + " % 4, row(" + key + " % 2, 'x'))");
        ASSERT_EQ(state(in), "") << PQresultErrorMessage(in.get());
    }
    const auto all = [&](const std::string& sql, int format = 0) {
        const answer got = c.bound(sql, {}, {}, format);
        if (!state(got).empty()) return std::string{PQresultErrorMessage(got.get())};
        std::string out;
        for (int row = 0; row < PQntuples(got.get()); ++row) {
            for (int column = 0; column < PQnfields(got.get()); ++column)
                out +=
                    (column == 0 ? "" : "/") + (PQgetisnull(got.get(), row, column) ? "-" : bytes_of(got, row, column));
            out += ' ';
        }
        return out;
    };
    for (const int format : {0, 1}) {
        EXPECT_EQ(all("select distinct at from ordered order by at", format), "low middle high ");
        EXPECT_EQ(all("select distinct at from ordered order by at desc", format), "high middle low ");
        EXPECT_EQ(all("select min(at), max(at) from ordered", format), "low/high ");
        EXPECT_EQ(all("select at from ordered order by at, id limit 5", format), "low low low low middle ");
    }
    EXPECT_EQ(all("select at, count(*) from ordered group by at order by at desc"), "high/4 middle/4 low/4 ");
    EXPECT_EQ(all("select at, min(id), max(small) from ordered group by at order by 1"), "low/3/4 middle/1/4 high/2/3 ")
        << "as one database computes it";
    EXPECT_EQ(all("select distinct small from ordered order by small desc"), "4 3 2 1 0 ");
    EXPECT_EQ(all("select sum(small), count(*) from ordered"), "23/12 ");
    EXPECT_EQ(all("select label, count(*) from ordered group by label order by label"), "n0/3 n1/3 n2/3 n3/3 ");
    EXPECT_EQ(all("select distinct given from ordered order by given"), "(0,x) (1,x) ");
    EXPECT_EQ(all("select distinct * from ordered where id < 3 order by at"), "1/middle/1/n1/(1,x) 2/high/2/n2/(0,x) ");

    // A shard that has the labels otherwise is named; what does not go there is answered.
    (void)house().databases().run_sql("alter type level add value 'top'", "shard_2");
    ASSERT_EQ(state(c.query("create table read_levels_again(id int)")), "");
    const std::string refused = all("select at from ordered order by at");
    EXPECT_NE(refused.find("shard_2"), std::string::npos) << refused;
    EXPECT_NE(refused.find("public.level"), std::string::npos) << refused;
    EXPECT_EQ(all("select count(at) from ordered"), "12 ");
    for (const char* database : {"main", "shard_1", "shard_3"})
        (void)house().databases().run_sql("alter type level add value 'top'", database);
    ASSERT_EQ(state(c.query("create table read_levels_once_more(id int)")), "");
    EXPECT_EQ(all("select distinct at from ordered order by at"), "low middle high ");
}

TEST(ProxyOwnTypes, TypesOfExtensionsAreShownByTheNumbersOfTheCatalogueToo) {
    client c{house().port()};
    const Oid hstore = c.type("hstore"), citext = c.type("citext"), citexts = c.type("_citext");
    for (int key = 1; key <= 9; ++key) {
        const std::string k = std::to_string(key);
        const std::vector<std::string> row{k, "a=>1", "Title", "{One,two}"};
        const answer in = c.bound("insert into labels values ($1, $2, $3, $4)", {23, hstore, citext, citexts}, row);
        ASSERT_EQ(state(in), "") << PQresultErrorMessage(in.get());
        const answer out = c.query("select attributes, title, titles, attributes -> 'a' from labels where id = " + k +
                                   " and title = 'TITLE'");
        ASSERT_EQ(PQntuples(out.get()), 1) << PQresultErrorMessage(out.get());
        EXPECT_EQ(PQftype(out.get(), 0), hstore);
        EXPECT_EQ(PQftype(out.get(), 1), citext);
        EXPECT_EQ(PQftype(out.get(), 2), citexts);
        EXPECT_STREQ(PQgetvalue(out.get(), 0, 0), "\"a\"=>\"1\"");
        EXPECT_STREQ(PQgetvalue(out.get(), 0, 3), "1");
        const answer binary = c.bound("select title, attributes from labels where id = $1", {}, {k}, 1);
        EXPECT_STREQ(PQgetvalue(binary.get(), 0, 0), "Title") << PQresultErrorMessage(binary.get());
        EXPECT_EQ(PQftype(binary.get(), 1), hstore);
        const answer array = c.bound("select titles from labels where id = $1", {}, {k}, 1);
        EXPECT_EQ(bytes_of(array, 0, 0), array_of(citext, {"One", "two"})) << PQresultErrorMessage(array.get());
    }
    const answer merged = c.query("select id, attributes, title from labels");
    ASSERT_EQ(PQntuples(merged.get()), 9) << PQresultErrorMessage(merged.get());
    EXPECT_EQ(PQftype(merged.get(), 1), hstore);
    EXPECT_EQ(PQftype(merged.get(), 2), citext);
    const answer told = c.described("select id from labels where id = $1 and attributes @> $2 and title = $3");
    ASSERT_EQ(PQnparams(told.get()), 3) << PQresultErrorMessage(told.get());
    EXPECT_EQ(PQparamtype(told.get(), 1), hstore);
    EXPECT_EQ(PQparamtype(told.get(), 2), citext);
}

// Oids as values: one plain database would have one number for each type and table.

std::string value(const answer& of) {
    if (PQntuples(of.get()) != 1) return PQresultErrorMessage(of.get());
    return {PQgetvalue(of.get(), 0, 0), static_cast<std::size_t>(PQgetlength(of.get(), 0, 0))};
}

std::string hint(const answer& of) {
    const char* const said = PQresultErrorField(of.get(), PG_DIAG_MESSAGE_HINT);
    return said == nullptr ? "" : said;
}

TEST(ProxyOwnTypes, ANumberThatDependsOnTheServerIsRefusedAsAValue) {
    client c{house().port()};
    for (const char* what :
         {"tableoid", "'mood'::regtype::oid", "pg_typeof(mood)::oid", "'people'::regclass::int8",
          "to_regclass('people')::oid", "tableoid::text", "to_json(tableoid)", "max(tableoid)", "16403::regclass",
          "'16403'::regtype", "format_type(16403, -1)", "(select tableoid from people p where p.id = 3)"}) {
        for (const int key : {3, 4, 5}) EXPECT_EQ(state(c.query(of_key(what, key))), "0A000") << what;
        EXPECT_EQ(state(c.query("select " + std::string{what} + " from people")), "0A000") << what;
    }
    for (const char* condition : {"tableoid = 16403", "tableoid in (16403, 16404)", "tableoid > 'people'::regclass"}) {
        const answer refused = c.query("select id from people where id = 3 and " + std::string{condition});
        EXPECT_EQ(state(refused), "0A000") << condition;
    }
    const std::vector<std::string> both{"3", std::to_string(c.number("select 'people'::regclass::oid"))};
    EXPECT_EQ(state(c.bound("select id from people where id = $1 and tableoid = $2", {}, both)), "0A000");
    EXPECT_EQ(state(c.bound("select id from people where id = $1 and tableoid = $2", {23, oid::oid}, both)), "0A000");
    EXPECT_EQ(state(c.query("select code, tableoid from kinds")), "0A000");
    EXPECT_EQ(state(c.query("select id from people where id = 3 order by tableoid")), "0A000");

    const answer told = c.query("select id, tableoid from people where id = 3");
    EXPECT_STREQ(PQresultErrorField(told.get(), PG_DIAG_MESSAGE_PRIMARY),
                 "the number of tableoid, which differs from server to server, cannot be answered across shards");
    EXPECT_STREQ(PQresultErrorField(told.get(), PG_DIAG_STATEMENT_POSITION), "12");
    EXPECT_EQ(hint(told), "Ask for the name: tableoid::regclass::text.");
}

TEST(ProxyOwnTypes, NamesAndComparisonsByNameAreRightOnEveryServer) {
    client c{house().port()};
    for (int key = 1; key <= keys; ++key) {
        EXPECT_EQ(value(c.query(of_key("tableoid::regclass", key))), "people");
        EXPECT_EQ(value(c.query(of_key("pg_typeof(mood)", key))), "mood");
        EXPECT_EQ(value(c.query(of_key("format_type('mood'::regtype, -1)", key))), "mood");
        EXPECT_EQ(value(c.query(of_key("'int4'::regtype::oid", key))), "23");
        EXPECT_EQ(value(c.query(of_key("pg_typeof(id) = 23", key))), "t");
        EXPECT_EQ(value(c.query(of_key("id", key) + " and tableoid = 'people'::regclass")), std::to_string(key));
        EXPECT_EQ(value(c.query(of_key("id", key) + " and tableoid = 'tokens'::regclass")), "");
        EXPECT_EQ(value(c.query(of_key("count(*)", key) + " group by tableoid")), "1");
    }
    EXPECT_EQ(value(c.query("select count(*) from people where tableoid = 'people'::regclass")), std::to_string(keys));
    EXPECT_EQ(value(c.query("select distinct tableoid::regclass::text from people")), "people");
    EXPECT_EQ(value(c.query("select tableoid::regclass::text, count(*) from people group by 1")), "people");
    const answer merged = c.query("select tableoid::regclass, pg_typeof(mood) from people");
    ASSERT_EQ(PQntuples(merged.get()), keys) << PQresultErrorMessage(merged.get());
    for (int i = 0; i < keys; ++i) {
        EXPECT_STREQ(PQgetvalue(merged.get(), i, 0), "people");
        EXPECT_STREQ(PQgetvalue(merged.get(), i, 1), "mood");
    }
}

TEST(ProxyOwnTypes, WhatAsksTheCatalogueAloneGetsItsNumbersFromOneServer) {
    client c{house().port()};
    test::raw_client direct{house().direct("main")};
    const Oid people = c.number("select oid from pg_class where relname = 'people'"), mood = c.type("mood");
    for (int again = 0; again < 4; ++again) {  // whichever server's turn it is
        EXPECT_EQ(c.number("select 'people'::regclass::oid"), people);
        EXPECT_EQ(c.number("select to_regclass('people')::oid"), people);
        EXPECT_EQ(c.number("select pg_typeof('ok'::mood)::oid"), mood);
        EXPECT_EQ(c.number("select 'mood'::regtype::oid"), mood);
        EXPECT_EQ(value(c.query("select " + std::to_string(people) + "::regclass")), "people");
        EXPECT_EQ(value(c.bound("select $1::regclass", {}, {std::to_string(people)})), "people");
        EXPECT_EQ(value(c.bound("select $1", {2205}, {std::to_string(people)})), "people");
        EXPECT_EQ(value(c.bound("select format_type($1, null)", {}, {std::to_string(mood)})), "mood");
        EXPECT_EQ(value(c.query("select c.relname from pg_class c where c.oid = 'people'::regclass")), "people");
        const std::string bytes = value(c.bound("select 'people'::regclass", {}, {}, 1));
        ASSERT_EQ(bytes.size(), 4U);
        Oid sent = 0;
        for (const char byte : bytes) sent = sent << 8 | static_cast<unsigned char>(byte);
        EXPECT_EQ(sent, people);
        // An array that holds a type's number: the server whose numbers the client knows may be asked for it.
        EXPECT_EQ(state(c.bound("select array['ok'::mood]", {}, {}, 1)), "");
    }
    // Beside an unsharded table, on that server too.
    EXPECT_EQ(state(c.query("create table if not exists lists(id int)")), "");
    EXPECT_EQ(state(c.query("insert into lists values (1)")), "");
    const Oid lists = c.number("select 'lists'::regclass::oid");
    EXPECT_EQ(c.number("select tableoid from lists"), lists);
    EXPECT_EQ(c.number("select id from lists where tableoid = " + std::to_string(lists)), 1U);
    // And within a transaction that has been on a shard.
    (void)c.query("begin");
    EXPECT_EQ(value(c.query(of_key("id", 7))), "7");
    EXPECT_EQ(c.number("select pg_typeof('ok'::mood)::oid"), mood);
    EXPECT_EQ(c.number("select 'people'::regclass::oid"), people);
    (void)c.query("rollback");
}

TEST(ProxyOwnTypes, ObjectsAreLookedUpOnShardsByNamesOnly) {
    client c{house().port()};
    const std::string number = std::to_string(c.number("select 'people'::regclass::oid"));
    const std::string ask = "select id from people where id = $1 and tableoid = $2::regclass";
    for (int key = 1; key <= 6; ++key) {
        const std::string k = std::to_string(key);
        EXPECT_EQ(value(c.bound(ask, {}, {k, "people"})), k);
        EXPECT_EQ(value(c.bound(ask, {23, oid::text}, {k, "people"})), k);
        EXPECT_EQ(state(c.bound(ask, {}, {k, number})), "0A000");
        EXPECT_EQ(state(c.bound(ask, {23, 2205}, {k, number})), "0A000");
        EXPECT_EQ(state(c.bound(ask, {23, oid::oid}, {k, number})), "0A000");
        EXPECT_EQ(value(c.query(of_key("'people'::regclass", key))), "people");
        EXPECT_EQ(state(c.query(of_key("'" + number + "'::regclass", key))), "0A000");
        EXPECT_EQ(state(c.bound("select $1, id from people where id = $2", {2205, 23}, {number, k})), "0A000");
    }
    const std::string bytes{"\0\0\0\3\0\0\0\4", 8};
    EXPECT_EQ(state(c.bound("select id from people where id = 3 and tableoid = $1::regclass", {2205},
                            {bytes.substr(0, 4)}, 0, 1)),
              "0A000");
    EXPECT_EQ(value(c.bound("select count(*) from people where tableoid = $1::regclass", {}, {"people"})),
              std::to_string(keys));
    EXPECT_EQ(state(c.bound("select count(*) from people where tableoid = $1::regclass", {}, {number})), "0A000");
}

TEST(ProxyOwnTypes, ColumnsOfOidsGiveBackWhatTheyWereGiven) {
    client c{house().port()};
    const std::string number = std::to_string(c.number("select 'people'::regclass::oid"));
    for (int key = 1; key <= 9; ++key) {
        const std::string k = std::to_string(key);
        const answer in = c.bound("insert into tokens values ($1, $2, $3, 'kinds')", {}, {k, number, "people"});
        ASSERT_EQ(state(in), "") << PQresultErrorMessage(in.get());
        const std::string row = " from tokens where id = " + k;
        EXPECT_EQ(value(c.query("select given" + row)), number);
        EXPECT_EQ(value(c.query("select id" + row + " and given = " + number)), k);
        EXPECT_EQ(value(c.bound("select given" + row, {}, {}, 1)).size(), 4U);
        EXPECT_EQ(value(c.query("select made" + row)), "people");
        EXPECT_EQ(value(c.query("select made_by" + row)), "kinds");
        EXPECT_EQ(value(c.query("select id" + row + " and made = 'people'::regclass")), k);
        EXPECT_EQ(state(c.bound("select made" + row, {}, {}, 1)), "0A000");
        for (const char* what : {"made::oid", "made_by::oid", "made = 16403", "given::regclass", "made = given"}) {
            EXPECT_EQ(state(c.query("select " + std::string{what} + row)), "0A000") << what;
        }
    }
    EXPECT_EQ(state(c.bound("insert into tokens values (50, 1, $1)", {}, {number})), "0A000");
    EXPECT_EQ(state(c.query("insert into tokens values (50, 1, " + number + ")")), "0A000");
    EXPECT_EQ(state(c.query("insert into tokens values (50, 'people'::regclass, 'people')")), "0A000");
    EXPECT_EQ(state(c.query("insert into tokens values (50, 1, 'people', '" + number + "')")), "0A000");
    EXPECT_EQ(state(c.query("update tokens set made = '" + number + "' where id = 1")), "0A000");
    EXPECT_EQ(state(c.query("insert into numbered values (1)")), "0A000");
    EXPECT_EQ(state(c.query("insert into numbered values (1, 16403)")), "");
    EXPECT_EQ(value(c.query("select count(*) from tokens where made = 'people'::regclass")), "9");
    EXPECT_EQ(state(c.query("select made from tokens order by made")), "0A000");
    EXPECT_EQ(state(c.query("delete from tokens where id <= 9 and made = 'people'::regclass and id = 3")), "");
    for (int key = 1; key <= 9; ++key) (void)c.query("delete from tokens where id = " + std::to_string(key));
}

// Without the sharded tables, the database of the unsharded ones is not the one that is asked for the catalogue.
TEST(ProxyOwnTypes, UnshardedTablesShowTheNumbersOfTheFirstShardWhereThatIsAsked) {
    proxied::options o;
    o.shards = 2;
    o.pool = 2;
    o.schema = {"create type mood as enum ('sad', 'ok', 'happy')", "create table people(id int primary key, mood mood)",
                "create table notes(id int primary key, mood mood, moods mood[])",
                "insert into notes values (1, 'ok', '{sad,happy}')"};
    o.tables = {proxied::sharded("people", "id")};
    {
        const proxied first{o};
        o.on = first.shared_databases();
    }
    (void)o.on->run_sql("drop table people", "main");
    for (const char* shard : {"shard_1", "shard_2"}) (void)o.on->run_sql("drop table notes", shard);
    proxied apart{o};
    client c{apart.port()};
    const Oid mood = c.type("mood"), moods = c.type("_mood");
    test::raw_client shard{apart.direct("shard_1")};
    ASSERT_NE(shard.query("select oid from pg_type where typname = 'mood'").find("D(" + std::to_string(mood) + ")"),
              std::string::npos);

    const answer row = c.query("select id, mood, moods from notes");
    EXPECT_EQ(PQftype(row.get(), 1), mood) << PQresultErrorMessage(row.get());
    EXPECT_EQ(PQftype(row.get(), 2), moods);
    EXPECT_EQ(PQftable(row.get(), 0), 0U);  // a table that the catalogue does not have
    EXPECT_EQ(PQntuples(c.bound("select id from notes where mood = $1", {mood}, {"ok"}).get()), 1);

    (void)c.query("begin");
    EXPECT_EQ(state(c.query("declare c binary cursor for select moods from notes")), "0A000");
    (void)c.query("rollback");
    (void)c.query("begin");
    EXPECT_EQ(state(c.query("declare c cursor for select moods from notes")), "");
    const answer fetched = c.query("fetch 1 from c");
    EXPECT_EQ(PQftype(fetched.get(), 0), moods);
    EXPECT_STREQ(PQgetvalue(fetched.get(), 0, 0), "{sad,happy}");
    EXPECT_EQ(state(c.bound("fetch 1 from c", {}, {}, 1)), "0A000");
    (void)c.query("rollback");
    (void)c.query("begin");
    EXPECT_EQ(state(c.query("declare c cursor for select mood from notes")), "");
    const answer single = c.bound("fetch 1 from c", {}, {}, 1);
    ASSERT_EQ(PQntuples(single.get()), 1) << PQresultErrorMessage(single.get());
    EXPECT_EQ(PQftype(single.get(), 0), mood);
    EXPECT_STREQ(PQgetvalue(single.get(), 0, 0), "ok");
    (void)c.query("rollback");

    EXPECT_EQ(state(c.query("copy notes to stdout (format binary)")), "0A000");
    EXPECT_EQ(PQresultStatus(c.query("copy notes to stdout").get()), PGRES_COPY_OUT);
}

// Such a description comes in many pieces.
TEST(ProxyOwnTypes, ALongDescriptionIsTranslatedToo) {
    client c{house().port()};
    std::string columns = "mood";
    for (int i = 1; i < 1'500; ++i) columns += ", mood as " + std::string(50, 'a') + std::to_string(i);
    const Oid mood = c.type("mood");
    for (int key = 1; key <= 6; ++key) {
        const answer got = c.query(of_key(columns, key));
        ASSERT_EQ(PQnfields(got.get()), 1'500) << PQresultErrorMessage(got.get());
        for (int i = 0; i < 1'500; ++i) ASSERT_EQ(PQftype(got.get(), i), mood) << i;
        EXPECT_STREQ(PQgetvalue(got.get(), 0, 1'499), "ok");
    }
}

TEST(ProxyOwnTypes, ATypeThatTheCatalogueDoesNotKnowIsUnknownAndReadAsText) {
    for (const char* shard : {"shard_1", "shard_2", "shard_3"}) {
        (void)house().databases().run_sql("create type hidden as enum ('a', 'b')", shard);
    }
    client c{house().port()};
    EXPECT_EQ(PQntuples(c.query("select oid from pg_type where typname = 'hidden'").get()), 0);
    for (int key = 1; key <= keys; ++key) {
        const answer text = c.query(of_key("'b'::hidden, mood", key));
        ASSERT_EQ(PQntuples(text.get()), 1) << PQresultErrorMessage(text.get());
        EXPECT_EQ(PQftype(text.get(), 0), 705U);
        EXPECT_EQ(PQfsize(text.get(), 0), -2);
        EXPECT_EQ(PQftype(text.get(), 1), c.type("mood"));
        EXPECT_STREQ(PQgetvalue(text.get(), 0, 0), "b");
    }
    EXPECT_EQ(state(c.bound("select 'b'::hidden from people where id = $1", {}, {"1"}, 1)), "0A000");
    const answer merged = c.query("select 'b'::hidden, id from people");
    EXPECT_EQ(state(merged), "0A000");
    EXPECT_EQ(PQntuples(c.query("select id from people").get()), keys);
}

// Types made directly on the servers after the proxy has read the catalogue. Each test has a proxy that knows nothing of
// them, before the databases that all share.
proxied new_proxy() {
    proxied::options o;
    o.on = house().shared_databases();
    o.shards = 3;
    o.pool = 1;  // what is read again is not read on the connections that clients hold
    o.tables = {proxied::sharded("people", "id")};
    return proxied{o};
}

void on_each_server(const std::string& sql) {
    for (const char* database : {"main", "shard_1", "shard_2", "shard_3"}) {
        (void)house().databases().run_sql(sql, database);
    }
}

TEST(ProxyOwnTypes, ANewTypeIsKnownAtItsFirstAnswer) {
    const proxied fresh = new_proxy();
    client c{fresh.port()};
    on_each_server("create type tone as enum ('low', 'high')");
    const Oid tone = c.type("tone");
    for (int key = 1; key <= keys; ++key) {
        const answer got = c.query(of_key("'low'::tone, mood", key));
        EXPECT_EQ(PQftype(got.get(), 0), tone) << key << PQresultErrorMessage(got.get());
        EXPECT_EQ(PQfsize(got.get(), 0), 4);
        EXPECT_EQ(PQftype(got.get(), 1), c.type("mood"));
        EXPECT_STREQ(PQgetvalue(got.get(), 0, 0), "low");
    }
}

TEST(ProxyOwnTypes, ANewTypeIsKnownWithinATransactionAndInMergedAnswers) {
    const proxied fresh = new_proxy();
    client c{fresh.port()};
    on_each_server("create type pitch as enum ('low', 'high')");
    const Oid pitch = c.type("pitch");
    (void)c.query("begin");
    const answer merged = c.query("select id, 'low'::pitch from people");
    ASSERT_EQ(PQntuples(merged.get()), keys) << PQresultErrorMessage(merged.get());
    EXPECT_EQ(PQftype(merged.get(), 1), pitch);
    on_each_server("create type pace as enum ('slow', 'fast')");
    // Reading takes a fifth of the time at most: where it is slow, an answer does not wait for it for ever.
    answer relayed = c.query(of_key("'fast'::pace", 4));
    for (int i = 0; i < 50 && PQftype(relayed.get(), 0) != c.type("pace"); ++i) {
        relayed = c.query(of_key("'fast'::pace", 4));
    }
    EXPECT_EQ(PQftype(relayed.get(), 0), c.type("pace"));
    EXPECT_EQ(state(c.query("commit")), "");
}

TEST(ProxyOwnTypes, ANewTypeIsKnownWhereItIsDescribedAndDeclared) {
    {
        const proxied fresh = new_proxy();
        client c{fresh.port()};
        on_each_server("create type shade as enum ('dark', 'light')");
        const answer told = c.described("select id, 'dark'::shade from people where id = $1 and $2 = 'dark'::shade");
        ASSERT_EQ(PQnparams(told.get()), 2) << PQresultErrorMessage(told.get());
        EXPECT_EQ(PQparamtype(told.get(), 1), c.type("shade"));
        EXPECT_EQ(PQftype(told.get(), 1), c.type("shade"));
    }
    {
        const proxied fresh = new_proxy();
        client c{fresh.port()};
        on_each_server("create type grain as enum ('fine', 'coarse')");
        const Oid grain = c.type("grain");
        for (int key = 1; key <= keys; ++key) {
            const answer got =
                c.bound("select $2, id from people where id = $1", {23, grain}, {std::to_string(key), "fine"});
            ASSERT_EQ(PQntuples(got.get()), 1) << PQresultErrorMessage(got.get());
            EXPECT_EQ(PQftype(got.get(), 0), grain);
        }
        EXPECT_EQ(state(c.bound("select id from people where id = $1 and $2 = $2", {23, 4'000'000}, {"1", "fine"})),
                  "0A000");
    }
    {
        const proxied fresh = new_proxy();
        client c{fresh.port()};
        on_each_server("create type weave as enum ('loose', 'tight')");
        const Oid weave = c.type("weave");
        const answer got = c.bound("select count(*) from people where $1 = 'tight'", {weave}, {"tight"});
        EXPECT_EQ(value(got), std::to_string(keys));
    }
}

TEST(ProxyOwnTypes, BinaryValuesOfANewTypeHoldItsNumberOfTheCatalogue) {
    const proxied fresh = new_proxy();
    client c{fresh.port()};
    on_each_server("create type cloth as enum ('wool', 'silk')");
    for (const int key : {1, 2, 3, 4, 5, 6}) {
        const std::vector<std::string> which{std::to_string(key)};
        // Its numbers are learnt at once; what it is made of is known when the catalogue has been read again. Refused until then.
        EXPECT_TRUE(test::becomes([&] {
            const answer array = c.bound("select array['silk'::cloth], id from people where id = $1", {}, which, 1);
            if (PQntuples(array.get()) == 0) {
                EXPECT_EQ(state(array), "0A000");
                return false;
            }
            EXPECT_EQ(bytes_of(array, 0, 0), array_of(c.type("cloth"), {"silk"}));
            return true;
        }));
        const answer single = c.bound("select 'silk'::cloth from people where id = $1", {}, which, 1);
        EXPECT_EQ(value(single), "silk");
        EXPECT_EQ(PQftype(single.get(), 0), c.type("cloth"));
    }
}

TEST(ProxyOwnTypes, ManyClientsWhoMeetANewTypeAtOnceAllSeeItsNumber) {
    const proxied fresh = new_proxy();
    std::vector<std::unique_ptr<client>> clients;
    for (int i = 0; i < 12; ++i) clients.push_back(std::make_unique<client>(fresh.port()));
    on_each_server("create type crowd as enum ('here', 'there')");
    const Oid crowd = clients.front()->type("crowd");
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (auto& each : clients) {
        threads.emplace_back([&right, crowd, c = each.get()] {
            for (int key = 1; key <= 6; ++key) {
                if (PQftype(c->query(of_key("'here'::crowd", key)).get(), 0) == crowd) ++right;
            }
        });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_EQ(right, 12 * 6);
}

TEST(ProxyOwnTypes, ATypeThatComesToTheCatalogueLaterIsKnownOnceAllIsReadAgain) {
    const proxied fresh = new_proxy();
    client c{fresh.port()};
    for (const char* shard : {"shard_1", "shard_2", "shard_3"}) {
        (void)house().databases().run_sql("create type late as enum ('a', 'b')", shard);
    }
    EXPECT_EQ(PQftype(c.query(of_key("'a'::late", 1)).get(), 0), 705U);
    (void)house().databases().run_sql("create type late as enum ('a', 'b')", "main");
    ASSERT_EQ(state(c.query("create table read_it_again(id int)")), "");  // DDL through the proxy
    for (int key = 1; key <= keys; ++key) {
        EXPECT_EQ(PQftype(c.query(of_key("'a'::late", key)).get(), 0), c.type("late"));
    }
}

// Servers that were set up alike number alike, and nothing has to be translated, until one of them goes its own way.
TEST(ProxyOwnTypes, ServersThatNumberAlikeMayDiverge) {
    const test::postgres_server central, shard;
    for (const test::postgres_server* each : {&central, &shard}) {
        (void)each->run_sql("create type mood as enum ('sad', 'ok')");
        (void)each->run_sql("create table people(id int primary key, mood mood, moods mood[])");
    }
    ASSERT_EQ(central.scalar("select 'mood'::regtype::oid"), shard.scalar("select 'mood'::regtype::oid"));
    proxied::options o;
    o.on = house().shared_databases();
    o.shards = 1;
    o.tables = {proxied::sharded("people", "id")};
    o.change = [&](config::description& d) {
        const auto move = [](config::database& to, const test::postgres_server& where) {
            to.primary.port = where.port();
            to.primary.database = "postgres";
        };
        move(d.databases.at("primary"), central);
        move(d.shards_->list.at(0), shard);
    };
    const proxied alike{o};
    client c{alike.port()};
    ASSERT_EQ(state(c.query("insert into people values (1, 'ok', '{ok}')")), "");
    EXPECT_EQ(PQftype(c.query("select moods, id from people where id = 1").get(), 0), c.type("_mood"));
    EXPECT_EQ(state(c.bound("select moods from people where id = 1", {}, {}, 1)), "");

    (void)shard.run_sql("create type in_the_way as (a int)");
    for (const test::postgres_server* each : {&central, &shard}) {
        (void)each->run_sql("create type tone as enum ('low', 'high')");
    }
    ASSERT_NE(central.scalar("select 'tone'::regtype::oid"), shard.scalar("select 'tone'::regtype::oid"));
    EXPECT_EQ(PQftype(c.query("select 'low'::tone from people where id = 1").get(), 0), c.type("tone"));
    EXPECT_EQ(PQftype(c.query("select mood from people where id = 1").get(), 0), c.type("mood"));
    EXPECT_EQ(state(c.bound("select moods from people where id = 1", {}, {}, 1)), "")
        << "its numbers are the same still";
    const answer array = c.bound("select array['low'::tone] from people where id = 1", {}, {}, 1);
    EXPECT_EQ(bytes_of(array, 0, 0), array_of(c.type("tone"), {"low"})) << PQresultErrorMessage(array.get());
}

TEST(ProxyOwnTypes, NewTypesAreKnownOnceTheCatalogueIsReadAgain) {
    for (const char* database : {"main", "shard_1", "shard_2", "shard_3"}) {
        (void)house().databases().run_sql("create type colour as enum ('red', 'green')", database);
    }
    client c{house().port()};
    ASSERT_EQ(state(c.query("create table made_by_the_proxy(id int)")), "");
    for (int key = 1; key <= keys; ++key) {
        EXPECT_EQ(PQftype(c.query(of_key("'red'::colour", key)).get(), 0), c.type("colour"));
    }
}

}  // namespace
}  // namespace ashlar
