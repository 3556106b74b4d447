#include "health/alert_rules.hpp"
#include "health/breaker.hpp"
#include "health/lag_rules.hpp"
#include "health/role_rules.hpp"

using namespace ashlar;
using namespace ashlar::health;
using namespace std::chrono_literals;

namespace {

instant at(nanoseconds since) {
    return instant{std::chrono::hours{1}} + since;
}

log_position lsn(std::uint64_t where, std::uint32_t timeline = 1) {
    log_position p;
    p.timeline = timeline;
    p.streams[0] = where;
    return p;
}

std::optional<finding> writes_on(std::uint32_t timeline) {
    finding f;
    f.writable = true;
    f.timeline = timeline;
    return f;
}

std::optional<finding> follows(std::uint32_t timeline) {
    finding f;
    f.timeline = timeline;
    return f;
}

const std::optional<finding> silent;

struct roles : role_rules {
    roles() : role_rules({"a", "b", "c"}) {}
    std::optional<std::size_t> after(std::initializer_list<std::optional<finding>> found) {
        round(std::vector<std::optional<finding>>{found});
        return writer();
    }
};

}  // namespace

TEST(LagRules, AReplicaThatHasTheLatestSampleHasNoLagHoweverLongAgoThatWas) {
    sample_history h;
    h.add(at(0s), lsn(100));
    h.add(at(60s), lsn(100));
    const auto s = h.of(lsn(100), at(61s)).value();
    EXPECT_EQ(s.lag, 0ms);
    EXPECT_EQ(s.behind, 0u);
    EXPECT_EQ(s.as_of, at(60s));
}

TEST(LagRules, LagIsTheAgeOfTheFirstSampleThatIsMissing) {
    sample_history h;
    for (int i = 0; i < 10; ++i) h.add(at(seconds{i}), lsn(static_cast<std::uint64_t>(100 * i)));
    const auto s = h.of(lsn(450), at(9500ms)).value();
    EXPECT_EQ(s.as_of, at(4s));
    EXPECT_EQ(s.lag, 4500ms);
    EXPECT_EQ(s.behind, 450u);
}

TEST(LagRules, NothingIsComparedBeforeASampleOrAcrossTimelines) {
    sample_history h;
    EXPECT_FALSE(h.of(lsn(1), at(0s)));
    h.add(at(0s), lsn(100, 1));
    EXPECT_FALSE(h.of(lsn(500, 2), at(0s)));
    h.add(at(1s), lsn(100, 2));
    EXPECT_EQ(h.of(lsn(500, 2), at(1s))->as_of, at(1s));
    EXPECT_FALSE(h.of(lsn(500, 1), at(1s)));
}

TEST(LagRules, AnOldReplicaCoversNoSampleAndIsAtLeastAsOldAsTheOldest) {
    sample_history h;
    h.add(at(0s), lsn(100));
    const auto s = h.of(lsn(99), at(7s)).value();
    EXPECT_EQ(s.as_of, instant::min());
    EXPECT_EQ(s.lag, 7s);
}

TEST(LagRules, SamplesAreBoundedAndReachFarBack) {
    sample_history h;
    for (int i = 0; i < 100'000; ++i) h.add(at(milliseconds{10 * i}), lsn(static_cast<std::uint64_t>(i)));
    const auto latest = h.of(lsn(99'998), at(1000s)).value();
    EXPECT_EQ(latest.as_of, at(milliseconds{999'980}));
    const auto old = h.of(lsn(90'000), at(1000s)).value();
    EXPECT_GT(old.as_of, at(898s));
    EXPECT_GT(old.lag, 98s);
    EXPECT_LE(old.lag, 100s);
}

TEST(RoleRules, TheOneWhoTakesWritesIsTheWriter) {
    roles r;
    EXPECT_EQ(r.writer(), std::nullopt);
    EXPECT_EQ(r.after({writes_on(1), follows(1), follows(1)}), 0u);
    EXPECT_EQ(r.after({silent, follows(1), follows(1)}), 0u);  // nobody knows better
    EXPECT_EQ(r.after({silent, writes_on(2), follows(1)}), 1u);
    EXPECT_EQ(r.timeline(), 2u);
}

TEST(RoleRules, AnOldPrimaryThatComesBackGetsNoWrites) {
    roles r;
    r.after({writes_on(1), follows(1), silent});
    r.after({silent, writes_on(2), silent});
    EXPECT_EQ(r.after({writes_on(1), writes_on(2), silent}), 1u);
    EXPECT_EQ(r.after({writes_on(1), silent, silent}), std::nullopt);
    EXPECT_EQ(r.trouble(), "a takes writes on timeline 1, but timeline 2 has been seen: it is an old primary");
    EXPECT_EQ(r.after({follows(2), writes_on(2), silent}), 1u);
}

TEST(RoleRules, TwoWhoTakeWritesAreNeverGuessedBetween) {
    roles r;
    r.after({writes_on(1), follows(1), follows(1)});
    EXPECT_EQ(r.after({writes_on(1), writes_on(2), follows(1)}), std::nullopt);
    EXPECT_EQ(r.trouble(),
              "a (timeline 1) and b (timeline 2) both take writes: one of them must be stopped or made a replica");
    EXPECT_EQ(r.after({writes_on(1), writes_on(2), follows(1)}), std::nullopt);
    EXPECT_EQ(r.after({silent, writes_on(2), follows(1)}), 1u);
    EXPECT_EQ(r.after({writes_on(1), writes_on(2), follows(1)}), 1u);
}

TEST(RoleRules, WithoutTimelinesTwoAreAlwaysRefused) {
    roles r;
    r.after({writes_on(0), follows(0), follows(0)});
    EXPECT_EQ(r.after({writes_on(0), writes_on(0), follows(0)}), std::nullopt);
    EXPECT_EQ(r.after({follows(0), writes_on(0), follows(0)}), 1u);
}

TEST(RoleRules, AWriterThatSaysItTakesNoneIsNone) {
    roles r;
    r.after({writes_on(1), follows(1), follows(1)});
    EXPECT_EQ(r.after({follows(1), follows(1), follows(1)}), std::nullopt);
    EXPECT_EQ(r.trouble(), "a takes no writes now, and no other server of it does");
    EXPECT_EQ(r.after({silent, silent, silent}), std::nullopt);
    EXPECT_EQ(r.after({silent, silent, writes_on(2)}), 2u);
}

TEST(Breaker, OpensAfterFailuresWithinTheWindowAndRefuses) {
    breaker b{breaker_options{}};
    for (int i = 0; i < 4; ++i) b.on_failure(at(seconds{i}));
    EXPECT_EQ(b.ask(at(4s)), breaker::verdict::go);
    b.on_failure(at(5s));
    EXPECT_EQ(b.ask(at(6s)), breaker::verdict::refuse);
    EXPECT_EQ(b.now_is(at(6s)), breaker::state::open);
}

TEST(Breaker, FailuresOutsideTheWindowAreForgotten) {
    breaker b{breaker_options{}};
    for (int i = 0; i < 20; ++i) b.on_failure(at(seconds{20 * i}));
    EXPECT_TRUE(b.is_closed());
}

TEST(Breaker, FailuresOfOneMomentCountOnce) {
    breaker b{breaker_options{}};
    for (int i = 0; i < 50; ++i) b.on_failure(at(milliseconds{i}));
    EXPECT_TRUE(b.is_closed());
}

TEST(Breaker, LetsOneCallerLookOnceTheCoolDownIsOver) {
    breaker b{breaker_options{}};
    for (int i = 0; i < 5; ++i) b.on_failure(at(seconds{i}));
    EXPECT_EQ(b.ask(at(63s)), breaker::verdict::refuse);
    EXPECT_EQ(b.ask(at(64s)), breaker::verdict::try_once);
    EXPECT_EQ(b.ask(at(64s)), breaker::verdict::refuse);
    b.on_failure(at(65s));
    EXPECT_EQ(b.ask(at(124s)), breaker::verdict::refuse);
    EXPECT_EQ(b.ask(at(125s)), breaker::verdict::try_once);
    b.on_success(at(126s));
    EXPECT_EQ(b.ask(at(126s)), breaker::verdict::go);
    EXPECT_TRUE(b.is_spotless());
}

TEST(Breaker, ATrialOfWhichNothingIsHeardIsFollowedByAnother) {
    breaker b{breaker_options{}};
    for (int i = 0; i < 5; ++i) b.on_failure(at(seconds{i}));
    EXPECT_EQ(b.ask(at(70s)), breaker::verdict::try_once);
    EXPECT_EQ(b.ask(at(129s)), breaker::verdict::refuse);
    EXPECT_EQ(b.ask(at(130s)), breaker::verdict::try_once);
}

TEST(Breaker, AProbeThatSucceedsClosesItEarly) {
    breaker b{breaker_options{}};
    for (int i = 0; i < 5; ++i) b.on_failure(at(seconds{i}));
    b.on_success(at(5s));  // of a statement that began before
    EXPECT_FALSE(b.is_closed());
    b.on_probe(false, at(6s));
    EXPECT_FALSE(b.is_closed());
    b.on_probe(true, at(7s));
    EXPECT_TRUE(b.is_closed());
}

TEST(Breaker, CountsOnlyWhatKeepsAServerFromAnsweringAnybody) {
    EXPECT_TRUE(counts_as_failure(errc::connect_failed));
    EXPECT_TRUE(counts_as_failure(errc::connection_lost));
    for (const errc each : {errc::constraint_violated, errc::deadlock, errc::serialization_failed, errc::server_error,
                            errc::pool_timeout, errc::cancelled, errc::login_failed}) {
        EXPECT_FALSE(counts_as_failure(each)) << error{each};
    }
}

TEST(AlertRules, TellAChangeOnceItHasLasted) {
    alert_rules a{5s};
    EXPECT_EQ(a.look(true, at(0s)), std::nullopt);
    EXPECT_EQ(a.look(false, at(1s)), std::nullopt);
    EXPECT_EQ(a.look(false, at(5s)), std::nullopt);
    EXPECT_EQ(a.look(false, at(6s)), false);
    EXPECT_EQ(a.look(false, at(60s)), std::nullopt);
    EXPECT_EQ(a.look(true, at(61s)), std::nullopt);
    EXPECT_EQ(a.look(true, at(66s)), true);
}

TEST(AlertRules, WhatFlapsIsNotTold) {
    alert_rules a{5s};
    for (int i = 0; i < 100; ++i) EXPECT_EQ(a.look(i % 3 != 0, at(seconds{i})), std::nullopt);
}
