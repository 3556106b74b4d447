// How reads are spread over replicas, by policy and weight, and what bounds them where none is fit: the same checks on real
// PostgreSQL and MariaDB servers, each a primary with two replicas.
#include "support/becomes.hpp"
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"
#include "support/temporary_folder.hpp"

#include <ashlar/ashlar.hpp>

#include <fmt/format.h>

#include <atomic>
#include <map>
#include <optional>
#include <thread>

using namespace ashlar;
using namespace ashlar::test;
using namespace std::chrono_literals;

namespace {

struct on_postgres {
    using server = postgres_server;
    static constexpr const char* port = "select current_setting('port')";
    static constexpr const char* table = "create table t (id int primary key, v int)";
    static server::options replica_of(const server& primary) {
        server::options how;
        how.replica_of = &primary;
        return how;
    }
    static void hold_back(server& which) {
        (void)which.run_sql("alter system set recovery_min_apply_delay = '1s'");
        which.reload();
    }
};

struct on_mariadb {
    using server = mariadb_server;
    static constexpr const char* port = "select cast(@@port as char)";
    static constexpr const char* table = "create table t (id int primary key, v int) engine=innodb";
    static server::options replica_of(const server& primary) {
        server::options how;
        how.replica_of = &primary;
        how.settings["read_only"] = "1";
        return how;
    }
    static void hold_back(server& which) {
        (void)which.run_sql("stop slave; change master to master_delay = 1; start slave");
    }
};

// Writes to the primary until it goes.
class writer {
public:
    explicit writer(const cluster& through)
        : thread_([this, shop = through] {
              for (int i = 1; !over_; ++i) (void)shop.database("shop").execute("update t set v = $1 where id = 1", i);
          }) {}
    ~writer() {
        over_ = true;
        thread_.join();
    }

private:
    std::atomic<bool> over_{false};
    std::thread thread_;
};

}  // namespace

template <class Kind>
class ReplicaPolicies : public ::testing::Test {
protected:
    using server = typename Kind::server;

    // `weight` is the second replica's; the first one has 1.
    cluster open(const std::string& replicas, int weight = 1) {
        auto opened = cluster::open_text(
            fmt::format("[databases.primary]\nurl = \"sqlite:{}\"\n[databases.shop]\nurl = \"{}\"\n"
                        "replicas = [\"{}\", {{ url = \"{}\", weight = {} }}]\n"
                        "[replicas]\ncheck_interval = \"100ms\"\n{}",
                        folder_.file("main.db"), primary_.url(), first_.url(), second_.url(), weight, replicas));
        if (!opened) throw std::runtime_error{opened.error().to_string()};
        EXPECT_TRUE(becomes([&] { return fit(*opened, 1) && fit(*opened, 2); })) << problem(*opened, 1);
        return std::move(*opened);
    }
    static server_health health(const cluster& of, int replica) {
        for (const server_health& each : of.check_all()) {
            if (each.server == fmt::format("shop/replica_{}", replica)) return each;
        }
        return {};
    }
    static bool fit(const cluster& of, int replica) { return health(of, replica).healthy; }
    static std::string problem(const cluster& of, int replica) { return health(of, replica).problem; }

    // Where so many reads went: to the first, to the second, elsewhere.
    struct share {
        int first = 0, second = 0, primary = 0;
    };
    share read(const cluster& through, int times) {
        share out;
        for (int i = 0; i < times; ++i) {
            const auto port = through.reading().database("shop").template scalar<std::string>(Kind::port);
            EXPECT_TRUE(port) << port.error();
            if (!port) continue;
            if (*port == std::to_string(first_.port())) ++out.first;
            if (*port == std::to_string(second_.port())) ++out.second;
            if (*port == std::to_string(primary_.port())) ++out.primary;
        }
        return out;
    }
    // Runs `work` within so many transactions that read, and tells where they are.
    void within(const cluster& through, int transactions, share& where, const std::function<void()>& work) {
        if (transactions == 0) return work();
        const status done = through.reading().database("shop").transaction([&](transaction& tx) {
            const std::string port = tx.scalar<std::string>(Kind::port).value();
            if (port == std::to_string(first_.port())) ++where.first;
            if (port == std::to_string(second_.port())) ++where.second;
            if (port == std::to_string(primary_.port())) ++where.primary;
            within(through, transactions - 1, where, work);
        });
        EXPECT_TRUE(done) << done.error();
    }

    temporary_folder folder_;
    server primary_;
    server first_{Kind::replica_of(primary_)}, second_{Kind::replica_of(primary_)};
};

using kinds = ::testing::Types<on_postgres, on_mariadb>;
struct kind_names {
    template <class Kind>
    static std::string GetName(int) {
        return std::is_same_v<Kind, on_postgres> ? "Postgres" : "MariaDb";
    }
};
TYPED_TEST_SUITE(ReplicaPolicies, kinds, kind_names);

TYPED_TEST(ReplicaPolicies, RoundRobinGivesEachItsWeight) {
    const cluster shop = this->open("policy = \"round_robin\"\n", 3);
    const auto seen = this->read(shop, 80);
    EXPECT_EQ(seen.first, 20);
    EXPECT_EQ(seen.second, 60);
}

TYPED_TEST(ReplicaPolicies, RandomGivesEachItsWeightByAndLarge) {
    const cluster shop = this->open("policy = \"random\"\n", 3);
    const auto seen = this->read(shop, 400);
    EXPECT_EQ(seen.first + seen.second, 400);
    EXPECT_NEAR(seen.first, 100, 50);  // nearly six times the deviation that is to be expected
}

TYPED_TEST(ReplicaPolicies, LeastConnectionsEvensOutWhatIsOpenByWeight) {
    const cluster shop = this->open("policy = \"least_connections\"\n", 3);
    typename TestFixture::share where;
    this->within(shop, 8, where, [] {});
    EXPECT_EQ(where.first, 2);
    EXPECT_EQ(where.second, 6);
}

TYPED_TEST(ReplicaPolicies, LeastLagReadsFromTheOneThatIsFurther) {
    const cluster shop = this->open("policy = \"least_lag\"\nmax_lag = \"60s\"\n");
    shop.database("shop").run_script(TypeParam::table).value();
    shop.database("shop").execute("insert into t values (1, 0)").value();
    TypeParam::hold_back(this->first_);
    writer busy{shop};
    const cluster reader = shop.session();
    ASSERT_TRUE(becomes([&] {
        const auto slow = this->health(shop, 1), fast = this->health(shop, 2);
        return slow.healthy && fast.healthy && slow.lag > 300ms && fast.lag < 300ms;
    })) << this->problem(shop, 1);
    const auto seen = this->read(reader, 50);
    EXPECT_EQ(seen.second, 50);
}

TYPED_TEST(ReplicaPolicies, WithoutAFitOneNoMoreThanPrimaryReadsMaxReadFromThePrimaryAtOnceAndTheOthersWait) {
    const cluster shop = this->open("primary_reads_max = 2\n[pool]\ncheckout_timeout = \"4s\"\n");
    this->first_.kill9();
    this->second_.kill9();
    ASSERT_TRUE(becomes([&] { return !this->fit(shop, 1) && !this->fit(shop, 2); }));
    typename TestFixture::share where;
    this->within(shop, 2, where, [&] {
        const auto third = shop.reading().database("shop").template scalar<std::string>(TypeParam::port);
        ASSERT_EQ(third.error(), errc::pool_timeout);
        EXPECT_NE(third.error().message().find("for a read that no replica is fit for"), std::string::npos);
        EXPECT_NE(third.error().detail().find("It serves 2 such reads"), std::string::npos);
        EXPECT_NE(third.error().hint().find("replicas.primary_reads_max"), std::string::npos);
        EXPECT_TRUE(shop.database("shop").template scalar<std::string>(TypeParam::port)) << "writers are not bounded";
    });
    EXPECT_EQ(where.primary, 2);
    EXPECT_EQ(this->read(shop, 5).primary, 5);
}

TYPED_TEST(ReplicaPolicies, WithoutAFitOneManyReadersTakeTurnsOnThePrimaryAndNoneFails) {
    const cluster shop = this->open("primary_reads_max = 2\n");
    this->first_.kill9();
    this->second_.kill9();
    ASSERT_TRUE(becomes([&] { return !this->fit(shop, 1) && !this->fit(shop, 2); }));
    std::atomic<int> read{0}, failed{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 12; ++i) {
        readers.emplace_back([&] {
            for (int n = 0; n < 25; ++n) {
                const auto got = shop.reading().database("shop").template scalar<std::string>(TypeParam::port);
                ++(got ? read : failed);
                if (!got) ADD_FAILURE() << got.error();
            }
        });
    }
    for (std::thread& each : readers) each.join();
    EXPECT_EQ(read, 300);
    EXPECT_EQ(failed, 0);
}

// A stopped server takes connections and says nothing: only the monitor can tell.
TYPED_TEST(ReplicaPolicies, ReadsThatWaitForAStoppedReplicaAreAnsweredElsewhere) {
    const cluster shop = this->open("");
    std::atomic<bool> over{false};
    std::atomic<int> read{0}, failed{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 6; ++i) {
        readers.emplace_back([&] {
            while (!over) {
                const auto got = shop.reading().database("shop").template scalar<std::string>(TypeParam::port);
                ++(got ? read : failed);
                if (!got) ADD_FAILURE() << got.error();
            }
        });
    }
    EXPECT_TRUE(becomes([&] { return read > 200; }));
    this->first_.pause();
    EXPECT_TRUE(becomes([&] { return !this->fit(shop, 1); }));
    // All six are at work again, though each may have met the stopped one.
    std::atomic<int> rounds{0};
    EXPECT_TRUE(becomes([&] {
        const int then = read;
        return becomes([&] { return read > then + 200; }) && ++rounds == 3;
    }));
    over = true;
    for (std::thread& each : readers) each.join();
    this->first_.resume();
    EXPECT_EQ(failed, 0);
    EXPECT_TRUE(becomes([&] { return this->fit(shop, 1); }));
    EXPECT_GT(this->read(shop, 20).first, 0);
}

TYPED_TEST(ReplicaPolicies, ATransactionOnAStoppedReplicaEndsWithAClearError) {
    const cluster shop = this->open("");
    bool was_first = false;
    for (int attempt = 0; attempt < 4 && !was_first; ++attempt) {
        const status done = shop.reading().database("shop").transaction([&](transaction& tx) {
            was_first = tx.scalar<std::string>(TypeParam::port).value() == std::to_string(this->first_.port());
            if (!was_first) return;
            this->first_.pause();
            const auto again = tx.scalar<std::string>(TypeParam::port);
            ASSERT_FALSE(again);
            EXPECT_EQ(again.error(), errc::connection_lost);
            EXPECT_NE(again.error().message().find("shop/replica_1 does not answer any more"), std::string::npos)
                << again.error();
        });
        EXPECT_EQ(done.has_value(), !was_first);
    }
    this->first_.resume();
    EXPECT_TRUE(was_first);
}

TYPED_TEST(ReplicaPolicies, ReadsAreRefusedWithoutAFitOneWhereThatIsAskedFor) {
    const cluster shop = this->open("no_replica = \"refuse\"\n");
    this->first_.kill9();
    this->second_.kill9();
    ASSERT_TRUE(becomes([&] { return !this->fit(shop, 1) && !this->fit(shop, 2); }));
    const auto got = shop.reading().database("shop").template scalar<std::string>(TypeParam::port);
    EXPECT_EQ(got.error(), errc::shard_unavailable);
    EXPECT_EQ(got.error().message(), "no replica of shop is fit for this read");
    EXPECT_TRUE(shop.database("shop").template scalar<std::string>(TypeParam::port)) << "writes go on";
    this->second_.start();
    // A named database's statement that is not a reading one counts as a write: until the replica shows it, it is not fit.
    EXPECT_TRUE(becomes([&] {
        const auto again = shop.reading().database("shop").template scalar<std::string>(TypeParam::port);
        return again && *again == std::to_string(this->second_.port());
    }));
}
