#include "proxy/name_changes.hpp"

#include <gtest/gtest.h>

namespace ashlar::proxy {
namespace {

std::shared_ptr<known_statement> some() {
    return std::make_shared<known_statement>();
}

TEST(NameChanges, WhatComesBehindAnErrorDidNotHappen) {
    statements in;
    name_changes changes;
    const auto kept = some(), closed = some();
    ASSERT_TRUE(in.add("kept", kept));
    changes.statement(3, "kept", nullptr);
    ASSERT_TRUE(in.add("closed", closed));
    in.close("closed");
    changes.statement(5, "closed", closed);
    ASSERT_TRUE(in.add("parsed", some()));
    changes.statement(6, "parsed", nullptr);

    changes.undo_from(4, false, in);

    EXPECT_EQ(in.peek("kept"), kept);
    EXPECT_EQ(in.peek("closed"), closed);
    EXPECT_EQ(in.peek("parsed"), nullptr);
}

TEST(NameChanges, TheUnnamedStatementIsGoneWhenAnotherFailsToParse) {
    statements in;
    name_changes changes;
    const auto old = some();
    ASSERT_TRUE(in.add("", old));
    ASSERT_TRUE(in.add("", some()));
    changes.statement(7, "", old);
    changes.undo_from(7, true, in);
    EXPECT_EQ(in.peek(""), nullptr);
}

TEST(NameChanges, TheUnnamedStatementStaysWhenTheNextParseIsSkipped) {
    statements in;
    name_changes changes;
    const auto old = some();
    ASSERT_TRUE(in.add("", some()));
    changes.statement(7, "", old);
    changes.undo_from(6, true, in);
    EXPECT_EQ(in.peek(""), old);
}

TEST(NameChanges, AParseThatNoServerWasAskedForIsTheLast) {
    statements in;
    name_changes changes;
    ASSERT_TRUE(in.add("a", some()));
    changes.statement(2, "a", nullptr);
    ASSERT_TRUE(in.add("b", some()));
    changes.statement(name_changes::not_asked, "b", nullptr);
    changes.undo_from(name_changes::not_asked, true, in);
    EXPECT_NE(in.peek("a"), nullptr);
    EXPECT_EQ(in.peek("b"), nullptr);

    ASSERT_TRUE(in.add("c", some()));
    changes.statement(name_changes::not_asked, "c", nullptr);
    changes.owed_is(9);
    changes.undo_from(10, false, in);
    EXPECT_NE(in.peek("c"), nullptr);
}

TEST(NameChanges, APortalWhoseBindFailsIsGone) {
    statements in;
    name_changes changes;
    ASSERT_TRUE(in.add_portal("p"));
    changes.portal(4, "p");
    changes.undo_from(4, false, in);
    EXPECT_EQ(in.find_portal("p"), nullptr);
}

}  // namespace
}  // namespace ashlar::proxy
