// Random queries over four sharded databases, and over one plain database that holds all the rows: whatever Ashlar answers
// must be what the plain database answers. Refusing (0A000) is always right. Planner, executor and merge as the library and
// the proxy use them; the wire and the drivers are left out (tests/clients/differential.py has them in).
//
//     ASHLAR_SEED=81 ASHLAR_DIFFERENTIAL_QUERIES=3000 server_differential
#include "core/codec.hpp"
#include "execute/executor.hpp"
#include "route/plan.hpp"
#include "support/blocking_connection.hpp"
#include "support/postgres_server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <random>

using namespace ashlar;

namespace {

using row = std::vector<std::optional<std::string>>;
using rows = std::vector<row>;

constexpr int shard_count = 4;
constexpr std::uint32_t first_user_oid = 16'384;  // such types have another oid in each database

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* given = std::getenv(name);
    return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

class dice {
public:
    explicit dice(std::uint64_t seed) : engine_(seed) {}
    std::uint64_t below(std::uint64_t n) { return engine_() % n; }
    bool chance(int percent) { return below(100) < static_cast<std::uint64_t>(percent); }
    std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }

private:
    std::mt19937_64 engine_;
};

// --- the tables -------------------------------------------------------------------------------------------------------

struct column_of {
    std::string name, sql_type;
    std::uint32_t type;
    std::vector<std::string> values;  // SQL literals to draw from
};
struct table_of {
    std::string name, shard_key;
    route::table_kind kind;
    std::vector<column_of> columns;
    std::string constraints;
};

const std::vector<std::string> words{"NULL", "''",    "'a'",       "'A'", "'b'",  "'Zoë'",
                                     "'zz'", "'x y'", "'O''Neil'", "'é'", "'10'", "'9'"};
const std::vector<std::string> numerics{"NULL", "0", "1", "1.0", "1.00", "-2.5", "0.3333333333", "1234567.89", "'NaN'"};
const std::vector<std::string> floats{"NULL", "0", "'-0'", "0.125", "-1.5", "3", "'NaN'", "1e15"};
const std::vector<std::string> integers{"NULL", "0", "1", "2", "-7", "18", "44", "2147483647"};

std::vector<table_of> tables() {
    using enum route::table_kind;
    return {
        {"users",
         "id",
         sharded,
         {{"id", "bigint", oid::int8, {}},
          {"name", "text", oid::text, words},
          {"age", "int", oid::int4, integers},
          {"score", "float8", oid::float8, floats},
          {"country", "varchar(2)", oid::varchar, {"NULL", "'de'", "'fr'", "'jp'", "'xx'"}},
          {"code", "char(4)", oid::bpchar, {"NULL", "'a'", "'ab'", "'abcd'"}},
          {"vip", "boolean", oid::boolean, {"NULL", "true", "false"}},
          {"born", "date", oid::date, {"NULL", "'1970-01-01'", "'2001-09-09'", "'infinity'"}}},
         "primary key (id)"},
        {"orders",
         "user_id",
         sharded,
         {{"id", "bigint", oid::int8, {}},
          {"user_id", "bigint", oid::int8, {}},
          {"status", "text", oid::text, {"NULL", "'new'", "'paid'", "'sent'", "'New'"}},
          {"total", "numeric(12,2)", oid::numeric, {"NULL", "0", "1.1", "19.99", "-5", "1234567.89"}},
          {"raw", "numeric", oid::numeric, numerics},
          {"qty", "int", oid::int4, integers},
          {"small", "smallint", oid::int2, {"NULL", "1", "-3", "300"}},
          {"ratio", "float8", oid::float8, floats},
          {"weight", "real", oid::float4, {"NULL", "0.1", "0.25", "-1.5", "3"}},
          {"at", "timestamp", oid::timestamp, {"NULL", "'2024-02-29 12:00'", "'2024-03-01 00:00:00.5'", "'infinity'"}},
          {"seen", "timestamptz", oid::timestamptz, {"NULL", "'2024-02-29 12:00+02'", "'1999-12-31 23:59:59+00'"}},
          {"note", "text", oid::text, words},
          {"doc", "jsonb", oid::jsonb, {"NULL", "'{\"a\":1}'", "'[1,2]'"}}},
         "primary key (user_id, id)"},
        {"items",
         "user_id",
         sharded,
         {{"user_id", "bigint", oid::int8, {}},
          {"order_id", "bigint", oid::int8, {}},
          {"line", "int", oid::int4, {}},
          {"sku", "text", oid::text, {"NULL", "'s1'", "'s2'", "'S1'"}},
          {"price", "numeric", oid::numeric, numerics},
          {"n", "bigint", oid::int8, {"NULL", "1", "-1", "9007199254740993", "4611686018427387904"}}},
         "primary key (user_id, order_id, line)"},
        {"countries",
         "",
         reference,
         {{"code", "varchar(2)", oid::varchar, {}},
          {"name", "text", oid::text, {}},
          {"continent", "text", oid::text, {}}},
         "primary key (code)"},
    };
}

std::string create_sql() {
    std::string sql;
    for (const table_of& t : tables()) {
        sql += "create table " + t.name + " (";
        for (const column_of& c : t.columns) sql += c.name + " " + c.sql_type + ", ";
        sql += t.constraints + ");";
    }
    return sql;
}

route::catalogue known_tables(const keyspace::shard_map& map) {
    route::catalogue known;
    known.shards = map;
    known.default_collation.kind = route::collation_kind::bytes;
    for (const table_of& t : tables()) {
        route::table_facts facts;
        facts.schema = "public";
        facts.name = t.name;
        facts.kind = t.kind;
        facts.shard_key = t.shard_key;
        for (const column_of& c : t.columns) {
            route::column_facts& column = facts.columns.emplace_back();
            column.name = c.name;
            column.type = c.type;
            column.collation = known.default_collation;
        }
        known.tables[t.name] = facts;
        known.tables["public." + t.name] = facts;
    }
    return known;
}

// --- the world: one server, four shards and the plain database ------------------------------------------------------------

class world {
public:
    explicit world(std::uint64_t seed) : map_(make_map()), known_(known_tables(map_)) {
        for (int i = 1; i <= shard_count; ++i) make_database("shard_" + std::to_string(i));
        make_database("plain");
        load(seed);
        for (int i = 1; i <= shard_count; ++i) shards_.push_back(connect("shard_" + std::to_string(i)));
        plain_ = connect("plain");
    }

    const route::catalogue& known() const { return known_; }
    driver::connection& plain() { return *plain_; }
    driver::connection& shard(keyspace::shard_id id) { return *shards_.at(keyspace::index_of(id)); }

private:
    static keyspace::shard_map make_map() {
        std::vector<keyspace::shard_traits> shards(shard_count);
        for (int i = 0; i < shard_count; ++i)
            shards[static_cast<std::size_t>(i)].name = "shard_" + std::to_string(i + 1);
        return keyspace::shard_map::make(keyspace::function_kind::modulo, keyspace::key_type::integer, shards).value();
    }

    std::unique_ptr<driver::connection> connect(const std::string& database) {
        return test::connect_blocking(fmt::format("host={} port={} user={} dbname={} options='-c timezone=UTC'",
                                                  server_.host(), server_.port(), server_.user(), database));
    }

    void make_database(const std::string& name) {
        server_.create_database(name);
        server_.run_sql(create_sql(), name);
    }

    void put(const std::string& table, std::optional<std::int64_t> key, const std::string& values) {
        const std::string sql = "insert into " + table + " values (" + values + ");";
        scripts_["plain"] += sql;
        for (int i = 0; i < shard_count; ++i) {
            const bool here = !key || static_cast<int>(keyspace::index_of(owner(*key))) == i;
            if (here) scripts_["shard_" + std::to_string(i + 1)] += sql;
        }
    }

    keyspace::shard_id owner(std::int64_t key) const {
        return map_.shard_of(keyspace::key::from(value{key}, keyspace::key_type::integer).value()).value();
    }

    static std::string draw_values(dice& d, const table_of& t, std::size_t from) {
        std::string values;
        for (std::size_t i = from; i < t.columns.size(); ++i) values += ", " + d.pick(t.columns[i].values);
        return values;
    }

    void load(std::uint64_t seed) {
        dice d{seed};
        const auto all = tables();
        std::vector<std::int64_t> users{1'099'511'627'776, -4'611'686'018'427'387'904};
        for (std::int64_t u = -5; u < 40; ++u) users.push_back(u);
        for (const std::int64_t u : users) {
            put("users", u, std::to_string(u) + draw_values(d, all[0], 1));
            const auto orders = static_cast<int>(d.below(8));
            for (int o = 0; o < orders; ++o) {
                put("orders", u, fmt::format("{}, {}{}", o, u, draw_values(d, all[1], 2)));
                const auto lines = static_cast<int>(d.below(3));
                for (int l = 0; l < lines; ++l)
                    put("items", u, fmt::format("{}, {}, {}{}", u, o, l, draw_values(d, all[2], 3)));
            }
        }
        for (const std::string_view country :
             {"'de', 'Germany', 'Europe'", "'fr', 'France', 'Europe'", "'jp', 'Japan', 'Asia'", "'zz', NULL, NULL"}) {
            put("countries", std::nullopt, std::string{country});
        }
        for (const auto& [database, script] : scripts_) server_.run_sql(script, database);
    }

    test::postgres_server server_;
    keyspace::shard_map map_;
    route::catalogue known_;
    std::map<std::string, std::string> scripts_;
    std::vector<std::unique_ptr<driver::connection>> shards_;
    std::unique_ptr<driver::connection> plain_;
};

// --- queries ----------------------------------------------------------------------------------------------------------

struct query {
    std::string shape, sql;
    std::vector<driver::parameter> parameters;
    bool totally_ordered = false;
    std::optional<std::string> without_limit;  // LIMIT without a total order: rows must be among this one's
};

class author {
public:
    explicit author(std::uint64_t seed) : d_(seed), tables_(tables()) {}

    query write() {
        static const std::vector<query (author::*)()> shapes{
            &author::filtered, &author::filtered, &author::ordered,    &author::ordered,   &author::limited,
            &author::grouped,  &author::grouped,  &author::grouped,    &author::aggregate, &author::distinct,
            &author::joined,   &author::joined,   &author::parametric, &author::nasty,     &author::nasty};
        return (this->*shapes[d_.below(shapes.size())])();
    }

private:
    const table_of& any_table() { return tables_[d_.below(10) == 0 ? 3 : d_.below(3)]; }
    const column_of& any_column(const table_of& t) { return t.columns[d_.below(t.columns.size())]; }
    std::string key() { return d_.pick({"1", "2", "7", "-5", "33", "39", "1099511627776", "999999"}); }

    static bool is_number(const column_of& c) {
        return codec::is_integer(c.type) || codec::is_float(c.type) || c.type == oid::numeric;
    }
    std::string number(const table_of& t, const std::string& prefix = "") {
        for (int i = 0; i < 20; ++i) {
            const column_of& c = any_column(t);
            if (is_number(c)) return prefix + c.name;
        }
        return "1";
    }

    // A column whose sum does not depend on the order in which rows are added; see adds_floats.
    std::string exact_number(const table_of& t) {
        for (int i = 0; i < 20; ++i) {
            const column_of& c = any_column(t);
            if (is_number(c) && !codec::is_float(c.type)) return c.name;
        }
        return "1";
    }

    std::string constant(const column_of& c) {
        if (!c.values.empty()) return d_.pick(c.values);
        if (c.type == oid::int8 || c.type == oid::int4) return d_.pick({"0", "1", "3", "NULL"});
        return d_.pick(words);
    }

    std::string scalar(const table_of& t, const std::string& prefix = "") {
        const column_of& c = any_column(t);
        const std::string name = prefix + c.name;
        if (d_.chance(70)) return name;
        if (codec::is_integer(c.type))
            return d_.pick(
                {"(" + name + " % 3)", "-" + name, "coalesce(" + name + ", 0)", name + "::text", "abs(" + name + ")"});
        if (c.type == oid::numeric)
            return d_.pick({"round(" + name + ", 1)", name + " * 2", "coalesce(" + name + ", 0)"});
        if (codec::is_text(c.type))
            return d_.pick(
                {"upper(" + name + ")", "length(" + name + ")", name + " || 'x'", "coalesce(" + name + ", '-')"});
        if (c.type == oid::boolean) return "not " + name;
        if (c.type == oid::timestamp) return "date_trunc('month', " + name + ")";
        return name;
    }

    std::string predicate(const table_of& t, const std::string& prefix = "", int depth = 0) {
        if (depth < 2 && d_.chance(25)) {
            return fmt::format("({} {} {})", predicate(t, prefix, depth + 1), d_.pick({"and", "or"}),
                               predicate(t, prefix, depth + 1));
        }
        if (d_.chance(7)) return "not (" + predicate(t, prefix, depth + 1) + ")";
        const std::string k = prefix + t.shard_key;
        if (!t.shard_key.empty() && d_.chance(40)) {
            return d_.pick({k + " = " + key(),
                            k + " in (" + key() + ", " + key() + ")",
                            key() + " = " + k,
                            k + " = '" + key() + "'",
                            k + " = any(array[" + key() + "," + key() + "])",
                            k + " = any('{" + key() + "," + key() + "}')",
                            "(" + k + ", 1) = (" + key() + ", 1)",
                            k + " = " + key() + "::int8",
                            k + " = " + key() + ".0",
                            k + " is null",
                            k + " <> " + key(),
                            k + " > " + key(),
                            k + " between 1 and 3",
                            k + " not in (" + key() + ")",
                            k + " = null",
                            k + " = 1 + 1",
                            k + " = (select " + key() + ")",
                            k + " is not distinct from " + key(),
                            k + " = " + key() + " is true",
                            k + "::text = '" + key() + "'",
                            "-" + k + " = " + key(),
                            k + " = " + key() + " or " + k + " = " + key(),
                            "case when true then " + k + " end = " + key(),
                            "(" + k + " = " + key() + ") is not false"});
        }
        const column_of& c = any_column(t);
        const std::string name = prefix + c.name;
        if (c.type == oid::jsonb) return name + " is " + d_.pick({"", "not "}) + "null";
        return d_.pick({name + " is null", name + " is not null", name + " = " + constant(c),
                        name + " > " + constant(c), name + " <> " + constant(c),
                        name + " in (" + constant(c) + ", " + constant(c) + ")"});
    }

    std::string where(const table_of& t, int percent, const std::string& prefix = "") {
        return d_.chance(percent) ? " where " + predicate(t, prefix) : "";
    }

    std::string list(const table_of& t, int most, const std::string& prefix = "") {
        std::string all = scalar(t, prefix);
        for (auto n = d_.below(static_cast<std::uint64_t>(most)); n > 0; --n) all += ", " + scalar(t, prefix);
        return all;
    }

    // All columns of the primary key: a total order.
    static std::string identity(const table_of& t, const std::string& prefix = "") {
        std::string names = t.constraints.substr(t.constraints.find('(') + 1);
        names.pop_back();
        if (prefix.empty()) return names;
        std::string with = prefix;
        for (const char c : names) {
            with += c;
            if (c == ' ') with += prefix;
        }
        return with;
    }

    std::string direction() { return d_.pick({"", "", " asc", " desc", " nulls first", " desc nulls last"}); }

    std::string sort_keys(const table_of& t) {
        std::string keys;
        for (auto n = d_.below(3); n > 0; --n) {
            const column_of& c = any_column(t);
            keys += (d_.chance(80) ? c.name : scalar(t)) + direction() + ", ";
        }
        return keys + identity(t);
    }

    query filtered() {
        const table_of& t = any_table();
        return {"filter", fmt::format("select {} from {}{}", d_.chance(30) ? "*" : list(t, 4), t.name, where(t, 80))};
    }

    query ordered() {
        const table_of& t = any_table();
        query q{"order", fmt::format("select {} from {}{} order by {}", d_.chance(30) ? "*" : list(t, 4), t.name,
                                     where(t, 40), sort_keys(t))};
        if (d_.chance(60)) q.sql += fmt::format(" limit {}", d_.pick({"0", "1", "5", "1000", "all", "null"}));
        if (d_.chance(40)) q.sql += fmt::format(" offset {}", d_.pick({"0", "3", "50", "10000"}));
        q.totally_ordered = true;
        return q;
    }

    query limited() {
        const table_of& t = any_table();
        query q{"limit", fmt::format("select {} from {}{}", list(t, 3), t.name, where(t, 40))};
        q.without_limit = q.sql;
        q.sql += fmt::format(" limit {} offset {}", d_.below(20), d_.below(5));
        return q;
    }

    std::string aggregate_of(const table_of& t, const std::string& prefix = "") {
        const column_of& c = any_column(t);
        const std::string filter = d_.chance(10) ? " filter (where " + predicate(t, prefix, 2) + ")" : "";
        switch (d_.below(9)) {
            case 0:
                return "count(*)" + filter;
            case 1:
                return "count(" + prefix + c.name + ")" + filter;
            case 2:
                return (d_.chance(50) ? "min(" : "max(") + prefix + c.name + ")" + filter;
            case 3:
                return "sum(" + number(t, prefix) + ")" + filter;
            case 4:
                return "avg(" + number(t, prefix) + ")" + filter;
            case 5:
                return "sum(" + number(t, prefix) + " * 2)" + filter;
            case 6:
                return t.name == "users" ? "bool_or(" + prefix + "vip)" : "count(*)";
            case 7:
                return d_.pick({"count(distinct ", "string_agg(", "stddev("}) + prefix + c.name + ")";
            default:
                return "sum(" + number(t, prefix) + ") / nullif(count(*), 0)";
        }
    }

    query aggregate() {
        const table_of& t = any_table();
        return {"aggregate",
                fmt::format("select {}, {} from {}{}", aggregate_of(t), aggregate_of(t), t.name, where(t, 50))};
    }

    // Sums of floats depend on the order in which rows are added, in one plain database too: no order may be asked by them.
    static bool adds_floats(const table_of& t, const std::string& aggregate) {
        if (aggregate.starts_with("count(") || aggregate.starts_with("min(") || aggregate.starts_with("max("))
            return false;
        return std::any_of(t.columns.begin(), t.columns.end(), [&](const column_of& c) {
            return codec::is_float(c.type) && aggregate.find(c.name) != std::string::npos;
        });
    }

    // A sum or an average must agree digit for digit; its name says so to comparable().
    static std::string name_for(const std::string& aggregate, const std::string& name) {
        const bool exact = aggregate.starts_with("sum(") || aggregate.starts_with("avg(");
        return (exact ? "exact_" : "") + name;
    }

    query grouped() {
        const table_of& t = any_table();
        const std::string k = scalar(t), second = d_.chance(30) ? scalar(t) : "";
        const std::string first_aggregate = aggregate_of(t), second_aggregate = aggregate_of(t);
        const std::string a = name_for(first_aggregate, "a");
        std::string sql = fmt::format("select {} as k{}, {} as {}, {} as {} from {}{} group by {}{}", k,
                                      second.empty() ? "" : ", " + second + " as l", first_aggregate, a,
                                      second_aggregate, name_for(second_aggregate, "b"), t.name, where(t, 40),
                                      d_.chance(30) ? "1" : k, second.empty() ? "" : ", " + second);
        if (d_.chance(35)) {
            sql += " having " +
                   d_.pick({"count(*) > 1", "sum(" + exact_number(t) + ") > 10", "avg(" + number(t) + ") is not null",
                            "min(" + number(t) + ") < 3 or count(*) = 1", "not (max(" + number(t) + ") >= 1.5)",
                            k + " is not null", "count(*) between 2 and 5", "true"});
        }
        query q{"group", sql};
        if (d_.chance(40)) {
            q.sql +=
                second.empty()
                    ? " order by " + d_.pick({"1", "k", "k desc nulls last", "count(*), 1",
                                              adds_floats(t, first_aggregate) ? "k" : a + ", k",
                                              "sum(" + exact_number(t) + ") desc, k", "max(" + number(t) + ") desc, k"})
                    : " order by k, l";
            q.totally_ordered = true;
            if (d_.chance(50)) q.sql += fmt::format(" limit {}", d_.below(6));
        }
        return q;
    }

    query distinct() {
        const table_of& t = any_table();
        query q{"distinct", fmt::format("select distinct {} from {}{}", list(t, 2), t.name, where(t, 40))};
        if (d_.chance(40)) {
            const std::string c = any_column(t).name;
            q.sql = fmt::format("select distinct {} from {}{} order by {}{}", c, t.name, where(t, 40), c, direction());
            q.totally_ordered = true;
        } else if (d_.chance(15)) {
            q.sql = fmt::format("select distinct on ({0}) {0}, {1} from {2} order by {0}, {1}", any_column(t).name,
                                identity(t), t.name);
            q.shape = "distinct on";
        }
        return q;
    }

    query joined() {
        const table_of &users = tables_[0], &orders = tables_[1];
        const std::string kind = d_.pick({"join", "join", "left join", "right join", "full join"});
        const std::string on = d_.pick({"u.id = o.user_id", "o.user_id = u.id", "u.id = o.user_id and o.qty > 0",
                                        "u.id = o.id", "u.age = o.qty", "u.id = o.user_id or o.qty = 1"});
        const std::string from = d_.pick(
            {"users u " + kind + " orders o on " + on, "users u " + kind + " orders o on " + on,
             "users u, orders o where " + on,
             "users u " + kind + " countries c on c.code = u.country " + kind + " orders o on " + on,
             "orders o join users u on " + on + " left join items i on i.user_id = o.user_id and i.order_id = o.id"});
        const std::string condition = predicate(d_.chance(50) ? users : orders, "", 3);
        (void)condition;
        const bool on_users = d_.chance(50);
        const std::string more = (from.find(" where ") == std::string::npos ? " where " : " and ") +
                                 predicate(on_users ? users : orders, on_users ? "u." : "o.");
        const std::string tail = d_.chance(60) ? more : "";
        if (d_.chance(35))
            return {"join group", fmt::format("select u.country, {} from {}{} group by u.country",
                                              aggregate_of(orders, "o."), from, tail)};
        query q{"join",
                fmt::format("select {}, {} from {}{}", list(users, 2, "u."), list(orders, 2, "o."), from, tail)};
        if (d_.chance(30)) {
            q.sql = fmt::format(
                "select u.name, o.id, o.user_id, u.id as uid from {}{} order by u.name, u.id, o.user_id, o.id", from,
                tail);
            q.totally_ordered = true;
        }
        return q;
    }

    driver::parameter text(std::string v, std::uint32_t type = 0) {
        driver::parameter p;
        p.bytes = std::move(v);
        p.type = type;
        return p;
    }
    driver::parameter binary8(std::int64_t v) {
        driver::parameter p;
        p.bytes.emplace();
        wire::append64(*p.bytes, static_cast<std::uint64_t>(v));
        p.type = oid::int8;
        p.format = cell_format::binary;
        return p;
    }

    query parametric() {
        const table_of& t = tables_[d_.below(3)];
        const std::string k = t.shard_key;
        const auto any_key = [&] {
            return d_.chance(40)   ? binary8(std::stoll(key()))
                   : d_.chance(10) ? driver::parameter{}
                                   : text(key(), d_.chance(50) ? oid::int8 : 0);
        };
        query q{"parameters", ""};
        switch (d_.below(5)) {
            case 0:
                q.sql = fmt::format("select {} from {} where {} = $1", list(t, 3), t.name, k);
                q.parameters = {any_key()};
                break;
            case 1:
                q.sql = fmt::format("select {} from {} where {} in ($1, $2)", list(t, 3), t.name, k);
                q.parameters = {any_key(), any_key()};
                break;
            case 2:
                q.sql =
                    fmt::format("select {} from {} order by {} limit $1 offset $2", list(t, 3), t.name, sort_keys(t));
                q.parameters = {text(d_.pick({"3", "0", "-1", "100"})), text(d_.pick({"2", "0", "-1"}))};
                q.totally_ordered = true;
                break;
            case 3:
                q.sql = fmt::format(
                    "select {} as k, count(*) from {} where {} <> $1::bigint group by 1 having count(*) > $2",
                    any_column(t).name, t.name, k);
                q.parameters = {text(key()), text(d_.pick({"0", "1", "3"}))};
                break;
            default:
                q.sql = fmt::format("select {} from {} where {} = any($1)", list(t, 3), t.name, k);
                q.parameters = {text("{" + key() + "," + key() + "}", d_.chance(50) ? 1016 : 0)};
        }
        return q;
    }

    query nasty() {
        const std::string k = key(), n = std::to_string(d_.below(5));
        static const std::vector<std::string> forms{
            "select * from users where id in (select user_id from orders where qty > {n})",
            "select id from users u where exists (select 1 from orders o where o.user_id = u.id and o.qty = {n})",
            "select id from users u where not exists (select 1 from orders o where o.user_id = u.id)",
            "select id, (select count(*) from orders o where o.user_id = u.id) from users u",
            "select id, (select count(*) from orders) from users",
            "select count(*) from (select distinct status from orders) s",
            "select count(*) from (select * from orders limit {n}) s",
            "select max(c) from (select user_id, count(*) as c from orders group by user_id) s",
            "select sum(c) from (select user_id, count(*) as c from orders group by user_id) s",
            "select count(*), sum(c) from users u left join (select user_id, count(*) as c from orders group by 1) s "
            "on s.user_id = u.id",
            "select u.country, sum(q) from users u join (select user_id, sum(qty) as q from orders group by user_id) s "
            "on s.user_id = u.id group by u.country",
            "select s.user_id, s.m, u.name from (select user_id, max(total) as m from orders group by user_id) s full "
            "join users u on u.id = s.user_id",
            "select c, count(*) from (select user_id, count(*) as c from orders group by user_id having sum(qty) > "
            "{n}) s group by c",
            "select status, count(*) from (select distinct status, user_id from orders) s group by status",
            "select s.u, c from (select o.user_id as u, status as t, count(*) as c from orders o group by u, t) s "
            "where "
            "s.u = {n}",
            "select name from users where id in (select user_id from orders group by user_id having count(*) > {n})",
            "select name from users u where exists (select from (select user_id, sum(qty) as q from orders group by "
            "user_id) s where s.user_id = u.id and q > {n})",
            "select max(d) from (select u.id, count(*) as d from users u left join orders o on o.user_id = u.id group "
            "by u.id) s",
            "select max(d) from (select u.id, count(*) as d from orders o left join users u on o.user_id = u.id group "
            "by u.id) s",
            "table users",
            "(table orders)",
            "select max(c) from (select status, count(*) as c from orders group by status) s",
            "select id from users union select user_id from orders",
            "select id from users where id = {k} union all select user_id from orders where user_id = {k}",
            "select id from users except select user_id from orders",
            "select age from users intersect select qty from orders",
            "select id, row_number() over (order by id) from users",
            "select user_id, id, row_number() over (partition by user_id order by id) from orders",
            "select user_id, sum(qty) over () from orders where user_id = {k}",
            "with s as (select * from orders where qty > {n}) select count(*) from s",
            "with s as (select status, count(*) as c from orders group by status) select * from s",
            "with s as (select id from users where id = {k}) select * from orders where user_id in (select id from s)",
            "select status, qty, count(*) from orders group by rollup (status, qty)",
            "select status, count(*) from orders group by grouping sets ((status), ())",
            "select count(*) from orders where user_id = {k} or qty = {n}",
            "select * from users where (id, age) in (({k}, 18), (1, 2))",
            "select * from users where id = {k} and id = 2",
            "select * from orders where user_id = {k} and (qty = 1 or user_id = 2)",
            "select * from orders o where o.user_id = o.id",
            "select * from users where id in (1, null)",
            "select * from users where id not in (1, null)",
            "select * from users where id = '{k}'::text::bigint",
            "select * from users where id::int = 1",
            "select u.id, o.id from users u join orders o using (id)",
            "select * from users u natural join countries c",
            "select u.id, x.id from users u cross join lateral (select id from orders o where o.user_id = u.id order "
            "by id limit 1) x",
            "select u.id, v.id from users u join users v on u.id = v.id",
            "select u.id, v.id from users u join users v on u.age = v.age",
            "select c.name, count(*) from countries c join users u on u.country = c.code group by c.name",
            "select c.name, count(u.id) from countries c left join users u on u.country = c.code group by c.name",
            "select * from countries where code in (select country from users)",
            "select code from countries union select country from users",
            "select count(*), sum(1) from users where false",
            "select sum(n) from items",
            "select sum(n::int8 * 3) from items where n < 100",
            "select sum(qty) + count(*) from orders",
            "select count(*) filter (where qty > {n}) from orders",
            "select 1 from users limit {n}",
            "select 'x' as c, count(*) from users group by c",
            "select status from orders group by status",
            "select status, user_id from orders group by user_id, status",
            "select user_id, avg(total), min(raw) from orders group by user_id order by user_id",
            "select count(*) from users having count(*) > {n}",
            "select 1 from users having true",
            "select distinct count(*) from users group by age",
            "select distinct on (user_id) user_id, id from orders order by user_id, id",
            "select distinct status, qty from orders order by qty, status",
            "select array_agg(id order by id) from users",
            "select string_agg(name, ',' order by id) from users",
            "select json_agg(id order by id) from users where id = {k}",
            "select percentile_cont(0.5) within group (order by age) from users",
            "select mode() within group (order by age) from users",
            "select every(vip), bit_or(age), bit_and(age) from users",
            "select variance(age), corr(age, score) from users",
            "select greatest(max(age), 3), least(min(age), 0) from users",
            "select coalesce(sum(qty), 0) from orders where qty > 10000000000",
            "select count(*) from users where name = 'a' collate \"C\"",
            "select name from users order by name collate \"C\" desc, id",
            "select doc from orders order by user_id, id",
            "select distinct doc from orders",
            "select doc, count(*) from orders group by doc",
            "select id from users order by id fetch first {n} rows only",
            "select qty from orders order by qty fetch first {n} rows with ties",
            "select id from users order by -id limit {n}",
            "select id as x from users order by x desc limit {n}",
            "select age as id from users order by id, age limit {n}",
            "select name, id from users order by 2, 1 limit {n}",
            "select id from users order by 1 desc limit 2 + {n}",
            "select id from users limit (select 1)",
            "select * from generate_series(1, 3)",
            "select * from users, generate_series(1, 2) g",
            "select generate_series(1, 2), id from users",
            "values (1), (2)",
            "select 1 + 1",
            "select (select max(id) from users where id = {k})",
            "select case when count(*) > 3 then 'many' else 'few' end from orders",
            "select age / 0 from users",
            "select sqrt(-1) from users",
            "select * from users where id = 99999999999999999999",
            "select * from users where id = 1.5",
            "select * from users where id = -(-{k})",
            "select * from users where id = any(array[]::bigint[])",
            "select * from users where id = all(array[{k}])",
            "select * from users where not (id <> {k})",
            "select * from users where id = {k} is not true",
            "select * from users where coalesce(id, 0) = {k}",
            "select * from users tablesample system (100)",
            "select * from only users where id = {k}",
            "select u.* from users u where u = u",
            "select u from users u where u.id = {k}",
            "select count(u) from users u",
            "select max(code), min(code), count(distinct code) from users",
            "select code, count(*) from users group by code order by code",
            "select at, count(*) from orders group by at order by at nulls first",
            "select weight, count(*), sum(weight) from orders group by weight",
            "select avg(weight), avg(small), avg(n) from orders o join items i on i.user_id = o.user_id and i.order_id "
            "= o.id",
            "select sum(distinct qty) from orders",
            "select user_id % 2 as p, count(*) from orders group by p having sum(qty) > {n} or p = 0",
            "select age, count(*) from users group by age order by count(*) desc, age limit {n}",
            "select age, count(*) from users group by age order by avg(score), age",
            "select upper(name), max(length(name)) from users group by upper(name) order by 1",
            "select extract(year from at), count(*) from orders group by 1 order by 1",
            "select seen, count(*) from orders group by seen order by seen desc nulls last",
        };
        query q{"nasty", forms[d_.below(forms.size())]};
        for (const auto& [mark, text] : std::map<std::string, std::string>{{"{k}", k}, {"{n}", n}}) {
            for (std::size_t at; (at = q.sql.find(mark)) != std::string::npos;) q.sql.replace(at, mark.size(), text);
        }
        if (q.sql.find("limit") != std::string::npos && q.sql.find("order by") == std::string::npos &&
            q.sql.starts_with("select 1")) {
            q.without_limit = "select 1 from users";
        }
        return q;
    }

    dice d_;
    const std::vector<table_of> tables_;
};

// --- comparing --------------------------------------------------------------------------------------------------------

struct outcome {
    columns shape;
    rows all;
    std::optional<error> failure;
};

// Text that is equal for values that SQL calls equal; floats to 12 digits.
std::optional<std::string> comparable(cell bytes, const column& c) {
    if (!bytes) return std::nullopt;
    if (codec::is_float(c.type)) {
        const auto v = codec::read_float(*bytes, c.type, c.format);
        return v ? fmt::format("{:.{}g}", *v == 0 ? 0.0 : *v, c.type == oid::float4 ? 5 : 12) : std::string{*bytes};
    }
    if (c.type == oid::numeric) {
        // Sums and averages must agree digit for digit; of equal keys with several scales either may be shown.
        const auto v = codec::read_numeric(*bytes, c.format);
        if (!v) return std::string{*bytes};
        std::string text = v->to_text();
        const bool computed = c.name == "sum" || c.name == "avg" || c.name.starts_with("exact_");
        if (!computed && text.find('.') != std::string::npos) {
            text.erase(text.find_last_not_of('0') + 1);
            if (text.back() == '.') text.pop_back();
        }
        return text;
    }
    std::string text{*bytes};
    if (c.type == oid::bpchar) text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

io::task<outcome> read_all(execute::answer& from) {
    outcome o;
    o.shape = from.shape();
    row_batch batch;
    for (;;) {
        batch.clear();
        auto got = co_await from.fetch(batch, deadline::never());
        if (!got) {
            o.failure = std::move(got).error();
            co_return o;
        }
        for (std::size_t r = 0; r < batch.rows(); ++r) {
            row& one = o.all.emplace_back();
            for (std::size_t c = 0; c < batch.width(); ++c) one.push_back(comparable(batch.at(r, c), o.shape[c]));
        }
        if (*got == driver::fetched::ended) co_return o;
    }
}

io::task<outcome> ask_plain(driver::connection& plain, const query& q, std::string sql, cell_format format) {
    outcome o;
    driver::statement what;
    what.sql = std::move(sql);
    what.parameters = q.parameters;
    what.results = format;
    auto shape = co_await plain.start(std::move(what), deadline::never());
    if (!shape) {
        o.failure = std::move(shape).error();
        co_return o;
    }
    o.shape = *shape;
    row_batch batch;
    for (;;) {
        auto got = co_await plain.fetch(batch, deadline::never());
        if (!got || *got == driver::fetched::ended) break;
    }
    for (std::size_t r = 0; r < batch.rows(); ++r) {
        row& one = o.all.emplace_back();
        for (std::size_t c = 0; c < batch.width(); ++c) one.push_back(comparable(batch.at(r, c), o.shape[c]));
    }
    co_return o;
}

io::task<outcome> ask_shards(io::loop& loop, world& w, const query& q, cell_format format) {
    outcome o;
    std::vector<std::uint32_t> types;
    std::vector<route::bound_parameter> bound;
    for (const driver::parameter& p : q.parameters) {
        types.push_back(p.type);
        route::bound_parameter& b = bound.emplace_back();
        if (p.bytes) b.bytes = *p.bytes;
        b.type = p.type;
        b.format = p.format;
    }
    const route::planning_options options;
    auto prepared = route::plan_statement(q.sql, w.known(), options, types);
    if (!prepared) {
        o.failure = std::move(prepared).error();
        co_return o;
    }
    auto plan = (*prepared)->bind(bound);
    if (!plan) {
        o.failure = std::move(plan).error();
        co_return o;
    }
    execute::connection_source source = [&w](const route::step& s) -> task<result<driver::connection*>> {
        co_return &w.shard(s.shard);
    };
    const execute::limits limits;
    auto run = co_await execute::run(loop, std::move(*plan), q.parameters, execute::lender_from(source), format, limits,
                                     deadline::never());
    if (!run) {
        o.failure = std::move(run).error();
        co_return o;
    }
    o = co_await read_all(**run);
    co_return o;
}

std::string shown(const rows& all) {
    std::string text;
    for (std::size_t r = 0; r < std::min<std::size_t>(all.size(), 12); ++r) {
        text += "\n    ";
        for (const auto& c : all[r]) text += (c ? *c : "NULL") + " | ";
    }
    return fmt::format("{} rows{}", all.size(), text);
}

// What is wrong with the answer; empty for nothing.
std::string difference(const outcome& ours, const outcome& plain, const query& q, const outcome& unlimited) {
    if (ours.shape.size() != plain.shape.size()) return "another number of columns";
    for (std::size_t i = 0; i < plain.shape.size(); ++i) {
        if (ours.shape[i].name != plain.shape[i].name)
            return "column named " + ours.shape[i].name + " instead of " + plain.shape[i].name;
        const bool of_users = ours.shape[i].type >= first_user_oid && plain.shape[i].type >= first_user_oid;
        if (ours.shape[i].type != plain.shape[i].type && !of_users)
            return "column " + plain.shape[i].name + " is " + codec::type_name(ours.shape[i].type) + " instead of " +
                   codec::type_name(plain.shape[i].type);
    }
    rows a = ours.all, b = plain.all;
    if (!q.totally_ordered) {
        std::sort(a.begin(), a.end());
        std::sort(b.begin(), b.end());
    }
    if (q.without_limit) {
        rows all = unlimited.all;
        std::sort(all.begin(), all.end());
        if (a.size() != b.size()) return "another number of rows";
        return std::includes(all.begin(), all.end(), a.begin(), a.end()) ? "" : "rows that are not there";
    }
    return a == b ? "" : "other rows";
}

struct tally {
    int asked = 0, answered = 0, refused = 0, failed_on_both = 0, failed_early = 0;
};

// A LIMIT may keep a server from computing the row that fails, as it may keep it from planning so: an overflow or a division
// by zero on a shard is no wrong answer then.
bool is_early(const error& e, const query& q) {
    return e == errc::server_error && e.sqlstate().starts_with("22") && q.sql.find(" limit ") != std::string::npos;
}

}  // namespace

TEST(Differential, WhatIsAnsweredIsWhatOnePlainDatabaseAnswers) {
    const std::uint64_t seed = from_environment("ASHLAR_SEED", std::random_device{}());
    const std::uint64_t count = from_environment("ASHLAR_DIFFERENTIAL_QUERIES", 3000);
    fmt::print("ASHLAR_SEED={} ASHLAR_DIFFERENTIAL_QUERIES={}\n", seed, count);
    world w{seed};
    author writes{seed + 1};
    dice formats{seed + 2};
    auto loop = io::make_poll_loop();
    std::map<std::string, tally> tallies;
    std::map<std::string, int> refusals;
    int wrong = 0;
    for (std::uint64_t i = 0; i < count && wrong < 40; ++i) {
        const query q = writes.write();
        const cell_format format = formats.chance(30) ? cell_format::binary : cell_format::text;
        tally& t = tallies[q.shape];
        ++t.asked;
        const outcome plain = loop->run(ask_plain(w.plain(), q, q.sql, format));
        const outcome ours = loop->run(ask_shards(*loop, w, q, format));
        const auto blame = [&](const std::string& why) {
            ++wrong;
            ADD_FAILURE() << why << "\n  " << q.sql
                          << "\n  ours:  " << (ours.failure ? ours.failure->to_string() : shown(ours.all))
                          << "\n  plain: " << (plain.failure ? plain.failure->to_string() : shown(plain.all));
        };
        if (ours.failure && (ours.failure->sqlstate() == "0A000")) {
            ++t.refused;
            ++refusals[ours.failure->message()];
        } else if (ours.failure && plain.failure) {
            ++t.failed_on_both;
        } else if (ours.failure && is_early(*ours.failure, q)) {
            ++t.failed_early;
        } else if (ours.failure) {
            blame("fails here only");
        } else if (plain.failure) {
            blame("fails on the plain database only");
        } else {
            ++t.answered;
            const outcome unlimited =
                q.without_limit ? loop->run(ask_plain(w.plain(), q, *q.without_limit, format)) : outcome{};
            if (const std::string why = difference(ours, plain, q, unlimited); !why.empty()) blame(why);
        }
    }
    int answered = 0;
    for (const auto& [shape, t] : tallies) {
        fmt::print("{:12} {:5} asked {:5} answered {:5} refused {:5} failed on both {:3} failed early\n", shape,
                   t.asked, t.answered, t.refused, t.failed_on_both, t.failed_early);
        answered += t.answered;
    }
    if (std::getenv("ASHLAR_VERBOSE") != nullptr) {
        for (const auto& [message, n] : refusals) fmt::print("  refused {:4}  {}\n", n, message);
    }
    EXPECT_GT(answered, static_cast<int>(count) / 4) << "hardly anything is answered: the comparison says little";
}
