#include "topology/pg_catalogue.hpp"

#include "core/ascii.hpp"
#include "core/quoting.hpp"
#include "core/stored_form.hpp"
#include "route/sqlite_definition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace ashlar::topology {

namespace {

constexpr int owner = 10, public_schema = 2200, catalogue_schema = 11, information_schema = 13'000;
constexpr std::int64_t first_own = 16'384;

// Name and columns of each table; a column's type is what clients are told (driver/sqlite/scratch.cpp).
constexpr std::string_view tables = R"(
create table pg_namespace(oid OID INTEGER, nspname NAME TEXT, nspowner OID INTEGER, nspacl TEXT);
create table pg_class(oid OID INTEGER, relname NAME TEXT, relnamespace OID INTEGER, reltype OID INTEGER, reloftype OID INTEGER,
  relowner OID INTEGER, relam OID INTEGER, relfilenode OID INTEGER, reltablespace OID INTEGER, relpages INTEGER, reltuples REAL,
  relallvisible INTEGER, reltoastrelid OID INTEGER, relhasindex BOOLEAN, relisshared BOOLEAN, relpersistence CHAR, relkind CHAR,
  relnatts SMALLINT, relchecks SMALLINT, relhasrules BOOLEAN, relhastriggers BOOLEAN, relhassubclass BOOLEAN,
  relrowsecurity BOOLEAN, relforcerowsecurity BOOLEAN, relispopulated BOOLEAN, relreplident CHAR, relispartition BOOLEAN,
  relrewrite OID INTEGER, relacl TEXT, reloptions TEXT, relpartbound TEXT);
create table pg_attribute(attrelid OID INTEGER, attname NAME TEXT, atttypid OID INTEGER, attstattarget INTEGER, attlen SMALLINT,
  attnum SMALLINT, attndims INTEGER, atttypmod INTEGER, attnotnull BOOLEAN, atthasdef BOOLEAN, atthasmissing BOOLEAN,
  attidentity CHAR, attgenerated CHAR, attisdropped BOOLEAN, attislocal BOOLEAN, attcollation OID INTEGER, attstorage CHAR,
  attcompression CHAR, attacl TEXT, attoptions TEXT, attfdwoptions TEXT);
create table pg_attrdef(oid OID INTEGER, adrelid OID INTEGER, adnum SMALLINT, adbin TEXT);
create table pg_type(oid OID INTEGER, typname NAME TEXT, typnamespace OID INTEGER, typowner OID INTEGER, typlen SMALLINT,
  typbyval BOOLEAN, typtype CHAR, typcategory CHAR, typispreferred BOOLEAN, typisdefined BOOLEAN, typdelim CHAR,
  typrelid OID INTEGER, typelem OID INTEGER, typarray OID INTEGER, typnotnull BOOLEAN, typbasetype OID INTEGER,
  typtypmod INTEGER, typndims INTEGER, typcollation OID INTEGER, typdefault TEXT, typinput TEXT, typreceive TEXT);
create table pg_index(indexrelid OID INTEGER, indrelid OID INTEGER, indnatts SMALLINT, indnkeyatts SMALLINT, indisunique BOOLEAN,
  indnullsnotdistinct BOOLEAN, indisprimary BOOLEAN, indisexclusion BOOLEAN, indimmediate BOOLEAN, indisclustered BOOLEAN,
  indisvalid BOOLEAN, indisready BOOLEAN, indislive BOOLEAN, indisreplident BOOLEAN, indkey TEXT, indoption TEXT,
  indclass TEXT, indcollation TEXT, indexprs TEXT, indpred TEXT);
create table pg_constraint(oid OID INTEGER, conname NAME TEXT, connamespace OID INTEGER, contype CHAR, condeferrable BOOLEAN,
  condeferred BOOLEAN, convalidated BOOLEAN, conrelid OID INTEGER, contypid OID INTEGER, conindid OID INTEGER,
  conparentid OID INTEGER, confrelid OID INTEGER, confupdtype CHAR, confdeltype CHAR, confmatchtype CHAR, conislocal BOOLEAN,
  conkey TEXT, confkey TEXT, conbin TEXT);
create table pg_database(oid OID INTEGER, datname NAME TEXT, datdba OID INTEGER, encoding INTEGER, datlocprovider CHAR,
  datistemplate BOOLEAN, datallowconn BOOLEAN, datconnlimit INTEGER, dattablespace OID INTEGER, datcollate TEXT, datctype TEXT,
  daticulocale TEXT, datcollversion TEXT, datacl TEXT);
create table pg_roles(oid OID INTEGER, rolname NAME TEXT, rolsuper BOOLEAN, rolinherit BOOLEAN, rolcreaterole BOOLEAN,
  rolcreatedb BOOLEAN, rolcanlogin BOOLEAN, rolreplication BOOLEAN, rolconnlimit INTEGER, rolpassword TEXT, rolvaliduntil TEXT,
  rolbypassrls BOOLEAN, rolconfig TEXT);
create view pg_user as select rolname as usename, oid as usesysid, rolsuper as usesuper from pg_roles;
create view pg_authid as select * from pg_roles;
create table pg_am(oid OID INTEGER, amname NAME TEXT, amtype CHAR);
create table pg_collation(oid OID INTEGER, collname NAME TEXT, collnamespace OID INTEGER, collowner OID INTEGER, collprovider CHAR,
  collisdeterministic BOOLEAN, collencoding INTEGER, collcollate TEXT, collctype TEXT,
  colliculocale TEXT);
create table pg_settings(name TEXT, setting TEXT, unit TEXT, category TEXT, short_desc TEXT);
create table pg_tablespace(oid OID INTEGER, spcname NAME TEXT, spcowner OID INTEGER, spcacl TEXT, spcoptions TEXT);
create table pg_auth_members(roleid OID INTEGER, member OID INTEGER, grantor OID INTEGER, admin_option BOOLEAN);
create table pg_proc(oid OID INTEGER, proname NAME TEXT, pronamespace OID INTEGER, proowner OID INTEGER, prolang OID INTEGER,
  prokind CHAR, proretset BOOLEAN, provolatile CHAR, prorettype OID INTEGER, proargtypes TEXT, prosrc TEXT);
create table pg_inherits(inhrelid OID INTEGER, inhparent OID INTEGER, inhseqno INTEGER, inhdetachpending BOOLEAN);
create table pg_partitioned_table(partrelid OID INTEGER, partstrat CHAR);
create table pg_policy(oid OID INTEGER, polname NAME TEXT, polrelid OID INTEGER, polcmd CHAR, polpermissive BOOLEAN, polroles TEXT,
  polqual TEXT, polwithcheck TEXT);
create table pg_statistic_ext(oid OID INTEGER, stxrelid OID INTEGER, stxname NAME TEXT, stxnamespace OID INTEGER, stxstattarget INTEGER,
  stxkind TEXT);
create table pg_publication(oid OID INTEGER, pubname NAME TEXT, puballtables BOOLEAN);
create table pg_publication_rel(oid OID INTEGER, prpubid OID INTEGER, prrelid OID INTEGER, prqual TEXT, prattrs TEXT);
create table pg_publication_namespace(oid OID INTEGER, pnpubid OID INTEGER, pnnspid OID INTEGER);
create table pg_description(objoid OID INTEGER, classoid OID INTEGER, objsubid INTEGER, description TEXT);
create table pg_trigger(oid OID INTEGER, tgrelid OID INTEGER, tgparentid OID INTEGER, tgname NAME TEXT, tgfoid OID INTEGER,
  tgtype SMALLINT, tgenabled CHAR, tgisinternal BOOLEAN, tgconstraint OID INTEGER, tgdeferrable BOOLEAN, tginitdeferred BOOLEAN);
create table pg_enum(oid OID INTEGER, enumtypid OID INTEGER, enumsortorder REAL, enumlabel NAME TEXT);
create table pg_range(rngtypid OID INTEGER, rngsubtype OID INTEGER);
create table pg_language(oid OID INTEGER, lanname NAME TEXT);
create table pg_extension(oid OID INTEGER, extname NAME TEXT, extowner OID INTEGER, extnamespace OID INTEGER, extversion TEXT);
create table pg_foreign_table(ftrelid OID INTEGER, ftserver OID INTEGER, ftoptions TEXT);
create table pg_foreign_server(oid OID INTEGER, srvname NAME TEXT);
create table pg_sequence(seqrelid OID INTEGER, seqtypid OID INTEGER, seqstart INTEGER, seqincrement INTEGER, seqmax INTEGER,
  seqmin INTEGER, seqcache INTEGER, seqcycle BOOLEAN);
create table pg_opclass(oid OID INTEGER, opcmethod OID INTEGER, opcname NAME TEXT, opcnamespace OID INTEGER, opcowner OID INTEGER,
  opcfamily OID INTEGER, opcintype OID INTEGER, opcdefault BOOLEAN, opckeytype OID INTEGER);
create table pg_depend(classid OID INTEGER, objid OID INTEGER, objsubid INTEGER, refclassid OID INTEGER, refobjid OID INTEGER,
  refobjsubid INTEGER, deptype CHAR);
create table pg_rewrite(oid OID INTEGER, rulename NAME TEXT, ev_class OID INTEGER, ev_type CHAR);
create table pg_stat_activity(datname NAME TEXT, pid INTEGER, usename NAME TEXT, state TEXT, query TEXT);
)";

// What is made of the above.
constexpr std::string_view views = R"(
create view pg_tables as select n.nspname as schemaname, c.relname as tablename, 'ashlar' as tableowner from pg_class c
  join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r';
create view pg_views as select n.nspname as schemaname, c.relname as viewname, 'ashlar' as viewowner,
  pg_get_viewdef(c.oid) as definition from pg_class c
  join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'v';
create view pg_indexes as select n.nspname as schemaname, t.relname as tablename, i.relname as indexname, pg_get_indexdef(i.oid) as indexdef
  from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid join pg_namespace n on n.oid = t.relnamespace;
create view information_schema_schemata as select current_database() as catalog_name, nspname as schema_name from pg_namespace;
create view information_schema_tables as select current_database() as table_catalog, n.nspname as table_schema, c.relname as table_name,
  case c.relkind when 'v' then 'VIEW' else 'BASE TABLE' end as table_type from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'v');
create view information_schema_columns as select current_database() as table_catalog, n.nspname as table_schema, c.relname as table_name,
  a.attname as column_name, a.attnum as ordinal_position, d.adbin as column_default, case when a.attnotnull then 'NO' else 'YES' end as is_nullable,
  format_type(a.atttypid, null) as data_type, t.typname as udt_name,
  case when a.atttypid in (1042, 1043) and a.atttypmod > 4 then a.atttypmod - 4 end as character_maximum_length,
  case when a.atttypid = 1700 and a.atttypmod > 4 then (a.atttypmod - 4) >> 16 end as numeric_precision,
  case when a.atttypid = 1700 and a.atttypmod > 4 then (a.atttypmod - 4) & 2047 end as numeric_scale
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace join pg_type t on t.oid = a.atttypid
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where c.relkind in ('r', 'v') and a.attnum > 0;
create view information_schema_table_constraints as select current_database() as constraint_catalog, 'public' as constraint_schema,
  k.conname as constraint_name, 'public' as table_schema, c.relname as table_name,
  case k.contype when 'p' then 'PRIMARY KEY' when 'f' then 'FOREIGN KEY' when 'c' then 'CHECK' else 'UNIQUE' end as constraint_type from pg_constraint k join pg_class c on c.oid = k.conrelid;
create view information_schema_key_column_usage as select current_database() as constraint_catalog, 'public' as constraint_schema,
  current_database() as table_catalog, k.conname as constraint_name, 'public' as table_schema, c.relname as table_name,
  a.attname as column_name, e.key + 1 as ordinal_position from pg_constraint k join pg_class c on c.oid = k.conrelid,
  json_each('[' || trim(k.conkey, '{}') || ']') e join pg_attribute a on a.attrelid = k.conrelid and a.attnum = e.value
  where k.contype in ('p', 'u', 'f');
create view information_schema_constraint_column_usage as select current_database() as constraint_catalog, 'public' as constraint_schema,
  current_database() as table_catalog, k.conname as constraint_name, 'public' as table_schema, c.relname as table_name,
  a.attname as column_name from pg_constraint k
  join pg_class c on c.oid = case k.contype when 'f' then k.confrelid else k.conrelid end,
  json_each('[' || trim(case k.contype when 'f' then k.confkey else k.conkey end, '{}') || ']') e
  join pg_attribute a on a.attrelid = c.oid and a.attnum = e.value where k.contype in ('p', 'u', 'f');
create view information_schema_referential_constraints as select current_database() as constraint_catalog, 'public' as constraint_schema,
  k.conname as constraint_name, current_database() as unique_constraint_catalog, 'public' as unique_constraint_schema,
  (select u.conname from pg_constraint u where u.conrelid = k.confrelid and u.contype in ('p', 'u') and u.conkey = k.confkey) as unique_constraint_name,
  'NONE' as match_option,
  case k.confupdtype when 'c' then 'CASCADE' when 'r' then 'RESTRICT' when 'n' then 'SET NULL' when 'd' then 'SET DEFAULT' else 'NO ACTION' end as update_rule,
  case k.confdeltype when 'c' then 'CASCADE' when 'r' then 'RESTRICT' when 'n' then 'SET NULL' when 'd' then 'SET DEFAULT' else 'NO ACTION' end as delete_rule
  from pg_constraint k where k.contype = 'f';
create view information_schema_check_constraints as select current_database() as constraint_catalog, 'public' as constraint_schema,
  k.conname as constraint_name, k.conbin as check_clause from pg_constraint k where k.contype = 'c';
create view information_schema_views as select current_database() as table_catalog, n.nspname as table_schema, c.relname as table_name,
  pg_get_viewdef(c.oid) as view_definition from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'v';
)";

struct built_in {
    std::uint32_t type, array;
    std::string_view name;
    char category;
    int length;
};
constexpr auto built_ins = std::to_array<built_in>({
    {oid::boolean, 1000, "bool", 'B', 1},
    {oid::bytea, 1001, "bytea", 'U', -1},
    {oid::char1, 1002, "char", 'Z', 1},
    {oid::name, 1003, "name", 'S', 64},
    {oid::int8, 1016, "int8", 'N', 8},
    {oid::int2, 1005, "int2", 'N', 2},
    {oid::int4, 1007, "int4", 'N', 4},
    {oid::text, 1009, "text", 'S', -1},
    {oid::oid, 1028, "oid", 'N', 4},
    {oid::json, 199, "json", 'U', -1},
    {oid::float4, 1021, "float4", 'N', 4},
    {oid::float8, 1022, "float8", 'N', 8},
    {oid::unknown, 0, "unknown", 'X', -2},
    {oid::bpchar, 1014, "bpchar", 'S', -1},
    {oid::varchar, 1015, "varchar", 'S', -1},
    {oid::date, 1182, "date", 'D', 4},
    {oid::time, 1183, "time", 'D', 8},
    {oid::timestamp, 1115, "timestamp", 'D', 8},
    {oid::timestamptz, 1185, "timestamptz", 'D', 8},
    {oid::interval, 1187, "interval", 'T', 16},
    {oid::numeric, 1231, "numeric", 'N', -1},
    {oid::uuid, 2951, "uuid", 'U', 16},
    {oid::jsonb, 3807, "jsonb", 'U', -1},
});

std::string name_of(const std::string& name) {
    const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9');
    });
    return plain ? name : "\"" + name + "\"";
}

class filler {
public:
    filler(driver::sqlite::scratch_catalogue& out) : out_(out) {}

    void fixed(const catalogue_reader_names& names) {
        out_.script = tables;
        row("pg_namespace", fmt::format("{}, 'pg_catalog', {}, null", catalogue_schema, owner));
        row("pg_namespace", fmt::format("{}, 'public', {}, null", public_schema, owner));
        row("pg_namespace", fmt::format("{}, 'information_schema', {}, null", information_schema, owner));
        row("pg_roles",
            fmt::format("{}, {}, 0, 1, 0, 0, 1, 0, -1, '********', null, 0, null", owner, quoted_text(names.user)));
        row("pg_database", fmt::format("1, {}, {}, 6, 'c', 0, 1, -1, 1663, 'C', 'C', null, null, null",
                                       quoted_text(names.database), owner));
        row("pg_am", "2, 'heap', 't'");
        row("pg_am", "403, 'btree', 'i'");
        row("pg_tablespace", fmt::format("1663, 'pg_default', {}, null, null", owner));
        row("pg_collation",
            fmt::format("100, 'default', {}, {}, 'd', 1, -1, null, null, null", catalogue_schema, owner));
        row("pg_collation", fmt::format("950, 'C', {}, {}, 'c', 1, -1, 'C', 'C', null", catalogue_schema, owner));
        row("pg_language", "12, 'internal'");
        // of PostgreSQL's own: 'pg_class'::regclass
        out_.relations = {{1247, "pg_type"},           {1249, "pg_attribute"}, {1255, "pg_proc"},
                          {1259, "pg_class"},          {2604, "pg_attrdef"},   {2606, "pg_constraint"},
                          {2610, "pg_index"},          {2615, "pg_namespace"}, {1262, "pg_database"},
                          {2620, "pg_trigger"},        {2618, "pg_rewrite"},   {2328, "pg_foreign_data_wrapper"},
                          {1417, "pg_foreign_server"}, {3079, "pg_extension"}};
        out_.schemas = {
            {catalogue_schema, "pg_catalog"}, {public_schema, "public"}, {information_schema, "information_schema"}};
        for (const built_in& t : built_ins) {
            const bool text = t.category == 'S' && t.type != oid::name;
            row("pg_type",
                fmt::format("{}, {}, {}, {}, {}, {}, 'b', '{}', {}, 1, ',', 0, 0, {}, 0, 0, -1, 0, {}, null, '', ''",
                            t.type, quoted_text(t.name), catalogue_schema, owner, t.length,
                            t.length > 0 && t.length <= 8 ? 1 : 0, t.category,
                            t.type == oid::text || t.type == oid::float8 || t.type == oid::timestamptz ? 1 : 0, t.array,
                            text ? 100 : 0));
            if (t.array != 0) {
                row("pg_type",
                    fmt::format(
                        "{}, '_{}', {}, {}, -1, 0, 'b', 'A', 0, 1, ',', 0, {}, 0, 0, 0, -1, 0, {}, null, 'array_in', "
                        "'array_recv'",
                        t.array, t.name, catalogue_schema, owner, t.type, text ? 100 : 0));
            }
            out_.types[t.type] = sql_name_of_type(t.type);
        }
    }

    void table(const route::table_facts& t) {
        const std::int64_t number = next_++;
        const bool has_index = !t.indexes.empty() || !t.unique_keys.empty();
        numbers_[t.name] = number;
        relation(number, t.name, t.is_view ? 'v' : 'r', t.columns.size(), has_index);
        std::size_t place = 0;
        for (const route::column_facts& c : t.columns) column(t, c, number, ++place);
        if (t.is_view) {
            out_.definitions[number] = " " + t.shown.view_text + (t.shown.view_text.ends_with(';') ? "" : ";");
            return;
        }
        bool has_primary = false;
        for (const route::index_facts& i : t.indexes) {
            has_primary = has_primary || i.is_primary;
            std::string name = i.name;
            if (name.starts_with("sqlite_autoindex_")) {
                std::string joined;
                for (const std::string& each : i.columns) joined += each + "_";
                name = i.is_primary ? t.name + "_pkey" : t.name + "_" + joined + "key";
            }
            const auto text = t.shown.indexes.find(i.name);
            index(t, number, name, i.is_unique, i.is_primary, i.columns,
                  text == t.shown.indexes.end() ? std::string{} : text->second);
        }
        // an INTEGER PRIMARY KEY is the row's own number, and has no index of its own
        if (!has_primary && !t.unique_keys.empty())
            index(t, number, t.name + "_pkey", true, true, t.unique_keys.front(), {});
        for (const auto& each : t.shown.checks) check(number, each);
        if (!t.shown.checks.empty())
            out_.script +=
                fmt::format("update pg_class set relchecks = {} where oid = {};\n", t.shown.checks.size(), number);
    }

    // Once all tables have their numbers.
    void foreign_keys(const route::table_facts& t, const route::catalogue& known) {
        for (const auto& key : t.shown.foreign_keys) {
            const auto other = known.tables.find("public." + key.table);
            const auto number = numbers_.find(key.table);
            if (other == known.tables.end() || number == numbers_.end()) continue;
            std::vector<std::string> to = key.to;
            if (to.empty() && !other->second.unique_keys.empty()) to = other->second.unique_keys.front();
            foreign_key(t, key, other->second, number->second, to);
        }
    }

private:
    static std::string places_of(const route::table_facts& t, const std::vector<std::string>& columns) {
        std::string out;
        for (const std::string& each : columns) {
            std::size_t place = 0;
            for (std::size_t i = 0; i < t.columns.size(); ++i) {
                if (equals_ignoring_case(t.columns[i].name, each)) place = i + 1;
            }
            out += (out.empty() ? "" : ",") + std::to_string(place);
        }
        return out;
    }
    static std::string names_of(const std::vector<std::string>& columns) {
        std::string out;
        for (const std::string& each : columns) out += (out.empty() ? "" : ", ") + name_of(each);
        return out;
    }
    static char letter_of(std::string_view action) {
        return action == "CASCADE"       ? 'c'
               : action == "RESTRICT"    ? 'r'
               : action == "SET NULL"    ? 'n'
               : action == "SET DEFAULT" ? 'd'
                                         : 'a';
    }

    void check(std::int64_t of, const route::shown_definition::check& c) {
        const std::int64_t number = next_++;
        row("pg_constraint", fmt::format("{}, {}, {}, 'c', 0, 0, 1, {}, 0, 0, 0, 0, ' ', ' ', ' ', 1, '{{}}', null, {}",
                                         number, quoted_text(c.name), public_schema, of, quoted_text(c.condition)));
        out_.definitions[number] = fmt::format("CHECK ({})", c.condition);
    }

    void foreign_key(const route::table_facts& t, const route::shown_definition::foreign_key& key,
                     const route::table_facts& other, std::int64_t other_number, const std::vector<std::string>& to) {
        const std::int64_t number = next_++;
        row("pg_constraint",
            fmt::format("{}, {}, {}, 'f', 0, 0, 1, {}, 0, 0, 0, {}, '{}', '{}', 's', 1, '{{{}}}', '{{{}}}', null",
                        number, quoted_text(key.name), public_schema, numbers_.at(t.name), other_number,
                        letter_of(key.on_update), letter_of(key.on_delete), places_of(t, key.columns),
                        places_of(other, to)));
        std::string text =
            fmt::format("FOREIGN KEY ({}) REFERENCES {}({})", names_of(key.columns), name_of(key.table), names_of(to));
        if (letter_of(key.on_update) != 'a') text += " ON UPDATE " + key.on_update;
        if (letter_of(key.on_delete) != 'a') text += " ON DELETE " + key.on_delete;
        out_.definitions[number] = std::move(text);
        // psql looks for foreign keys where there are triggers, which is how PostgreSQL checks them
        out_.script += fmt::format("update pg_class set relhastriggers = 1 where oid in ({}, {});\n",
                                   numbers_.at(t.name), other_number);
    }

    void row(std::string_view table, const std::string& values) {
        out_.script += fmt::format("insert into {} values ({});\n", table, values);
    }

    void relation(std::int64_t number, const std::string& name, char kind, std::size_t width, bool has_index) {
        out_.relations[number] = name;
        row("pg_class",
            fmt::format(
                "{}, {}, {}, 0, 0, {}, {}, {}, 0, 0, -1, 0, 0, {}, 0, 'p', '{}', {}, 0, {}, 0, 0, 0, 0, 1, '{}', 0, 0, "
                "null, null, null",
                number, quoted_text(name), public_schema, owner,
                kind == 'r'   ? 2
                : kind == 'i' ? 403
                              : 0,
                number, has_index ? 1 : 0, kind, width, 0, kind == 'i' ? 'n' : 'd'));
    }

    void column(const route::table_facts& t, const route::column_facts& c, std::int64_t of, std::size_t place) {
        const std::uint32_t type = out_.types.contains(c.type) ? c.type : std::uint32_t{oid::text};
        const auto* facts =
            std::find_if(built_ins.begin(), built_ins.end(), [&](const built_in& b) { return b.type == type; });
        const auto& keys = t.unique_keys;
        const bool primary =
            !keys.empty() && std::find(keys.front().begin(), keys.front().end(), c.name) != keys.front().end();
        const bool text = facts->category == 'S';
        const bool has_default = !c.default_text.empty();
        row("pg_attribute",
            fmt::format("{}, {}, {}, -1, {}, {}, 0, {}, {}, {}, 0, '', '{}', 0, 1, {}, 'x', '', null, null, null", of,
                        quoted_text(c.name), type, facts->length, place, c.type_modifier, c.not_null || primary ? 1 : 0,
                        has_default ? 1 : 0, c.generated ? "s" : "", text ? 100 : 0));
        if (has_default)
            row("pg_attrdef", fmt::format("{}, {}, {}, {}", next_++, of, place, quoted_text(c.default_text)));
    }

    void index(const route::table_facts& t, std::int64_t of, const std::string& name, bool unique, bool primary,
               const std::vector<std::string>& columns, const std::string& text) {
        const std::int64_t number = next_++;
        relation(number, name, 'i', columns.size(), false);
        std::string keys, places, list, options;
        for (const std::string& each : columns) {
            std::size_t place = 0;
            for (std::size_t i = 0; i < t.columns.size(); ++i) {
                if (t.columns[i].name == each) place = i + 1;
            }
            keys += (keys.empty() ? "" : " ") + std::to_string(place);
            options += options.empty() ? "0" : " 0";
            places += (places.empty() ? "" : ",") + std::to_string(place);
            list += (list.empty() ? "" : ", ") + name_of(each);
            out_.index_columns[number].push_back(name_of(each));
            if (place == 0) continue;
            // an index has its columns as a table has
            const route::column_facts& c = t.columns[place - 1];
            const std::uint32_t type = out_.types.contains(c.type) ? c.type : std::uint32_t{oid::text};
            row("pg_attribute",
                fmt::format("{}, {}, {}, -1, -1, {}, 0, {}, 0, 0, 0, '', '', 0, 1, 0, 'x', '', null, null, null",
                            number, quoted_text(each), type, out_.index_columns[number].size(), c.type_modifier));
        }
        const std::string predicate = route::predicate_of_index(text);
        const std::string shown = text.empty() ? list : route::columns_of_index(text);
        row("pg_index", fmt::format("{}, {}, {}, {}, {}, 0, {}, 0, 1, 0, 1, 1, 1, 0, '{}', '{}', '{}', '{}', null, {}",
                                    number, of, columns.size(), columns.size(), unique ? 1 : 0, primary ? 1 : 0, keys,
                                    options, options, options, predicate.empty() ? "null" : quoted_text(predicate)));
        out_.definitions[number] =
            fmt::format("CREATE {}INDEX {} ON public.{} USING btree ({}){}", unique ? "UNIQUE " : "", name_of(name),
                        name_of(t.name), shown, predicate.empty() ? "" : " WHERE (" + predicate + ")");
        const bool constraint = primary || (unique && !name.empty() && name.ends_with("_key"));
        if (!constraint) return;
        const std::int64_t con = next_++;
        row("pg_constraint",
            fmt::format("{}, {}, {}, '{}', 0, 0, 1, {}, 0, {}, 0, 0, ' ', ' ', ' ', 1, '{{{}}}', null, null", con,
                        quoted_text(name), public_schema, primary ? 'p' : 'u', of, number, places));
        out_.definitions[con] = fmt::format("{} ({})", primary ? "PRIMARY KEY" : "UNIQUE", list);
    }

    driver::sqlite::scratch_catalogue& out_;
    std::int64_t next_ = first_own;
    std::map<std::string, std::int64_t> numbers_;  // of the tables
};

}  // namespace

const std::map<std::string, std::string, std::less<>>& settings_over_sqlite() {
    static const std::map<std::string, std::string, std::less<>> all = {
        {"server_version", "15.0"},
        {"server_version_num", "150000"},
        {"server_encoding", "UTF8"},
        {"client_encoding", "UTF8"},
        {"search_path", "public"},
        {"standard_conforming_strings", "on"},
        {"max_identifier_length", "63"},
        {"max_index_keys", "32"},
        {"default_table_access_method", "heap"},
        {"transaction_isolation", "serializable"},
        {"default_transaction_read_only", "off"},
        {"lc_collate", "C"},
        {"lc_ctype", "C"},
        {"block_size", "8192"},
        {"default_transaction_isolation", "serializable"},
        {"timezone", "UTC"},
        {"datestyle", "ISO, MDY"}};
    return all;
}

driver::sqlite::scratch_catalogue pg_catalogue_of(const route::catalogue& known, const catalogue_reader_names& names) {
    driver::sqlite::scratch_catalogue out;
    out.user = names.user;
    out.database = names.database;
    out.process = names.process;
    out.version = "PostgreSQL 15.0 (Ashlar over SQLite)";
    out.settings = settings_over_sqlite();
    filler fill{out};
    fill.fixed(names);
    for (const auto& [name, value] : out.settings) {
        out.script += fmt::format("insert into pg_settings values ({}, {}, null, '', '');\n", quoted_text(name),
                                  quoted_text(value));
    }
    // each table is entered under its bare and its qualified name
    for (const auto& [name, table] : known.tables) {
        const bool qualified = !table.schema.empty() && name == table.schema + "." + table.name;
        if (qualified && !table.columns.empty()) fill.table(table);
    }
    for (const auto& [name, table] : known.tables) {
        const bool qualified = !table.schema.empty() && name == table.schema + "." + table.name;
        if (qualified && !table.shown.foreign_keys.empty()) fill.foreign_keys(table, known);
    }
    out.script += views;
    return out;
}

}  // namespace ashlar::topology
