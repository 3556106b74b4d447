#include "cli/dev/key_type.hpp"

#include "cli/direct.hpp"
#include "route/key_column.hpp"
#include "topology/catalogue_reader.hpp"

namespace ashlar::cli::dev {

namespace {

constexpr milliseconds patience{30'000};

// The tables as they would be sharded; those that the schema does not make are left out.
std::vector<route::table_facts> sharded_tables(const dev_options& asked, const topology::schema_snapshot& made) {
    std::vector<route::table_facts> out;
    for (const std::string& each : asked.tables) {
        const auto equals = each.find('=');
        const std::string name = each.substr(0, equals);
        auto found = made.tables.find(name);
        if (found == made.tables.end()) found = made.tables.find("public." + name);
        if (found == made.tables.end()) continue;
        route::table_facts table = found->second;
        table.kind = route::table_kind::sharded;
        table.shard_key = each.substr(equals + 1);
        if (table.find(table.shard_key) != nullptr) out.push_back(std::move(table));
    }
    return out;
}

}  // namespace

result<std::optional<found_key_type>> key_type_of(const dev_options& asked, const config::database& shard) {
    const auto loop = io::make_poll_loop();
    auto opened = connect_to(*loop, shard);
    if (!opened) return std::move(opened).error();
    auto made = loop->run(topology::read_schema(**opened, deadline::in(patience)));
    if (!made) return std::move(made).error();
    const std::vector<route::table_facts> tables = sharded_tables(asked, *made);
    for (const route::table_facts& each : tables) {
        if (!route::misfit_of(each, keyspace::key_type::uuid)) continue;
        const auto type = route::key_type_for(each.find(each.shard_key)->type);
        if (!type) continue;
        return std::optional{found_key_type{std::string{keyspace::name_of(*type)}, each.name + "." + each.shard_key}};
    }
    return std::optional<found_key_type>{};
}

}  // namespace ashlar::cli::dev
