#include "topology/row_sample.hpp"

#include "core/quoting.hpp"
#include "topology/questions.hpp"

#include <fmt/format.h>

namespace ashlar::topology {

namespace {

constexpr std::size_t key_shown_max = 60;

// As the map reads what the configuration says of keys: an instant without a zone is UTC.
result<keyspace::key> key_from(std::string_view text, keyspace::key_type type) {
    auto key = keyspace::key::from_text(text, type);
    if (key) return key;
    return keyspace::key::from_configuration(text, type);
}

std::string shown(std::string_view key) {
    std::string out{key.substr(0, key_shown_max)};
    if (key.size() > key_shown_max) out += "…";
    return out;
}

std::string name_in_sql(const sharded_table& table, bool sqlite) {
    return sqlite ? quoted_name(table.name) : quoted_name(table.schema) + "." + quoted_name(table.name);
}

// The key as text that does not depend on how a session writes dates.
std::string key_in_sql(const sharded_table& table, std::uint32_t type, bool sqlite) {
    std::string key = quoted_name(table.shard_key);
    if (sqlite) return key;
    const bool is_moment = type == oid::date || type == oid::timestamp || type == oid::timestamptz;
    return is_moment ? fmt::format(
                           "pg_catalog.replace(pg_catalog.to_json({}) operator(pg_catalog.#>>) '{{}}', 'T', ' ')", key)
                     : key + "::pg_catalog.text";
}

// Statements that each give keys; the second is for tables of more rows than the first gives, of which some come twice.
// PostgreSQL's tables are read block by block, SQLite's by their end, too.
std::vector<std::string> questions_for(const sharded_table& table, std::uint32_t type, bool sqlite,
                                       std::uint64_t rows_max) {
    const std::string name = name_in_sql(table, sqlite);
    const std::string present = quoted_name(table.shard_key) + " is not null";
    const std::string key = key_in_sql(table, type, sqlite);
    const std::string all = fmt::format("select {} from {} where {}", key, name, present);
    if (rows_max == 0) return {all};
    const std::uint64_t half = (rows_max + 1) / 2;
    std::vector<std::string> out{fmt::format("{} limit {}", all, half)};
    if (sqlite) {
        out.push_back(fmt::format("{} order by rowid desc limit {}", all, half));
    } else {
        out.push_back(
            fmt::format("select {} from {} tablesample system (2) where {} limit {}", key, name, present, half));
    }
    return out;
}

task<status> take_keys(driver::connection& from, std::string sql, table_sample& into, const std::string& key_name,
                       const keyspace::shard_map& map, keyspace::shard_id here, deadline until) {
    driver::statement what;
    what.sql = std::move(sql);
    what.prepare = false;
    auto shape = co_await from.start(std::move(what), until);
    if (!shape) co_return std::move(shape).error();
    row_batch batch;
    for (;;) {
        batch.clear();
        auto got = co_await from.fetch(batch, until);
        if (!got) co_return std::move(got).error();
        for (std::size_t r = 0; r < batch.rows(); ++r) {
            if (const auto key = batch.at(r, 0)) take_key(into, key_name, *key, map, here);
        }
        if (*got == driver::fetched::ended) co_return status{};
    }
}

}  // namespace

std::vector<sharded_table> sharded_tables_of(const config::description& from) {
    std::vector<sharded_table> out;
    for (const config::table& each : from.tables) {
        if (each.kind != config::table_kind::sharded) continue;
        out.push_back({each.schema.empty() ? "public" : each.schema, each.name, each.shard_key});
    }
    return out;
}

void take_key(table_sample& into, std::string_view key_name, std::string_view text, const keyspace::shard_map& map,
              keyspace::shard_id here) {
    ++into.rows;
    const auto key = key_from(text, map.key_type());
    if (!key) {
        ++into.unreadable;
        return;
    }
    const auto owner = map.shard_of(*key);
    if (owner && *owner == here) return;
    ++into.elsewhere;
    if (!into.example.empty()) return;
    into.example =
        fmt::format("{} = {} belongs to {}", key_name, shown(text), owner ? map.name_of(*owner) : "no shard");
}

task<result<std::vector<table_sample>>> sample_rows(driver::connection& from, schema_snapshot has,
                                                    std::vector<sharded_table> tables, keyspace::shard_map map,
                                                    keyspace::shard_id here, std::uint64_t rows_max, deadline until) {
    std::vector<table_sample> all;
    const bool sqlite = from.speaks() == driver::dialect::sqlite;
    for (const sharded_table& table : tables) {
        const auto facts = has.tables.find(table.full_name());
        if (facts == has.tables.end() || facts->second.is_view || facts->second.find(table.shard_key) == nullptr)
            continue;
        table_sample& sample = all.emplace_back();
        sample.table = table.full_name();
        const std::vector<std::string> questions =
            questions_for(table, facts->second.find(table.shard_key)->type, sqlite, rows_max);
        for (std::size_t i = 0; i < questions.size(); ++i) {
            std::string sql = questions[i];
            status taken = co_await take_keys(from, std::move(sql), sample, table.shard_key, map, here, until);
            if (taken && rows_max != 0 && sample.rows < (rows_max + 1) / 2) break;  // these were all
            if (taken) continue;
            if (!from.is_reusable() || until.passed(steady_clock::now())) co_return std::move(taken).error();
            // The second question is more than some tables can answer: WITHOUT ROWID, foreign ones.
            if (i == 0) sample.problem = told_by(taken.error());
            break;
        }
    }
    co_return all;
}

std::string misfit_of(const std::vector<table_sample>& samples) {
    for (const table_sample& each : samples) {
        if (each.elsewhere == 0) continue;
        return fmt::format("{} of {} sampled rows of {} belong elsewhere: {}", each.elsewhere, each.rows, each.table,
                           each.example);
    }
    return {};
}

}  // namespace ashlar::topology
