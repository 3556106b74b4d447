#include "proxy/copy_feed.hpp"

#include "wire/client_messages.hpp"

#include <gtest/gtest.h>

namespace ashlar::proxy {
namespace {

using then = copy_feed::then;

std::string rows(std::string_view text) {
    std::string out;
    wire::write_client_copy_data(out, text);
    return out;
}

std::string made_by(void (*write)(std::string&)) {
    std::string out;
    write(out);
    return out;
}

const std::string done = made_by(wire::write_client_copy_done);
const std::string sync = made_by(wire::write_sync);
const std::string flush = made_by(wire::write_flush);

TEST(CopyFeed, PassesRowsAndTheirEnd) {
    copy_feed feed;
    const std::string all = rows("1\n") + rows("2\n") + done;
    const auto step = feed.look(all + sync);
    EXPECT_EQ(step.pass, all.size());
    EXPECT_EQ(step.next, then::over);
}

TEST(CopyFeed, KnowsHowMuchOfAMessageIsStillToCome) {
    copy_feed feed;
    const std::string all = rows("12345678");
    auto step = feed.look(std::string_view{all}.substr(0, 7));
    EXPECT_EQ(step.pass, 7u);
    EXPECT_EQ(feed.half_said(), 6u);
    step = feed.look(std::string_view{all}.substr(7));
    EXPECT_EQ(step.pass, 6u);
    EXPECT_EQ(feed.half_said(), 0u);
    EXPECT_EQ(step.next, then::more);
}

TEST(CopyFeed, HalfAHeaderWaits) {
    copy_feed feed;
    const auto step = feed.look(std::string_view{rows("1")}.substr(0, 3));
    EXPECT_EQ(step.pass + step.skip, 0u);
    EXPECT_EQ(step.next, then::more);
}

TEST(CopyFeed, FlushIsSkipped) {
    copy_feed feed;
    const auto step = feed.look(rows("1\n") + flush + done);
    EXPECT_EQ(step.pass, rows("1\n").size());
    EXPECT_EQ(step.skip, flush.size());
}

TEST(CopyFeed, ASyncBeforeAnyRowMeansNothing) {
    copy_feed feed;
    EXPECT_EQ(feed.look(sync).skip, sync.size());
}

TEST(CopyFeed, ASyncBetweenRowsMeansNothing) {
    copy_feed feed;
    const auto step = feed.look(rows("1\n") + sync + rows("2\n"));
    EXPECT_EQ(step.pass, rows("1\n").size());
    EXPECT_EQ(step.skip, sync.size());
}

TEST(CopyFeed, ASyncBehindAllRowsStaysUntilTheServerHasSaidWhetherItCounts) {
    copy_feed feed;
    const auto step = feed.look(rows("1\n") + sync);
    EXPECT_EQ(step.skip, 0u);
    EXPECT_EQ(step.next, then::sync);
}

TEST(CopyFeed, WhatHasNoPlaceInACopyStaysAtTheFront) {
    copy_feed feed;
    std::string query;
    wire::write_query(query, "select 1");
    auto step = feed.look(rows("1\n") + query);
    EXPECT_EQ(step.pass, rows("1\n").size());
    EXPECT_EQ(step.skip, 0u);
    EXPECT_EQ(step.next, then::other);
    step = feed.look(sync + query);
    EXPECT_EQ(step.skip, 0u);
    EXPECT_EQ(step.next, then::other);
}

TEST(CopyFeed, BytesThatAreNoMessageBreakIt) {
    copy_feed feed;
    EXPECT_EQ(feed.look(std::string_view{"d\0\0\0\1", 5}).next, then::broken);
}

}  // namespace
}  // namespace ashlar::proxy
