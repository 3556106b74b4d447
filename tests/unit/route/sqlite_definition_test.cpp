#include "route/sqlite_definition.hpp"

#include <gtest/gtest.h>

using namespace ashlar::route;

namespace {

constexpr std::string_view users = R"(CREATE TABLE users(
  id bigint primary key,
  name varchar(40) not null check (length(name) > 0) check(name <> 'a, check (b)'), -- check (no)
  country text constraint fk_country references countries(code),
  age int, other int references "x y",
  constraint "adult ""one""" check (age >= 18 and (id > 0)),
  constraint fk_two foreign key (age, other) references pairs(a, b) on delete cascade,
  check (age < 200), foreign key (age) references ages))";

TEST(SqliteDefinition, ChecksHaveTheNamesThatPostgresWouldGiveThem) {
    const auto found = checks_in(users, "users");
    ASSERT_EQ(found.size(), 4u);
    EXPECT_EQ(found[0].name, "users_name_check");
    EXPECT_EQ(found[0].condition, "length(name) > 0");
    EXPECT_EQ(found[1].name, "users_name_check1");
    EXPECT_EQ(found[1].condition, "name <> 'a, check (b)'");
    EXPECT_EQ(found[2].name, "adult \"one\"");
    EXPECT_EQ(found[2].condition, "age >= 18 and (id > 0)");
    EXPECT_EQ(found[3].name, "users_check");
    EXPECT_EQ(found[3].condition, "age < 200");
}

TEST(SqliteDefinition, ForeignKeysAreFoundInTheOrderOfTheText) {
    const std::vector<std::string> names{"fk_country", "", "fk_two", ""};
    EXPECT_EQ(foreign_key_names_in(users), names);
}

TEST(SqliteDefinition, ViewsAndIndexes) {
    EXPECT_EQ(query_of_view("CREATE VIEW v(a) AS SELECT id AS a FROM t WHERE x"), "SELECT id AS a FROM t WHERE x");
    EXPECT_EQ(predicate_of_index("CREATE INDEX i ON t(a, lower(b)) WHERE a > 1 AND b"), "a > 1 AND b");
    EXPECT_EQ(predicate_of_index("CREATE INDEX i ON t(a)"), "");
    EXPECT_EQ(columns_of_index("CREATE INDEX i ON t(a DESC, lower(b)) WHERE a"), "a DESC, lower(b)");
}

// Whatever a file holds: no text reads beyond its end.
TEST(SqliteDefinition, BrokenTextsAreHarmless) {
    for (const char* text : {"", "(", "create table t", "create table t(", "create table t(check",
                             "create table t(check(", "create table t(constraint", "create table t(a references",
                             "create view v as", "create index i on t(a where"}) {
        (void)checks_in(text, "t");
        (void)foreign_key_names_in(text);
        (void)query_of_view(text);
        (void)predicate_of_index(text);
        (void)columns_of_index(text);
    }
}

}  // namespace
