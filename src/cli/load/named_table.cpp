#include "cli/load/named_table.hpp"

#include "cli/direct.hpp"
#include "config/spelling.hpp"
#include "core/letter_case.hpp"
#include "core/quoting.hpp"
#include "topology/catalogue_reader.hpp"
#include "topology/questions.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace ashlar::cli::load {

namespace {

struct table_name {
    std::string schema, name;
};

table_name parted(const std::string& written) {
    const auto dot = written.find('.');
    if (dot == std::string::npos) return {"", written};
    return {written.substr(0, dot), written.substr(dot + 1)};
}

error unknown(const config::database& where, const std::string& written, const std::vector<std::string_view>& names) {
    return error{errc::table_unknown, where.name + " has no table " + written}.hint(
        config::did_you_mean(written, names));
}

// --- MySQL and MariaDB ----------------------------------------------------------------------------------------------

// The names of a schema's tables differ by case on some servers and not on others: the server decides, by finding it.
constexpr std::string_view table_question =
    "select t.table_schema, t.table_name, t.table_type, coalesce(t.engine, ''), coalesce(e.transactions, '') "
    "from information_schema.tables t left join information_schema.engines e on e.engine = t.engine "
    "where t.table_schema = if($1 = '', database(), $1)";
constexpr std::string_view columns_question =
    "select column_name, extra from information_schema.columns where table_schema = $1 and table_name = $2 "
    "order by ordinal_position";

// Types as the driver tells them of an answer.
task<result<columns>> types_of(driver::connection& from, std::string sql, deadline until) {
    driver::statement what;
    what.sql = std::move(sql);
    what.prepare = false;
    auto shape = co_await from.start(std::move(what), until);
    if (!shape) co_return std::move(shape).error();
    row_batch none;
    auto ended = co_await from.fetch(none, until);
    if (!ended) co_return std::move(ended).error();
    co_return std::move(*shape);
}

status check_kind(const std::vector<std::string>& row) {
    if (row[2] == "VIEW" || row[2] == "SYSTEM VIEW")
        return error{errc::unsupported, row[1] + " is a view"}.hint("Load into its tables.");
    if (row[2] == "SEQUENCE") return error{errc::unsupported, row[1] + " is a sequence"};
    if (row[4] == "YES") return {};
    return error{errc::unsupported, row[1] + " is stored by the engine " + row[3] + ", which cannot roll back"}
        .detail("A batch that fails half-way would stay in it, and be stored again by the next attempt.")
        .hint("Use an engine with transactions: alter table … engine = InnoDB.");
}

task<result<route::table_facts>> read_mysql_table(driver::connection& from, const config::database& where,
                                                  std::string written, deadline until) {
    const table_name name = parted(written);
    std::vector<std::string> of_schema{name.schema};
    auto tables = co_await topology::ask_with(from, std::string{table_question}, std::move(of_schema), until);
    if (!tables) co_return std::move(tables).error();
    std::vector<std::string_view> names;
    const std::vector<std::string>* found = nullptr;
    for (const auto& row : *tables) {
        names.push_back(row[1]);
        const bool is_it = row[1] == name.name;
        if (is_it || (found == nullptr && lowered(row[1]) == lowered(name.name))) found = &row;
    }
    if (found == nullptr) co_return unknown(where, written, names);
    const std::string asked = name.name;  // a server that tells A from a has no table of the other name
    const std::string quoted = backquoted_name((*found)[0]) + "." + backquoted_name(asked);
    auto shape = co_await types_of(from, "select * from " + quoted + " limit 0", until);
    if (!shape && shape.error() == errc::table_unknown) co_return unknown(where, written, names);
    if (!shape) co_return std::move(shape).error();
    if (status kind = check_kind(*found); !kind) co_return std::move(kind).error();

    route::table_facts table;
    table.schema = (*found)[0];
    table.name = (*found)[1];
    table.database = where.name;
    std::vector<std::string> of_table{table.schema, table.name};
    auto facts = co_await topology::ask_with(from, std::string{columns_question}, std::move(of_table), until);
    if (!facts) co_return std::move(facts).error();
    for (const column& each : *shape) {
        route::column_facts& c = table.columns.emplace_back();
        c.name = each.name;
        c.type = each.type;
        for (const auto& row : *facts) {
            if (row[0] == each.name) c.generated = row[1].find("GENERATED") != std::string::npos;
        }
    }
    co_return table;
}

// --- PostgreSQL and SQLite ------------------------------------------------------------------------------------------

task<result<route::table_facts>> read_other_table(driver::connection& from, const config::database& where,
                                                  std::string written, deadline until) {
    auto all = co_await topology::read_schema(from, until);
    if (!all) co_return std::move(all).error();
    const table_name name = parted(written);
    std::vector<std::string_view> names;
    for (const auto& [each, facts] : all->tables) names.push_back(facts.name);
    const auto found = all->tables.find((name.schema.empty() ? "public" : name.schema) + "." + name.name);
    if (found == all->tables.end()) co_return unknown(where, written, names);
    if (found->second.is_view) co_return error{errc::unsupported, written + " is a view"}.hint("Load into its tables.");
    route::table_facts table = std::move(found->second);
    table.database = where.name;
    co_return table;
}

}  // namespace

result<route::table_facts> find_in_database(const config::database& where, const std::string& written) {
    const auto loop = io::make_poll_loop();
    auto opened = connect_to(*loop, where);
    if (!opened) return std::move(opened).error().on(where.name);
    const deadline until = deadline::in(seconds{60});
    auto found = (*opened)->speaks() == driver::dialect::mysql
                     ? loop->run(read_mysql_table(**opened, where, written, until))
                     : loop->run(read_other_table(**opened, where, written, until));
    if (!found) return std::move(found).error().on(where.name);
    return found;
}

}  // namespace ashlar::cli::load
