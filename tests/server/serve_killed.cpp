// `ashlar serve` over SQLite files, killed at any moment under clients who move money between shards: what it acknowledged
// is there when it is started anew, and nothing is there by half.
#include "support/becomes.hpp"
#include "support/free_port.hpp"
#include "support/process.hpp"
#include "support/raw_client.hpp"
#include "support/temporary_folder.hpp"
#include "support/text.hpp"

#include <fmt/format.h>

#include <signal.h>
#include <atomic>
#include <random>
#include <set>
#include <thread>

namespace ashlar {
namespace {

using namespace std::chrono_literals;
using test::raw_client;

constexpr int accounts = 16;
constexpr int clients = 4;

constexpr const char* schema =
    "create table if not exists accounts (id bigint primary key, cents bigint not null check (cents >= 0));\n"
    "create table if not exists ledger (account_id bigint not null, transfer bigint not null);\n";

class bank {
public:
    bank() : port_(test::free_port()) {
        test::command made;
        made.arguments = {test::binary_path("bin/ashlar"),
                          "dev",
                          "start",
                          path(),
                          "--engine",
                          "sqlite",
                          "--shards",
                          "4",
                          "--port",
                          std::to_string(port_),
                          "--key-type",
                          "integer",
                          "--table",
                          "accounts=id",
                          "--table",
                          "ledger=account_id",
                          "--schema",
                          folder_.write("schema.sql", schema)};
        const test::command_result r = test::run(made);
        EXPECT_TRUE(r.ok()) << r.describe();
        open();
        raw_client c = client();
        for (int i = 0; i < accounts; ++i) {
            EXPECT_EQ(c.query(fmt::format("insert into accounts values ({}, 1000)", i)), "C(INSERT 0 1) Z(I)");
        }
    }
    void open() {
        test::command what;
        what.arguments = {test::binary_path("bin/ashlar"), "serve", "-c", path() + "/ashlar.toml"};
        what.output_file = log();
        server_ = test::child{what};
        for (int i = 0; i < 400; ++i) {
            try {
                (void)client();
                return;
            } catch (const std::exception&) {
                std::this_thread::sleep_for(25ms);
            }
        }
        FAIL() << "the proxy did not start: " << test::read_file(log());
    }
    void kill() { server_.kill_and_wait(); }
    raw_client client() const {
        raw_client::options o;
        o.port = port_;
        o.user = "demo";
        o.database = "shop";
        return raw_client{o};
    }

private:
    std::string path() const { return folder_.file("cluster"); }
    std::string log() const { return folder_.file("serve.log"); }

    test::temporary_folder folder_;
    std::uint16_t port_;
    test::child server_;
};

// Moves a cent at a time between random accounts until the server is gone. The numbers of the transfers that were
// acknowledged.
std::set<std::int64_t> move_money(raw_client c, std::int64_t first, std::uint64_t seed) {
    std::set<std::int64_t> acknowledged;
    std::mt19937_64 random{seed};
    for (std::int64_t n = first;; ++n) {
        const int from = static_cast<int>(random() % accounts);
        const int to = (from + 1 + static_cast<int>(random() % (accounts - 1))) % accounts;
        const std::string steps[] = {
            "begin",
            fmt::format("update accounts set cents = cents - 1 where id = {}", from),
            fmt::format("update accounts set cents = cents + 1 where id = {}", to),
            fmt::format("insert into ledger values ({}, {}), ({}, {})", from, n, to, n),
            "commit",
        };
        bool good = true;
        for (const std::string& each : steps) {
            const std::string said = c.query(each);
            if (said.find("Z(") == said.npos) return acknowledged;  // gone
            if (said.starts_with("E(")) {                           // another one has the shard
                good = false;
                if (c.query("rollback").find("Z(") == std::string::npos) return acknowledged;
                break;
            }
            good = each != "commit" || said.starts_with("C(COMMIT)");
        }
        if (good) acknowledged.insert(n);
    }
}

TEST(ServeKilled, KeepsWhatItAcknowledgedAndNothingByHalf) {
    bank house;
    std::set<std::int64_t> acknowledged;
    std::mt19937_64 random{std::random_device{}()};
    std::int64_t transfers = 0;
    for (int round = 0; round < 8; ++round) {
        std::vector<std::thread> threads;
        std::vector<std::set<std::int64_t>> told(clients);
        for (int i = 0; i < clients; ++i) {
            const std::int64_t first = 1'000'000 * (round * clients + i + 1);
            threads.emplace_back([&told, &house, i, first, seed = random()] {
                told[static_cast<std::size_t>(i)] = move_money(house.client(), first, seed);
            });
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{50 + random() % 400});
        house.kill();
        for (std::thread& each : threads) each.join();
        for (const auto& each : told) acknowledged.insert(each.begin(), each.end());
        house.open();

        raw_client c = house.client();
        // A file that was left with a journal may need another look before it takes part.
        ASSERT_TRUE(test::becomes([&] { return !c.query("select sum(cents) from accounts").starts_with("E(57P03)"); }));
        EXPECT_EQ(c.query("select sum(cents) from accounts"),
                  fmt::format("T(sum:1700) D({}) C(SELECT 1) Z(I)", accounts * 1'000));
        std::map<std::int64_t, int> rows;
        const std::string ledger = c.query("select transfer from ledger order by transfer");
        for (std::size_t at = 0; (at = ledger.find("D(", at)) != ledger.npos; at += 2) {
            ++rows[std::stoll(ledger.substr(at + 2))];
        }
        for (const auto& [transfer, count] : rows) ASSERT_EQ(count, 2) << transfer << " is there by half";
        for (const std::int64_t each : acknowledged) ASSERT_TRUE(rows.contains(each)) << each << " was lost";
        transfers = static_cast<std::int64_t>(rows.size());
    }
    EXPECT_GT(transfers, 20) << "hardly anything was moved, so that nothing was shown";
}

}  // namespace
}  // namespace ashlar
