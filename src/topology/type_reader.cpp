#include "topology/type_reader.hpp"

#include "topology/catalogue_reader.hpp"
#include "topology/questions.hpp"

#include <string>
#include <string_view>

namespace ashlar::topology {

namespace {

// What a row says, the type, what it is made of, a name, and a collation: its name, provider, locale, version, and whether it is
// deterministic. 'e' a label of an enum; 'd' a domain; 'a' an array; 'r' a row type, 's' a column
// of a composite; 'g' a range; 'm' a multirange.
constexpr std::string_view types_query = R"(
select what, type, inner_type, name, coalesce(co.collname::pg_catalog.text, ''), coalesce(co.collprovider::pg_catalog.text, ''),
       coalesce(co.collcollate::pg_catalog.text, ''), coalesce(co.collversion, ''),
       coalesce(co.collisdeterministic, true)::pg_catalog.text
  from (
select 'e' as what, e.enumtypid::pg_catalog.text as type, '' as inner_type, e.enumlabel::pg_catalog.text as name,
       0::pg_catalog.oid as text_order, e.enumsortorder::pg_catalog.float8 as place
  from pg_catalog.pg_enum e
union all
select 'd', t.oid::pg_catalog.text, t.typbasetype::pg_catalog.text, '', t.typcollation, 0
  from pg_catalog.pg_type t where t.typtype::pg_catalog.text operator(pg_catalog.=) 'd'
union all
select 'a', t.oid::pg_catalog.text, t.typelem::pg_catalog.text, t.typdelim::pg_catalog.text, 0::pg_catalog.oid, 0
  from pg_catalog.pg_type t
 where t.typcategory::pg_catalog.text operator(pg_catalog.=) 'A' and t.typelem operator(pg_catalog.<>) 0::pg_catalog.oid
   and t.typlen operator(pg_catalog.=) (-1)
union all
select 'r', c.reltype::pg_catalog.text, '', '', 0::pg_catalog.oid, 0
  from pg_catalog.pg_class c where c.relkind::pg_catalog.text operator(pg_catalog.~) '^[rpvmfc]$'
   and c.reltype operator(pg_catalog.<>) 0::pg_catalog.oid
union all
select 's', c.reltype::pg_catalog.text, a.atttypid::pg_catalog.text, a.attname::pg_catalog.text, a.attcollation, a.attnum
  from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid operator(pg_catalog.=) c.oid
 where c.relkind::pg_catalog.text operator(pg_catalog.=) 'c' and a.attnum operator(pg_catalog.>) 0 and not a.attisdropped
union all
select 'g', r.rngtypid::pg_catalog.text, r.rngsubtype::pg_catalog.text, '', r.rngcollation, 0 from pg_catalog.pg_range r
union all
select 'm', r.rngmultitypid::pg_catalog.text, r.rngtypid::pg_catalog.text, '', 0::pg_catalog.oid, 0 from pg_catalog.pg_range r
       ) as told
  left join pg_catalog.pg_collation co on co.oid operator(pg_catalog.=) told.text_order
 where told.type::pg_catalog.oid operator(pg_catalog.>=) 10000::pg_catalog.oid
 order by what, type, place)";

std::uint32_t oid_from(const std::string& text) {
    return text.empty() ? 0 : static_cast<std::uint32_t>(std::stoul(text));
}

collation collation_named(const std::vector<std::string>& row, const collation& of_database) {
    constexpr std::size_t name = 4, provider = 5, locale = 6, version = 7, deterministic = 8;
    if (row[name].empty() || row[name] == "default") return of_database;
    return collation_of(row[provider].empty() ? 'c' : row[provider][0],
                        row[name] == "ucs_basic" ? std::string{"C"} : row[locale], row[version],
                        is_true(row[deterministic]));
}

void take_row(own_types& into, const std::vector<std::string>& row, const collation& of_database) {
    own_type& type = into[oid_from(row[1])];
    const std::uint32_t inner = oid_from(row[2]);
    using kind = own_type::kind;
    switch (row[0][0]) {
        case 'e':
            type.what = kind::enumeration;
            type.labels.push_back(row[3]);
            return;
        case 'r':
            type.what = kind::composite;
            return;
        case 's':
            type.attributes.push_back({row[3], inner, collation_named(row, of_database)});
            return;
        case 'd':
            type.what = kind::domain;
            break;
        case 'a':
            type.what = kind::array;
            type.delimiter = row[3].empty() ? ',' : row[3][0];
            break;
        case 'g':
            type.what = kind::range;
            break;
        default:
            type.what = kind::multirange;
            break;
    }
    type.inner = inner;
    type.text = collation_named(row, of_database);
}

}  // namespace

task<result<own_types>> read_own_types(driver::connection& from, deadline until) {
    auto database = co_await read_default_collation(from, until);
    if (!database) co_return std::move(database).error();
    auto rows = co_await ask(from, std::string{types_query}, until);
    if (!rows) co_return std::move(rows).error();
    own_types all;
    for (const auto& row : *rows) take_row(all, row, *database);
    co_return all;
}

}  // namespace ashlar::topology
