#include "topology/catalogue_builder.hpp"
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
    const auto b = a;
    const table_comparison found = compare_table("public.orders", {{"shard_1", &a}, {"shard_2", &b}});
    EXPECT_TRUE(found.differences.empty());
    EXPECT_EQ(found.differs, nullptr);
    EXPECT_EQ(found.usual->columns.size(), 2U);
}

TEST(Drift, IsToldByColumns) {
    const auto columns = [](std::vector<route::column_facts> list) {
        route::table_facts t;
        t.columns = std::move(list);
        return t;
    };
    const auto usual = columns({a_column("id", 20), a_column("status", 25)});
    const auto differs = [&](std::vector<route::column_facts> list) {
        const auto here = columns(std::move(list));
        return difference_between(&usual, &here);
    };
    EXPECT_EQ(differs({a_column("id", 23), a_column("status", 25)}), "column id is integer and not bigint");
    EXPECT_EQ(differs({a_column("id", 20)}), "column status is missing");
    EXPECT_EQ(differs({a_column("id", 20), a_column("note", 25), a_column("status", 25)}), "column note is extra");
    EXPECT_EQ(differs({a_column("status", 25), a_column("id", 20)}), "its columns are in another order");
    EXPECT_EQ(differs({a_column("state", 25)}),
              "column state is extra, column id is missing, column status is missing");
    EXPECT_EQ(difference_between(&usual, nullptr), "the table is missing");
}

TEST(Drift, OnlyTextHasACollation) {
    auto usual = with_orders({a_column("id", 20), a_column("status", 25)});
    auto other = usual;
    for (auto& c : other.tables["public.orders"].columns) c.collation.kind = collation_kind::nondeterministic;
    EXPECT_EQ(difference_between(&usual.tables["public.orders"], &other.tables["public.orders"]),
              "column status has another collation");
}

TEST(Drift, BlamesTheShardsThatAreNotAsMostAre) {
    const auto old = with_orders({a_column("id", 20)});
    const auto wide = with_orders({a_column("id", 20), a_column("note", 25)});
    const table_comparison found = compare_table(
        "public.orders", {{"shard_1", &wide}, {"shard_2", &old}, {"shard_3", nullptr}, {"shard_4", &old}});
    ASSERT_EQ(found.differences.size(), 1U);
    EXPECT_EQ(found.differences[0].shard, "shard_1");
    EXPECT_EQ(found.differs->what, "on shard_1 column note is extra");
    EXPECT_EQ(found.differs->on.at(keyspace::shard_id{0}).columns.size(), 2U);
    EXPECT_EQ(found.usual->columns.size(), 1U);
}

TEST(Drift, ANewShardWithoutTablesIsToldAsSuch) {
    const auto made = with_orders({a_column("id", 20)});
    const schema_snapshot none;
    const table_comparison found = compare_table("public.orders", {{"shard_1", &made}, {"shard_2", &none}});
    EXPECT_EQ(found.differs->what, "on shard_2 the table is missing");
    EXPECT_TRUE(found.differs->on.at(keyspace::shard_id{1}).columns.empty());
}
