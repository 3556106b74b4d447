// testkit.hpp: for the tests of programs that use Ashlar: a cluster to throw away, where statements went, and faults.
//
//     ashlar::testkit::throwaway_options how;
//     how.tables = R"(orders = { shard_key = "user_id" })";
//     how.schema = "create table orders (id integer primary key, user_id integer not null, status text)";
//     ashlar::testkit::throwaway_cluster shop{how};
//
//     auto sent = shop.statements_of([&] { place_order(*shop, user); });
//     sent.expect_shard(shop->shard_for(user).name()).expect_role(ashlar::server_role::writing);
//
// It belongs to no test framework. What is not as expected is thrown as expectation_failed, whose text every framework prints;
// report_failures_to() makes it, say, ADD_FAILURE() instead. Link ashlar::testkit (CMake) or ashlar-testkit (pkg-config)
// into the tests, and not into the program.
#pragma once

#include <ashlar/cluster.hpp>
#include <ashlar/statement_event.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::testkit {

// --- where statements went ----------------------------------------------------------------------------------------

class expectation_failed : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};
// From now on a failed expectation is told to `tell` rather than thrown, and the test goes on:
//     report_failures_to([](const std::string& text) { ADD_FAILURE() << text; });
// An empty function brings the exception back. Any thread.
void report_failures_to(std::function<void(const std::string&)> tell);

// Statements that have been sent to servers, in the order of their ends. Expectations give the same object, so that they can be
// strung together; but for expect_none() and expect_count(0), each fails when nothing was sent.
class sent_statements {
public:
    sent_statements() = default;
    explicit sent_statements(std::vector<statement_event> all) : all_(std::move(all)) {}

    const std::vector<statement_event>& all() const noexcept { return all_; }
    std::size_t count() const noexcept { return all_.size(); }
    std::size_t count(std::string_view database) const;
    // How many went to each database: {"shard_1": 2, "shard_3": 1}.
    std::map<std::string, std::size_t> per_database() const;
    // "shard_3 (writing): insert into orders …", a line each.
    std::string describe() const;

    // All of them went to this shard (or other database) …
    const sent_statements& expect_shard(std::string_view database) const;
    // … or to these and each of them.
    const sent_statements& expect_shards(const std::set<std::string>& databases) const;
    // All of them were asked for by reading(), or none.
    const sent_statements& expect_role(server_role role) const;
    // All of them ran on replicas; on the servers that take the writes.
    const sent_statements& expect_replica() const;
    const sent_statements& expect_primary() const;
    // All of them ran in transactions.
    const sent_statements& expect_transaction() const;
    const sent_statements& expect_count(std::size_t statements) const;
    const sent_statements& expect_count(std::string_view database, std::size_t statements) const;
    const sent_statements& expect_none() const { return expect_count(0); }

private:
    template <class As>
    const sent_statements& expect_each(const std::string& what, const As& is_so) const;
    void fail(const std::string& expected) const;
    std::vector<statement_event> all_;
};

// Notes the statements of a cluster that was opened with options.on_statement = recorder.observer(). Any thread; copies are
// the same recorder.
class recorder {
public:
    recorder();
    std::function<void(const statement_event&)> observer() const;
    // What was noted since the last take() or clear().
    sent_statements take() const;
    void clear() const { (void)take(); }
    // What `work` sent, from whichever thread; what was noted before is kept.
    template <class Work>
    sent_statements during(Work&& work) const {
        const std::size_t before = size();
        std::forward<Work>(work)();
        return since(before);
    }

private:
    std::size_t size() const;
    sent_statements since(std::size_t number) const;
    struct inside;
    std::shared_ptr<inside> inside_;
};

// --- a cluster to throw away --------------------------------------------------------------------------------------

enum class engine {
    sqlite,    // files; nothing to install or to start
    postgres,  // a real server, started from the machine's PostgreSQL
    mariadb,   // likewise; primary and named databases only, as everywhere
};

struct throwaway_options {
    testkit::engine engine = testkit::engine::sqlite;

    // The program's own ashlar.toml: all its databases, shards, tables and settings, but each database a new and empty one.
    // Variables in it need not be set, and its [alerts] run nothing.
    std::string like;

    // Without `like`: a primary, and so many shards by modulo of keys of this type (integer, uuid); 0: none.
    std::size_t shards = 2;
    std::string key_type = "integer";
    std::size_t replicas = 0;  // of each database, not for SQLite
    std::string tables;        // lines for [tables]: "orders = { shard_key = \"user_id\" }"
    std::string settings;      // more of the file: "[replicas]\nmax_lag = \"1s\""

    // Statements that make the tables: on the primary and on every shard …
    std::string schema;
    // … and on others by their names; "primary" among them has no part of `schema`.
    std::map<std::string, std::string> schema_of;

    cluster_options cluster;  // on_statement is told of what the recorder is told of
    throwaway_options() = default;
};

// A cluster on databases of its own, gone with it. A real engine is one server in a temporary folder, on a free port of
// 127.0.0.1, with a database for each of the cluster's, and as many streaming replicas as the database that has most; it is
// started in a second or two and ends with the object, or with the thread that made it, whatever becomes of the process.
//
// Construction throws std::runtime_error with what went wrong: a server that is not installed, a schema that is refused.
// Names of servers are those of check_all() and `ashlar status`: "shard_1" for a configured primary, "shard_1/replica_2".
// A name that nobody has throws std::invalid_argument.
// Threads: faults from any thread; the rest as for a cluster.
class throwaway_cluster {
public:
    explicit throwaway_cluster(throwaway_options how = {});
    ~throwaway_cluster();
    throwaway_cluster(const throwaway_cluster&) = delete;
    throwaway_cluster& operator=(const throwaway_cluster&) = delete;

    cluster& operator*() noexcept;
    cluster* operator->() noexcept;
    // Of a server, for another client of it: psql, a second process.
    std::string url(std::string_view server) const;

    // What `work` sends, through any handle of this cluster, and from any thread.
    template <class Work>
    sent_statements statements_of(Work&& work) const {
        return statements().during(std::forward<Work>(work));
    }
    const recorder& statements() const noexcept;

    // --- faults, until heal(); by the name of a server ---

    // Each open connection is found lost at its next use, as after a restart of the server. New ones are made.
    void lose_connections(std::string_view server);
    // The server is gone for the cluster: connections are lost, and none can be made, until bring_back().
    void take_down(std::string_view server);
    void bring_back(std::string_view server);
    // Its next statements, so many, fail with this and are not run. connection_lost breaks the connection, too.
    void fail_next(std::string_view server, errc with, std::size_t statements = 1);
    // The next commit of a transaction there happens, or does not, and its answer is lost either way: commit_unknown.
    void lose_next_commit(std::string_view server, bool happens);
    // Each statement waits so long before it is sent; 0: no longer.
    void delay(std::string_view server, std::chrono::milliseconds by);
    // A replica shows what it gets so much later; 0: no longer. It is the server's replica: those of the other databases by the
    // same number lag with it. Throws for SQLite, which has none.
    void lag(std::string_view replica, std::chrono::seconds by);
    // The same for ever: it applies nothing.
    void hold(std::string_view replica);
    void release(std::string_view replica);

    // Ends all faults.
    void heal();

private:
    struct inside;
    std::unique_ptr<inside> inside_;
};

}  // namespace ashlar::testkit
