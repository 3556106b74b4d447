// The real program, end to end: a cluster made, loaded, asked, served, stopped and removed, on SQLite and on PostgreSQL.

#include "support/ashlar_command.hpp"
#include "support/free_port.hpp"
#include "support/mariadb_server.hpp"
#include "support/process.hpp"
#include "support/temporary_folder.hpp"
#include "support/text.hpp"

#include <gmock/gmock.h>

#include <fmt/format.h>

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace {

using namespace ashlar;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

test::command_result ashlar(std::vector<std::string> words, const std::string& input = "") {
    return test::run_ashlar(std::move(words), input);
}

constexpr const char* schema =
    "create table if not exists users (id bigint primary key, name text not null, born date);\n"
    "create table if not exists countries (code varchar(2) primary key, name text not null);\n";

std::string users_csv(int from, int until) {
    std::string text = "id,name,born\n";
    for (int i = from; i < until; ++i)
        text += fmt::format("{},\"User, {}\",{}\n", i, i, i % 3 == 0 ? "" : "1990-01-01");
    return text;
}

// A cluster of `ashlar dev` in a folder of its own, removed with the test.
class dev_cluster {
public:
    // By default in a folder and on ports that nobody else uses.
    dev_cluster(const std::string& engine, int shards, int replicas = 0, std::string where = {},
                std::uint16_t port = test::free_port())
        : path_(std::move(where)), port_(port) {
        if (path_.empty()) path_ = folder_.file("cluster");
        const auto made =
            ashlar({"dev", "start", path(), "--engine", engine, "--shards", std::to_string(shards), "--replicas",
                    std::to_string(replicas), "--port", std::to_string(port_), "--key-type", "integer", "--table",
                    "users=id", "--reference", "countries", "--schema", folder_.write("schema.sql", schema)});
        EXPECT_TRUE(made.ok()) << made.describe();
    }
    ~dev_cluster() {
        const auto removed = ashlar({"dev", "remove", path()});
        EXPECT_TRUE(removed.ok()) << removed.describe();
    }
    const std::string& path() const { return path_; }
    std::string config() const { return path() + "/ashlar.toml"; }
    std::uint16_t port() const { return port_; }
    std::string write(const std::string& name, const std::string& text) const { return folder_.write(name, text); }
    std::string file(const std::string& name) const { return folder_.file(name); }

    std::string answer(const std::string& sql) const {
        const auto got = ashlar({"query", "-c", config(), "--csv", sql});
        EXPECT_TRUE(got.ok()) << got.describe();
        const auto head = got.out.find('\n');
        return head == std::string::npos ? got.out : got.out.substr(head + 1);
    }
    test::command_result load(const std::string& table, const std::string& file_name,
                              std::vector<std::string> more = {}) const {
        std::vector<std::string> words{"load", "-c", config(), table, file_name};
        words.insert(words.end(), more.begin(), more.end());
        return ashlar(std::move(words));
    }

private:
    test::temporary_folder folder_;
    std::string path_;
    std::uint16_t port_;
};

TEST(Cli, WritesAConfigurationThatIsGoodAndOverwritesNone) {
    test::temporary_folder folder;
    const std::string file = folder.file("ashlar.toml");
    for (const char* engine : {"sqlite", "postgres"}) {
        EXPECT_TRUE(ashlar({"init", file, "--engine", engine}).ok());
        const auto checked = ashlar({"check", "-c", file});
        EXPECT_TRUE(checked.ok()) << checked.describe();
        EXPECT_EQ(ashlar({"init", file}).exit_code, 1);
        std::filesystem::remove(file);
    }
}

TEST(Cli, ChecksTellAllMistakesAndNoSecret) {
    test::temporary_folder folder;
    const std::string file = folder.write("a.toml",
                                          "[databases.primary]\nurl = \"postgre://u:hunter2@h/d\"\n"
                                          "[pool]\nmax_conections = 1\nidle_timeout = 5\n");
    const auto checked = ashlar({"check", "-c", file});
    EXPECT_EQ(checked.exit_code, 1);
    EXPECT_THAT(checked.out, HasSubstr("3 mistakes."));
    EXPECT_THAT(checked.out, HasSubstr(file + ":4:1: pool.max_conections: unknown key"));
    EXPECT_THAT(checked.out + checked.err, Not(HasSubstr("hunter2")));
}

TEST(Cli, ADevClusterHasTheKeyTypeOfItsSchema) {
    test::temporary_folder folder;
    const std::string tables = "create table users(id bigint primary key); create table tags(name text primary key);";
    const std::vector<std::string> start{"dev",      "start",    folder.file("cluster"),
                                         "--engine", "sqlite",   "--shards",
                                         "2",        "--schema", folder.write("schema.sql", tables)};
    const auto with = [&](std::vector<std::string> more) {
        std::vector<std::string> words = start;
        words.insert(words.end(), more.begin(), more.end());
        const auto made = ashlar(words);
        EXPECT_TRUE(made.ok()) << made.describe();
        const std::string written = test::read_file(folder.file("cluster/ashlar.toml"));
        EXPECT_TRUE(ashlar({"dev", "remove", folder.file("cluster")}).ok());
        return made.out + written;
    };
    EXPECT_THAT(with({"--table", "users=id"}), AllOf(HasSubstr("The shard keys are of type integer, as users.id is.\n"),
                                                     HasSubstr("key_type = \"integer\"")));
    EXPECT_THAT(with({"--table", "tags=name"}), HasSubstr("key_type = \"text\""));
    EXPECT_THAT(with({"--table", "other=id"}), HasSubstr("key_type = \"uuid\""));
    EXPECT_THAT(with({"--table", "users=id", "--key-type", "text", "--function", "ring"}),
                AllOf(HasSubstr("key_type = \"text\""), Not(HasSubstr("The shard keys are"))));
}

TEST(Cli, ADeepCheckNamesTablesWhoseKeysAreOfAnotherType) {
    test::temporary_folder folder;
    const std::string path = folder.file("cluster");
    const auto made = ashlar({"dev", "start", path, "--engine", "sqlite", "--shards", "2", "--key-type", "integer",
                              "--table", "users=id", "--table", "visits=token", "--schema",
                              folder.write("schema.sql",
                                           "create table users(id integer primary key, name text);"
                                           "create table visits(token uuid primary key, n integer);")});
    ASSERT_TRUE(made.ok()) << made.describe();
    const std::string config = path + "/ashlar.toml";
    EXPECT_TRUE(ashlar({"check", "-c", config}).ok());
    const auto deep = ashlar({"check", "--deep", "-c", config});
    EXPECT_EQ(deep.exit_code, 1);
    EXPECT_THAT(deep.out, HasSubstr("table visits is sharded by token, which is uuid, while the shards' keys are of "
                                    "type integer\n  Shard it by a column of type smallint, integer or bigint, or "
                                    "set key_type = \"uuid\" if all sharded tables have such keys.\n"));
    EXPECT_THAT(deep.out, HasSubstr("1 mistake."));
    EXPECT_THAT(deep.out, Not(HasSubstr("users")));
    const auto for_programs = ashlar({"check", "--deep", "--json", "-c", config});
    EXPECT_EQ(for_programs.exit_code, 1);
    EXPECT_THAT(for_programs.out, HasSubstr("\"good\": false"));
    EXPECT_THAT(for_programs.out, HasSubstr("table visits is sharded by token"));
    EXPECT_TRUE(ashlar({"dev", "remove", path}).ok());
}

TEST(Cli, TellsWhereAKeyLives) {
    test::temporary_folder folder;
    const std::string file = folder.write(
        "a.toml", "[shards]\nfunction = \"modulo\"\nkey_type = \"uuid\"\ncount = 16\nurl = \"sqlite:s_{shard}.db\"\n");
    const auto found = ashlar({"where", "-c", file, "230d30d2-296d-4d60-8064-91204aa3fe1c"});
    EXPECT_THAT(found.out, HasSubstr("shard_13"));
    EXPECT_THAT(found.out, HasSubstr("remainder 12 of 16"));
}

TEST(Cli, UsageMistakesEndWithTwo) {
    EXPECT_EQ(ashlar({"chekc"}).exit_code, 2);
    EXPECT_EQ(ashlar({}).exit_code, 2);
    EXPECT_EQ(ashlar({"load", "orders"}).exit_code, 2);
}

class OnEngine : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Cli, OnEngine, ::testing::Values("sqlite", "postgres"),
                         [](const auto& param) { return param.param; });

TEST_P(OnEngine, LoadsAFileAndAnswersAsOneDatabase) {
    dev_cluster shop{GetParam(), 3};
    const auto loaded = shop.load("users", shop.write("users.csv", users_csv(0, 1000)), {"--batch-rows", "100"});
    ASSERT_TRUE(loaded.ok()) << loaded.describe();
    ASSERT_TRUE(shop.load("countries", shop.write("c.csv", "code,name\nSE,Sverige\nNO,Norge\n")).ok());

    EXPECT_EQ(shop.answer("select count(*), min(id), max(id) from users"), "1000,0,999\n");
    EXPECT_EQ(shop.answer("select count(*) from users where born is null"), "334\n");
    EXPECT_EQ(shop.answer("select name from users where id = 7"), "\"User, 7\"\n");
    EXPECT_EQ(shop.answer("select count(*) from countries"), "2\n");
    const auto each =
        ashlar({"query", "-c", shop.config(), "--each-shard", "--csv", "select count(*) as count from countries"});
    EXPECT_EQ(each.out, "shard,count\nshard_1,2\nshard_2,2\nshard_3,2\n") << each.describe();
}

TEST_P(OnEngine, ALoadThatIsKilledGoesOnWithoutLossOrDoubling) {
    dev_cluster shop{GetParam(), 2};
    // No primary key stands in the way of a doubled row here.
    const auto made = ashlar({"query", "-c", shop.config(), "--each-shard",
                              "drop table users; create table users (id bigint, name text, born date)"});
    ASSERT_TRUE(made.ok()) << made.describe();
    constexpr int rows = 60'000;
    const std::string file = shop.write("users.csv", users_csv(0, rows));
    int killed = 0;
    for (int attempt = 0; attempt < 60; ++attempt) {
        test::command what = test::ashlar_command({"load", "-c", shop.config(), "users", file, "--batch-rows", "500"});
        what.output_file = shop.file("load.log");
        test::child load{what};
        // Each attempt lives a little longer, so that ends fall everywhere, and the last ones long enough for any machine.
        const auto ended = load.wait(20ms + attempt * 15ms + attempt * attempt * 1ms);
        if (ended) {
            ASSERT_EQ(*ended, 0) << test::read_file(shop.file("load.log"));
            break;
        }
        load.kill_and_wait();
        ++killed;
        ASSERT_LT(attempt, 59) << "it never came to its end";
    }
    EXPECT_GT(killed, 0);
    EXPECT_EQ(shop.answer("select count(*), count(distinct id), sum(id) from users"),
              fmt::format("{},{},{}\n", rows, rows, 1LL * rows * (rows - 1) / 2));
}

TEST_P(OnEngine, ABadRowEndsTheLoadAndIsSetAsideOnDemand) {
    dev_cluster shop{GetParam(), 2};
    const std::string file =
        shop.write("users.csv", "id,name,born\n1,one,\n2,,\nx,three,\n4,four\n1,again,\n5,five,1990-01-01\n");
    const auto stopped = shop.load("users", file);
    EXPECT_EQ(stopped.exit_code, 1);
    EXPECT_THAT(stopped.err, HasSubstr("line "));

    const std::string bad = shop.file("bad.csv");
    const auto loaded = shop.load("users", file, {"--bad-rows", bad});
    ASSERT_TRUE(loaded.ok()) << loaded.describe();
    EXPECT_EQ(shop.answer("select id from users order by id"), "1\n5\n");
    const std::string aside = test::read_file(bad);
    EXPECT_THAT(aside, ::testing::StartsWith("id,name,born\n"));
    for (const char* line : {"2,,\n", "x,three,\n", "4,four\n", "1,again,\n"}) EXPECT_THAT(aside, HasSubstr(line));
    EXPECT_THAT(loaded.err, HasSubstr("line 4: "));
}

TEST_P(OnEngine, AFileThatChangedWhereItWasLoadedIsRefused) {
    dev_cluster shop{GetParam(), 2};
    const std::string file = shop.write("users.csv", "id,name,born\n1,one,\n2,two,\n3,three,\nx,bad,\n");
    ASSERT_EQ(shop.load("users", file, {"--batch-rows", "1"}).exit_code, 1);
    EXPECT_EQ(shop.answer("select count(*) from users"), "3\n") << "the rows before the bad one are in";

    shop.write("users.csv", "id,name,born\n7,one,\n8,two,\n9,three,\n4,abc,\n");
    const auto again = shop.load("users", file, {"--batch-rows", "1"});
    EXPECT_EQ(again.exit_code, 1);
    EXPECT_THAT(again.err, HasSubstr("the file has changed before line"));
    EXPECT_EQ(shop.answer("select count(*) from users"), "3\n");

    shop.write("users.csv", "id,name,born\n1,one,\n2,two,\n3,three,\n4,mended and longer,\n");
    const auto mended = shop.load("users", file, {"--batch-rows", "1"});
    EXPECT_TRUE(mended.ok()) << mended.describe();
    EXPECT_EQ(shop.answer("select id from users order by id"), "1\n2\n3\n4\n");
}

TEST_P(OnEngine, AFileIsLoadedAgainIntoDatabasesThatAreNew) {
    test::temporary_folder folder;
    const std::string file = folder.write("users.csv", users_csv(0, 10));
    const std::uint16_t port = test::free_port();
    for (int i = 0; i < 2; ++i) {
        dev_cluster shop{GetParam(), 2, 0, folder.file("cluster"), port};
        ASSERT_TRUE(shop.load("users", file).ok());
        EXPECT_EQ(shop.answer("select count(*) from users"), "10\n");
    }
}

TEST_P(OnEngine, AFileThatIsInIsNotLoadedTwiceUnlessAsked) {
    dev_cluster shop{GetParam(), 2};
    const std::string file = shop.write("users.csv", users_csv(0, 10));
    ASSERT_TRUE(shop.load("users", file).ok());
    const auto again = shop.load("users", file);
    EXPECT_TRUE(again.ok()) << again.describe();
    EXPECT_THAT(again.out, HasSubstr("nothing to do"));
    EXPECT_EQ(shop.answer("select count(*) from users"), "10\n");
    EXPECT_EQ(shop.load("users", file, {"--restart"}).exit_code, 1) << "the rows are there already";

    shop.write("users.csv", users_csv(10, 15));  // tomorrow's file under the same name
    const auto next = shop.load("users", file, {"--restart"});
    EXPECT_TRUE(next.ok()) << next.describe();
    shop.write("users.csv", users_csv(15, 20));
    EXPECT_TRUE(shop.load("users", file).ok());
    EXPECT_EQ(shop.answer("select count(*) from users"), "20\n");
}

TEST_P(OnEngine, AScriptIsOneSession) {
    dev_cluster shop{GetParam(), 2};
    ASSERT_TRUE(shop.load("users", shop.write("users.csv", users_csv(0, 10))).ok());
    const auto run = [&](const std::string& sql, std::vector<std::string> more = {}) {
        std::vector<std::string> words{"query", "-c", shop.config(), sql};
        words.insert(words.end(), more.begin(), more.end());
        return ashlar(words);
    };
    for (const std::vector<std::string>& where : {std::vector<std::string>{}, {"-d", "shard_1"}}) {
        const auto before = run("select count(*) from users", where).out;
        const auto undone = run("begin; delete from users where id = 4; rollback", where);
        EXPECT_TRUE(undone.ok()) << undone.describe();
        EXPECT_THAT(undone.out, AllOf(HasSubstr("BEGIN"), HasSubstr("ROLLBACK")));
        EXPECT_EQ(run("select count(*) from users", where).out, before);

        const auto unended = run("begin; delete from users where id = 4", where);
        EXPECT_EQ(unended.exit_code, 1);
        EXPECT_THAT(unended.err, HasSubstr("rolled back"));
        EXPECT_EQ(run("select count(*) from users", where).out, before);
    }
    EXPECT_TRUE(run("begin; delete from users where id = 4; commit").ok());
    EXPECT_EQ(shop.answer("select count(*) from users"), "9\n");
    const auto lost = run("set timezone = 'UTC'");
    EXPECT_EQ(lost.exit_code, 1);
    EXPECT_THAT(lost.err, HasSubstr("0A000"));
}

TEST_P(OnEngine, ServesUntilASignal) {
    dev_cluster shop{GetParam(), 2};
    ASSERT_TRUE(shop.load("users", shop.write("users.csv", users_csv(0, 100))).ok());
    test::command what = test::ashlar_command({"serve", "-c", shop.config(), "--workers", "1"});
    what.output_file = shop.file("serve.log");
    test::child server{what};
    test::command psql;
    psql.arguments = {"psql", fmt::format("postgres://demo@127.0.0.1:{}/shop", shop.port()), "-XAtqc",
                      "select count(*) from users"};
    test::command_result asked;
    for (int i = 0; i < 100 && !asked.ok() && server.running(); ++i) {
        asked = test::run(psql);
        if (!asked.ok()) std::this_thread::sleep_for(50ms);
    }
    EXPECT_EQ(asked.out, "100\n") << asked.describe() << test::read_file(shop.file("serve.log"));
    server.send(SIGTERM);
    EXPECT_EQ(server.wait(20s), 0) << test::read_file(shop.file("serve.log"));
}

TEST_P(OnEngine, TellsTheStatusOfEveryDatabase) {
    dev_cluster shop{GetParam(), 2};
    const auto up = ashlar({"status", "-c", shop.config()});
    EXPECT_TRUE(up.ok()) << up.describe();
    EXPECT_THAT(up.out, HasSubstr("shard_2"));
    EXPECT_THAT(up.out, HasSubstr("writing"));
    EXPECT_THAT(ashlar({"status", "-c", shop.config(), "--json"}).out, HasSubstr("\"up\": true"));
}

TEST_P(OnEngine, TheShellRunsAScript) {
    dev_cluster shop{GetParam(), 2};
    const auto said = ashlar({"shell", "-c", shop.config()},
                             "insert into users (id, name) values (1, 'one');\nbegin;\ninsert into users (id, name)\n"
                             "values (3, 'three');\nrollback;\nselect id, name from users;\n\\shards\n");
    EXPECT_TRUE(said.ok()) << said.describe();
    EXPECT_THAT(said.out, HasSubstr("  1 | one\n(1 row)\n"));
    EXPECT_THAT(said.out, HasSubstr("shard_2"));
    EXPECT_EQ(ashlar({"shell", "-c", shop.config()}, "selekt;\n").exit_code, 1);
}

TEST(Cli, TellsTheStatusOfANamedMariadb) {
    test::mariadb_server::options read_only;
    read_only.settings["read_only"] = "1";
    test::mariadb_server writing, reading{read_only};
    test::temporary_folder folder;
    const std::string good = folder.write("good.toml", "[databases.analytics]\nurl = \"" + writing.url() + "\"\n");
    const auto up = ashlar({"status", "-c", good});
    EXPECT_TRUE(up.ok()) << up.describe();
    EXPECT_THAT(up.out, AllOf(HasSubstr("writing"), Not(HasSubstr("secret"))));
    const std::string bad = folder.write("bad.toml", "[databases.analytics]\nurl = \"" + reading.url() + "\"\n");
    const auto misplaced = ashlar({"status", "-c", bad});
    EXPECT_EQ(misplaced.exit_code, 1) << misplaced.describe();
    EXPECT_THAT(misplaced.out, HasSubstr("reading"));
    const std::string open = folder.write("serve.toml", test::read_file(good) + "[serve]\nauth_type = \"trust\"\n");
    const auto served = ashlar({"serve", "-c", open});
    EXPECT_EQ(served.exit_code, 1) << served.describe();
    EXPECT_THAT(served.err, HasSubstr("does not serve MySQL"));
}

TEST(DevPostgres, HasReplicasAndEndsOnlyItsOwn) {
    test::temporary_folder bystander_folder;
    test::command sleeper;
    sleeper.arguments = {"sleep", "600"};
    test::child bystander{sleeper};
    dev_cluster shop{"postgres", 1, 1};
    const auto up = ashlar({"dev", "status", shop.path()});
    EXPECT_TRUE(up.ok()) << up.describe();
    EXPECT_THAT(up.out, HasSubstr("replica of shard_1"));
    const auto roles = ashlar({"status", "-c", shop.config()});
    EXPECT_THAT(roles.out, HasSubstr("reading")) << roles.describe();

    ASSERT_TRUE(ashlar({"dev", "stop", shop.path()}).ok());
    EXPECT_EQ(ashlar({"dev", "status", shop.path()}).exit_code, 1);
    EXPECT_EQ(ashlar({"status", "-c", shop.config()}).exit_code, 1);
    ASSERT_TRUE(ashlar({"dev", "start", shop.path()}).ok()) << "it starts again, with its data";
    EXPECT_TRUE(ashlar({"dev", "status", shop.path()}).ok());
    EXPECT_TRUE(bystander.running());
}

TEST(Dev, RemovesNothingThatItDidNotMake) {
    test::temporary_folder folder;
    const std::string mine = folder.write("ashlar.toml", "# mine\n");
    EXPECT_EQ(ashlar({"dev", "start", folder.path()}).exit_code, 1);
    EXPECT_EQ(ashlar({"dev", "remove", folder.path()}).exit_code, 1);
    EXPECT_EQ(test::read_file(mine), "# mine\n");
}

}  // namespace
