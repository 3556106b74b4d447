// `ashlar load` into tables of MariaDB: as the primary, and as a database that is asked by its name.

#include "support/ashlar_command.hpp"
#include "support/mariadb_server.hpp"
#include "support/temporary_folder.hpp"
#include "support/text.hpp"

#include <gmock/gmock.h>

#include <fmt/format.h>

namespace {

using namespace ashlar;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

test::mariadb_server& server() {
    static test::mariadb_server one;
    return one;
}

}  // namespace

class LoadIntoMariadb : public ::testing::Test {
protected:
    void SetUp() override {
        static int databases = 0;
        name_ = fmt::format("load_{}", ++databases);
        server().create_database(name_);
        config_ = folder_.write("ashlar.toml", "[databases.primary]\nurl = \"" + server().url(name_) + "\"\n");
    }
    std::string cell(const std::string& sql) { return server().scalar(sql, name_); }
    void run_sql(const std::string& sql) { server().run_sql(sql, name_); }
    std::string write(const std::string& file, const std::string& text) { return folder_.write(file, text); }
    std::string file(const std::string& name) { return folder_.file(name); }
    const std::string& config() const { return config_; }
    std::string url() const { return server().url(name_); }

    test::command_result load(const std::string& table, const std::string& path, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"load", "-c", config_, table, path});
        return test::run_ashlar(more);
    }
    // One that the load has open, if it has one just now.
    void kill_a_connection() {
        const std::string id =
            cell("select coalesce(max(id), 0) from information_schema.processlist where user = 'ashlar'");
        if (id == "0") return;
        try {
            run_sql("kill " + id);
        } catch (const std::runtime_error&) {  // it has ended by itself
        }
    }
    std::string csv_of(const std::string& sql) {
        const auto got = test::run_ashlar({"query", "-c", config_, "--csv", sql});
        EXPECT_TRUE(got.ok()) << got.describe();
        return got.out;
    }

private:
    test::temporary_folder folder_;
    std::string name_, config_;
};

TEST_F(LoadIntoMariadb, EveryTypeComesBackAsItWas) {
    constexpr const char* columns =
        "(id bigint unsigned primary key, b boolean, u bigint unsigned, d decimal(20,4), f float, g double, "
        "s varchar(20) character set utf8mb4, t text, x blob, dt date, ts timestamp(6) null, dtm datetime(3), "
        "tm time(2), y year, e enum('a','it''s'), st set('p','q'), bi bit(5), j json, un uuid, "
        "twice bigint unsigned generated always as (id * 2) virtual)";
    run_sql(fmt::format("create table had {}; create table gets {}", columns, columns));
    run_sql(
        R"(insert into had (id, b, u, d, f, g, s, t, x, dt, ts, dtm, tm, y, e, st, bi, j, un) values
        (1, 1, 18446744073709551615, -12.5, 1.5, 1e300, 'q"u''o,té', 'tab\tnew\nline \\ back', x'00ff5c', '2024-02-29',
         '2024-01-01 12:00:00.000001', '9999-12-31 23:59:59.999', '-01:00:00.5', 2155, 'it''s', 'p,q', b'10101',
         '{"a": [1, null]}', '123e4567-e89b-12d3-a456-426655440000'),
        (2, 0, 0, 0, 0, 0, '', '', '', '1000-01-01', null, null, '838:59:59', 1901, 'a', '', b'0', '""', null),
        (3, null, null, null, null, null, null, null, null, null, null, null, '-838:59:59', null, null, null, null,
         null, null))");
    const std::string all = "select id, b, u, d, f, g, s, t, x, dt, ts, dtm, tm, y, e, st, bi, j, un from ";
    const std::string had = csv_of(all + "had order by id");
    ASSERT_THAT(had, HasSubstr("838:59:59"));
    const auto loaded = load("gets", write("had.csv", had));
    ASSERT_TRUE(loaded.ok()) << loaded.describe();
    EXPECT_THAT(loaded.out, HasSubstr("gets: 3 rows"));
    EXPECT_EQ(csv_of(all + "gets order by id"), had);
    EXPECT_EQ(cell("select count(*) from (select * from had except select * from gets) d"), "0");
}

TEST_F(LoadIntoMariadb, WhatIsNotWrittenAsPostgresqlWritesItIsReadByTheServer) {
    run_sql("create table t (id int auto_increment primary key, b tinyint(1), d date, dt datetime, tm time)");
    const auto loaded = load("t", write("t.csv",
                                        "ID,b,d,dt,tm\n0,true,2024-1-5,2024-01-05T10:11:12,101010\n"
                                        "1,f,20240106,2024-01-06,1:02:03\n"));
    ASSERT_TRUE(loaded.ok()) << loaded.describe();
    EXPECT_EQ(cell("select concat_ws(' ', id, b, d, dt, tm) from t where id = 0"),
              "0 1 2024-01-05 2024-01-05 10:11:12 10:10:10");
    EXPECT_EQ(cell("select concat_ws(' ', id, b, d, dt, tm) from t where id = 1"),
              "1 0 2024-01-06 2024-01-06 00:00:00 01:02:03");
}

TEST_F(LoadIntoMariadb, ZeroDatesAreStoredWhereTheServerTakesThem) {
    run_sql(
        "create table had (id int primary key, d date, dt datetime(6), tm time); create table gets like had; "
        "set sql_mode = ''; insert into had values (1, '0000-00-00', '0000-00-00 00:00:00', '-12:34:56'), "
        "(2, '2024-00-10', '2024-05-00 01:02:03.5', '-838:59:59'), (3, null, null, null)");
    const std::string rows = csv_of("select * from had order by id");
    ASSERT_THAT(rows, HasSubstr("0000-00-00"));
    const auto loaded = load("gets", write("zero.csv", rows));
    ASSERT_TRUE(loaded.ok()) << loaded.describe();
    EXPECT_EQ(csv_of("select * from gets order by id"), rows);
    EXPECT_EQ(cell("select count(*) from (select * from had except select * from gets) d"), "0");

    run_sql("set global sql_mode = concat(@@global.sql_mode, ',NO_ZERO_DATE'); truncate table gets");
    const auto refused = load("gets", write("again.csv", rows));
    run_sql("set global sql_mode = replace(@@global.sql_mode, 'NO_ZERO_DATE', '')");
    EXPECT_FALSE(refused.ok()) << refused.describe();
    EXPECT_THAT(refused.err, HasSubstr("0000-00-00"));
}

TEST_F(LoadIntoMariadb, ABadRowIsToldWithItsLineAndNothingOfItsBatchStays) {
    run_sql(
        "create table t (id int primary key, s varchar(5) not null, e enum('a') null, d date, "
        "check (id <> 77)) partition by range (id) (partition p values less than (100))");
    struct bad {
        std::string row, reason;
    };
    const std::vector<bad> all{{"2,toolong,,", "Data too long for column 's'"},
                               {"x,ok,,", "column \"id\" cannot be read as integer"},
                               {"2,,,", "Column 's' cannot be null"},
                               {"2,ok,b,", "Data truncated for column 'e'"},
                               {"2,ok,,2024-02-30", "2024-02-30"},
                               {"1,dup,,", "Duplicate entry"},
                               {"77,ok,,", "CONSTRAINT"},
                               {"500,ok,,", "no partition for value 500"},
                               {"2,ok", "2 fields where 4 are expected"},
                               {std::string{"2,o\0k,,", 7}, "zero byte"},
                               {"2,\xff,,", "Incorrect string value"}};
    for (const bad& each : all) {
        run_sql("delete from t");
        const auto said = load("t", write("t.csv", "id,s,e,d\n1,one,a,\n" + each.row + "\n3,three,,\n"), {"--restart"});
        EXPECT_EQ(said.exit_code, 1) << said.describe();
        EXPECT_THAT(said.err, HasSubstr("line 3: ")) << each.row;
        EXPECT_THAT(said.err, HasSubstr(each.reason)) << each.row;
        EXPECT_EQ(cell("select count(*) from t where id <> 1"), "0") << each.row;
    }
    // Set aside, the others are in.
    run_sql("delete from t");
    std::string text = "id,s,e,d\n1,one,a,\n";
    for (const bad& each : all) text += each.row + "\n";
    const auto said = load("t", write("all.csv", text + "99,last,,\n"), {"--bad-rows", file("bad.csv")});
    ASSERT_TRUE(said.ok()) << said.describe();
    EXPECT_THAT(said.out, HasSubstr("t: 2 rows"));
    EXPECT_EQ(cell("select group_concat(id order by id) from t"), "1,99");
}

TEST_F(LoadIntoMariadb, WhatCannotBeLoadedIsNamed) {
    run_sql(
        "create table cannot_roll_back (id int) engine = myisam; create table t (id int primary key);"
        "create view v as select 1 as id; create sequence s");
    const std::string ids = write("ids.csv", "id\n1\n");
    EXPECT_THAT(load("cannot_roll_back", ids).err, HasSubstr("MyISAM, which cannot roll back"));
    EXPECT_THAT(load("v", ids).err, HasSubstr("v is a view"));
    EXPECT_THAT(load("s", ids).err, HasSubstr("s is a sequence"));
    EXPECT_THAT(load("tt", ids).err, HasSubstr("primary has no table tt"));
    EXPECT_THAT(load("t", write("other.csv", "id,more\n1,2\n")).err, HasSubstr("t has no column \"more\""));
    EXPECT_THAT(load("t", ids, {"-d", "no_such"}).err, HasSubstr("there is no database no_such"));
    EXPECT_EQ(cell("select count(*) from t"), "0");
}

TEST_F(LoadIntoMariadb, ATableOfANamedDatabaseIsLoadedBesideShards) {
    run_sql("create table visits (id int primary key, page text); create table others (id int primary key)");
    const std::string beside =
        write("shards.toml",
              "[shards]\nfunction = \"modulo\"\nkey_type = \"integer\"\ncount = 2\nurl = \"sqlite:s{shard}.db\"\n"
              "[tables]\nusers = { shard_key = \"id\" }\nvisits = { database = \"analytics\" }\n"
              "[databases.analytics]\nurl = \"" +
                  url() + "\"\n");
    const auto by_table = test::run_ashlar({"load", "-c", beside, "visits", write("v.csv", "id,page\n1,\"a,b\"\n")});
    EXPECT_TRUE(by_table.ok()) << by_table.describe();
    EXPECT_EQ(cell("select page from visits"), "a,b");
    const std::string ids = write("o.csv", "id\n5\n");
    const auto by_option = test::run_ashlar({"load", "-c", beside, "-d", "analytics", "others", ids});
    EXPECT_TRUE(by_option.ok()) << by_option.describe();
    EXPECT_EQ(cell("select id from others"), "5");
    const auto shard = test::run_ashlar({"load", "-c", beside, "-d", "shard_1", "others", ids});
    EXPECT_THAT(shard.err, HasSubstr("shard_1 is a shard"));
}

TEST_F(LoadIntoMariadb, KilledConnectionsAndAKilledLoadLoseAndDoubleNothing) {
    run_sql("create table big (id int primary key, name text)");
    constexpr int rows = 60'000;
    std::string text = "id,name\n";
    for (int i = 0; i < rows; ++i) text += fmt::format("{},name of {}\n", i, i);
    const std::string path = write("big.csv", text);
    const std::vector<std::string> again{"load", "-c", config(), "big", path, "--batch-rows", "200"};
    for (int attempt = 0; attempt < 5; ++attempt) {
        test::command what = test::ashlar_command(again);
        what.output_file = file("load.log");
        test::child load{what};
        for (int kills = 0; kills < 3 && load.running(); ++kills) {
            if (const auto code = load.wait(20ms)) {
                // One killed connection is replaced; several in turn may end the load, which is then run again.
                const std::string said = test::read_file(file("load.log"));
                if (*code != 0) {
                    ASSERT_THAT(said, AnyOf(HasSubstr("Lost connection to server"),
                                            HasSubstr("the connection to the server is gone")));
                }
                break;
            }
            kill_a_connection();
        }
        load.kill_and_wait();
    }
    const auto rest = test::run_ashlar(again);
    EXPECT_TRUE(rest.ok()) << rest.describe();
    EXPECT_EQ(cell("select concat(count(*), ' ', sum(id)) from big"),
              fmt::format("{} {}", rows, std::int64_t{rows} * (rows - 1) / 2));
}
