#include "config/load.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>

#include <filesystem>

namespace {

using namespace ashlar;
using namespace ashlar::config;
using namespace std::chrono_literals;

const environment nothing = [](std::string_view) { return std::nullopt; };

reading_result read_text(std::string_view text, const environment& variables = nothing,
                         std::string_view file = "ashlar.toml") {
    return read(text, file, variables);
}

TEST(Load, ReadsTheExampleOfTheDesign) {
    const environment variables = [](std::string_view name) -> std::optional<std::string> {
        if (name == "ANALYTICS_DATABASE_URL") return "postgres://a:s@db3/analytics";
        return std::nullopt;
    };
    const reading_result got = read_text(R"(
[databases.primary]
url = "${PRIMARY:-sqlite:data/primary.db}"
[databases.analytics]
url = "${ANALYTICS_DATABASE_URL}"
pool = { max_connections = 3 }
[shards]
function = "modulo"
key_type = "uuid"
count = 4
url = "sqlite:data/shop_{shard}.db"
[tables]
users     = { shard_key = "id" }
countries = { kind = "reference" }
sales.visits = { database = "analytics" }
[pool]
max_connections = 30
max_connections_per_server = 90
checkout_timeout = "250ms"
max_lifetime = "1h30m"
[serve]
auth_type = "trust"
merge_memory_max = "64MiB"
)",
                                         variables);

    ASSERT_TRUE(got.is_good()) << to_string(got.wrong, "ashlar.toml");
    const description& d = got.what;
    EXPECT_EQ(d.primary()->primary.display(), "sqlite:data/primary.db");
    EXPECT_EQ(d.primary()->pool.max_connections, 30u);
    EXPECT_EQ(d.primary()->pool.max_connections_per_server, 90u);
    EXPECT_EQ(d.primary()->pool.checkout_timeout, 250ms);
    EXPECT_EQ(d.primary()->pool.max_lifetime, 90min);
    EXPECT_EQ(d.databases.at("analytics").primary.password, "s");
    EXPECT_EQ(d.databases.at("analytics").pool.max_connections, 3u);
    EXPECT_EQ(d.databases.at("analytics").pool.min_connections, 3u) << "a default bows to a maximum that was written";
    ASSERT_EQ(d.shards_->list.size(), 4u);
    EXPECT_EQ(d.shards_->list[3].name, "shard_4");
    EXPECT_EQ(d.shards_->list[3].primary.database, "data/shop_4.db");
    EXPECT_EQ(d.find_table("users")->shard_key, "id");
    EXPECT_EQ(d.find_table("countries")->kind, table_kind::reference);
    EXPECT_EQ(d.find_table("sales.visits")->database, "analytics");
    EXPECT_EQ(d.serve.merge_memory_max, 64u << 20);
}

TEST(Load, KeepsNamedShardsInTheOrderOfTheFile) {
    const reading_result got = read_text(R"(
[shards]
function = "ring"
key_type = "text"
[shards.zebra]
url = "sqlite:z.db"
weight = 2
[shards.ant]
url = "sqlite:a.db"
[tables]
t = { shard_key = "id" }
)");
    ASSERT_TRUE(got.is_good()) << to_string(got.wrong, "");
    EXPECT_EQ(got.what.shards_->list[0].name, "zebra");
    EXPECT_EQ(got.what.shards_->list[0].weight, 2u);
    EXPECT_EQ(got.what.shards_->list[1].name, "ant");
}

TEST(Load, ResolvesRelativeSqlitePathsAgainstTheFolderOfTheFile) {
    const auto got = read_text("[databases.primary]\nurl = \"sqlite:data/p.db\"\n", nothing, "/srv/shop/ashlar.toml");
    EXPECT_EQ(got.what.primary()->primary.database, "/srv/shop/data/p.db");
}

TEST(Load, TakesAVariableWhereANumberIsWanted) {
    const environment port = [](std::string_view) { return std::optional<std::string>{"7000"}; };
    const reading_result got = read_text(
        "[databases.primary]\nurl = \"sqlite:p.db\"\n[serve]\nauth_type = \"trust\"\nlisten_port = \"${PORT}\"\n",
        port);
    ASSERT_TRUE(got.is_good()) << to_string(got.wrong, "");
    EXPECT_EQ(got.what.serve.listen_port, 7000);
}

TEST(Load, GivesOneErrorWhoseDetailHasAllMistakes) {
    const error e = to_error(read_text("[pool]\nmax = 1\n[tables]\nt = 1\n"));
    EXPECT_EQ(e, errc::config_invalid);
    EXPECT_EQ(e.message(), "ashlar.toml has 3 mistakes");
    EXPECT_THAT(e.detail(), ::testing::HasSubstr("ashlar.toml:4:5: tables.t"));
}

TEST(Load, SaysThatAFileCannotBeRead) {
    const auto got = load("/nowhere/ashlar.toml", nothing);
    ASSERT_FALSE(got);
    EXPECT_THAT(got.error().detail(), ::testing::HasSubstr("No such file"));
}

TEST(Load, RefusesShardsOnMysqlAndTakesAPrimaryWithoutShards) {
    const std::string alone = "[databases.primary]\nurl = \"mysql://u@h/d\"\n";
    const reading_result got = read_text(
        alone + "[shards]\nfunction = \"hash\"\nkey_type = \"integer\"\ncount = 1\nurl = \"mysql://u@h/s\"\n");
    EXPECT_THAT(to_string(got.wrong, ""), ::testing::HasSubstr("a shard on mysql"));
    const reading_result other = read_text(alone);
    ASSERT_TRUE(other.is_good());
    EXPECT_THAT(other.advice, ::testing::IsEmpty());
}

TEST(Load, NotesGapsBetweenRanges) {
    const auto advice = [](const std::string& ranges) {
        const reading_result got = read_text("[shards]\nfunction = \"range\"\nkey_type = \"integer\"\n" + ranges +
                                             "[tables]\nusers = { shard_key = \"id\" }\n");
        EXPECT_TRUE(got.is_good()) << to_string(got.wrong, "");
        return got.advice;
    };
    const std::string a = "[shards.a]\nurl = \"sqlite:a.db\"\n", b = "[shards.b]\nurl = \"sqlite:b.db\"\n";
    EXPECT_THAT(advice(b + "from = 20\n" + a + "until = 10\n"),
                ::testing::ElementsAre("keys from 10 up to 20 belong to no shard: a row with such a key is refused"));
    EXPECT_THAT(advice(a + "from = 0\nuntil = 10\n" + b + "from = 10\nuntil = 20\n"),
                ::testing::ElementsAre("keys below 0 belong to no shard: a row with such a key is refused",
                                       "keys from 20 belong to no shard: a row with such a key is refused"));
    EXPECT_THAT(advice(a + "until = 10\n" + b + "from = 10\n"), ::testing::IsEmpty());
}

TEST(Load, NotesAShardThatIsThePrimaryToo) {
    const reading_result got = read_text(
        "[databases.primary]\nurl = \"sqlite:./shop_1.db\"\n[shards]\nfunction = \"hash\"\nkey_type = \"integer\"\n"
        "count = 2\nurl = \"sqlite:shop_{shard}.db\"\n[tables]\nusers = { shard_key = \"id\" }\n");
    ASSERT_TRUE(got.is_good()) << to_string(got.wrong, "");
    EXPECT_THAT(got.advice, ::testing::ElementsAre(::testing::HasSubstr("primary and shard_1 are one database")));
}

TEST(Load, NotesPasswordsThatEverybodyMayRead) {
    const test::temporary_folder folder;
    const std::string shown = "[databases.primary]\nurl = \"postgres://shop:hush-7@db1/shop\"\n";
    const auto advice = [&](const std::string& text, std::filesystem::perms mode) {
        const std::string path = folder.write("ashlar.toml", text);
        std::filesystem::permissions(path, mode);
        const reading_result got =
            read_file(path, [](std::string_view) -> std::optional<std::string> { return "hush-7"; });
        EXPECT_TRUE(got.is_good());
        return got.advice;
    };
    using std::filesystem::perms;
    const perms owner = perms::owner_read | perms::owner_write, all = owner | perms::group_read | perms::others_read;
    EXPECT_THAT(advice(shown, all), ::testing::ElementsAre(::testing::HasSubstr("chmod o-r")));
    EXPECT_THAT(advice(shown, owner), ::testing::IsEmpty());
    EXPECT_THAT(advice("[databases.primary]\nurl = \"postgres://shop:${PW}@db1/shop\"\n", all), ::testing::IsEmpty());
}

TEST(Load, SurvivesEveryPrefixOfAFileWithoutTellingItsSecrets) {
    const std::string text =
        "[databases.primary]\nurl = \"postgres://shop:hunter2@db1:5432/shop?sslmode=require\"\n"
        "[serve]\n[serve.users]\ndemo = \"hunter2\"\n";
    for (std::size_t n = 0; n < text.size(); ++n) {
        const reading_result got = read_text(text.substr(0, n));
        EXPECT_THAT(to_string(got.wrong, "f"), ::testing::Not(::testing::HasSubstr("hunter"))) << n;
    }
}

TEST(Load, AWebhookIsAnHttpUrlAndIsNeverPrinted) {
    const auto read = [](const std::string& url) {
        return read_text("[databases.primary]\nurl = \"sqlite:a.db\"\n[alerts]\nwebhook = \"" + url + "\"\n");
    };
    EXPECT_EQ(read("https://hooks.example.com/s3cret").what.alerts.webhook, "https://hooks.example.com/s3cret");
    for (const char* url :
         {"ftp://s3cret/", "hooks.example.com/s3cret", "https://", "https://a b/s3cret", "file:///s3cret"}) {
        const reading_result got = read(url);
        EXPECT_FALSE(got.is_good()) << url;
        EXPECT_EQ(to_string(got.wrong, "ashlar.toml").find("s3cret"), std::string::npos);
    }
}

}  // namespace
