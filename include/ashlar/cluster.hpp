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
// Threads   Everything from any thread.
#pragma once

#include <ashlar/scope.hpp>
#include <ashlar/statements.hpp>
#include <ashlar/transaction.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar {

struct cluster_options {
    // For each call, waiting for a connection included. Too short fails in a busy hour; too long hides a dead server.
    std::chrono::milliseconds timeout{30'000};
    std::uint64_t rows_memory_max = 256U << 20;   // bytes of one answer's rows
    std::uint64_t merge_memory_max = 256U << 20;  // bytes held to merge one answer
    std::uint32_t fan_out_max = 64;               // shards asked at once
    cluster_options() = default;
};

class cluster : public statements {
public:
    // Reads the file and the environment that it names, and asks the databases for their tables. Fails with config_invalid
    // (all mistakes at once), connect_failed, login_failed, shards_disagree.
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

    // Runs work(transaction&) and commits; see transaction.hpp.
    template <class Work>
    auto transaction(Work&& work, transaction_options options = {}) const {
        return detail::run_transaction(begin(options), std::forward<Work>(work));
    }
    result<ashlar::transaction> begin(transaction_options options = {}) const;

    // Reads the databases' tables anew, after DDL that did not go through all_shards().run_script().
    status refresh() const;

private:
    explicit cluster(std::shared_ptr<detail::cluster_inside> inside);
    std::shared_ptr<detail::cluster_inside> inside_;
};

}  // namespace ashlar
