#include "health/log_position.hpp"

using namespace ashlar;
using namespace ashlar::health;

namespace {

log_position lsn(std::uint32_t timeline, std::uint64_t at) {
    log_position p;
    p.timeline = timeline;
    p.streams[0] = at;
    return p;
}

log_position gtid(std::string_view text) {
    return read_gtid_position(text).value();
}

}  // namespace

TEST(LogPosition, CoversWhatStandsBeforeItOnItsTimelineAlone) {
    EXPECT_TRUE(lsn(1, 100).covers(lsn(1, 100)));
    EXPECT_FALSE(lsn(1, 99).covers(lsn(1, 100)));
    EXPECT_FALSE(lsn(2, 1000).covers(lsn(1, 100)));
    EXPECT_EQ(lsn(1, 60).behind(lsn(1, 100)), 40u);
    EXPECT_EQ(lsn(1, 200).behind(lsn(1, 100)), 0u);
}

TEST(LogPosition, OfMariaDbCoversOnlyIfEachDomainDoes) {
    EXPECT_TRUE(gtid("0-1-813,1-3-22").covers(gtid("0-2-813")));
    EXPECT_FALSE(gtid("0-1-813").covers(gtid("0-1-813,1-3-22")));
    EXPECT_EQ(gtid("0-1-800").behind(gtid("0-1-813,1-3-22")), 35u);
    EXPECT_TRUE(gtid("").covers(gtid("")));
    EXPECT_TRUE(gtid("").is_known());
    EXPECT_TRUE(gtid("1-1-5").covers(gtid("")));
}

TEST(LogPosition, TheHighestOfADomainsServersCounts) {
    EXPECT_EQ(gtid("0-1-8,0-2-12,0-3-9").streams.at(0), 12u);
}

TEST(LogPosition, TravelsAsText) {
    for (const log_position& each :
         {lsn(1, 0x3000148), lsn(70000, ~std::uint64_t{0}), gtid("0-1-813,7-2-1"), gtid("")}) {
        EXPECT_EQ(log_position::parse(each.to_string()).value(), each) << each.to_string();
    }
    EXPECT_EQ(lsn(2, 0x3000148).to_string(), "p2-0000000003000148");
    EXPECT_EQ(gtid("0-1-813,1-3-22").to_string(), "m0-813_1-22");
}

TEST(LogPosition, OtherTextsAreRefused) {
    for (const char* text : {"", "p", "m", "x1-2", "p0-0000000003000148", "p1-3000148", "p1-000000000300014g", "m0",
                             "m0-", "m0-1_", "m-1", "p1-0000000003000148-", "m0-99999999999999999999"}) {
        EXPECT_EQ(log_position::parse(text).error(), errc::bad_value) << text;
    }
    for (const char* text : {"3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5", "0-1", "0-1-2,", "a-1-2"}) {
        EXPECT_EQ(read_gtid_position(text).error(), errc::bad_value) << text;
    }
}

TEST(LogPosition, AnInsertPositionBehindAPagesHeaderIsThePagesStart) {
    constexpr std::uint64_t segment = 16u << 20;
    EXPECT_EQ(end_of_last_record(3 * segment + 40, segment), 3 * segment);
    EXPECT_EQ(end_of_last_record(3 * segment + 8192 + 24, segment), 3 * segment + 8192);
    EXPECT_EQ(end_of_last_record(3 * segment + 8192 + 40, segment), 3 * segment + 8192 + 40);  // a record may end there
    EXPECT_EQ(end_of_last_record(3 * segment + 328, segment), 3 * segment + 328);
}
