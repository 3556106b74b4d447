#include "topology/catalogue_reader.hpp"

#include <gnu/libc-version.h>

using namespace ashlar;
using namespace ashlar::topology;
using route::collation_kind;

namespace {

schema_snapshot with_orders(std::vector<route::column_facts> columns) {
    schema_snapshot s;
    s.default_collation.kind = collation_kind::bytes;
    route::table_facts t;
    t.schema = "public";
    t.name = "orders";
    t.columns = std::move(columns);
    s.tables["public.orders"] = t;
    return s;
}

route::column_facts a_column(std::string name, std::uint32_t type) {
    route::column_facts c;
    c.name = std::move(name);
    c.type = type;
    return c;
}

}  // namespace

TEST(Collations, CAndItsUtf8VariantOrderByBytes) {
    for (const char* locale : {"C", "POSIX", "C.UTF-8", "C.utf8"}) {
        EXPECT_EQ(collation_of('c', locale, "", true).kind, collation_kind::bytes) << locale;
    }
}

TEST(Collations, ALocaleOfAnotherLibraryVersionGivesNoOrder) {
    EXPECT_EQ(collation_of('c', "en_US.UTF-8", "1.99", true).kind, collation_kind::deterministic);
    EXPECT_EQ(collation_of('c', "no_SUCH.locale", gnu_get_libc_version(), true).kind, collation_kind::deterministic);
}

TEST(Collations, IcuGivesNoOrderAndNondeterministicNoEquality) {
    EXPECT_EQ(collation_of('i', "en", "153.120", true).kind, collation_kind::deterministic);
    EXPECT_EQ(collation_of('i', "und-u-ks-level2", "153.120", false).kind, collation_kind::nondeterministic);
}

TEST(Drift, EqualTablesShowNone) {
    const auto a = with_orders({a_column("id", 20), a_column("status", 25)});
    EXPECT_EQ(first_difference(a, a, {"public.orders"}), "");
}

TEST(Drift, IsToldByItsFirstColumn) {
    const auto a = with_orders({a_column("id", 20), a_column("status", 25)});
    const auto other_type = with_orders({a_column("id", 23), a_column("status", 25)});
    const auto shorter = with_orders({a_column("id", 20)});
    EXPECT_EQ(first_difference(a, other_type, {"public.orders"}), "column public.orders.id has another type");
    EXPECT_EQ(first_difference(a, shorter, {"public.orders"}),
              "table public.orders has 1 columns there and 2 on the first shard");
    schema_snapshot empty;
    empty.default_collation = a.default_collation;
    EXPECT_EQ(first_difference(a, empty, {"public.orders"}), "table public.orders is missing");
}
