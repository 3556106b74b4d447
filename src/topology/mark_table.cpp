#include "topology/mark_table.hpp"

#include "core/version.hpp"
#include "topology/questions.hpp"

#include <fmt/format.h>

#include <charconv>

namespace ashlar::topology {

namespace {

constexpr std::string_view postgres_table = "ashlar.shard_mark", sqlite_table = "ashlar_shard_mark";
// How often the table is made again when somebody else makes it at the same moment.
constexpr int attempts_max = 5;

bool is_sqlite(const driver::connection& on) {
    return on.speaks() == driver::dialect::sqlite;
}
std::string_view table_on(const driver::connection& on) {
    return is_sqlite(on) ? sqlite_table : postgres_table;
}

// Whatever search_path and operators there are.
constexpr std::string_view postgres_presence = R"(
select pg_catalog.has_schema_privilege(n.oid, 'USAGE')::pg_catalog.text,
       pg_catalog.has_table_privilege(c.oid, 'SELECT')::pg_catalog.text
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
 where n.nspname operator(pg_catalog.=) 'ashlar' and c.relname operator(pg_catalog.=) 'shard_mark')";
constexpr std::string_view sqlite_presence =
    "select 'true', 'true' from sqlite_master where type = 'table' and name = 'ashlar_shard_mark'";

constexpr std::string_view postgres_schema_presence =
    "select 1 from pg_catalog.pg_namespace where nspname operator(pg_catalog.=) 'ashlar'";

constexpr std::string_view columns = "cluster, shard, number, shards, function, key_type, map, epoch, state, complete";

task<result<text_rows>> presence(driver::connection& on, deadline until) {
    return ask(on, std::string{is_sqlite(on) ? sqlite_presence : postgres_presence}, until);
}

std::uint64_t number_in(const std::string& text) {
    std::uint64_t n = 0;
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

shard_mark mark_from(const std::vector<std::string>& row) {
    shard_mark out;
    out.cluster = row[0];
    out.shard = row[1];
    out.number = static_cast<std::uint32_t>(number_in(row[2]));
    const auto function = keyspace::function_named(row[4]);
    const auto key_type = keyspace::key_type_named(row[5]);
    auto shards = shards_from_text(row[6]);
    out.epoch = number_in(row[7]);
    out.state = row[8];
    out.complete = is_true(row[9]);
    if (!function || !key_type || !shards || shards->size() != number_in(row[3])) {
        out.unknown_form = true;
        return out;
    }
    out.map.function = *function;
    out.map.key_type = *key_type;
    out.map.shards = std::move(*shards);
    return out;
}

std::vector<std::string> values_of(std::string name, const shard_mark& mark) {
    return {std::move(name),
            mark.cluster,
            mark.shard,
            std::to_string(mark.number),
            std::to_string(mark.map.shards.size()),
            std::string{keyspace::name_of(mark.map.function)},
            std::string{keyspace::name_of(mark.map.key_type)},
            shards_to_text(mark.map.shards),
            std::to_string(mark.epoch),
            mark.state,
            mark.complete ? "1" : "0",
            std::string{ashlar::version()}};
}

// Somebody else has just made the same.
bool is_made_meanwhile(const error& why) {
    const std::string_view state = why.sqlstate();
    return state == "23505" || state == "42P06" || state == "42P07" || state == "42710";  // the last: its type
}

task<status> run(driver::connection& on, std::string sql, deadline until) {
    auto done = co_await ask(on, std::move(sql), until);
    if (!done) co_return std::move(done).error();
    co_return status{};
}

task<status> make_sqlite_table(driver::connection& on, deadline until) {
    return run(on,
               "create table if not exists ashlar_shard_mark (name text not null primary key, cluster text not null, "
               "shard text not null, number integer not null, shards integer not null, function text not null, "
               "key_type text not null, map text not null, epoch integer not null, state text not null, "
               "complete integer not null, written_by text not null, "
               "written_at text not null default (strftime('%Y-%m-%d %H:%M:%S+00', 'now')))",
               until);
}

task<status> make_postgres_table(driver::connection& on, deadline until) {
    auto schema = co_await ask(on, std::string{postgres_schema_presence}, until);
    if (!schema) co_return std::move(schema).error();
    if (schema->empty()) {
        status made = co_await run(on, "create schema ashlar", until);
        if (!made) co_return made;
        status shown = co_await run(on, "grant usage on schema ashlar to public", until);
        if (!shown) co_return shown;
    }
    status made = co_await run(
        on,
        "create table ashlar.shard_mark (name pg_catalog.text not null primary key, cluster pg_catalog.text not null, "
        "shard pg_catalog.text not null, number pg_catalog.int4 not null, shards pg_catalog.int4 not null, "
        "function pg_catalog.text not null, key_type pg_catalog.text not null, map pg_catalog.text not null, "
        "epoch pg_catalog.int8 not null, state pg_catalog.text not null, complete pg_catalog.bool not null, "
        "written_by pg_catalog.text not null, "
        "written_at pg_catalog.timestamptz not null default pg_catalog.clock_timestamp())",
        until);
    if (!made) co_return made;
    co_return co_await run(on, "grant select on ashlar.shard_mark to public", until);
}

task<status> make_table(driver::connection& on, deadline until) {
    for (int attempt = 1;; ++attempt) {
        auto there = co_await presence(on, until);
        if (!there) co_return std::move(there).error();
        if (!there->empty()) co_return status{};
        status made;
        if (is_sqlite(on))
            made = co_await make_sqlite_table(on, until);
        else
            made = co_await make_postgres_table(on, until);
        if (made || attempt == attempts_max || !is_made_meanwhile(made.error())) co_return made;
    }
}

task<status> store(driver::connection& on, std::string name, shard_mark mark, std::string_view conflict,
                   deadline until) {
    status made = co_await make_table(on, until);
    if (!made) co_return made;
    std::string sql = fmt::format(
        "insert into {} (name, {}, written_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, {}, $12) "
        "on conflict (name) do {}",
        table_on(on), columns, is_sqlite(on) ? "cast($11 as integer)" : "$11", conflict);
    std::vector<std::string> values = values_of(std::move(name), mark);
    auto done = co_await ask_with(on, std::move(sql), std::move(values), until);
    if (!done) co_return std::move(done).error();
    co_return status{};
}

}  // namespace

task<result<mark_reading>> read_mark(driver::connection& from, std::string name, deadline until) {
    mark_reading out;
    auto there = co_await presence(from, until);
    if (!there) co_return std::move(there).error();
    if (there->empty()) co_return out;
    if (!is_true(there->front()[0]) || !is_true(there->front()[1])) {
        out.unreadable = fmt::format("the role may not read {}", table_on(from));
        co_return out;
    }
    std::string sql = fmt::format("select {} from {} where name = $1", columns, table_on(from));
    std::vector<std::string> values{std::move(name)};
    auto rows = co_await ask_with(from, std::move(sql), std::move(values), until);
    if (!rows) co_return std::move(rows).error();
    if (!rows->empty()) out.mark = mark_from(rows->front());
    co_return out;
}

task<status> write_mark(driver::connection& on, std::string name, shard_mark mark, deadline until) {
    return store(on, std::move(name), std::move(mark), "nothing", until);
}

task<status> replace_mark(driver::connection& on, std::string name, shard_mark mark, deadline until) {
    return store(on, std::move(name), std::move(mark),
                 "update set cluster = excluded.cluster, shard = excluded.shard, number = excluded.number, "
                 "shards = excluded.shards, function = excluded.function, key_type = excluded.key_type, "
                 "map = excluded.map, epoch = excluded.epoch, state = excluded.state, complete = excluded.complete, "
                 "written_by = excluded.written_by, written_at = excluded.written_at",
                 until);
}

task<status> note_complete(driver::connection& on, std::string name, std::string cluster, deadline until) {
    std::string sql = fmt::format("update {} set complete = {} where name = $1 and cluster = $2", table_on(on),
                                  is_sqlite(on) ? "1" : "true");
    std::vector<std::string> values{std::move(name), std::move(cluster)};
    auto done = co_await ask_with(on, std::move(sql), std::move(values), until);
    if (!done) co_return std::move(done).error();
    co_return status{};
}

}  // namespace ashlar::topology
