// cluster.hpp: many databases as one. The entry point of the library.
//
//     auto shop = ashlar::cluster::open("ashlar.toml").value();
//     shop.insert(order{…}).value();                                          // goes where its shard key says
//     auto mine = shop.shard_for(me).where<order>("status = $1", "pending").all().value();
//     auto spread = shop.query("select status, count(*) from orders group by status").value();   // all shards, merged
//
// Life      A cluster is a handle: copies are the same cluster. Its connections are closed when the last handle, scope and
//           transaction of it have gone.
// Routing   A statement to the cluster itself is planned. It runs on the shards that its keys name, and its answer is the one
//           that a single database with all rows would give; or it is refused with a hint.
// Roles     Statements go to the current primary of a database (see docs/guide/replicas.md). reading() gives a handle whose
//           statements go to replicas that are fit. A statement that would write is refused there (read_only).
// Own       A replica is used only if it shows the earlier writes of this process, through any handle. In a session(), only
// writes    the writes of that session count; its causal_token() lets another process continue the session.
// Threads   All members may be called from any thread.
// Forks     A cluster has threads, and fork() does not copy them. After a fork, open a cluster in the child; a process that had a
//           cluster before its fork may only exec in the child.
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
    // For each call, including the wait for a connection. If it is too short, calls fail in a busy hour; if it is too long, a
    // dead server is noticed late.
    std::chrono::milliseconds timeout{30'000};
    std::uint64_t rows_memory_max = 256U << 20;   // bytes of one answer's rows
    std::uint64_t merge_memory_max = 256U << 20;  // bytes held to merge one answer
    // Bytes that all statements of the cluster hold together; the largest fails with memory_exhausted when they are reached.
    // 0: a quarter of the memory that the machine, or the process's control group, has.
    std::uint64_t memory_max = 0;
    std::uint32_t fan_out_max = 64;  // shards asked at once
    // Called when the health of a server has changed and has stayed so for alerts.after; `healthy` and `problem` describe the
    // change. It runs on a thread of the cluster, one call at a time. It must not throw.
    std::function<void(const server_health&)> on_health_change;
    // Called for each statement that has ended on a server, on the thread that ran it, before the caller continues. It must
    // neither throw nor use the cluster. Several threads may call it at the same time.
    std::function<void(const statement_event&)> on_statement;
    cluster_options() = default;
};

namespace detail {
struct view;
}

struct reading_options {
    // How old the data may be at most. None: as old as replicas.max_lag allows.
    std::optional<std::chrono::milliseconds> max_staleness;
};

class cluster : public statements {
public:
    // Reads the file and the environment, reads the tables of the shards and the primary, and logs in to all other databases.
    // Fails with config_invalid (which lists all mistakes), with login_failed or database_unknown if any database reports it, and
    // with connect_failed if neither the primary nor any shard answers. A database that does not answer is tried again when it is
    // first needed. A named SQLite file is opened only then.
    static result<cluster> open(const std::string& path, cluster_options options = {});
    // The same from a text; relative paths in it are taken from `folder`.
    static result<cluster> open_text(std::string_view toml, const std::string& folder = ".",
                                     cluster_options options = {});

    // The shard that owns a key.
    scope shard_for(value key) const;
    // All shards. Without shards in the configuration the set is empty, and its statements are refused.
    ashlar::all_shards all_shards() const;
    // A database by its name: "primary", "analytics", "shard_3".
    scope database(std::string_view name) const;
    // The same as database(name), for code such as using_database("analytics").query(…).
    scope using_database(std::string_view name) const { return database(name); }
    // The same for a block: using_database("eu-west", [&](const scope& eu) { … }). It returns the block's result: result<X> for X or
    // result<X>, status for void. If there is no such database, the block is not called. Blocks may be nested. Only the scope
    // says which database is meant: no variable of the thread or the task changes.
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

    // The same cluster, read through replicas. Each read goes to a replica of its database that is fit and shows the session's
    // own writes; replicas.policy chooses among several. If there is none, replicas.no_replica decides: the read goes to the
    // primary, or is refused with shard_unavailable. The same holds for shard_for(), all_shards() and database() of this handle.
    // begin() gives a read-only transaction on one replica. If a replica goes away during a read, the read is sent elsewhere.
    cluster reading(reading_options options = {}) const;
    // The same cluster, through primaries: the opposite of reading().
    cluster writing() const;

    // A handle whose reads on replicas must show the writes made through it and its copies, but not those of others.
    cluster session() const;
    // The same; it continues a session of another process. Fails with bad_value, database_unknown.
    result<cluster> session(std::string_view causal_token) const;
    // The position of this session's writes (without a session: of this process's writes). About 40 characters for each database
    // with writes: letters, digits, _, - and !. The call asks those databases.
    result<std::string> causal_token() const;

    // Runs work(transaction&) and commits; see transaction.hpp.
    template <class Work>
    auto transaction(Work&& work, transaction_options options = {}) const {
        return detail::run_transaction(begin(options), std::forward<Work>(work));
    }
    result<ashlar::transaction> begin(transaction_options options = {}) const;

    // Asks every server now, all at the same time, for two seconds at most. In the result, shards come first, and the primary of
    // a database comes before its replicas.
    std::vector<server_health> check_all() const;

    // The current metrics of the pools, replicas and breakers. It asks no server, and is cheap enough to be called every few
    // seconds.
    std::vector<metric_family> metrics() const;

    // Reads the databases' tables again, after DDL that was not run by all_shards().run_script().
    status refresh() const;

private:
    friend class testkit::throwaway_cluster;
    cluster(std::shared_ptr<detail::cluster_inside> inside, std::shared_ptr<const detail::view> seen);
    std::shared_ptr<detail::cluster_inside> inside_;
    std::shared_ptr<const detail::view> view_;
};

}  // namespace ashlar
