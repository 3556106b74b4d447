// world_look_for.cpp: a statement names what the catalogue does not have. One small question tells whether it has been made since.
#include "topology/questions.hpp"
#include "topology/world_inside.hpp"

#include <algorithm>

namespace ashlar::topology {

namespace {

constexpr seconds patience{2};

constexpr std::string_view names_query = R"(
select 'r', n.nspname::pg_catalog.text, c.relname::pg_catalog.text
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
 where c.relname::pg_catalog.text operator(pg_catalog.=) any ($1::pg_catalog.text[])
   and c.relkind::pg_catalog.text operator(pg_catalog.~) '^[rpvmf]$' and c.relpersistence operator(pg_catalog.<>) 't'
   and n.nspname operator(pg_catalog.<>) 'information_schema' and n.nspname::pg_catalog.text operator(pg_catalog.!~) '^pg_'
union all
select 'f', '', p.proname::pg_catalog.text from pg_catalog.pg_proc p
 where p.proname::pg_catalog.text operator(pg_catalog.=) any ($1::pg_catalog.text[])
   and p.oid operator(pg_catalog.>=) 16384::pg_catalog.oid)";

// As PostgreSQL reads an array.
std::string array_of(const std::vector<std::string>& names) {
    std::string out = "{";
    for (const std::string& name : names) {
        if (out.size() > 1) out += ',';
        out += '"';
        for (const char c : name) {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        }
        out += '"';
    }
    return out + "}";
}

bool is_new(const std::vector<std::string>& row, const route::catalogue& known) {
    if (row[0] == "f")
        return !known.own_functions.contains(row[2]) && !known.immutable_functions.contains(row[2]) &&
               !known.stable_functions.contains(row[2]);
    return !known.tables.contains(row[1] + "." + row[2]);
}

}  // namespace

task<bool> world::look_for(io::loop& loop, std::vector<std::string> names, deadline until) {
    const auto known = catalogue();
    const auto is_spread = [](const auto& each) { return each.second.kind != route::table_kind::unsharded; };
    if (known->dialect != route::dialect::postgres || !known->shards || names.empty()) co_return false;
    if (std::none_of(known->tables.begin(), known->tables.end(), is_spread)) co_return false;
    const deadline soon{std::min(until.at(), steady_clock::now() + patience)};
    std::vector<const member*> where;
    if (const member* primary = find(known->unsharded_database)) where.push_back(primary);
    if (!inside_->shards.empty()) where.push_back(&inside_->shards.front());
    bool found = false;
    for (const member* each : where) {
        auto lent = co_await each->servers->lend_to_look(loop, soon);
        if (!lent) continue;
        std::vector<std::string> parameters{array_of(names)};
        std::string sql{names_query};
        auto rows = co_await ask_with(*lent->lease, std::move(sql), std::move(parameters), soon);
        if (!rows) {
            each->servers->failed(lent->server, rows.error());
            continue;
        }
        for (const auto& row : *rows) found = found || is_new(row, *known);
    }
    if (!found) co_return false;
    status read = co_await read_catalogue(loop, until);
    co_return read.has_value();
}

}  // namespace ashlar::topology
