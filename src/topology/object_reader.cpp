#include "topology/object_reader.hpp"

#include "route/sqlite_objects.hpp"
#include "topology/questions.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace ashlar::topology {

namespace {

// One row for each object: its sort, then up to eight texts. The definitions are written with every name qualified, for which
// the search path is empty until the statement ends. Every name is qualified here too, whatever search_path the login has.
constexpr std::string_view objects_query = R"(
with path as materialized (select pg_catalog.set_config('search_path', 'pg_catalog', true) as p),
relation as (
  select c.oid, n.nspname::pg_catalog.text as s, c.relname::pg_catalog.text as r, c.relkind::pg_catalog.text as k
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace
   where c.relkind::pg_catalog.text operator(pg_catalog.~) '^[rpvmfS]$' and c.relpersistence operator(pg_catalog.<>) 't'
     and n.nspname operator(pg_catalog.<>) 'information_schema' and n.nspname::pg_catalog.text operator(pg_catalog.!~) '^pg_'),
own_function as (
  select p.*, n.nspname::pg_catalog.text as s from pg_catalog.pg_proc p
    join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) p.pronamespace
   where p.oid operator(pg_catalog.>=) 16384::pg_catalog.oid)
select x.* from path, lateral (
select 'relation', r.s, r.r, r.k, '', '', '', '', '' from relation r where path.p is not null
union all
select 'view', r.s, r.r, r.k, pg_catalog.pg_get_viewdef(r.oid), '', '', '', '' from relation r
 where r.k operator(pg_catalog.~) '^[vm]$' and path.p is not null
union all
select 'view', r.s, r.r, 'f', pg_catalog.format('select * from %I.%I',
       coalesce((select o.option_value from pg_catalog.pg_options_to_table(f.ftoptions) o
                  where o.option_name operator(pg_catalog.=) 'schema_name'), r.s),
       coalesce((select o.option_value from pg_catalog.pg_options_to_table(f.ftoptions) o
                  where o.option_name operator(pg_catalog.=) 'table_name'), r.r)), '', '', '', ''
  from relation r join pg_catalog.pg_foreign_table f on f.ftrelid operator(pg_catalog.=) r.oid
  join pg_catalog.pg_foreign_server v on v.oid operator(pg_catalog.=) f.ftserver
 where exists (select from pg_catalog.pg_options_to_table(v.srvoptions) o
                where o.option_name operator(pg_catalog.=) 'dbname'
                  and o.option_value operator(pg_catalog.=) pg_catalog.current_database()::pg_catalog.text)
union all
select 'child', c.s, c.r, p.s, p.r, cc.relispartition::pg_catalog.text,
       (select pg_catalog.string_agg(a.attname::pg_catalog.text, ',' order by a.attnum) from pg_catalog.pg_attribute a
         where a.attrelid operator(pg_catalog.=) c.oid and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped), '', ''
  from pg_catalog.pg_inherits i join relation c on c.oid operator(pg_catalog.=) i.inhrelid
  join relation p on p.oid operator(pg_catalog.=) i.inhparent
  join pg_catalog.pg_class cc on cc.oid operator(pg_catalog.=) c.oid
union all
select 'trigger', r.s, r.r, t.tgname::pg_catalog.text, t.tgtype::pg_catalog.text, n.nspname::pg_catalog.text,
       f.proname::pg_catalog.text, pg_catalog.replace(pg_catalog.encode(t.tgargs, 'escape'), E'\\000', ' '), ''
  from pg_catalog.pg_trigger t join relation r on r.oid operator(pg_catalog.=) t.tgrelid
  join pg_catalog.pg_proc f on f.oid operator(pg_catalog.=) t.tgfoid
  join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) f.pronamespace
 where (not t.tgisinternal or f.oid operator(pg_catalog.>=) 16384::pg_catalog.oid)
   and t.tgenabled::pg_catalog.text operator(pg_catalog.~) '^[OA]$'
union all
select 'rule', r.s, r.r, w.rulename::pg_catalog.text, w.ev_type::pg_catalog.text, pg_catalog.pg_get_ruledef(w.oid), '', '', ''
  from pg_catalog.pg_rewrite w join relation r on r.oid operator(pg_catalog.=) w.ev_class
 where w.ev_type::pg_catalog.text operator(pg_catalog.<>) '1' and w.ev_enabled::pg_catalog.text operator(pg_catalog.~) '^[OA]$'
   and path.p is not null
union all
select 'key', r.s, r.r, k.conname::pg_catalog.text, p.s, p.r,
       (select pg_catalog.string_agg(a.attname::pg_catalog.text, E'\x01' order by u.n)
          from pg_catalog.unnest(k.conkey) with ordinality u(c, n) join pg_catalog.pg_attribute a
            on a.attrelid operator(pg_catalog.=) k.conrelid and a.attnum operator(pg_catalog.=) u.c),
       (select pg_catalog.string_agg(a.attname::pg_catalog.text, E'\x01' order by u.n)
          from pg_catalog.unnest(k.confkey) with ordinality u(c, n) join pg_catalog.pg_attribute a
            on a.attrelid operator(pg_catalog.=) k.confrelid and a.attnum operator(pg_catalog.=) u.c),
       k.confdeltype::pg_catalog.text operator(pg_catalog.||) k.confupdtype::pg_catalog.text operator(pg_catalog.||) coalesce(
       (select pg_catalog.string_agg(E'\x01' operator(pg_catalog.||) a.attname::pg_catalog.text, '')
          from pg_catalog.pg_attribute a where a.attrelid operator(pg_catalog.=) k.conrelid
           and pg_catalog.to_jsonb(k.*) operator(pg_catalog.->) 'confdelsetcols'::pg_catalog.text
               operator(pg_catalog.@>) pg_catalog.to_jsonb(a.attnum)), '')
  from pg_catalog.pg_constraint k join relation r on r.oid operator(pg_catalog.=) k.conrelid
  join relation p on p.oid operator(pg_catalog.=) k.confrelid
 where k.contype::pg_catalog.text operator(pg_catalog.=) 'f'
union all
select case when a.attgenerated operator(pg_catalog.<>) '' then 'generated' else 'default' end, r.s, r.r,
       a.attname::pg_catalog.text, pg_catalog.pg_get_expr(d.adbin, d.adrelid), '', '', '', ''
  from pg_catalog.pg_attrdef d join relation r on r.oid operator(pg_catalog.=) d.adrelid
  join pg_catalog.pg_attribute a on a.attrelid operator(pg_catalog.=) d.adrelid and a.attnum operator(pg_catalog.=) d.adnum
 where path.p is not null
union all
select 'check', r.s, r.r, k.conname::pg_catalog.text, pg_catalog.pg_get_expr(k.conbin, k.conrelid), '', '', '', ''
  from pg_catalog.pg_constraint k join relation r on r.oid operator(pg_catalog.=) k.conrelid
 where k.contype::pg_catalog.text operator(pg_catalog.=) 'c' and path.p is not null
union all
select 'check', r.s, r.r, a.attname::pg_catalog.text, pg_catalog.pg_get_expr(k.conbin, 0::pg_catalog.oid), '', '', '', ''
  from pg_catalog.pg_constraint k join pg_catalog.pg_attribute a on a.atttypid operator(pg_catalog.=) k.contypid
  join relation r on r.oid operator(pg_catalog.=) a.attrelid
 where k.contypid operator(pg_catalog.<>) 0::pg_catalog.oid and r.k operator(pg_catalog.~) '^[rp]$' and path.p is not null
union all
select 'index', r.s, r.r, x.relname::pg_catalog.text,
       pg_catalog.concat_ws(' and ', pg_catalog.pg_get_expr(i.indexprs, i.indrelid), pg_catalog.pg_get_expr(i.indpred, i.indrelid)),
       '', '', '', ''
  from pg_catalog.pg_index i join relation r on r.oid operator(pg_catalog.=) i.indrelid
  join pg_catalog.pg_class x on x.oid operator(pg_catalog.=) i.indexrelid
 where (i.indexprs is not null or i.indpred is not null) and path.p is not null
union all
select 'policy', r.s, r.r, y.polname::pg_catalog.text,
       pg_catalog.concat_ws(' and ', pg_catalog.pg_get_expr(y.polqual, y.polrelid), pg_catalog.pg_get_expr(y.polwithcheck, y.polrelid)),
       '', '', '', ''
  from pg_catalog.pg_policy y join relation r on r.oid operator(pg_catalog.=) y.polrelid
 where pg_catalog.row_security_active(r.oid) and path.p is not null
union all
select 'domain', n.nspname::pg_catalog.text, t.typname::pg_catalog.text, pg_catalog.pg_get_expr(k.conbin, 0::pg_catalog.oid),
       '', '', '', '', ''
  from pg_catalog.pg_constraint k join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) k.contypid
  join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) t.typnamespace
 where t.oid operator(pg_catalog.>=) 16384::pg_catalog.oid and path.p is not null
union all
select 'operator', o.oprname::pg_catalog.text, f.proname::pg_catalog.text, '', '', '', '', '', ''
  from pg_catalog.pg_operator o join pg_catalog.pg_proc f on f.oid operator(pg_catalog.=) o.oprcode::pg_catalog.oid
 where o.oid operator(pg_catalog.>=) 16384::pg_catalog.oid
union all
select 'cast', s.typname::pg_catalog.text, t.typname::pg_catalog.text, f.proname::pg_catalog.text, '', '', '', '', ''
  from pg_catalog.pg_cast c join pg_catalog.pg_proc f on f.oid operator(pg_catalog.=) c.castfunc
  join pg_catalog.pg_type s on s.oid operator(pg_catalog.=) c.castsource
  join pg_catalog.pg_type t on t.oid operator(pg_catalog.=) c.casttarget
 where c.oid operator(pg_catalog.>=) 16384::pg_catalog.oid
union all
select 'event', e.evtname::pg_catalog.text, f.proname::pg_catalog.text, '', '', '', '', '', ''
  from pg_catalog.pg_event_trigger e join pg_catalog.pg_proc f on f.oid operator(pg_catalog.=) e.evtfoid
 where e.evtenabled::pg_catalog.text operator(pg_catalog.~) '^[OA]$'
union all
select 'function', p.s, p.proname::pg_catalog.text,
       case when p.prokind::pg_catalog.text operator(pg_catalog.=) 'a' then 'aggregate' else l.lanname::pg_catalog.text end,
       p.provolatile::pg_catalog.text, coalesce(e.extname::pg_catalog.text, ''),
       coalesce(p.pronargs operator(pg_catalog.=) 1::pg_catalog.int2
                and (select t.typtype::pg_catalog.text operator(pg_catalog.=) 'c' from pg_catalog.pg_type t
                      where t.oid operator(pg_catalog.=) (p.proargtypes)[0]), false)::pg_catalog.text,
       case when p.prokind::pg_catalog.text operator(pg_catalog.=) 'a' then
              (select pg_catalog.string_agg(f.proname::pg_catalog.text operator(pg_catalog.||) '()', ' ')
                 from pg_catalog.pg_aggregate a join pg_catalog.pg_proc f on f.oid::pg_catalog.oid operator(pg_catalog.=) any
                   (array[a.aggtransfn::pg_catalog.oid, a.aggfinalfn::pg_catalog.oid, a.aggcombinefn::pg_catalog.oid,
                          a.aggmtransfn::pg_catalog.oid, a.aggminvtransfn::pg_catalog.oid, a.aggmfinalfn::pg_catalog.oid,
                          a.aggserialfn::pg_catalog.oid, a.aggdeserialfn::pg_catalog.oid])
                where a.aggfnoid::pg_catalog.oid operator(pg_catalog.=) p.oid)
            else coalesce({body}p.prosrc) end,
       coalesce(pg_catalog.pg_get_expr(p.proargdefaults, 0::pg_catalog.oid), '')
  from own_function p join pg_catalog.pg_language l on l.oid operator(pg_catalog.=) p.prolang
  left join pg_catalog.pg_depend d on d.classid operator(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
       and d.objid operator(pg_catalog.=) p.oid and d.deptype operator(pg_catalog.=) 'e'
       and d.refclassid operator(pg_catalog.=) 'pg_catalog.pg_extension'::pg_catalog.regclass
  left join pg_catalog.pg_extension e on e.oid operator(pg_catalog.=) d.refobjid
 where path.p is not null
) x)";

// Bodies in the form of SQL's standard (BEGIN ATOMIC) came with version 14.
constexpr std::string_view standard_body = "pg_catalog.pg_get_function_sqlbody(p.oid), ";

constexpr std::string_view version_query = "select pg_catalog.current_setting('server_version_num')";

constexpr std::string_view sqlite_query = R"(
select m.type, m.name, m.tbl_name, coalesce(m.sql, '')
  from sqlite_master m where m.type in ('table', 'view', 'trigger')
   and m.name not like 'sqlite\_%' escape '\' and m.name not like 'ashlar\_%' escape '\')";

constexpr std::string_view sqlite_keys_query = R"(
select m.name, k.id, k."table", k."from", coalesce(k."to", ''), k.on_delete, k.on_update
  from sqlite_master m, pragma_foreign_key_list(m.name) k
 where m.type = 'table' order by m.name, k.id, k.seq)";

std::vector<std::string> cut(const std::string& text) {
    std::vector<std::string> out;
    for (std::size_t begin = 0; begin <= text.size();) {
        const std::size_t end = std::min(text.find('\x01', begin), text.size());
        out.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return out;
}

// As pg_constraint writes what a foreign key does.
char action_of(const std::string& in_words) {
    if (in_words == "CASCADE") return 'c';
    if (in_words == "SET NULL") return 'n';
    return in_words == "SET DEFAULT" ? 'd' : 'a';
}

void take_trigger(const std::vector<std::string>& row, route::schema_objects& to) {
    constexpr int of_row = 1, before = 2, on_insert = 4, on_delete = 8, on_update = 16, on_truncate = 32, instead = 64;
    const int type = std::stoi(row[4]);
    route::schema_objects::trigger t;
    t.schema = row[1];
    t.table = row[2];
    t.name = row[3];
    t.of_row = (type & of_row) != 0;
    t.before = (type & before) != 0;
    t.instead = (type & instead) != 0;
    t.on_insert = (type & on_insert) != 0;
    t.on_update = (type & on_update) != 0;
    t.on_delete = (type & (on_delete | on_truncate)) != 0;
    t.function_schema = row[5];
    t.function = row[6];
    t.arguments = row[7];
    to.triggers.insert(std::move(t));
}

void take_foreign_key(const std::vector<std::string>& row, route::schema_objects& to) {
    route::schema_objects::foreign_key k{row[1], row[2], row[3], row[4], row[5], cut(row[6]), cut(row[7])};
    const std::vector<std::string> acts = cut(row[8]);  // "ca", then the columns of SET NULL (…)
    if (acts.front().size() == 2) {
        k.on_delete = acts.front()[0];
        k.on_update = acts.front()[1];
    }
    k.set_columns.assign(acts.begin() + 1, acts.end());
    to.foreign_keys.insert(std::move(k));
}

void take(std::vector<std::string>& row, route::schema_objects& to) {
    using expression = route::schema_objects::expression;
    const std::string& sort = row[0];
    const auto add_expression = [&](expression::of what) {
        to.expressions.insert({row[1], row[2], what, row[3], row[4]});
    };
    if (sort == "relation") {
        to.relations.insert(row[1] + "." + row[2]);
    } else if (sort == "view") {
        to.views.insert({row[1], row[2], row[4], row[3] == "m", row[3] == "f"});
    } else if (sort == "child") {
        to.children.insert({row[1], row[2], row[3], row[4], is_true(row[5]), row[6]});
    } else if (sort == "trigger") {
        take_trigger(row, to);
    } else if (sort == "rule") {
        to.rules.insert({row[1], row[2], row[3], row[4].empty() ? '0' : row[4][0], row[5]});
    } else if (sort == "key") {
        take_foreign_key(row, to);
    } else if (sort == "default") {
        add_expression(expression::of::default_value);
    } else if (sort == "generated") {
        add_expression(expression::of::generated);
    } else if (sort == "check") {
        add_expression(expression::of::check);
    } else if (sort == "index") {
        add_expression(expression::of::index);
    } else if (sort == "policy") {
        add_expression(expression::of::policy);
    } else if (sort == "domain") {
        to.domain_checks.insert({row[1], row[2], row[3]});
    } else if (sort == "operator") {
        to.operators.insert({row[1], row[2]});
    } else if (sort == "cast") {
        to.casts.insert({row[1], row[2], row[3]});
    } else if (sort == "event") {
        to.event_triggers.insert({row[1], row[2]});
    } else if (sort == "function") {
        route::schema_objects::function f;
        f.schema = row[1];
        f.name = row[2];
        f.language = row[3];
        f.immutable = row[4] == "i";
        f.stable = row[4] == "s";
        f.extension = row[5];
        f.takes_row = is_true(row[6]);
        f.body = std::move(row[7]);
        const bool is_read = f.language == "sql" || f.language == "plpgsql";
        if (is_read && !row[8].empty()) f.body += "\n;" + row[8];  // of its arguments' defaults
        to.functions.insert(std::move(f));
    }
}

task<result<route::schema_objects>> objects_of_postgres(driver::connection& from, deadline until) {
    auto version = co_await ask(from, std::string{version_query}, until);
    if (!version) co_return std::move(version).error();
    const bool has_bodies = !version->empty() && std::stoi(version->front().front()) >= 140'000;
    std::string sql{objects_query};
    const std::string_view mark = "{body}";
    sql.replace(sql.find(mark), mark.size(), has_bodies ? standard_body : "");
    auto rows = co_await ask(from, std::move(sql), until);
    if (!rows) co_return std::move(rows).error();
    route::schema_objects all;
    for (auto& row : *rows) take(row, all);
    co_return all;
}

task<result<route::schema_objects>> objects_of_sqlite(driver::connection& from, deadline until) {
    route::schema_objects all;
    auto rows = co_await ask(from, std::string{sqlite_query}, until);
    if (!rows) co_return std::move(rows).error();
    for (const auto& row : *rows) route::add_sqlite_object(row[0], row[1], row[2], row[3], all);
    auto keys = co_await ask(from, std::string{sqlite_keys_query}, until);
    if (!keys) co_return std::move(keys).error();
    std::map<std::pair<std::string, std::string>, route::schema_objects::foreign_key> made;  // by table and number
    for (const auto& row : *keys) {
        route::schema_objects::foreign_key& k = made[{row[0], row[1]}];
        k.schema = k.to_schema = "public";
        k.table = row[0];
        k.to_table = row[2];
        k.name += (k.name.empty() ? "of " : ", ") + row[3];
        k.columns.push_back(row[3]);
        if (!row[4].empty()) k.to_columns.push_back(row[4]);
        k.on_delete = action_of(row[5]);
        k.on_update = action_of(row[6]);
    }
    for (auto& [_, k] : made) all.foreign_keys.insert(std::move(k));
    co_return all;
}

}  // namespace

task<result<route::schema_objects>> read_objects(driver::connection& from, deadline until) {
    if (from.speaks() == driver::dialect::sqlite) co_return co_await objects_of_sqlite(from, until);
    if (from.speaks() == driver::dialect::postgres) co_return co_await objects_of_postgres(from, until);
    co_return route::schema_objects{};
}

}  // namespace ashlar::topology
