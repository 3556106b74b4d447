// cluster.hpp: many databases as one. The library's front door.
//
//     auto shop = ashlar::cluster::open("ashlar.toml").value();
//     shop.insert(order{…}).value();                                          // goes where its shard key says
//     auto mine = shop.shard_for(me).where<order>("status = $1", "pending").all().value();
//     auto spread = shop.query("select status, count(*) from orders group by status").value();   // all shards, merged
//
// Life      A cluster is a handle: copies are the same cluster. Its connections close with the last handle, scope or
//           transaction of it.
// Routing   What is asked of the cluster itself is planned: it runs on the shards that its keys name, and is answered
//           as one database holding all rows would answer, or refused with a hint.
// Roles     Statements go to the database's primary, whoever that is now (see docs/guide/replicas.md). reading() gives a handle
//           whose statements go to replicas that are fit; what would write is refused there (read_only).
// Own       A replica is read from only if it shows what was written before: by this process, through any handle; or, in a
// writes    session(), by that session alone, which may go on in another process by its causal_token().
// Threads   Everything from any thread.
// Forks     A cluster has threads, which fork() does not copy: open clusters in the child, and in a process that has had none before
//           its fork (or execs after it).
#pragma once

#include <ashlar/health.hpp>
#include <ashlar/metrics.hpp>
#include <ashlar/scope.hpp>
#include <ashlar/statement_event.hpp>
#include <ashlar/statements.hpp>
#include <ashlar/transaction.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar {

namespace testkit {
class throwaway_cluster;
}

struct cluster_options {
    // For each call, waiting for a connection included. Too short fails in a busy hour; too long hides a dead server.
    std::chrono::milliseconds timeout{30'000};
    std::uint64_t rows_memory_max = 256U << 20;   // bytes of one answer's rows
    std::uint64_t merge_memory_max = 256U << 20;  // bytes held to merge one answer
    // Bytes that all statements of the cluster hold together; the largest fails with memory_exhausted when they are reached.
    // 0: a quarter of the memory that the machine, or the process's control group, has.
    std::uint64_t memory_max = 0;
    std::uint32_t fan_out_max = 64;  // shards asked at once
    // Told of a server whose health has changed, and stayed so for alerts.after; `healthy` and `problem` say how. On a thread
    // of the cluster's own, one call at a time; it must not throw.
    std::function<void(const server_health&)> on_health_change;
    // Told of each statement that has ended on a server, on the thread that ran it, before its caller goes on. It must neither
    // throw nor ask the cluster, and is called by several threads at once where several ask.
    std::function<void(const statement_event&)> on_statement;
    cluster_options() = default;
};

namespace detail {
struct view;
}

struct reading_options {
    // What is read was the latest so long ago at most. None: as far behind as replicas.max_lag allows.
    std::optional<std::chrono::milliseconds> max_staleness;
};

class cluster : public statements {
public:
    // Reads the file and its environment, asks the databases for their tables, and logs in to those that are asked by name only.
    // Fails with config_invalid (all mistakes at once); with login_failed and database_unknown, whichever database says so; and
    // with connect_failed when neither the primary nor any shard answers. A database that is away is asked again when it is
    // first needed. An SQLite file that is asked by name only is opened then, too.
    static result<cluster> open(const std::string& path, cluster_options options = {});
    // The same from a text; relative paths in it are taken from `folder`.
    static result<cluster> open_text(std::string_view toml, const std::string& folder = ".",
                                     cluster_options options = {});

    // The shard that owns a key.
    scope shard_for(value key) const;
    // All of them; without shards in the configuration, an empty set whose statements are refused.
    ashlar::all_shards all_shards() const;
    // A database by its name: "primary", "analytics", "shard_3".
    scope database(std::string_view name) const;
    // The same, for a sentence that reads so: using_database("analytics").query(…).
    scope using_database(std::string_view name) const { return database(name); }
    // The same for a block: using_database("eu-west", [&](const scope& eu) { … }). Gives what it gives: result<X> for X or
    // result<X>, status for void; without such a database it is not called. Blocks nest, and nothing outlives them: which
    // database is meant is said by the scope alone, and by no variable of a thread or a task that others could see.
    template <class Work>
    auto using_database(std::string_view name, Work&& work) const
        -> detail::as_result_t<std::invoke_result_t<Work&, const scope&>> {
        const scope chosen = database(name);
        if (status there = chosen.is_there(); !there) return std::move(there).error();
        if constexpr (std::is_void_v<std::invoke_result_t<Work&, const scope&>>) {
            std::invoke(work, chosen);
            return {};
        } else {
            return std::invoke(work, chosen);
        }
    }

    // The same cluster, read through replicas: of each database one that is fit and shows the session's own writes, by
    // replicas.policy; when there is none the primary, or refused with shard_unavailable, by replicas.no_replica. Also for its
    // shard_for(), all_shards(), database() and begin(), which gives a transaction that reads only, on one replica. A read on
    // a replica that goes away meanwhile is tried elsewhere.
    cluster reading(reading_options options = {}) const;
    // The same cluster, through primaries: the opposite of reading().
    cluster writing() const;

    // A handle whose reads on replicas must show what was written through it and its copies, and nobody else's writes.
    cluster session() const;
    // The same, going on where a session of another process was. Fails with bad_value, database_unknown.
    result<cluster> session(std::string_view causal_token) const;
    // How far the writes of this session (of this process, without one) have got: about 40 characters for each database it
    // wrote on, of letters, digits, _, - and !. It asks those databases.
    result<std::string> causal_token() const;

    // Runs work(transaction&) and commits; see transaction.hpp.
    template <class Work>
    auto transaction(Work&& work, transaction_options options = {}) const {
        return detail::run_transaction(begin(options), std::forward<Work>(work));
    }
    result<ashlar::transaction> begin(transaction_options options = {}) const;

    // Asks every server now, all at once, for two seconds at most: shards first, each database's primary before its replicas.
    std::vector<server_health> check_all() const;

    // What its pools, replicas and breakers count and measure, as of now; asks no server. Cheap enough for every few seconds.
    std::vector<metric_family> metrics() const;

    // Reads the databases' tables anew, after DDL that did not go through all_shards().run_script().
    status refresh() const;

private:
    friend class testkit::throwaway_cluster;
    cluster(std::shared_ptr<detail::cluster_inside> inside, std::shared_ptr<const detail::view> seen);
    std::shared_ptr<detail::cluster_inside> inside_;
    std::shared_ptr<const detail::view> view_;
};

}  // namespace ashlar
