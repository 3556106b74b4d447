#include "topology/schema_token.hpp"

#include "topology/questions.hpp"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace ashlar::topology {

namespace {

struct counted_catalogue {
    std::string_view name, of_which;  // `t` is a row; `r` a relation that is not temporary
};

// The numbers of objects that do not come with PostgreSQL begin at 16384; most catalogues have an index by them.
constexpr auto counted = std::to_array<counted_catalogue>({
    {"pg_class", "join r on r.oid operator(pg_catalog.=) t.oid"},
    {"pg_attribute", "join r on r.oid operator(pg_catalog.=) t.attrelid where r.k operator(pg_catalog.~) '^[rpvmfc]$'"},
    {"pg_index", "join r on r.oid operator(pg_catalog.=) t.indexrelid"},
    {"pg_inherits", "join r on r.oid operator(pg_catalog.=) t.inhrelid"},
    {"pg_attrdef", "join r on r.oid operator(pg_catalog.=) t.adrelid"},
    {"pg_constraint",
     "left join r on r.oid operator(pg_catalog.=) t.conrelid where t.oid operator(pg_catalog.>=) 16384::pg_catalog.oid "
     "and "
     "(r.oid is not null or t.conrelid operator(pg_catalog.=) 0::pg_catalog.oid)"},
    {"pg_trigger", "join r on r.oid operator(pg_catalog.=) t.tgrelid"},
    {"pg_rewrite", "join r on r.oid operator(pg_catalog.=) t.ev_class"},
    {"pg_policy", "join r on r.oid operator(pg_catalog.=) t.polrelid"},
    {"pg_foreign_table", ""},
    {"pg_foreign_server", ""},
    {"pg_proc", "where t.oid operator(pg_catalog.>=) 16384::pg_catalog.oid"},
    {"pg_aggregate", "where t.aggfnoid::pg_catalog.oid operator(pg_catalog.>=) 16384::pg_catalog.oid"},
    // without those that come with tables and arrays, which temporary tables have, too
    {"pg_type",
     "where t.oid operator(pg_catalog.>=) 16384::pg_catalog.oid and t.typtype operator(pg_catalog.<>) 'c' and "
     "t.typcategory operator(pg_catalog.<>) 'A'"},
    {"pg_enum", ""},
    {"pg_range", "where t.rngtypid operator(pg_catalog.>=) 16384::pg_catalog.oid"},
    {"pg_operator", "where t.oid operator(pg_catalog.>=) 16384::pg_catalog.oid"},
    {"pg_cast", "where t.oid operator(pg_catalog.>=) 16384::pg_catalog.oid"},
    {"pg_collation", "where t.oid operator(pg_catalog.>=) 16384::pg_catalog.oid"},
    {"pg_namespace", "where t.nspname::pg_catalog.text operator(pg_catalog.!~) '^pg_'"},
    {"pg_extension", ""},
    {"pg_event_trigger", ""},
});

// Every name is qualified, whatever search_path the login has.
std::string postgres_token_query() {
    std::string out =
        "with r as materialized (select c.oid, c.relkind::pg_catalog.text as k from pg_catalog.pg_class c "
        "where c.oid operator(pg_catalog.>=) 16384::pg_catalog.oid and c.relpersistence operator(pg_catalog.<>) 't') "
        "select pg_catalog.concat_ws(' '";
    for (const counted_catalogue& each : counted) {
        out += fmt::format(
            ", (select pg_catalog.concat(pg_catalog.count(*), '/', "
            "pg_catalog.sum(t.xmin::pg_catalog.text::pg_catalog.int8)) "
            "from pg_catalog.{} t {})",
            each.name, each.of_which);
    }
    return out + ")";
}

task<result<std::string>> one_text(driver::connection& from, std::string sql, bool prepare, deadline until) {
    driver::statement what;
    what.sql = std::move(sql);
    what.prepare = prepare;
    auto shape = co_await from.start(std::move(what), until);
    if (!shape) co_return std::move(shape).error();
    std::string out;
    row_batch batch;
    for (;;) {
        batch.clear();
        auto got = co_await from.fetch(batch, until);
        if (!got) co_return std::move(got).error();
        if (batch.rows() > 0 && batch.width() > 0) out = batch.at(0, 0).value_or("");
        if (*got == driver::fetched::ended) co_return out;
    }
}

}  // namespace

task<result<std::string>> read_schema_token(driver::connection& from, deadline until) {
    static const std::string postgres = postgres_token_query();
    switch (from.speaks()) {
        case driver::dialect::postgres: {
            std::string sql = postgres;
            co_return co_await one_text(from, std::move(sql), true, until);
        }
        case driver::dialect::sqlite: {
            std::string sql = "select schema_version from pragma_schema_version";
            co_return co_await one_text(from, std::move(sql), false, until);
        }
        case driver::dialect::mysql:
            break;
    }
    co_return std::string{};
}

task<result<std::string>> read_visible_transactions(driver::connection& from, deadline until) {
    if (from.speaks() != driver::dialect::postgres) co_return std::string{};
    std::string sql = "select pg_catalog.txid_current_snapshot()::pg_catalog.text";
    co_return co_await one_text(from, std::move(sql), false, until);
}

}  // namespace ashlar::topology
