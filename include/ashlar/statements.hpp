// statements.hpp: what can be asked of a cluster, of a scope (one database, all shards) and of a transaction alike.
//
// Who is asked decides where a statement runs; how to ask is the same everywhere, and stands here once.
//
// Parameters  $1, $2 … in the text, on every engine; never text pasted together.
// Failure     Everything that waits gives result<T>. The error's where() names the shard. A statement that Ashlar cannot
//             answer rightly is refused before any effect, with SQLSTATE 0A000, the clause and a hint.
// Time        Each call waits no longer than cluster_options.timeout.
// Bounds      The rows of one answer may take cluster_options.rows_memory_max bytes, then limit_reached.
// Threads     Calls block the calling thread, which waits for all shards at once by itself. What is asked of a cluster or
//             a scope may be asked by many threads at once; a transaction belongs to one.
#pragma once

#include <ashlar/model.hpp>
#include <ashlar/row.hpp>
#include <ashlar/value.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace ashlar {

namespace detail {

class runner;  // runs a statement somewhere; src/cluster/runner.hpp

// The parts of a select over one model's table.
struct selection_parts {
    std::string condition;  // empty: all rows
    std::vector<value> parameters;
    std::string order;
    std::optional<std::uint64_t> limit, offset;
};

result<rows> run(runner& on, std::string_view sql, std::vector<value> parameters);
result<rows> run_selection(runner& on, const model_view& what, const selection_parts& parts);
result<std::int64_t> run_count(runner& on, const model_view& what, const selection_parts& parts);
result<rows> run_find(runner& on, const model_view& what, value primary_key);
status run_insert(runner& on, const model_view& what, std::vector<value> values);
status run_update(runner& on, const model_view& what, std::vector<value> values);
status run_remove(runner& on, const model_view& what, std::vector<value> values);
error not_one(std::size_t rows, std::size_t columns);

}  // namespace detail

// A select under construction; nothing runs before all(), first() or count(). Made by from<T>() or where<T>(…).
template <model T>
class selection {
public:
    // `condition` is SQL with $1 … for the parameters, as after WHERE; said again, it replaces the one before.
    template <class... Parameter>
    selection& where(std::string condition, Parameter&&... parameters) {
        parts_.condition = std::move(condition);
        parts_.parameters = {value(std::forward<Parameter>(parameters))...};
        return *this;
    }
    // As after ORDER BY: "created_at desc, id".
    selection& order_by(std::string order) {
        parts_.order = std::move(order);
        return *this;
    }
    selection& limit(std::uint64_t rows) {
        parts_.limit = rows;
        return *this;
    }
    selection& offset(std::uint64_t rows) {
        parts_.offset = rows;
        return *this;
    }

    result<std::vector<T>> all() const {
        auto found = detail::run_selection(*on_, detail::view_of<T>(), parts_);
        if (!found) return std::move(found).error();
        return as<T>(*found);
    }
    // The first in order; nullopt when there is none.
    result<std::optional<T>> first() const {
        detail::selection_parts one = parts_;
        one.limit = std::min<std::uint64_t>(1, parts_.limit.value_or(1));
        auto found = detail::run_selection(*on_, detail::view_of<T>(), one);
        if (!found) return std::move(found).error();
        auto objects = as<T>(*found);
        if (!objects) return std::move(objects).error();
        if (objects->empty()) return std::optional<T>{};
        return std::optional<T>{std::move(objects->front())};
    }
    // How many rows fulfil the condition; invalid_argument with a limit or offset.
    result<std::int64_t> count() const { return detail::run_count(*on_, detail::view_of<T>(), parts_); }

private:
    friend class statements;
    explicit selection(std::shared_ptr<detail::runner> on) : on_(std::move(on)) {}
    std::shared_ptr<detail::runner> on_;  // shared with who made it: a selection may outlive a scope
    detail::selection_parts parts_;
};

class statements {
public:
    // --- SQL -------------------------------------------------------------------------------------------------------

    // A statement that returns rows: as they are, or as structs of a model with query<order>(…).
    template <class T = rows, class... Parameter>
    auto query(std::string_view sql, Parameter&&... parameters) const
        -> result<std::conditional_t<std::same_as<T, rows>, rows, std::vector<T>>> {
        auto found = detail::run(*on_, sql, {value(std::forward<Parameter>(parameters))...});
        if constexpr (std::same_as<T, rows>) {
            return found;
        } else {
            if (!found) return std::move(found).error();
            return as<T>(*found);
        }
    }

    // A statement for its effect: how many rows it changed.
    template <class... Parameter>
    result<std::uint64_t> execute(std::string_view sql, Parameter&&... parameters) const {
        auto done = detail::run(*on_, sql, {value(std::forward<Parameter>(parameters))...});
        if (!done) return std::move(done).error();
        return done->rows_affected();
    }

    // A statement with one row of one column. Fails with row_not_found, several_rows (or columns), bad_value.
    template <class T, class... Parameter>
    result<T> scalar(std::string_view sql, Parameter&&... parameters) const {
        auto found = detail::run(*on_, sql, {value(std::forward<Parameter>(parameters))...});
        if (!found) return std::move(found).error();
        if (found->size() != 1 || found->width() != 1) return detail::not_one(found->size(), found->width());
        return (*found)[0].template get<T>(std::size_t{0});
    }

    // --- models ----------------------------------------------------------------------------------------------------

    template <model T, class... Parameter>
    selection<T> where(std::string condition, Parameter&&... parameters) const {
        selection<T> chosen{on_};
        chosen.where(std::move(condition), std::forward<Parameter>(parameters)...);
        return chosen;
    }
    template <model T>
    selection<T> from() const {
        return selection<T>{on_};
    }

    // Adds the row, on the shard of its shard key.
    template <model T>
    status insert(const T& object) const {
        return detail::run_insert(*on_, detail::view_of<T>(), detail::values_of(object));
    }
    // The row with this primary key; row_not_found without one. Asks all shards when the primary key is not the shard
    // key: shard_for(key).find<T>(id) asks one.
    template <model T>
    result<T> find(value primary_key) const {
        auto found = detail::run_find(*on_, detail::view_of<T>(), std::move(primary_key));
        if (!found) return std::move(found).error();
        auto objects = as<T>(*found);
        if (!objects) return std::move(objects).error();
        return std::move(objects->front());
    }
    // Writes all fields but the primary key and the shard key, which say which row it is; row_not_found without one.
    // Moving a row to another shard key is a remove and an insert.
    template <model T>
    status update(const T& object) const {
        return detail::run_update(*on_, detail::view_of<T>(), detail::values_of(object));
    }
    // Deletes the row of its primary key and shard key; row_not_found without one.
    template <model T>
    status remove(const T& object) const {
        return detail::run_remove(*on_, detail::view_of<T>(), detail::values_of(object));
    }

protected:
    explicit statements(std::shared_ptr<detail::runner> on) noexcept : on_(std::move(on)) {}
    statements(const statements&) = default;
    statements(statements&&) noexcept = default;
    statements& operator=(const statements&) = default;
    statements& operator=(statements&&) noexcept = default;
    ~statements() = default;
    const std::shared_ptr<detail::runner>& on() const noexcept { return on_; }

private:
    std::shared_ptr<detail::runner> on_;  // shared with the selections and scopes made here
};

}  // namespace ashlar
