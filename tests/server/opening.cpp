// What cluster::open and the commands say of a database that cannot be used, the same on PostgreSQL and on MariaDB.

#include "support/ashlar_command.hpp"
#include "support/free_port.hpp"
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"
#include "support/temporary_folder.hpp"

#include <ashlar/ashlar.hpp>

#include <gmock/gmock.h>

#include <fmt/format.h>

#include <chrono>

namespace {

using namespace ashlar;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

test::mariadb_server& mariadb() {
    static test::mariadb_server one;
    return one;
}
test::postgres_server& postgres() {
    static test::postgres_server one{[] {
        test::postgres_server::options how;
        how.auth = "scram-sha-256";
        return how;
    }()};
    return one;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    const auto at = text.rfind(what);
    if (at == std::string::npos) throw std::runtime_error(text + " has no " + what);
    return text.replace(at, what.size(), by);
}

enum class engine { postgres, mariadb };
enum class kind { primary, named };

constexpr const char* quick = "[pool]\nmin_connections = 0\nconnect_timeout = \"3s\"\n";

}  // namespace

class Opening : public ::testing::TestWithParam<std::tuple<engine, kind>> {
protected:
    bool is_postgres() const { return std::get<0>(GetParam()) == engine::postgres; }
    bool is_primary() const { return std::get<1>(GetParam()) == kind::primary; }
    std::string good() const { return is_postgres() ? postgres().url("postgres") : mariadb().url(); }
    // "wrong" before the @ in place of the password; both servers ask for one on 127.0.0.1.
    std::string with_wrong_password() const {
        const std::string url = good();
        const auto at = url.rfind('@');
        const auto colon = url.rfind(':', at);
        return url.substr(0, colon + 1) + "wrong" + url.substr(at);
    }
    std::string with_missing_database() const { return good().substr(0, good().rfind('/')) + "/no_such_database"; }
    std::string with_tls_required() const {
        return good() + (is_postgres() ? "?sslmode=require" : "?ssl_mode=required");
    }
    std::string with_no_server() const {
        const std::uint16_t port = is_postgres() ? postgres().port() : mariadb().port();
        return replaced(good(), std::to_string(port), std::to_string(test::free_port()));
    }

    std::string config_with(const std::string& url) const {
        std::string text = quick;
        if (!is_primary()) text += "[databases.primary]\nurl = \"sqlite:primary.db\"\n";
        return text + fmt::format("[databases.{}]\nurl = \"{}\"\n", is_primary() ? "primary" : "analytics", url);
    }
    result<cluster> open(const std::string& url) { return cluster::open_text(config_with(url), folder_.path()); }

    // What the commands say, each ending with 1.
    void all_commands_say(const std::string& url, const std::string& words) {
        const std::string file = folder_.write("ashlar.toml", config_with(url));
        const std::vector<std::vector<std::string>> commands{{"query", "-c", file, "select 1"},
                                                             {"shell", "-c", file},
                                                             {"check", "--deep", "-c", file},
                                                             {"status", "-c", file}};
        for (const auto& each : commands) {
            const auto said = test::run_ashlar(each);
            EXPECT_EQ(said.exit_code, 1) << said.describe();
            EXPECT_THAT(said.out + said.err, AllOf(HasSubstr(words), Not(HasSubstr("secret")))) << said.describe();
        }
    }
    const test::temporary_folder& folder() const { return folder_; }

private:
    test::temporary_folder folder_;
};

INSTANTIATE_TEST_SUITE_P(Everywhere, Opening,
                         ::testing::Combine(::testing::Values(engine::postgres, engine::mariadb),
                                            ::testing::Values(kind::primary, kind::named)),
                         [](const auto& given) {
                             return std::string{std::get<0>(given.param) == engine::postgres ? "Postgres" : "Mariadb"} +
                                    (std::get<1>(given.param) == kind::primary ? "Primary" : "Named");
                         });

TEST_P(Opening, SucceedsWithADatabaseThatLetsUsIn) {
    auto shop = open(good());
    ASSERT_TRUE(shop) << shop.error();
    EXPECT_EQ(shop->database(is_primary() ? "primary" : "analytics").scalar<int>("select 7").value(), 7);
}

TEST_P(Opening, FailsWithAWrongPassword) {
    auto shop = open(with_wrong_password());
    ASSERT_FALSE(shop);
    EXPECT_EQ(shop.error(), errc::login_failed) << shop.error();
    EXPECT_THAT(shop.error().to_string(), HasSubstr(is_primary() ? "primary" : "analytics"));
    all_commands_say(with_wrong_password(), "the server refused the login");
}

TEST_P(Opening, FailsWithADatabaseThatIsMissing) {
    auto shop = open(with_missing_database());
    ASSERT_FALSE(shop);
    EXPECT_EQ(shop.error(), errc::database_unknown) << shop.error();
    EXPECT_THAT(shop.error().to_string(), HasSubstr("no_such_database"));
    all_commands_say(with_missing_database(), "no_such_database");
}

TEST_P(Opening, FailsWithoutTheTlsThatIsRequired) {
    auto shop = open(with_tls_required());
    ASSERT_FALSE(shop);
    EXPECT_EQ(shop.error(), errc::login_failed) << shop.error();
    EXPECT_EQ(shop.error().sqlstate(), "08001");
    EXPECT_THAT(shop.error().to_string(), HasSubstr(is_primary() ? "primary" : "analytics"));
    all_commands_say(with_tls_required(), is_postgres() ? "SSL" : "TLS");
}

TEST_P(Opening, FailsWithoutAServerUnlessOthersAnswer) {
    const auto began = std::chrono::steady_clock::now();
    auto shop = open(with_no_server());
    EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
    if (is_primary()) {
        ASSERT_FALSE(shop);
        EXPECT_EQ(shop.error(), errc::connect_failed) << shop.error();
        all_commands_say(with_no_server(), "no connection to the server could be made");
        return;
    }
    ASSERT_TRUE(shop) << shop.error();
    EXPECT_EQ(shop->scalar<int>("select 7").value(), 7);
    EXPECT_EQ(shop->database("analytics").query("select 1").error(), errc::connect_failed);
}

TEST_P(Opening, EndsWithinItsDeadlineWhenAServerIsSilent) {
    test::mariadb_server silent_mariadb;
    test::postgres_server silent_postgres;
    const std::string url = is_postgres() ? silent_postgres.url("postgres") : silent_mariadb.url();
    is_postgres() ? silent_postgres.pause() : silent_mariadb.pause();
    const auto began = std::chrono::steady_clock::now();
    auto shop = open(url);
    // connect_timeout is 3 s; a named one is waited for 2 s.
    EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
    EXPECT_EQ(shop.has_value(), !is_primary());
    is_postgres() ? silent_postgres.resume() : silent_mariadb.resume();
}

TEST_P(Opening, GoesOnWithAReplicaThatIsAway) {
    const std::string more = fmt::format("replicas = [\"{}\"]\n", with_no_server());
    auto shop = cluster::open_text(config_with(good()) + more, folder().path());
    ASSERT_TRUE(shop) << shop.error();
    EXPECT_EQ(shop->database(is_primary() ? "primary" : "analytics").scalar<int>("select 7").value(), 7);
}

TEST(OpeningWithShards, ADeepCheckNamesTheOtherDatabasesThatRefuse) {
    const test::temporary_folder folder;
    const std::string config = folder.write(
        "ashlar.toml",
        std::string{quick} +
            "[shards]\nfunction = \"modulo\"\nkey_type = \"integer\"\ncount = 2\nurl = \"sqlite:s{shard}.db\"\n"
            "[tables]\nusers = { shard_key = \"id\" }\n[databases.analytics]\nurl = \"" +
            replaced(mariadb().url(), "secret", "wrong") + "\"\n");
    const auto deep = test::run_ashlar({"check", "--deep", "-c", config});
    EXPECT_EQ(deep.exit_code, 1) << deep.describe();
    EXPECT_THAT(deep.out, HasSubstr("analytics could not be asked: the server refused the login"));
    EXPECT_EQ(cluster::open(config).error(), errc::login_failed);
}
