#include "topology/catalogue_reader.hpp"

#include "core/ascii.hpp"
#include "core/letter_case.hpp"
#include "driver/declared_type.hpp"
#include "route/sqlite_definition.hpp"
#include "topology/object_reader.hpp"
#include "topology/questions.hpp"
#include "topology/type_reader.hpp"

#include <fmt/format.h>
#include <gnu/libc-version.h>

#include <locale.h>
#include <algorithm>
#include <clocale>

namespace ashlar::topology {

namespace {

// Every name is qualified and every operator a built-in one, whatever search_path the login has (CVE-2025-12819).
constexpr std::string_view columns_query = R"(
select n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.relkind::pg_catalog.text,
       (a.attidentity operator(pg_catalog.<>) '')::pg_catalog.text, a.attname::pg_catalog.text, a.atttypid::pg_catalog.text,
       a.atttypmod::pg_catalog.text, a.attnotnull::pg_catalog.text,
       (a.attgenerated operator(pg_catalog.<>) '' or a.attidentity operator(pg_catalog.<>) '')::pg_catalog.text,
       coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), ''),
       coalesce(co.collname::pg_catalog.text, ''), coalesce(co.collprovider::pg_catalog.text, ''),
       coalesce(co.collcollate::pg_catalog.text, ''), coalesce(co.collversion, ''),
       coalesce(co.collisdeterministic, true)::pg_catalog.text
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid operator(pg_catalog.=) c.oid and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped
  left join pg_catalog.pg_attrdef d on d.adrelid operator(pg_catalog.=) c.oid and d.adnum operator(pg_catalog.=) a.attnum
  left join pg_catalog.pg_collation co on co.oid operator(pg_catalog.=) a.attcollation
 where c.relkind::pg_catalog.text operator(pg_catalog.~) '^[rpvmf]$' and c.relpersistence operator(pg_catalog.<>) 't'
   and n.nspname operator(pg_catalog.<>) 'information_schema' and n.nspname::pg_catalog.text operator(pg_catalog.!~) '^(pg_|ashlar$)'
 order by n.nspname, c.relname, a.attnum)";

constexpr std::string_view unique_query = R"(
select n.nspname::pg_catalog.text, c.relname::pg_catalog.text, i.indexrelid::pg_catalog.text, a.attname::pg_catalog.text
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid operator(pg_catalog.=) i.indrelid
  join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
  join pg_catalog.pg_attribute a on a.attrelid operator(pg_catalog.=) c.oid and a.attnum operator(pg_catalog.=) any (i.indkey)
 where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null
   and n.nspname operator(pg_catalog.<>) 'information_schema' and n.nspname::pg_catalog.text operator(pg_catalog.!~) '^pg_'
 order by i.indisprimary desc, i.indexrelid, a.attnum)";

constexpr std::string_view default_collation_query = R"(
select datlocprovider::pg_catalog.text, datcollate::pg_catalog.text, coalesce(daticulocale, ''),
       coalesce(pg_catalog.pg_database_collation_actual_version(oid), '')
  from pg_catalog.pg_database where datname operator(pg_catalog.=) pg_catalog.current_database())";

// A name counts as immutable (stable) only when all functions of that name are; an aggregate or a procedure tells nothing of
// what it calls.
constexpr std::string_view functions_query = R"(
select proname::pg_catalog.text, pg_catalog.max(case when prokind::pg_catalog.text operator(pg_catalog.<>) 'f' then '2'
                                                     when provolatile::pg_catalog.text operator(pg_catalog.=) 'i' then '0'
                                                     when provolatile::pg_catalog.text operator(pg_catalog.=) 's' then '1'
                                                     else '2' end)
  from pg_catalog.pg_proc group by proname)";

// Types ('t', with the oid of their arrays), relations ('r'), and which types hold which ('p': whole, inner, is inner's oid
// written). Temporary ones are nobody else's business. Of columns only those count whose values may hold oids.
constexpr std::string_view oids_query = R"(
select 't', t.oid::pg_catalog.text, n.nspname::pg_catalog.text, t.typname::pg_catalog.text, t.typarray::pg_catalog.text
  from pg_catalog.pg_type t join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) t.typnamespace
 where t.oid operator(pg_catalog.>=) 10000::pg_catalog.oid
   and n.nspname::pg_catalog.text operator(pg_catalog.!~) '^(pg_toast|pg_temp|ashlar$)'
union all
select 'r', c.oid::pg_catalog.text, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, ''
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
 where c.oid operator(pg_catalog.>=) 10000::pg_catalog.oid and c.relkind::pg_catalog.text operator(pg_catalog.~) '^[rpvmfS]$'
   and n.nspname::pg_catalog.text operator(pg_catalog.!~) '^(pg_toast|pg_temp|ashlar$)'
union all
select 'p', t.oid::pg_catalog.text, t.typelem::pg_catalog.text, 't', ''
  from pg_catalog.pg_type t
 where t.oid operator(pg_catalog.>=) 10000::pg_catalog.oid and t.typcategory::pg_catalog.text operator(pg_catalog.=) 'A'
   and t.typelem operator(pg_catalog.<>) 0::pg_catalog.oid
union all
select 'p', c.reltype::pg_catalog.text, a.atttypid::pg_catalog.text, 't', ''
  from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid operator(pg_catalog.=) c.oid
  join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) a.atttypid
 where c.reltype operator(pg_catalog.>=) 10000::pg_catalog.oid and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped
   and (t.oid operator(pg_catalog.>=) 10000::pg_catalog.oid or t.typname::pg_catalog.text operator(pg_catalog.~) '^_?(reg|record|any)')
union all
select 'p', t.oid::pg_catalog.text, t.typbasetype::pg_catalog.text, 'f', ''
  from pg_catalog.pg_type t
 where t.oid operator(pg_catalog.>=) 10000::pg_catalog.oid and t.typbasetype operator(pg_catalog.<>) 0::pg_catalog.oid
union all
select 'p', r.rngtypid::pg_catalog.text, r.rngsubtype::pg_catalog.text, 'f', '' from pg_catalog.pg_range r
union all
select 'p', r.rngmultitypid::pg_catalog.text, r.rngtypid::pg_catalog.text, 'f', '' from pg_catalog.pg_range r)";

constexpr std::string_view sqlite_columns_query = R"(
select m.name, m.type, p.name, p.type, p."notnull", coalesce(p.dflt_value, ''), p.hidden, p.pk,
       coalesce(m.sql, '') like '%collate%',
       m.type = 'table' and p.pk = 1 and upper(p.type) = 'INTEGER'
         and (select count(*) from pragma_table_xinfo(m.name) k where k.pk > 0) = 1
  from sqlite_master m, pragma_table_xinfo(m.name) p
 where m.type in ('table', 'view') and m.name not like 'sqlite\_%' escape '\' and m.name not like 'ashlar\_%' escape '\'
 order by m.name, p.cid)";

constexpr std::string_view sqlite_indexes_query = R"(
select m.name, i.name, i."unique", i.origin, coalesce(c.name, '')
  from sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) c
 where m.type = 'table' and m.name not like 'sqlite\_%' escape '\' and m.name not like 'ashlar\_%' escape '\'
 order by m.name, i.name, c.seqno)";

constexpr std::string_view sqlite_foreign_keys_query = R"(
select m.name, f.id, f."table", f."from", coalesce(f."to", ''), f.on_update, f.on_delete
  from sqlite_master m, pragma_foreign_key_list(m.name) f
 where m.type = 'table' and m.name not like 'sqlite\_%' escape '\' and m.name not like 'ashlar\_%' escape '\'
 order by m.name, f.id desc, f.seq)";

constexpr std::string_view sqlite_texts_query = R"(
select type, name, tbl_name, sql from sqlite_master where type in ('table', 'view', 'index') and sql is not null)";

// A default that is a plain literal gives the same value on every shard; anything else is taken as volatile.
bool is_constant_default(std::string_view expression) {
    if (const auto cast = expression.find("::"); cast != std::string_view::npos)
        expression = expression.substr(0, cast);
    if (expression.empty() || expression == "true" || expression == "false" || expression == "NULL") return true;
    if (expression.front() == '\'') return expression.find('\'', 1) == expression.size() - 1;
    return std::all_of(expression.begin(), expression.end(),
                       [](char c) { return (c >= '0' && c <= '9') || c == '.' || c == '-'; });
}

bool calls_sequence(std::string_view expression) {
    return expression.find("nextval(") != std::string_view::npos;
}

// Of a domain; 0 of other types, and of a domain over a type that is not built in.
std::uint32_t built_in_base_of(std::uint32_t type, const own_types& known) {
    for (auto at = known.find(type); at != known.end() && at->second.what == own_type::kind::domain;
         at = known.find(type)) {
        type = at->second.inner;
        if (type < oid_map::first_own) return type;
    }
    return 0;
}

std::uint32_t number_from(const std::string& text) {
    return static_cast<std::uint32_t>(std::stoul(text));
}

task<result<schema_snapshot>> read_postgres(driver::connection& from, deadline until) {
    schema_snapshot all;
    auto default_collation = co_await read_default_collation(from, until);
    if (!default_collation) co_return std::move(default_collation).error();
    all.default_collation = std::move(*default_collation);

    auto oids = co_await read_oids(from, until);
    if (!oids) co_return std::move(oids).error();
    all.oids = std::move(*oids);
    const std::set<std::uint32_t> holders = types_that_hold_oids(all.oids);

    auto columns = co_await ask(from, std::string{columns_query}, until);
    if (!columns) co_return std::move(columns).error();
    for (const auto& row : *columns) {
        route::table_facts& table = all.tables[row[0] + "." + row[1]];
        table.schema = row[0];
        table.name = row[1];
        table.is_view = row[2] == "v" || row[2] == "m" || row[2] == "f";
        route::column_facts& c = table.columns.emplace_back();
        c.name = row[4];
        c.type = static_cast<std::uint32_t>(std::stoul(row[5]));
        c.holds_oids = holders.contains(c.type);
        c.default_is_oid = c.type == oid::oid &&
                           (row[9].find("::reg") != std::string::npos || row[9].find("to_reg") != std::string::npos);
        if (c.type >= oid_map::first_own) c.domain_over = built_in_base_of(c.type, all.oids.details);
        if (c.type >= oid_map::first_own) c.type = 0;  // not built in: its oid says nothing on another server
        c.type_modifier = std::stoi(row[6]);
        c.not_null = is_true(row[7]);
        c.generated = is_true(row[8]);
        c.default_is_sequence = is_true(row[3]) || calls_sequence(row[9]);
        const bool computed = c.generated && !is_true(row[3]);  // from its own row, so that it is the same everywhere
        c.has_volatile_default = c.default_is_sequence || (!computed && !is_constant_default(row[9]));
        if (row[10].empty() || row[10] == "default") {
            c.collation = all.default_collation;
        } else {
            c.collation = collation_of(row[11].empty() ? 'c' : row[11][0], row[10] == "ucs_basic" ? "C" : row[12],
                                       row[13], is_true(row[14]));
            // "name" columns are C by birth; only what users chose for text makes a difference to the planner.
            if (c.type != oid::name && c.collation != all.default_collation) all.any_column_collation_differs = true;
        }
    }

    auto uniques = co_await ask(from, std::string{unique_query}, until);
    if (!uniques) co_return std::move(uniques).error();
    std::string index;
    for (const auto& row : *uniques) {
        auto table = all.tables.find(row[0] + "." + row[1]);
        if (table == all.tables.end()) continue;
        if (index != row[2]) table->second.unique_keys.emplace_back();
        index = row[2];
        table->second.unique_keys.back().push_back(row[3]);
    }

    auto functions = co_await ask(from, std::string{functions_query}, until);
    if (!functions) co_return std::move(functions).error();
    for (const auto& row : *functions) {
        if (row[1] == "0") all.immutable_functions.insert(row[0]);
        if (row[1] == "1") all.stable_functions.insert(row[0]);
    }

    auto objects = co_await read_objects(from, until);
    if (!objects) co_return std::move(objects).error();
    all.objects = std::move(*objects);
    co_return all;
}

// What only the catalogue shows.
task<status> read_sqlite_definitions(driver::connection& from, schema_snapshot& all, deadline until) {
    auto keys = co_await ask(from, std::string{sqlite_foreign_keys_query}, until);
    if (!keys) co_return std::move(keys).error();
    std::string last;
    for (const auto& row : *keys) {
        const auto found = all.tables.find("public." + row[0]);
        if (found == all.tables.end()) continue;
        auto& known = found->second.shown.foreign_keys;
        const std::string id = row[0] + " " + row[1];
        if (id != last) {
            route::shown_definition::foreign_key key;
            key.table = row[2];
            key.on_update = row[5];
            key.on_delete = row[6];
            known.push_back(std::move(key));
        }
        last = id;
        known.back().columns.push_back(row[3]);
        if (!row[4].empty()) known.back().to.push_back(row[4]);
    }
    auto texts = co_await ask(from, std::string{sqlite_texts_query}, until);
    if (!texts) co_return std::move(texts).error();
    for (const auto& row : *texts) {
        const auto found = all.tables.find("public." + row[2]);
        if (found == all.tables.end()) continue;
        route::shown_definition& shown = found->second.shown;
        if (row[0] == "view") shown.view_text = route::query_of_view(row[3]);
        if (row[0] == "index") shown.indexes[row[1]] = row[3];
        if (row[0] != "table") continue;
        shown.checks = route::checks_in(row[3], row[1]);
        // SQLite lists them from the last to the first, and gives no names
        const std::vector<std::string> names = route::foreign_key_names_in(row[3]);
        for (std::size_t i = 0; i < shown.foreign_keys.size(); ++i) {
            route::shown_definition::foreign_key& key = shown.foreign_keys[i];
            if (names.size() == shown.foreign_keys.size()) key.name = names[i];
            if (!key.name.empty()) continue;
            key.name = row[1];
            for (const std::string& column : key.columns) key.name += "_" + column;
            key.name += "_fkey";
        }
    }
    co_return status{};
}

task<result<schema_snapshot>> read_sqlite(driver::connection& from, deadline until) {
    schema_snapshot all;
    all.default_collation.kind = route::collation_kind::bytes;
    auto columns = co_await ask(from, std::string{sqlite_columns_query}, until);
    if (!columns) co_return std::move(columns).error();
    for (const auto& row : *columns) {
        route::table_facts& table = all.tables["public." + row[0]];
        table.schema = "public";
        table.name = row[0];
        table.is_view = row[1] == "view";
        route::column_facts& c = table.columns.emplace_back();
        c.name = row[2];
        const driver::declared_type entering = driver::entering_type(row[3]);
        c.type = entering.type;
        c.type_modifier = entering.modifier;
        c.not_null = is_true(row[4]);
        // An INTEGER PRIMARY KEY is the row's own number, which SQLite makes when none is given.
        // A serial column, which some other program declared, would be NULL.
        c.default_is_sequence = is_true(row[9]) || lowered(row[3]).find("serial") != std::string::npos;
        c.has_volatile_default = c.default_is_sequence || !is_constant_default(row[5]);
        c.default_text = row[5];
        c.generated = row[6] != "0";
        // SQLite tells a column's collation to its own C interface only; a table that names any is taken with caution.
        c.collation.kind = is_true(row[8]) ? route::collation_kind::nondeterministic : route::collation_kind::bytes;
        if (is_true(row[8])) all.any_column_collation_differs = true;
        if (row[7] != "0") {
            if (table.unique_keys.empty()) table.unique_keys.emplace_back();
            table.unique_keys.front().push_back(c.name);
        }
    }
    auto indexes = co_await ask(from, std::string{sqlite_indexes_query}, until);
    if (!indexes) co_return std::move(indexes).error();
    for (const auto& row : *indexes) {
        const auto found = all.tables.find("public." + row[0]);
        if (found == all.tables.end()) continue;
        std::vector<route::index_facts>& known = found->second.indexes;
        if (known.empty() || known.back().name != row[1]) known.push_back({row[1], row[2] != "0", row[3] == "pk", {}});
        known.back().columns.push_back(row[4]);
    }
    status told = co_await read_sqlite_definitions(from, all, until);
    if (!told) co_return std::move(told).error();
    auto objects = co_await read_objects(from, until);
    if (!objects) co_return std::move(objects).error();
    all.objects = std::move(*objects);
    co_return all;
}

}  // namespace

route::collation collation_of(char provider, std::string_view locale, std::string_view version, bool deterministic) {
    route::collation c;
    c.kind = deterministic ? route::collation_kind::deterministic : route::collation_kind::nondeterministic;
    if (!deterministic || provider != 'c') return c;
    // C.UTF-8 orders by code point, which for UTF-8 is the order of the bytes (glibc 2.35 and Debian's before it).
    if (locale == "C" || locale == "POSIX" || locale == "C.UTF-8" || locale == "C.utf8") {
        c.kind = route::collation_kind::bytes;
        return c;
    }
    if (version.empty() || version != gnu_get_libc_version()) return c;
    const std::string name{locale};
    locale_t here = ::newlocale(LC_COLLATE_MASK | LC_CTYPE_MASK, name.c_str(), nullptr);
    if (here == nullptr) return c;
    ::freelocale(here);
    c.kind = route::collation_kind::system_locale;
    c.locale = name;
    return c;
}

task<result<route::collation>> read_default_collation(driver::connection& from, deadline until) {
    auto rows = co_await ask(from, std::string{default_collation_query}, until);
    if (!rows) co_return std::move(rows).error();
    route::collation found;
    for (const auto& row : *rows)
        found = collation_of(row[0].empty() ? 'c' : row[0][0], row[0] == "i" ? row[2] : row[1], row[3], true);
    co_return found;
}

task<result<own_oids>> read_oids(driver::connection& from, deadline until) {
    own_oids all;
    if (from.speaks() != driver::dialect::postgres) co_return all;
    auto rows = co_await ask(from, std::string{oids_query}, until);
    if (!rows) co_return std::move(rows).error();
    std::map<std::uint32_t, std::string> arrays;
    for (const auto& row : *rows) {
        if (row[0] == "t" && row[4] != "0") arrays[number_from(row[4])] = row[2] + "." + row[3] + "[]";
    }
    for (const auto& row : *rows) {
        if (row[0] == "p") {
            all.parts.push_back({number_from(row[1]), number_from(row[2]), row[3] == "t"});
            continue;
        }
        const std::uint32_t number = number_from(row[1]);
        const std::string name = row[2] + "." + row[3];
        if (row[0] == "r") {
            all.relations[name] = number;
        } else {
            const auto array = arrays.find(number);
            all.types[array == arrays.end() ? name : array->second] = number;
        }
    }
    auto details = co_await read_own_types(from, until);
    if (!details) co_return std::move(details).error();
    all.details = std::move(*details);
    co_return all;
}

task<result<schema_snapshot>> read_schema(driver::connection& from, deadline until) {
    if (from.speaks() == driver::dialect::sqlite) co_return co_await read_sqlite(from, until);
    if (from.speaks() == driver::dialect::postgres) co_return co_await read_postgres(from, until);
    co_return error{errc::unsupported, "the tables of a MySQL server cannot be read yet"};
}

}  // namespace ashlar::topology
