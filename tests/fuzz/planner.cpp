// The planner on any text: it answers or refuses, never crashes, and what it answers keeps its own promises. The text that
// goes to several shards must itself be readable.
#include "core/assert.hpp"
#include "route/plan.hpp"
#include "sql/parse.hpp"

#include <cstdint>
#include <string>

using namespace ashlar;
using namespace ashlar::route;

namespace {

catalogue make(dialect d) {
    catalogue out;
    out.dialect = d;
    std::vector<keyspace::shard_traits> shards(3);
    for (std::size_t i = 0; i < shards.size(); ++i) shards[i].name = "s" + std::to_string(i + 1);
    out.shards =
        keyspace::shard_map::make(keyspace::function_kind::modulo, keyspace::key_type::integer, shards).value();
    out.default_collation.kind = collation_kind::bytes;
    const auto add = [&](std::string name, table_kind kind, std::string key) {
        table_facts t;
        t.schema = "public";
        t.name = name;
        t.kind = kind;
        t.shard_key = std::move(key);
        for (const auto& [column, type] :
             {std::pair{"k", std::uint32_t{oid::int8}}, std::pair{"a", std::uint32_t{oid::int4}},
              std::pair{"b", std::uint32_t{oid::text}}, std::pair{"c", std::uint32_t{oid::numeric}}}) {
            column_facts c;
            c.name = column;
            c.type = type;
            c.collation.kind = collation_kind::bytes;
            t.columns.push_back(c);
        }
        out.tables[name] = out.tables["public." + name] = t;
    };
    add("t", table_kind::sharded, "k");
    add("u", table_kind::sharded, "k");
    add("r", table_kind::reference, "");
    add("p", table_kind::unsharded, "");
    return out;
}

void plan(std::string_view text, const catalogue& known) {
    auto made = plan_statement(text, known);
    if (!made) {
        ASHLAR_ASSERT(made.error().code() != errc::internal);
        return;
    }
    std::vector<bound_parameter> parameters((*made)->parameter_count() <= 100 ? (*made)->parameter_count() : 0);
    for (std::size_t i = 0; i < parameters.size(); ++i) parameters[i].bytes = i % 2 == 0 ? "7" : "{7,8}";
    auto one = (*made)->bind_one(parameters);
    auto bound = (*made)->bind(parameters);
    if (one && bound && *one) ASHLAR_ASSERT(bound->steps.size() == 1 && bound->steps.front().shard == **one);
    if (!bound) {
        ASHLAR_ASSERT(bound.error().code() != errc::internal);
        return;
    }
    if (bound->where != target::session) ASHLAR_ASSERT(!bound->steps.empty());
    if (bound->merge) {
        for (const step& s : bound->steps) ASHLAR_ASSERT(sql::parse(s.sql));
    }
    (void)(*made)->explain(parameters);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const catalogue postgres = make(dialect::postgres), sqlite = make(dialect::sqlite);
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    plan(text, postgres);
    plan(text, sqlite);
    return 0;
}
