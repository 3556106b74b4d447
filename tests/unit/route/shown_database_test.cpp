#include "route/shown_database.hpp"

#include <gtest/gtest.h>

using namespace ashlar::route;

namespace {
std::string shown(std::string_view sql, std::string_view name = "shop") {
    return with_shown_database(sql, name, {}).value_or("(as it was)");
}
}  // namespace

TEST(ShownDatabase, ItsNameStandsForTheFunctionAndTheKeyword) {
    EXPECT_EQ(shown("select current_database()"), "select ('shop'::pg_catalog.name) as current_database");
    EXPECT_EQ(shown("select pg_catalog.current_database( ) as db"),
              "select (select 'shop'::pg_catalog.name as current_database) as db");
    EXPECT_EQ(shown("SELECT CURRENT_CATALOG"), "SELECT ('shop'::pg_catalog.name) as current_catalog");
    EXPECT_EQ(shown("select current_database()::text, 1 from t where d = current_database()"),
              "select (select 'shop'::pg_catalog.name as current_database)::text, 1 from t where d = "
              "('shop'::pg_catalog.name)");
    EXPECT_EQ(shown("select * from current_database()"),
              "select * from (select 'shop'::pg_catalog.name as current_database) as current_database");
    EXPECT_EQ(shown("select * from current_database() d"),
              "select * from (select 'shop'::pg_catalog.name as current_database) d");
    EXPECT_EQ(
        shown("insert into t values (1, current_database()) returning current_catalog"),
        "insert into t values (1, ('shop'::pg_catalog.name)) returning ('shop'::pg_catalog.name) as current_catalog");
    EXPECT_EQ(shown("select current_catalog", "it's \\ here"),
              "select ( E'it''s \\\\ here'::pg_catalog.name) as current_catalog");
}

TEST(ShownDatabase, WhatOnlyLooksAlikeStays) {
    for (const char* sql :
         {"select 'current_database()'", "select app.current_database()", "select current_database(1)",
          "select t.pg_database from t", "create view v as select current_database()", "select 1",
          "select current_database() from", "select table_name from information_schema.tables where x.y = 1"}) {
        EXPECT_EQ(shown(sql), "(as it was)") << sql;
    }
}

TEST(ShownDatabase, TheCatalogueShowsItInPlaceOfTheServersName) {
    const std::string one = shown("select datname from pg_database d");
    EXPECT_EQ(one.find("select datname from (select ashlar_r.* from pg_catalog.pg_database ashlar_d, lateral "), 0u)
        << one;
    EXPECT_EQ(one.substr(one.size() - 3), ") d");
    const std::string unnamed = shown("select pg_database.datname from pg_catalog.pg_database where true");
    EXPECT_NE(unnamed.find(") as pg_database where true"), std::string::npos) << unnamed;
    EXPECT_NE(shown("select table_catalog from information_schema.tables"), "(as it was)");
    EXPECT_NE(
        shown("select pg_database_size(current_database())").find("as current_database))::pg_catalog.text as named)"),
        std::string::npos);
}

TEST(ShownDatabase, WhatIsCutOffAnywhereDoesNoHarm) {
    const std::string all =
        "select current_database()::text, pg_database_size(d.datname) from pg_database d, information_schema.tables "
        "where "
        "current_catalog = 'x' and has_database_privilege(current_user, current_database(), 'CONNECT')";
    for (std::size_t n = 0; n <= all.size(); ++n)
        (void)with_shown_database(std::string_view{all}.substr(0, n), "shop", {});
}
