// console_show.hpp: the rows of each view, as make_view() asks for them.
#pragma once

#include "proxy/console_views.hpp"

namespace ashlar::proxy {

class view_writer;

void show_pools(const snapshot& from, view_writer out);
void show_databases(const snapshot& from, view_writer out);
void show_stats(const snapshot& from, view_writer out, bool totals, bool means);
void show_totals(const snapshot& from, view_writer out);
void show_clients(const snapshot& from, view& to);
void show_servers(const snapshot& from, view_writer out);
void show_lists(const snapshot& from, view_writer out);
void show_users(const snapshot& from, view_writer out);
void show_config(const snapshot& from, view_writer out);
void show_shards(const snapshot& from, view_writer out);
void show_replicas(const snapshot& from, view_writer out);
void show_breakers(const snapshot& from, view_writer out);
void show_mem(const snapshot& from, view_writer out);

}  // namespace ashlar::proxy
