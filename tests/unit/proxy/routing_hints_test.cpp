#include "proxy/routing_hints.hpp"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::proxy;

namespace {
std::optional<role_hint> said(std::string_view sql) {
    return role_in_comments(sql).value();
}
}  // namespace

TEST(RoutingHints, ACommentNamesTheRole) {
    EXPECT_EQ(said("/* ashlar_role: replica */ select 1"), role_hint::replica);
    EXPECT_EQ(said("select 1 /* trace=7, pgdog_role:primary */"), role_hint::primary);
    EXPECT_EQ(said("-- ashlar_role: Replica\nselect 1"), role_hint::replica);
    EXPECT_EQ(said("/* ashlar_role: auto */ select 1"), role_hint::none);
    EXPECT_EQ(said("/* a /* ashlar_role: replica */ b */ select 1"), role_hint::replica);
    EXPECT_EQ(said("select 1"), std::nullopt);
    EXPECT_EQ(said("/* my_ashlar_role: replica */ select 1"), std::nullopt);
    EXPECT_EQ(role_in_comments("/* ashlar_role: leader */ select 1").error().sqlstate(), "22023");
}

TEST(RoutingHints, WhatIsQuotedIsNoComment) {
    for (const char* sql : {"select '/* ashlar_role: replica */'", "select \"/* ashlar_role: replica */\"",
                            "select $$/* ashlar_role: replica */$$", "select $a$ $$ /* ashlar_role: replica */ $a$",
                            "select E'\\'/* ashlar_role: replica */'", "select 'it''s /* ashlar_role: replica */'"}) {
        EXPECT_EQ(said(sql), std::nullopt) << sql;
    }
    EXPECT_EQ(said("select $1 /* ashlar_role: replica */"), role_hint::replica);
    EXPECT_EQ(said("select '/*' /* ashlar_role: replica */"), role_hint::replica);
}

TEST(RoutingHints, PgpoolsNoLoadBalanceLeadsTheStatement) {
    EXPECT_EQ(said("/*NO LOAD BALANCE*/ select 1"), role_hint::primary);
    EXPECT_EQ(said(" /* NO LOAD BALANCE */ select 1"), role_hint::primary);
    EXPECT_EQ(said("select 1 /*NO LOAD BALANCE*/"), std::nullopt);
}

TEST(RoutingHints, WhatIsCutOffAnywhereDoesNoHarm) {
    const std::string all = "/* ashlar_role: replica */ select E'\\'x', $a$ y $a$, \"z\" -- pgdog_role: primary";
    for (std::size_t n = 0; n <= all.size(); ++n) (void)role_in_comments(std::string_view{all}.substr(0, n));
}

TEST(RoutingHints, PgcatsWordsAreReadAsOurs) {
    EXPECT_EQ(in_our_words("SET SERVER ROLE TO 'primary';"), "SET ashlar.role TO 'primary'");
    EXPECT_EQ(in_our_words("show server role"), "SHOW ashlar.role");
    EXPECT_EQ(in_our_words("set server role to 'leader'"), std::nullopt);
    EXPECT_EQ(in_our_words("select 1"), std::nullopt);
}
