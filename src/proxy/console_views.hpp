// console_views.hpp: what each SHOW shows. PgBouncer's columns by its names and in its order, as of 1.25, then our own. Pure.
//
// Databases   A row of the database that clients connect to, under its name, has what concerns clients who hold no server;
//             a row of each server ("shard_1", "shard_1/replica_2") what concerns its connections and who holds them. So the
//             sums over a column are right, but for a client who holds servers of several shards, who counts in each.
// Unknown     What cannot be told is NULL, and what PgBouncer has and there is none of here is 0.
#pragma once

#include "core/rows.hpp"
#include "proxy/console_commands.hpp"
#include "proxy/snapshot.hpp"

namespace ashlar::proxy {

struct view {
    columns shape;
    row_batch rows;
    std::size_t left_out = 0;  // rows beyond view_rows_max
};

constexpr std::size_t view_rows_max = 10'000;

// Has it no rows, but a notice?
constexpr bool is_told_by_notice(view_kind which) noexcept {
    return which == view_kind::help;
}
std::string help_text();
// Does the view tell of single clients, or connections? Then the snapshot must list them.
constexpr bool lists_clients(view_kind which) noexcept {
    return which == view_kind::clients || which == view_kind::servers;
}
constexpr bool lists_connections(view_kind which) noexcept {
    return which == view_kind::servers;
}

columns shape_of(view_kind which);
view make_view(view_kind which, const snapshot& from);

}  // namespace ashlar::proxy
