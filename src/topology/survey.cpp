#include "topology/survey.hpp"

#include "core/io/task_group.hpp"
#include "topology/world.hpp"
#include "topology/world_parts.hpp"

namespace ashlar::topology {

namespace {

struct one_shard {
    const config::description& described;
    const config::database& where;
    const std::optional<keyspace::shard_map>& map;
    std::size_t number;
    std::optional<std::uint64_t> rows;
};

task<status> look(io::loop& loop, one_shard what, shard_survey& into, deadline until) {
    const deadline soon{std::min(until.at(), steady_clock::now() + what.where.pool.connect_timeout)};
    auto driver = default_driver(what.where.primary, what.where.pool);
    if (!driver) co_return std::move(driver).error();
    auto opened = co_await (*driver)->connect(loop, soon);
    if (!opened) co_return std::move(opened).error();
    driver::connection& on = **opened;
    auto schema = co_await read_schema(on, until);
    if (!schema) co_return std::move(schema).error();
    into.schema = std::move(*schema);
    std::string name = mark_name_of(*what.described.shards_, what.where);
    auto mark = co_await read_mark(on, std::move(name), until);
    if (!mark) co_return std::move(mark).error();
    into.mark = std::move(*mark);
    if (!what.rows || !what.map) co_return status{};
    schema_snapshot has = into.schema;
    std::vector<sharded_table> tables = sharded_tables_of(what.described);
    keyspace::shard_map by = *what.map;
    auto sampled = co_await sample_rows(on, std::move(has), std::move(tables), std::move(by),
                                        static_cast<keyspace::shard_id>(what.number), *what.rows, until);
    if (!sampled) co_return std::move(sampled).error();
    into.samples = std::move(*sampled);
    co_return status{};
}

task<void> look_into(io::loop& loop, one_shard what, shard_survey& into, deadline until) {
    status done = co_await look(loop, what, into, until);
    if (!done) into.failed = std::move(done).error();
}

}  // namespace

task<survey> survey_shards(io::loop& loop, const config::description& described, std::optional<std::uint64_t> rows,
                           deadline until) {
    survey out;
    const std::vector<config::database>& list = described.shards_->list;
    const auto made = map_from(described);
    const std::optional<keyspace::shard_map> map = made ? *made : std::nullopt;
    out.shards.resize(list.size());
    io::task_group<void> looks{loop};
    for (std::size_t i = 0; i < list.size(); ++i) {
        out.shards[i].shard = list[i].name;
        looks.start(look_into(loop, one_shard{described, list[i], map, i, rows}, out.shards[i], until));
    }
    co_await looks.join();

    std::vector<shard_schema> schemas;
    for (const shard_survey& each : out.shards) {
        schemas.push_back({each.shard, each.failed ? nullptr : &each.schema});
        out.standings.push_back({each.shard, !each.failed.has_value(), each.mark.mark, !each.mark.unreadable.empty()});
    }
    out.marks = judge_marks(map_description_of(*described.shards_), out.standings);
    for (const config::table& each : described.tables) {
        if (each.kind == config::table_kind::unsharded) continue;
        const std::string name = (each.schema.empty() ? "public" : each.schema) + "." + each.name;
        table_comparison compared = compare_table(name, schemas);
        out.differences.insert(out.differences.end(), compared.differences.begin(), compared.differences.end());
    }
    co_return out;
}

}  // namespace ashlar::topology
