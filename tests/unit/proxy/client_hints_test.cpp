#include "proxy/client_hints.hpp"

#include "proxy/our_settings.hpp"

#include <gtest/gtest.h>

using namespace ashlar;
using namespace ashlar::proxy;

namespace {

const place_names& places() {
    static const keyspace::shard_map map =
        keyspace::shard_map::make(keyspace::function_kind::modulo, keyspace::key_type::integer,
                                  {{.name = "shard_1"}, {.name = "shard_2"}, {.name = "shard_3"}})
            .value();
    static const place_names all{{"shard_1", "shard_2", "shard_3", "primary"}, 3, &map};
    return all;
}

status set(settings& into, const char* name, const char* value) {
    return set_ours(into, name, *find_our_setting(name).value(), value, places());
}

std::optional<std::size_t> place(const settings& session, const settings& local = {},
                                 const std::optional<shard_hint>& comment = {}) {
    return client_hints{session, local, places()}.place(comment, places()).value();
}

}  // namespace

TEST(ClientHints, AShardIsNamedNumberedOrFoundByAKey) {
    for (const auto& [name, value, expected] :
         {std::tuple{"ashlar.shard", "shard_2", 1u}, std::tuple{"ashlar.shard", "primary", 3u},
          std::tuple{"pgdog.shard", "1", 1u}, std::tuple{"__spqr__execute_on", "shard_3", 2u},
          std::tuple{"ashlar.sharding_key", "4", 1u}, std::tuple{"pgdog.sharding_key", " 5", 2u}}) {
        settings s;
        ASSERT_TRUE(set(s, name, value)) << name;
        EXPECT_EQ(place(s), expected) << name;
    }
}

TEST(ClientHints, WhatMeansNoPlaceIsRefused) {
    settings s;
    EXPECT_EQ(set(s, "ashlar.shard", "shard_4").error().sqlstate(), "22023");
    EXPECT_EQ(set(s, "ashlar.shard", "2").error().sqlstate(), "22023");
    EXPECT_EQ(set(s, "pgdog.shard", "3").error().sqlstate(), "22023");
    EXPECT_EQ(set(s, "pgdog.shard", "-1").error().sqlstate(), "22023");
    EXPECT_FALSE(set(s, "ashlar.sharding_key", "seven"));
    EXPECT_TRUE(s.empty());
}

TEST(ClientHints, ShardAndKeyTakeEachOtherBack) {
    settings s;
    ASSERT_TRUE(set(s, "ashlar.shard", "shard_1"));
    ASSERT_TRUE(set(s, "ashlar.sharding_key", "5"));
    EXPECT_EQ(place(s), 2u);
    ASSERT_TRUE(set(s, "ashlar.shard", "shard_1"));
    EXPECT_EQ(place(s), 0u);
    ASSERT_TRUE(set(s, "ashlar.shard", ""));
    EXPECT_EQ(place(s), std::nullopt);
}

TEST(ClientHints, SetLocalIsStrongerThanACommentAndThatThanSet) {
    settings session, local;
    ASSERT_TRUE(set(session, "ashlar.shard", "shard_1"));
    const shard_hint comment = named("shard_2");
    EXPECT_EQ(place(session), 0u);
    EXPECT_EQ(place(session, {}, comment), 1u);
    ASSERT_TRUE(set(local, "ashlar.shard", "shard_3"));
    EXPECT_EQ(place(session, local, comment), 2u);
    local.clear();
    local.set("ashlar.shard", kept("ashlar.shard", ""));
    EXPECT_EQ(place(session, local), std::nullopt);  // it hides what the session has set
    EXPECT_EQ(place(session, local, comment), 1u);   // but no comment
}

TEST(OurSettings, UnknownNamesAreRefusedWithTheNearestOne) {
    const auto wrong = find_our_setting("ashlar.sharding_keys");
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().sqlstate(), "42704");
    EXPECT_NE(wrong.error().to_string().find("ashlar.sharding_key"), std::string::npos);
    EXPECT_FALSE(find_our_setting("pgdog.anything"));
    EXPECT_FALSE(find_our_setting("__spqr__distribution_key"));
    EXPECT_EQ(find_our_setting("app.tenant").value(), std::nullopt);
    EXPECT_EQ(find_our_setting("work_mem").value(), std::nullopt);
}

TEST(OurSettings, ServersAreNotToldOfThem) {
    EXPECT_TRUE(sets_ours_on_a_server("select set_config('ashlar.shard', 'shard_2', false)"));
    EXPECT_TRUE(sets_ours_on_a_server("alter role app set ashlar.shard = 'shard_2'"));
    EXPECT_FALSE(sets_ours_on_a_server("select set_config('app.shard', 'shard_2', false)"));
}
