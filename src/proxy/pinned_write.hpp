// pinned_write.hpp: what a statement may store that a client sends to one database by a hint, and that runs there as it is.
//
// A row belongs on one shard by its key, a reference table is the same on all of them, and an unsharded table lives on one
// database. A hint must not break any of these. What a function, a trigger or a rule writes is not looked at. Pure.
#pragma once

#include "route/plan.hpp"

#include <ashlar/result.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ashlar::proxy {

struct pinned_write {
    // The rows' own keys must give the place: the statement as it is planned without a hint. nullptr: it inserts no such rows.
    std::shared_ptr<const route::prepared_plan> rows;
    bool on_shards_only = false;      // it changes rows of a sharded table, which only shards have
    std::optional<std::string> only;  // the one database that may take it
    std::optional<error> refused;     // on any

    bool is_free() const noexcept { return rows == nullptr && !on_shards_only && !only && !refused; }
};

// `sql`: one statement; one that cannot be read is free, for it will be refused elsewhere.
pinned_write judge_pinned(std::string_view sql, const route::catalogue& known, const route::planning_options& options,
                          std::span<const std::uint32_t> types);

struct pinned_target {
    std::size_t number = 0;  // the shards come first
    std::size_t shards = 0;
    std::string_view name;
};
// Why it may not go there; nothing: it may.
std::optional<error> against_place(const pinned_write& what, const pinned_target& where,
                                   std::span<const route::bound_parameter> values);

// The catalogue by which such statements are planned: each goes to one database as it is, so it knows no table; over SQLite, where
// the types of columns are needed, it knows all of them as unsharded.
route::catalogue without_tables(const route::catalogue& known);

}  // namespace ashlar::proxy
