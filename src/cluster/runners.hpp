// runners.hpp: who runs the statements of the whole cluster, of one database, and of a transaction.
//
// Each run() hands all its work, planning included, to a coroutine: in a map() it then runs on the loop's own stack.
#pragma once

#include "cluster/cluster_inside.hpp"
#include "cluster/open_transaction.hpp"
#include "cluster/runner.hpp"
#include "cluster/view.hpp"

#include <memory>
#include <optional>

namespace ashlar::detail {

// The whole cluster: planned, routed, merged. A statement that writes on several databases runs in a transaction of its own.
class cluster_runner final : public runner {
public:
    cluster_runner(std::shared_ptr<cluster_inside> inside, view_pointer seen) noexcept
        : inside_(std::move(inside)), view_(std::move(seen)) {}
    result<rows> run(std::string_view sql, std::vector<value> parameters) override;
    result<rows> run_where_it_lives(std::string_view database, std::string_view sql,
                                    std::vector<value> parameters) override;
    std::string shard_key_of(std::string_view table) const override { return inside_->shard_key_of(table); }

private:
    const std::shared_ptr<cluster_inside> inside_;
    const view_pointer view_;  // shared with the handle
};

// One database of the cluster, by its member and, for a shard, its number.
struct place {
    const topology::member* member = nullptr;
    std::optional<keyspace::shard_id> shard;
};
// By name: "primary", "shard_3". Fails with database_unknown.
result<place> place_named(const cluster_inside& inside, std::string_view name);
place place_of(const cluster_inside& inside, keyspace::shard_id shard);

// One database: statements go there as they are, after check_for_shard().
class database_runner final : public runner {
public:
    database_runner(std::shared_ptr<cluster_inside> inside, place where, view_pointer seen) noexcept
        : inside_(std::move(inside)), where_(where), view_(std::move(seen)) {}
    result<rows> run(std::string_view sql, std::vector<value> parameters) override;
    std::string shard_key_of(std::string_view table) const override { return inside_->shard_key_of(table); }
    const place& where() const noexcept { return where_; }

private:
    const std::shared_ptr<cluster_inside> inside_;
    const place where_;
    const view_pointer view_;  // shared with the handle
};

// A transaction, of the cluster or (with `only`) of one database.
class transaction_runner final : public runner {
public:
    transaction_runner(std::shared_ptr<cluster_inside> inside, transaction_options options, std::optional<place> only,
                       view_pointer seen)
        : inside_(inside), only_(only), transaction_(std::move(inside), options, std::move(seen)) {}
    result<rows> run(std::string_view sql, std::vector<value> parameters) override;
    result<rows> run_where_it_lives(std::string_view database, std::string_view sql,
                                    std::vector<value> parameters) override;
    result<rows> run_on(const place& where, std::string_view sql, std::vector<value> parameters);
    std::string shard_key_of(std::string_view table) const override { return inside_->shard_key_of(table); }

    const std::optional<place>& only() const noexcept { return only_; }
    cluster_inside& inside() const noexcept { return *inside_; }
    status commit();
    void rollback() noexcept;

private:
    const std::shared_ptr<cluster_inside> inside_;
    const std::optional<place> only_;
    open_transaction transaction_;
};

// One shard within a transaction.
class confined_runner final : public runner {
public:
    confined_runner(std::shared_ptr<transaction_runner> within, place where) noexcept
        : within_(std::move(within)), where_(where) {}
    result<rows> run(std::string_view sql, std::vector<value> parameters) override {
        return within_->run_on(where_, sql, std::move(parameters));
    }
    std::string shard_key_of(std::string_view table) const override { return within_->shard_key_of(table); }

private:
    const std::shared_ptr<transaction_runner> within_;  // shared with the transaction, which may be moved meanwhile
    const place where_;
};

}  // namespace ashlar::detail
