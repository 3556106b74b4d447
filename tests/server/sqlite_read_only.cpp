// SQLite files that can only be read: the file's mode, its folder's, with a mark of their shard and without. What reads must work;
// what writes must say why it cannot.
#include "support/free_port.hpp"
#include "support/process.hpp"
#include "support/raw_client.hpp"
#include "support/temporary_folder.hpp"
#include "support/text.hpp"

#include <ashlar/ashlar.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <filesystem>
#include <thread>

namespace {

using namespace ashlar;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

struct way {
    const char* name;
    bool file, folder, marked;  // what cannot be written to, and whether the shards had their marks before
};
void PrintTo(const way& w, std::ostream* to) {
    *to << w.name;
}

constexpr auto readable = fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read;
constexpr auto enterable = readable | fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;

class ReadOnly : public ::testing::TestWithParam<way> {
protected:
    ReadOnly() {
        fs::create_directory(data());
        // root may write to anything, so that the program runs as somebody else, who may not look into our folders
        fs::permissions(folder_.path(), enterable | fs::perms::owner_write);
        fs::copy_file(test::binary_path("bin/ashlar"), program());
        config_ = folder_.write("ashlar.toml", fmt::format(R"(
[shards]
function = "modulo"
key_type = "integer"
count = 2
url = "sqlite:{}/part_{{shard}}.db"
[tables]
t = {{ shard_key = "id" }}
[serve]
listen_port = {}
database = "shop"
auth_type = "trust"
[serve.users]
demo = "demo"
)",
                                                           data().string(), port_));
        for (const int i : {1, 2}) {
            const auto alone = cluster::open_text(
                fmt::format("[databases.primary]\nurl = \"sqlite:{}/part_{}.db\"\n", data().string(), i));
            EXPECT_TRUE(alone && alone->execute("create table t (id bigint primary key, v text)"));
            for (int id = i - 1; id < 10; id += 2) EXPECT_TRUE(alone->execute("insert into t values ($1, 'x')", id));
        }
        if (GetParam().marked) {
            const auto once = cluster::open(config_);
            EXPECT_TRUE(once && once->query("select count(*) from t"));
        }
        if (GetParam().file) {
            for (const int i : {1, 2}) fs::permissions(data() / fmt::format("part_{}.db", i), readable);
        }
        if (GetParam().folder) fs::permissions(data(), enterable);
        fs::permissions(config_, readable);
    }
    ~ReadOnly() override { fs::permissions(data(), fs::perms::owner_all); }

    fs::path data() const { return fs::path{folder_.path()} / "data"; }
    std::string program() const { return folder_.file("ashlar"); }
    test::command ashlar(std::vector<std::string> words) const {
        words.insert(words.begin(), program());
        words.insert(words.end(), {"-c", config_});
        test::command what;
        what.arguments = std::move(words);
        what.environment["NO_COLOR"] = "1";
        what.user = "nobody";
        what.timeout = 120s;
        return what;
    }

    test::temporary_folder folder_;
    std::string config_;
    const std::uint16_t port_ = test::free_port();
};

TEST_P(ReadOnly, TheCommandLineReads) {
    const auto read = test::run(ashlar({"query", "select count(*), sum(id) from t"}));
    EXPECT_TRUE(read.ok()) << read.describe();
    EXPECT_THAT(read.out, HasSubstr("10 |  45"));
    const auto checked = test::run(ashlar({"check", "--deep"}));
    EXPECT_TRUE(checked.ok()) << checked.describe();
    EXPECT_THAT(checked.out, HasSubstr("all where they belong"));
    const auto stands = test::run(ashlar({"status"}));
    EXPECT_THAT(stands.out, HasSubstr("up")) << stands.describe();
    const auto written = test::run(ashlar({"query", "insert into t values (99, 'x')"}));
    EXPECT_FALSE(written.ok());
    EXPECT_THAT(written.err, HasSubstr("25006")) << written.describe();
}

TEST_P(ReadOnly, TheProxyReads) {
    const test::child serving{ashlar({"serve"})};
    test::raw_client::options where;
    where.port = port_;
    where.user = "demo";
    where.database = "shop";
    std::optional<test::raw_client> c;
    for (const auto end = std::chrono::steady_clock::now() + 60s; !c && std::chrono::steady_clock::now() < end;) {
        try {
            c.emplace(where);
        } catch (const std::exception&) {
            std::this_thread::sleep_for(20ms);
        }
    }
    ASSERT_TRUE(c);
    EXPECT_EQ(c->query("select count(*) as n from t"), "T(n:20) D(10) C(SELECT 1) Z(I)");
    EXPECT_EQ(c->query("select v from t where id = 7"), "T(v:25) D(x) C(SELECT 1) Z(I)");
    EXPECT_EQ(c->query("update t set v = 'y' where id = 7"), "E(25006) Z(I)");
    EXPECT_EQ(c->query("update t set v = 'y'"), "E(25006) Z(I)");
    EXPECT_EQ(c->query("select max(v) as v from t"), "T(v:25) D(x) C(SELECT 1) Z(I)");
}

// SQLite makes files beside one in WAL mode to read it; what to do about that is said.
TEST(ReadOnlyWal, NeedsAFolderThatCanBeWrittenTo) {
    const test::temporary_folder folder;
    const fs::path data = fs::path{folder.path()} / "data";
    fs::create_directory(data);
    fs::permissions(folder.path(), enterable | fs::perms::owner_write);
    fs::copy_file(test::binary_path("bin/ashlar"), folder.file("ashlar"));
    const std::string config =
        folder.write("ashlar.toml", fmt::format("[databases.primary]\nurl = \"sqlite:{}/w.db\"\n", data.string()));
    {
        const auto alone = cluster::open(config);
        ASSERT_TRUE(alone && alone->execute("create table t (id bigint primary key)"));
    }
    test::command wal;
    wal.arguments = {
        "/usr/bin/python3", "-c",
        fmt::format("import sqlite3; sqlite3.connect('{}/w.db').execute('pragma journal_mode = wal')", data.string())};
    ASSERT_TRUE(test::run(wal).ok());
    fs::permissions(data / "w.db", readable);
    fs::permissions(data, enterable);
    fs::permissions(config, readable);
    test::command what;
    what.arguments = {folder.file("ashlar"), "query", "select * from t", "-c", config};
    what.environment["NO_COLOR"] = "1";
    what.user = "nobody";
    const auto read = test::run(what);
    EXPECT_FALSE(read.ok());
    EXPECT_THAT(read.err, HasSubstr("journal_mode")) << read.describe();
    fs::permissions(data, fs::perms::owner_all);
}

INSTANTIATE_TEST_SUITE_P(Files, ReadOnly,
                         ::testing::Values(way{"file_with_mark", true, false, true},
                                           way{"file_without_mark", true, false, false},
                                           way{"folder_with_mark", true, true, true},
                                           way{"folder_without_mark", true, true, false}),
                         [](const auto& each) { return std::string{each.param.name}; });

}  // namespace
