#include "proxy/comment_hints.hpp"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::proxy;

namespace {
std::optional<role_hint> said(std::string_view sql) {
    return hints_in_comments(sql).value().role;
}
}  // namespace

TEST(CommentHints, ACommentNamesTheRole) {
    EXPECT_EQ(said("/* ashlar_role: replica */ select 1"), role_hint::replica);
    EXPECT_EQ(said("select 1 /* trace=7, pgdog_role:primary */"), role_hint::primary);
    EXPECT_EQ(said("-- ashlar_role: Replica\nselect 1"), role_hint::replica);
    EXPECT_EQ(said("/* ashlar_role: auto */ select 1"), role_hint::none);
    EXPECT_EQ(said("/* a /* ashlar_role: replica */ b */ select 1"), role_hint::replica);
    EXPECT_EQ(said("select 1"), std::nullopt);
    EXPECT_EQ(said("/* my_ashlar_role: replica */ select 1"), std::nullopt);
    EXPECT_EQ(hints_in_comments("/* ashlar_role: leader */ select 1").error().sqlstate(), "22023");
}

TEST(CommentHints, WhatIsQuotedIsNoComment) {
    for (const char* sql : {"select '/* ashlar_role: replica */'", "select \"/* ashlar_role: replica */\"",
                            "select $$/* ashlar_role: replica */$$", "select $a$ $$ /* ashlar_role: replica */ $a$",
                            "select E'\\'/* ashlar_role: replica */'", "select 'it''s /* ashlar_role: replica */'"}) {
        EXPECT_EQ(said(sql), std::nullopt) << sql;
    }
    EXPECT_EQ(said("select $1 /* ashlar_role: replica */"), role_hint::replica);
    EXPECT_EQ(said("select '/*' /* ashlar_role: replica */"), role_hint::replica);
}

TEST(CommentHints, PgpoolsNoLoadBalanceLeadsTheStatement) {
    EXPECT_EQ(said("/*NO LOAD BALANCE*/ select 1"), role_hint::primary);
    EXPECT_EQ(said(" /* NO LOAD BALANCE */ select 1"), role_hint::primary);
    EXPECT_EQ(said("select 1 /*NO LOAD BALANCE*/"), std::nullopt);
}

TEST(CommentHints, WhatIsCutOffAnywhereDoesNoHarm) {
    const std::string all = "/* ashlar_role: replica */ select E'\\'x', $a$ y $a$, \"z\" -- pgdog_role: primary";
    for (std::size_t n = 0; n <= all.size(); ++n) (void)hints_in_comments(std::string_view{all}.substr(0, n));
}

TEST(CommentHints, ACommentNamesTheShard) {
    using kind = shard_hint::kind;
    const auto where = [](std::string_view sql) { return hints_in_comments(sql).value().where; };
    EXPECT_EQ(where("/* ashlar_shard: shard_2 */ select 1"), (shard_hint{kind::name, "shard_2"}));
    EXPECT_EQ(where("select 1 -- ashlar_shard: shard_2"), (shard_hint{kind::name, "shard_2"}));
    EXPECT_EQ(where("/*pgdog_shard:1*/ select 1"), (shard_hint{kind::number, "1"}));
    EXPECT_EQ(where("/* ashlar_sharding_key: 42, ashlar_role: primary */ select 1"), (shard_hint{kind::key, "42"}));
    EXPECT_EQ(where("/* pgdog_sharding_key: 'acme corp' */ select 1"), (shard_hint{kind::key, "acme corp"}));
    EXPECT_EQ(where("/* __spqr__execute_on: shard_3 */ select 1"), (shard_hint{kind::name, "shard_3"}));
    EXPECT_EQ(where("/* __spqr__sharding_key: 230d30d2-296d-4d60-8064-91204aa3fe1c */ select 1"),
              (shard_hint{kind::key, "230d30d2-296d-4d60-8064-91204aa3fe1c"}));
    EXPECT_EQ(where("select '/* ashlar_shard: shard_2 */'"), std::nullopt);
    EXPECT_EQ(where("/* see the table ashlar_marks: it has the map */ select 1"), std::nullopt);
}

TEST(CommentHints, WhatLooksLikeAHintAndIsNoneIsRefused) {
    const auto unknown = hints_in_comments("/* ashlar_shrad: shard_2 */ select 1");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().sqlstate(), "42704");
    EXPECT_NE(unknown.error().to_string().find("ashlar.shard"), std::string::npos);
    EXPECT_EQ(hints_in_comments("/* __spqr__commit_strategy: 2pc */ insert into t values (1)").error(),
              errc::unsupported);
    EXPECT_EQ(hints_in_comments("/* __spqr__default_route_behaviour: BLOCK */ select 1").error(), errc::unsupported);
    EXPECT_TRUE(hints_in_comments("/* __spqr__default_route_behaviour: ALLOW */ select 1"));
    EXPECT_TRUE(hints_in_comments("/* __spqr__scatter_query: true */ select 1"));
}
