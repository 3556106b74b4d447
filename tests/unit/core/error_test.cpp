#include <ashlar/result.hpp>

#include <set>

using namespace ashlar;

TEST(Errors, EachNameStandsOnceAndHasAFiveCharacterSqlstate) {
    std::set<std::string_view> names;
    for (int i = 0; i <= static_cast<int>(errc::shutting_down); ++i) {
        const errc_facts& f = facts_of(static_cast<errc>(i));
        EXPECT_EQ(static_cast<int>(f.code), i);
        EXPECT_TRUE(names.insert(f.name).second) << f.name;
        EXPECT_EQ(f.sqlstate.size(), 5u) << f.name;
    }
}

TEST(Errors, SayWhatWasAskedWhatStoodInTheWayAndWhatToTry) {
    error e = error{errc::pool_timeout, "no connection came free on shard_7 within 250ms"}
                  .detail("pool orders@db7b:5432 has 16 of 16 connections lent")
                  .hint("Raise pool.max_connections.");
    EXPECT_EQ(e.to_string(),
              "ERROR:  no connection came free on shard_7 within 250ms  (ashlar:pool_timeout, 53300)\n"
              "DETAIL: pool orders@db7b:5432 has 16 of 16 connections lent\n"
              "HINT:   Raise pool.max_connections.");
}

TEST(Result, HoldsAValueOrTheErrorThatStoodInItsWay) {
    result<int> good = 7;
    result<int> bad = error{errc::bad_value};
    EXPECT_EQ(good.value(), 7);
    EXPECT_FALSE(bad);
    EXPECT_EQ(bad.error(), errc::bad_value);
    EXPECT_THROW((void)bad.value(), bad_result);
}
