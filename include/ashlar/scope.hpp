// scope.hpp: a part of the cluster to ask: one database (a shard, or a named one), or all shards.
//
// A scope is a cheap value; it keeps its cluster open. A scope for a key that has no shard, or a name that nobody has, is
// made all the same: whatever is asked of it gives that error.
#pragma once

#include <ashlar/statements.hpp>
#include <ashlar/transaction.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ashlar {

namespace detail {
class cluster_inside;
class database_runner;
struct view;
}  // namespace detail

// One database. Statements go to it as they are written, in its own dialect; a row whose shard key belongs to another
// shard is refused.
class scope : public statements {
public:
    // "shard_3", "analytics"; empty when there is no such database.
    const std::string& name() const noexcept;

    // Several statements in one text, their rows dropped: for DDL and set-up. Not a transaction.
    status run_script(std::string_view sql) const;

    // A transaction on this database alone.
    template <class Work>
    auto transaction(Work&& work, transaction_options options = {}) const {
        return detail::run_transaction(begin(options), std::forward<Work>(work));
    }
    result<ashlar::transaction> begin(transaction_options options = {}) const;

private:
    friend class cluster;
    friend class transaction;
    friend class all_shards;
    explicit scope(std::shared_ptr<detail::runner> on);
    status is_there() const;
    scope(std::shared_ptr<detail::runner> on, std::shared_ptr<detail::cluster_inside> inside,
          std::shared_ptr<const detail::view> seen, std::string name);
    std::shared_ptr<detail::cluster_inside> inside_;  // nullptr: without a database, or inside a transaction
    std::shared_ptr<const detail::view> view_;
    std::string name_;
};

// All shards. Statements are routed and their rows merged, as by the cluster itself; map asks each shard by itself.
class all_shards : public statements {
public:
    std::size_t size() const noexcept;
    scope operator[](std::size_t number) const;  // from 0, in the order of the configuration

    // Calls work(scope&) for every shard, all at once (at most cluster_options.fan_out_max), from the calling thread: while
    // one waits for its database, the others go on. Gives what they gave, in the order of the shards: result<vector<X>>
    // for X or result<X>, status for void. All are waited for; then the first error wins, and the first exception, if there
    // is one, is thrown on. Each work has a stack of 256 KiB.
    template <class Work>
    auto map(Work&& work) const;

    // The same statement on every shard, each shard's rows by themselves, made one by reduce(vector<rows>).
    template <class Reduce, class... Parameter>
    auto map_reduce(std::string_view sql, Reduce&& reduce, Parameter&&... parameters) const
        -> detail::as_result_t<std::invoke_result_t<Reduce&, std::vector<rows>>> {
        auto parts = map([&](scope& each) { return each.query(sql, value(parameters)...); });
        if (!parts) return std::move(parts).error();
        return std::invoke(reduce, std::move(*parts));
    }

    // On every shard at once. Not a transaction: on failure some shards have run it. Afterwards the catalogue is read anew.
    status run_script(std::string_view sql) const;

private:
    friend class cluster;
    all_shards(std::shared_ptr<detail::cluster_inside> inside, std::shared_ptr<const detail::view> seen);
    void each_at_once(const std::function<void(scope&, std::size_t)>& work) const;
    std::shared_ptr<detail::cluster_inside> inside_;
    std::shared_ptr<const detail::view> view_;
};

// ------------------------------------------------------------------------------------------------------------------

namespace detail {

template <class T>
struct inside_result {
    using type = T;
};
template <class T>
struct inside_result<result<T>> {
    using type = T;
};

}  // namespace detail

template <class Work>
auto all_shards::map(Work&& work) const {
    using given = std::invoke_result_t<Work&, scope&>;
    using piece = typename detail::inside_result<given>::type;
    std::vector<std::optional<detail::as_result_t<given>>> outcomes(size());
    each_at_once([&](scope& each, std::size_t number) {
        if constexpr (std::is_void_v<given>) {
            std::invoke(work, each);
            outcomes[number].emplace();
        } else {
            outcomes[number].emplace(std::invoke(work, each));
        }
    });
    if constexpr (std::is_void_v<piece>) {
        for (auto& each : outcomes) {
            if (!*each) return std::move(*each);
        }
        return status{};
    } else {
        std::vector<piece> pieces;
        pieces.reserve(outcomes.size());
        for (auto& each : outcomes) {
            if (!*each) return result<std::vector<piece>>{std::move(*each).error()};
            pieces.push_back(std::move(**each));
        }
        return result<std::vector<piece>>{std::move(pieces)};
    }
}

}  // namespace ashlar
