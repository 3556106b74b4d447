#include "execute/commit_rules.hpp"

#include <gtest/gtest.h>

using ashlar::execute::commit_as_one;
using ashlar::execute::commit_order;
using ashlar::execute::commit_part;

namespace {

using order = std::vector<std::size_t>;

commit_part reader() {
    return {};
}
commit_part writer() {
    commit_part p;
    p.wrote = true;
    return p;
}
commit_part host(bool wrote) {
    commit_part p;
    p.wrote = wrote;
    p.is_host = true;
    return p;
}
commit_part joined(bool wrote) {
    commit_part p;
    p.wrote = wrote;
    p.joined = true;
    return p;
}

}  // namespace

TEST(CommitRules, ReadersCommitFirstAndTheWriterLast) {
    const commit_part all[] = {reader(), writer(), reader()};
    EXPECT_EQ(commit_order(all), (order{0, 2, 1}));
}

TEST(CommitRules, WithoutAWriterTheOrderIsTheOrderOfJoining) {
    const commit_part all[] = {reader(), reader()};
    EXPECT_EQ(commit_order(all), (order{0, 1}));
    EXPECT_TRUE(commit_order({}).empty());
}

TEST(CommitRules, WhatJoinedTheHostCommitsWithIt) {
    const commit_part all[] = {host(false), joined(true), reader(), joined(false)};
    EXPECT_EQ(commit_order(all), (order{2, 0}));
}

TEST(CommitRules, AHostThatNobodyWroteInIsAReader) {
    const commit_part all[] = {host(false), joined(false), writer()};
    EXPECT_EQ(commit_order(all), (order{0, 2}));
}

TEST(CommitRules, OnlyWhatSharesTheHostsCommitIsWrittenTogether) {
    EXPECT_TRUE(commit_as_one(host(true), joined(true)));
    EXPECT_TRUE(commit_as_one(joined(true), joined(true)));
    EXPECT_FALSE(commit_as_one(host(true), writer()));
    EXPECT_FALSE(commit_as_one(writer(), writer()));
}
