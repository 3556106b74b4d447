// Transactions over several SQLite shards: whole or not at all, whoever dies when.
//
// The children that are killed are this same program, asked to run one of its disabled tests.
#include "support/process.hpp"
#include "support/temporary_folder.hpp"

#include <ashlar/ashlar.hpp>

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <thread>

using namespace ashlar;
using namespace ashlar::test;

namespace {

constexpr int shards = 3;
constexpr std::int64_t cents_of_each = 1'000'000;

struct account {
    std::int64_t id = 0;  // modulo three: the shard
    std::int64_t cents = 0;
};
ASHLAR_MODEL(account, "accounts", id, cents)

cluster open_bank(const std::string& folder) {
    return cluster::open_text(R"(
[shards]
function = "modulo"
key_type = "integer"
count = 3
url = "sqlite:bank_{shard}.db"
[pool]
min_connections = 0
[tables]
accounts = { shard_key = "id" }
entries = { shard_key = "account" }
)",
                              folder)
        .value();
}

void found_bank(const std::string& folder) {
    cluster bank = open_bank(folder);
    bank.all_shards()
        .run_script(
            "create table accounts (id integer primary key, cents integer not null check (cents >= 0));"
            "create table entries (number integer not null, account integer not null, primary key (number, account))")
        .value();
    cluster fresh = open_bank(folder);
    for (int i = 0; i < shards; ++i) fresh.insert(account{i, cents_of_each}).value();
}

// Takes from one account and gives to another, and leaves an entry with each.
status transfer(const cluster& bank, std::int64_t number, std::int64_t from, std::int64_t to, std::int64_t cents) {
    return bank.transaction([&](transaction& tx) -> status {
        for (const auto& [id, change] : {std::pair{from, -cents}, std::pair{to, cents}}) {
            auto changed = tx.execute("update accounts set cents = cents + $1 where id = $2", change, id);
            if (!changed) return std::move(changed).error();
            auto noted = tx.execute("insert into entries (number, account) values ($1, $2)", number, id);
            if (!noted) return std::move(noted).error();
        }
        return {};
    });
}

std::string from_environment(const char* name) {
    const char* value = ::getenv(name);
    return value == nullptr ? "" : value;
}

command this_program(const std::string& test, std::map<std::string, std::string> environment) {
    command me;
    me.arguments = {"/proc/self/exe", "--gtest_also_run_disabled_tests", "--gtest_filter=" + test};
    me.arguments.front() = std::filesystem::read_symlink("/proc/self/exe").string();
    me.environment = std::move(environment);
    return me;
}

// What must hold whatever happened: no cent lost or made, and of each transfer both entries or none. The numbers.
std::multiset<std::int64_t> check_books(const std::string& folder) {
    const cluster bank = open_bank(folder);
    EXPECT_EQ(bank.scalar<std::int64_t>("select sum(cents) from accounts").value(), shards * cents_of_each);
    std::multiset<std::int64_t> numbers;
    for (const auto& each : bank.query("select number from entries").value()) {
        numbers.insert(each.get<std::int64_t>(0).value());
    }
    for (const std::int64_t number : numbers) EXPECT_EQ(numbers.count(number), 2u) << "transfer " << number;
    return numbers;
}

// --- a child that dies at a given call of the operating system -----------------------------------------------------

std::atomic<long> calls_left = 0;  // 0: immortal

void count_call() {
    if (calls_left > 0 && --calls_left == 0) ::raise(SIGKILL);
}
ssize_t counted_write(int fd, const void* bytes, size_t size) {
    count_call();
    return ::write(fd, bytes, size);
}
ssize_t counted_pwrite(int fd, const void* bytes, size_t size, off_t at) {
    count_call();
    return ::pwrite(fd, bytes, size, at);
}
int counted_truncate(int fd, off_t size) {
    count_call();
    return ::ftruncate(fd, size);
}
int counted_unlink(const char* path) {
    count_call();
    return ::unlink(path);
}
int counted_close(int fd) {
    count_call();
    return ::close(fd);
}

template <class Call>
void replace(const char* name, Call* with) {
    sqlite3_vfs* files = sqlite3_vfs_find(nullptr);
    files->xSetSystemCall(files, name, reinterpret_cast<sqlite3_syscall_ptr>(with));
}

TEST(Child, DISABLED_TransfersOnceAndDiesAtACall) {
    replace("write", counted_write);
    replace("pwrite", counted_pwrite);
    replace("pwrite64", counted_pwrite);
    replace("ftruncate", counted_truncate);
    replace("unlink", counted_unlink);
    replace("close", counted_close);
    const cluster bank = open_bank(from_environment("BANK"));
    calls_left = std::stol(from_environment("DIES_AT"));
    if (from_environment("STATEMENT").empty()) {
        ASSERT_TRUE(transfer(bank, 1, 0, 1, 30));
    } else {
        ASSERT_TRUE(bank.execute(from_environment("STATEMENT")));
    }
    calls_left = 0;
    const int out = ::open((from_environment("BANK") + "/acknowledged").c_str(), O_CREAT | O_WRONLY, 0600);
    ::close(out);
}

TEST(Child, DISABLED_TransfersUntilItIsKilled) {
    const std::string folder = from_environment("BANK");
    const cluster bank = open_bank(folder);
    const std::int64_t first = std::stoll(from_environment("FIRST"));
    const int out = ::open((folder + "/acknowledged").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    std::atomic<std::int64_t> number = first;
    std::vector<std::jthread> tellers;
    for (int t = 0; t < 3; ++t) {
        tellers.emplace_back([&, t] {
            for (std::int64_t i = t;; ++i) {
                const std::int64_t mine = ++number;
                if (!transfer(bank, mine, i % shards, (i + 1) % shards, mine % 7)) continue;
                const std::string line = fmt::format("{}\n", mine);
                (void)!::write(out, line.data(), line.size());
            }
        });
    }
}

}  // namespace

// --- tests --------------------------------------------------------------------------------------------------------

TEST(SqliteTransactions, ATransferIsWholeOrNotAtWhicheverCallTheProcessDies) {
    temporary_folder founded;
    found_bank(founded.path());
    for (int call = 1;; ++call) {
        SCOPED_TRACE(fmt::format("killed at call {}", call));
        temporary_folder folder;
        std::filesystem::copy(founded.path(), folder.path());
        const command_result child = run(this_program("Child.DISABLED_TransfersOnceAndDiesAtACall",
                                                      {{"BANK", folder.path()}, {"DIES_AT", std::to_string(call)}}));
        const bool lived = child.ok();
        ASSERT_TRUE(lived || child.exit_code == 128 + SIGKILL) << child.describe();
        const bool moved = !check_books(folder.path()).empty();
        const std::int64_t left =
            open_bank(folder.path()).scalar<std::int64_t>("select cents from accounts where id = 0").value();
        EXPECT_EQ(left, moved ? cents_of_each - 30 : cents_of_each);
        const bool acknowledged = std::filesystem::exists(folder.file("acknowledged"));
        EXPECT_TRUE(moved || !acknowledged);
        if (HasFailure()) return;
        if (!lived) continue;
        EXPECT_TRUE(acknowledged);
        EXPECT_GT(call, 20);  // else the calls were not seen
        return;
    }
}

TEST(SqliteTransactions, OneStatementOnAllShardsIsWholeOrNotAtWhicheverCallTheProcessDies) {
    temporary_folder founded;
    found_bank(founded.path());
    int torn = 0, call = 1;
    for (bool lived = false; !lived; ++call) {
        SCOPED_TRACE(fmt::format("killed at call {}", call));
        temporary_folder folder;
        std::filesystem::copy(founded.path(), folder.path());
        const command_result child = run(this_program("Child.DISABLED_TransfersOnceAndDiesAtACall",
                                                      {{"BANK", folder.path()},
                                                       {"DIES_AT", std::to_string(call)},
                                                       {"STATEMENT", "update accounts set cents = cents + 1"}}));
        lived = child.ok();
        ASSERT_TRUE(lived || child.exit_code == 128 + SIGKILL) << child.describe();
        const auto sum = open_bank(folder.path()).scalar<std::int64_t>("select sum(cents) from accounts").value();
        const std::int64_t done = sum - shards * cents_of_each;
        if (done != 0 && done != shards) ++torn;
        EXPECT_TRUE(done == shards || !std::filesystem::exists(folder.file("acknowledged")));
    }
    EXPECT_EQ(torn, 0);
    EXPECT_GT(call, 25);
}

TEST(SqliteTransactions, AcknowledgedTransfersOfManyThreadsOutliveTheProcess) {
    temporary_folder folder;
    found_bank(folder.path());
    std::mt19937 random{20261122};
    std::size_t lines = 0;
    const auto acknowledged = [&] {
        std::ifstream in{folder.file("acknowledged")};
        std::vector<std::int64_t> all;
        for (std::int64_t n = 0; in >> n;) all.push_back(n);
        return all;
    };
    for (int round = 0; round < 5; ++round) {
        SCOPED_TRACE(fmt::format("round {}", round));
        child teller{this_program("Child.DISABLED_TransfersUntilItIsKilled",
                                  {{"BANK", folder.path()}, {"FIRST", std::to_string(round * 1'000'000)}})};
        const std::size_t enough = lines + 5 + random() % 20;
        while (acknowledged().size() < enough && teller.running()) std::this_thread::yield();
        ASSERT_TRUE(teller.running());
        teller.kill_and_wait();
        const std::multiset<std::int64_t> numbers = check_books(folder.path());
        for (const std::int64_t each : acknowledged()) EXPECT_EQ(numbers.count(each), 2u) << each;
        lines = acknowledged().size();
        if (HasFailure()) return;
    }
}

class Bank : public ::testing::Test {
protected:
    void SetUp() override {
        found_bank(folder_.path());
        bank_.emplace(open_bank(folder_.path()));
    }
    std::int64_t cents(std::int64_t id) const {
        return bank_->scalar<std::int64_t>("select cents from accounts where id = $1", id).value();
    }
    temporary_folder folder_;
    std::optional<cluster> bank_;
};

TEST_F(Bank, AnErrorOnTheSecondShardTakesTheFirstBack) {
    const status moved = transfer(*bank_, 1, 0, 1, -cents_of_each - 1);  // more than the second one has
    EXPECT_EQ(moved.error().sqlstate(), "23514");
    EXPECT_EQ(cents(0), cents_of_each);
    EXPECT_TRUE(check_books(folder_.path()).empty());
}

TEST_F(Bank, AStatementThatFailsOnOneShardDoesNothingOnAny) {
    bank_->execute("update accounts set cents = 0 where id = 2").value();
    EXPECT_EQ(bank_->execute("update accounts set cents = cents - 1").error().sqlstate(), "23514");
    EXPECT_EQ(cents(0), cents_of_each);
    EXPECT_EQ(bank_->execute("insert into entries (number, account) values (1, 0), (1, 1), (1, 2)").value(), 3u);
    EXPECT_EQ(bank_->execute("insert into entries (number, account) values (2, 0), (1, 1)").error().sqlstate(),
              "23505");
    EXPECT_EQ(bank_->scalar<std::int64_t>("select count(*) from entries").value(), 3);
    EXPECT_EQ(bank_->execute("delete from entries").value(), 3u);
}

TEST_F(Bank, ATransactionReadsItsOwnWritesOnAllShards) {
    const status done = bank_->transaction([&](transaction& tx) -> status {
        EXPECT_EQ(tx.execute("update accounts set cents = 1 where id = 2").value(), 1u);
        EXPECT_EQ(tx.scalar<std::int64_t>("select sum(cents) from accounts").value(), 2 * cents_of_each + 1);
        EXPECT_EQ(tx.execute("update accounts set cents = cents + 1").value(), 3u);
        EXPECT_EQ(tx.scalar<std::int64_t>("select sum(cents) from accounts").value(), 2 * cents_of_each + 4);
        EXPECT_EQ(tx.query("select id from accounts order by cents").value()[0].get<std::int64_t>(0).value(), 2);
        return {};
    });
    EXPECT_TRUE(done) << done.error();
    EXPECT_EQ(cents(2), 2);
}

TEST_F(Bank, OfTwoTransactionsInOppositeOrdersOneCommitsAndTheOtherMayTryAgain) {
    std::barrier both_hold_one{2};
    std::atomic<int> committed = 0, to_try_again = 0;
    const auto move = [&](std::int64_t from, std::int64_t to) {
        const status done = bank_->transaction([&](transaction& tx) -> status {
            tx.execute("update accounts set cents = cents - 1 where id = $1", from).value();
            both_hold_one.arrive_and_wait();
            auto second = tx.execute("update accounts set cents = cents + 1 where id = $1", to);
            return second ? status{} : status{std::move(second).error()};
        });
        if (done) {
            ++committed;
        } else if (done.error().sqlstate() == "40P01") {
            ++to_try_again;
        }
    };
    { std::jthread one{move, 0, 1}, two{move, 1, 0}; }
    EXPECT_EQ(committed, 1);
    EXPECT_EQ(to_try_again, 1);
    check_books(folder_.path());
}

TEST_F(Bank, ReadersOfAllShardsAndTransfersDoNotHoldEachOtherUp) {
    std::atomic<bool> over = false;
    std::jthread reader{[&] {
        while (!over) {
            auto all = bank_->query("select number, account from entries order by number, account");
            EXPECT_TRUE(all) << all.error();
        }
    }};
    for (std::int64_t i = 1; i <= 40; ++i) {
        const status done = transfer(*bank_, i, i % shards, (i + 1) % shards, 1);
        EXPECT_TRUE(done) << done.error();
    }
    over = true;
    reader.join();
    EXPECT_EQ(check_books(folder_.path()).size(), 80u);
}

// A commit over several files takes them one by one; a reader who has the next one must not wait for the one before it.
TEST_F(Bank, AReaderOfAllShardsThatMeetsALockLetsGoOfTheOthers) {
    for (std::int64_t i = 1; i < 20'000; i += 100) {
        std::string rows = fmt::format("insert into entries (number, account) values ({}, 1)", i);
        for (std::int64_t n = i + 1; n < i + 100; ++n) rows += fmt::format(",({},1)", n);
        bank_->execute(rows).value();
    }
    const auto raw = [&](const std::string& name) {
        sqlite3* opened = nullptr;
        EXPECT_EQ(sqlite3_open(folder_.file(name).c_str(), &opened), SQLITE_OK);
        return std::unique_ptr<sqlite3, decltype(&sqlite3_close)>{opened, sqlite3_close};
    };
    const auto run_on = [](const auto& file, const char* sql) {
        return sqlite3_exec(file.get(), sql, nullptr, nullptr, nullptr);
    };
    auto first = raw("bank_1.db"), second = raw("bank_2.db");
    ASSERT_EQ(run_on(first, "begin exclusive"), SQLITE_OK);
    std::jthread reader{[&] {
        auto all = bank_->query("select number from entries order by number");
        EXPECT_TRUE(all) << all.error();
        EXPECT_EQ(all->size(), 20'000u);
    }};
    while (run_on(second, "begin immediate; update accounts set cents = cents; commit") == SQLITE_OK) {
    }
    EXPECT_EQ(sqlite3_get_autocommit(second.get()), 0);  // the reader has the file
    sqlite3_busy_timeout(second.get(), 2'000);
    EXPECT_EQ(run_on(second, "commit"), SQLITE_OK);
    EXPECT_EQ(run_on(first, "rollback"), SQLITE_OK);
}

TEST_F(Bank, AShardInWalModeIsReadInATransactionAndWrittenAloneButNotWithOthers) {
    sqlite3* owner = nullptr;
    ASSERT_EQ(sqlite3_open(folder_.file("bank_2.db").c_str(), &owner), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(owner, "pragma journal_mode=wal", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(owner);
    bank_.emplace(open_bank(folder_.path()));

    for (const auto& [from, to] : {std::pair{0, 1}, std::pair{1, 0}}) {
        const status both = transfer(*bank_, 1, from, to, 1);
        EXPECT_EQ(both.error().sqlstate(), "0A000");
        EXPECT_FALSE(both.error().hint().empty());
    }
    EXPECT_EQ(bank_->execute("update accounts set cents = cents + 1").error().sqlstate(), "0A000");
    const status reads = bank_->transaction([&](transaction& tx) -> status {
        EXPECT_EQ(tx.scalar<std::int64_t>("select sum(cents) from accounts").value(), shards * cents_of_each);
        auto wrote = tx.execute("update accounts set cents = cents + 1 where id = 1");
        EXPECT_TRUE(wrote) << wrote.error();
        EXPECT_EQ(tx.execute("update accounts set cents = cents - 1 where id = 0").error().sqlstate(), "0A000");
        return error{errc::cancelled};
    });
    EXPECT_FALSE(reads);
    const status apart = bank_->transaction([&](transaction& tx) -> status {
        EXPECT_EQ(tx.scalar<std::int64_t>("select cents from accounts where id = 0").value(), cents_of_each);
        EXPECT_EQ(tx.execute("update accounts set cents = 5 where id = 1").value(), 1u);  // the host only read
        auto wrote = tx.execute("update accounts set cents = 5 where id = 2");
        return wrote ? status{} : status{std::move(wrote).error()};
    });
    EXPECT_EQ(apart.error().sqlstate(), "0A000");
    EXPECT_TRUE(transfer(*bank_, 2, 0, 2, 1));
    EXPECT_EQ(check_books(folder_.path()).size(), 2u);
}
