// What shards remember of their map, and what becomes of a configuration that does not fit: through every face, on SQLite files and
// on real PostgreSQL databases.

#include "support/ashlar_command.hpp"
#include "support/free_port.hpp"
#include "support/postgres_server.hpp"
#include "support/process.hpp"
#include "support/temporary_folder.hpp"
#include "support/text.hpp"

#include <ashlar/ashlar.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

namespace {

using namespace ashlar;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string both(const test::command_result& from) {
    return from.out + from.err;
}

constexpr const char* schema = "create table acc (id bigint primary key, n integer, name text)";

// Six databases of an engine, of which a configuration uses some as shards; and rows in the first four.
class databases {
public:
    explicit databases(const std::string& engine) : sqlite_(engine == "sqlite") {
        for (int i = 1; i <= 6; ++i) {
            if (!sqlite_) server_->create_database(name(i));
            run(i, schema);
        }
    }

    std::string name(int i) const { return "part_" + std::to_string(i); }
    std::string url(int i) const { return sqlite_ ? "sqlite:" + folder_.file(name(i) + ".db") : server().url(name(i)); }
    test::postgres_server& server() const { return *server_; }
    bool is_sqlite() const { return sqlite_; }

    // `places`: which database stands where.
    std::string config(const std::vector<int>& places, const std::string& function = "modulo",
                       const std::string& key_type = "integer", const std::string& more = "") const {
        std::string text =
            fmt::format("[shards]\nfunction = \"{}\"\nkey_type = \"{}\"\n{}\n", function, key_type, more);
        for (std::size_t i = 0; i < places.size(); ++i)
            text += fmt::format("[shards.shard_{}]\nurl = \"{}\"\n", i + 1, url(places[i]));
        return text + "[tables]\nacc = { shard_key = \"id\" }\n[pool]\nmin_connections = 0\n" + serve_;
    }
    std::string file(const std::string& text) { return folder_.write(fmt::format("{}.toml", ++files_), text); }
    std::string write(const std::string& as, const std::string& text) { return folder_.write(as, text); }

    // By the database's own means, through a configuration that has it alone.
    void run(int i, const std::string& sql) const {
        if (!sqlite_) {
            server_->run_sql(sql, name(i));
            return;
        }
        const auto alone = cluster::open_text(fmt::format("[databases.primary]\nurl = \"{}\"\n", url(i)));
        ASSERT_TRUE(alone) << alone.error().to_string();
        const auto done = alone->database("primary").execute(sql);
        ASSERT_TRUE(done) << done.error().to_string();
    }
    void forget_mark(int i) const { run(i, sqlite_ ? "drop table ashlar_shard_mark" : "drop schema ashlar cascade"); }

    void store(const std::vector<int>& places, int rows) {
        std::string csv = "id,n,name\n";
        for (int i = 1; i <= rows; ++i) csv += fmt::format("{},{},x{}\n", i, i, i);
        const auto loaded =
            test::run_ashlar({"load", "-c", file(config(places)), "acc", folder_.write("acc.csv", csv)});
        ASSERT_TRUE(loaded.ok()) << loaded.describe();
    }

private:
    const std::string serve_ = fmt::format("[serve]\nlisten_port = {}\nauth_type = \"trust\"\n", test::free_port());
    const bool sqlite_;
    test::temporary_folder folder_;
    std::unique_ptr<test::postgres_server> server_ = sqlite_ ? nullptr : std::make_unique<test::postgres_server>();
    int files_ = 0;
};

// No face takes this configuration, and each says why.
void expect_refused(databases& of, const std::string& config, const std::string& because) {
    const auto opened = cluster::open_text(config);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), errc::config_invalid);
    EXPECT_THAT(opened.error().message(), HasSubstr(because));
    const std::string file = of.file(config);
    const std::vector<std::vector<std::string>> commands{
        {"query", "-c", file, "select count(*) from acc"},
        {"query", "-c", file, "-d", "shard_1", "select count(*) from acc"},
        {"query", "-c", file, "--each-shard", "select count(*) from acc"},
        {"load", "-c", file, "acc", of.write("one.csv", "id,n,name\n5001,1,x\n")},
        {"serve", "-c", file},
        {"check", "-c", file, "--deep"}};
    for (const auto& words : commands) {
        const auto done = test::run_ashlar(words);
        EXPECT_EQ(done.exit_code, 1) << words[0] << done.describe();
        EXPECT_THAT(both(done), HasSubstr(because)) << words[0];
    }
}

class Marks : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Engines, Marks, ::testing::Values("sqlite", "postgres"),
                         [](const auto& param) { return param.param; });

}  // namespace

TEST_P(Marks, AMapThatDoesNotFitTheRowsIsRefusedByEveryFace) {
    databases all{GetParam()};
    all.store({1, 2, 3, 4}, 1'000);
    const auto good = cluster::open_text(all.config({1, 2, 3, 4}));
    ASSERT_TRUE(good) << good.error().to_string();
    EXPECT_EQ(good->scalar<std::int64_t>("select count(*) from acc").value(), 1'000);

    expect_refused(all, all.config({1, 2, 3, 4, 5}), "the rows were spread over 4 shards and 5 are configured");
    expect_refused(all, all.config({1, 2, 3}), "the rows were spread over 4 shards and 3 are configured");
    expect_refused(all, all.config({1, 2, 3, 4}, "hash"), "the function was modulo and is configured as hash");
    expect_refused(all, all.config({1, 2, 4, 3}), "this database is shard_4 and is configured as shard_3");
    expect_refused(all, all.config({1, 2, 3, 4}, "modulo", "uuid"),
                   "the key type was integer and is configured as uuid");
    const auto marks = test::run_ashlar({"marks", "-c", all.file(all.config({1, 2, 3, 4, 5}))});
    EXPECT_EQ(marks.exit_code, 1);
    EXPECT_THAT(marks.out, HasSubstr("no mark yet"));
    for (const char* command : {"check", "marks", "status"}) {
        std::vector<std::string> words{command, "-c", all.file(all.config({1, 2, 3, 4}))};
        if (words[0] == "check") words.emplace_back("--deep");
        const auto done = test::run_ashlar(words);
        EXPECT_TRUE(done.ok()) << command << done.describe();
    }
    EXPECT_EQ(good->scalar<std::int64_t>("select count(*) from acc").value(), 1'000);
}

TEST_P(Marks, AnotherDatabaseInAShardsPlaceIsNoticed) {
    databases all{GetParam()};
    all.store({1, 2, 3, 4}, 100);
    expect_refused(all, all.config({1, 2, 5, 4}), "another database stands in its place");
    // A shard of a second cluster, of the same map.
    ASSERT_TRUE(cluster::open_text(all.config({5, 6})));
    const std::string pair = all.config({5, 6});
    ASSERT_TRUE(cluster::open_text(pair)->execute("insert into acc values (1, 1, 'x')"));
    expect_refused(all, all.config({5, 6, 1, 2}), "configured");
}

TEST_P(Marks, AShardOfAnotherClusterIsNoticedThoughTheMapIsTheSame) {
    databases all{GetParam()};
    ASSERT_TRUE(cluster::open_text(all.config({1, 2, 3})));
    ASSERT_TRUE(cluster::open_text(all.config({4, 5, 6})));
    expect_refused(all, all.config({1, 2, 6}), "it belongs to another cluster than the other shards");
}

TEST_P(Marks, AShardWithoutAMarkIsTakenOnlyIfItsRowsFit) {
    databases all{GetParam()};
    all.store({1, 2, 3, 4}, 1'000);
    for (int i = 1; i <= 4; ++i) all.forget_mark(i);
    expect_refused(all, all.config({1, 2, 3, 4, 5}), "belong elsewhere");
    expect_refused(all, all.config({1, 2, 3}), "belong elsewhere");
    expect_refused(all, all.config({1, 2, 4, 3}), "belong elsewhere");
    const auto found = test::run_ashlar({"check", "-c", all.file(all.config({1, 2, 4, 3})), "--deep"});
    EXPECT_THAT(found.out, AllOf(HasSubstr("250 of 250 rows of public.acc on shard_3 belong elsewhere"),
                                 HasSubstr("2 mistakes.")));

    ASSERT_TRUE(cluster::open_text(all.config({1, 2, 3, 4})));
    const auto marks = test::run_ashlar({"marks", "-c", all.file(all.config({1, 2, 3, 4}))});
    EXPECT_TRUE(marks.ok()) << marks.describe();
    EXPECT_THAT(marks.out, Not(HasSubstr("no mark yet")));
    expect_refused(all, all.config({1, 2, 4, 3}), "is configured as");
}

TEST_P(Marks, OneMapIsAcceptedInPlaceOfAnotherOnceTheRowsFitIt) {
    databases all{GetParam()};
    all.store({1, 2}, 20);
    const std::string grown = all.file(all.config({1, 2, 3, 4}));
    const auto too_soon = test::run_ashlar({"marks", "-c", grown, "--accept"});
    EXPECT_EQ(too_soon.exit_code, 1);
    EXPECT_THAT(too_soon.err, AllOf(HasSubstr("belong elsewhere"), HasSubstr("Nothing was changed")));
    ASSERT_TRUE(cluster::open_text(all.config({1, 2})));

    for (int i = 1; i <= 20; ++i) {
        if (i % 4 == 2) all.run(3, fmt::format("insert into acc values ({0}, {0}, 'x{0}')", i));
        if (i % 4 == 3) all.run(4, fmt::format("insert into acc values ({0}, {0}, 'x{0}')", i));
    }
    all.run(1, "delete from acc where id % 4 = 2");
    all.run(2, "delete from acc where id % 4 = 3");
    const auto accepted = test::run_ashlar({"marks", "-c", grown, "--accept"});
    EXPECT_TRUE(accepted.ok()) << accepted.describe();
    const auto now = cluster::open_text(all.config({1, 2, 3, 4}));
    ASSERT_TRUE(now) << now.error().to_string();
    EXPECT_EQ(now->scalar<std::int64_t>("select count(*) from acc").value(), 20);
    EXPECT_THAT(test::run_ashlar({"marks", "-c", grown, "--json"}).out, HasSubstr("\"epoch\": 2"));
    expect_refused(all, all.config({1, 2}), "the rows were spread over 4 shards and 2 are configured");
}

TEST_P(Marks, ManyFirstUsesAtOnceAgree) {
    databases all{GetParam()};
    std::vector<std::thread> users;
    std::atomic<int> opened{0};
    for (int i = 0; i < 6; ++i) {
        users.emplace_back([&] {
            const auto one = cluster::open_text(all.config({1, 2, 3, 4}));
            if (one)
                ++opened;
            else
                ADD_FAILURE() << one.error().to_string();
        });
    }
    for (std::thread& each : users) each.join();
    EXPECT_EQ(opened, 6);
    EXPECT_TRUE(test::run_ashlar({"marks", "-c", all.file(all.config({1, 2, 3, 4}))}).ok());
}

TEST_P(Marks, TwoClustersMayShareDatabasesByName) {
    databases all{GetParam()};
    ASSERT_TRUE(cluster::open_text(all.config({1, 2, 3, 4}, "modulo", "integer", "cluster = \"shop\"")));
    const auto other = cluster::open_text(all.config({1, 2}, "hash", "integer", "cluster = \"office\""));
    EXPECT_TRUE(other) << other.error().to_string();
    expect_refused(all, all.config({1, 2}, "hash", "integer", "cluster = \"shop\""), "the function was modulo");
}

TEST_P(Marks, NoStatementOfAClientChangesThem) {
    databases all{GetParam()};
    const auto shop = cluster::open_text(all.config({1, 2}));
    ASSERT_TRUE(shop);
    const std::string table = all.is_sqlite() ? "ashlar_shard_mark" : "ashlar.shard_mark";
    for (const std::string& sql :
         {"delete from " + table, "update " + table + " set epoch = 9", "drop table " + table,
          "insert into " + table + " (name) values ('x')", "alter table " + table + " add column x int",
          "with gone as (delete from " + table + " returning 1) select * from gone"}) {
        EXPECT_FALSE(shop->execute(sql)) << sql;
        const auto on_one = shop->database("shard_1").execute(sql);
        EXPECT_FALSE(on_one) << sql;
    }
    EXPECT_EQ(shop->database("shard_1").scalar<std::int64_t>("select count(*) from " + table).value(), 1);
}

TEST_P(Marks, ADatabaseThatOnlyReadsGoesOnWithoutOne) {
    databases all{GetParam()};
    all.store({1, 2}, 10);
    for (int i = 1; i <= 2; ++i) all.forget_mark(i);
    std::string config = all.config({1, 2});
    if (all.is_sqlite()) {
        if (::geteuid() == 0) GTEST_SKIP() << "the superuser may write any file";
        for (int i = 1; i <= 2; ++i)
            std::filesystem::permissions(all.url(i).substr(7), std::filesystem::perms::owner_read);
    } else {
        all.server().run_sql("create role reader login");
        for (int i = 1; i <= 2; ++i) all.server().run_sql("grant select on acc to reader", all.name(i));
        for (std::size_t at = 0; (at = config.find("postgres@", at)) != std::string::npos;)
            config.replace(at, 9, "reader@");
    }
    const auto reader = cluster::open_text(config);
    ASSERT_TRUE(reader) << reader.error().to_string();
    EXPECT_EQ(reader->scalar<std::int64_t>("select count(*) from acc").value(), 10);
    const auto status = test::run_ashlar({"status", "-c", all.file(config)});
    EXPECT_TRUE(status.ok()) << status.describe();
    EXPECT_THAT(status.out, HasSubstr("shard_1 has no mark"));
    EXPECT_THAT(test::run_ashlar({"check", "-c", all.file(config), "--deep"}).out, HasSubstr("all where they belong"));
    std::string swapped = all.config({2, 1});
    for (std::size_t at = 0; (at = swapped.find("postgres@", at)) != std::string::npos;)
        swapped.replace(at, 9, "reader@");
    const auto wrong = cluster::open_text(swapped);
    ASSERT_FALSE(wrong);
    EXPECT_THAT(wrong.error().message(), HasSubstr("belong elsewhere"));
}

TEST(MarksOnPostgres, KeysThatAreDatesAreReadWhateverStyleTheServersHave) {
    const test::postgres_server server;
    for (const char* name : {"part_1", "part_2"}) {
        server.create_database(name);
        server.run_sql(fmt::format("alter database {} set datestyle = 'SQL, DMY'", name));
        server.run_sql("create table days (day date primary key)", name);
    }
    const auto config = [&](const char* first, const char* second) {
        return fmt::format(
            "[shards]\nfunction = \"hash\"\nkey_type = \"date\"\n[shards.shard_1]\nurl = \"{}\"\n[shards.shard_2]\n"
            "url = \"{}\"\n[tables]\ndays = {{ shard_key = \"day\" }}\n[pool]\nmin_connections = 0\n",
            server.url(first), server.url(second));
    };
    {
        const auto shop = cluster::open_text(config("part_1", "part_2"));
        ASSERT_TRUE(shop) << shop.error().to_string();
        for (int month = 1; month <= 12; ++month) {
            const auto stored = shop->execute(fmt::format("insert into days values ('2024-{:02}-07')", month));
            ASSERT_TRUE(stored) << stored.error().to_string();
        }
    }
    for (const char* name : {"part_1", "part_2"}) server.run_sql("drop schema ashlar cascade", name);
    const auto swapped = cluster::open_text(config("part_2", "part_1"));
    ASSERT_FALSE(swapped);
    EXPECT_THAT(swapped.error().message(), HasSubstr("belong elsewhere"));
    const auto again = cluster::open_text(config("part_1", "part_2"));
    EXPECT_TRUE(again) << again.error().to_string();
}
