#include "proxy/statements.hpp"

#include <gtest/gtest.h>

namespace ashlar::proxy {
namespace {

constexpr std::uint64_t mib = 1u << 20;

std::shared_ptr<known_statement> with_text(std::size_t bytes) {
    auto out = std::make_shared<known_statement>();
    out->text.assign(bytes, 'x');
    return out;
}

struct client {
    explicit client(const std::shared_ptr<memory_bound>& of) : account(of) {}
    memory_account account;
    statements has{&account};
};

TEST(Statements, ATextIsOnTheAccountOfOneOfThoseWhoHaveIt) {
    const auto bound = std::make_shared<memory_bound>(0);
    const auto text = with_text(mib);
    client first{bound}, third{bound};
    {
        client second{bound};
        ASSERT_TRUE(first.has.add("s", text));
        const std::uint64_t once = first.account.bytes();
        EXPECT_GE(once, mib);
        ASSERT_TRUE(first.has.add("t", text));
        ASSERT_TRUE(second.has.add("s", text));
        ASSERT_TRUE(third.has.add("s", text));
        EXPECT_EQ(first.account.bytes(), once) << "a second name is not a second text";
        EXPECT_EQ(second.account.bytes() + third.account.bytes(), 0u);
        first.has.close("s");
        EXPECT_EQ(first.account.bytes(), once);
        first.has.close_all();
        EXPECT_EQ(first.account.bytes(), 0u);
        EXPECT_EQ(second.account.bytes(), once) << "the next one has it now";
    }
    EXPECT_GE(third.account.bytes(), mib);
    third.has.put_back("s", nullptr);
    EXPECT_EQ(third.account.bytes(), 0u);
    EXPECT_TRUE(text->named_by.empty());
}

TEST(Statements, ARefusedTextLeavesNoName) {
    const auto bound = std::make_shared<memory_bound>(20 * mib);
    client c{bound};
    ASSERT_TRUE(c.has.add("s", with_text(mib)));
    const std::uint64_t before = c.account.bytes();
    const status refused = c.has.add("t", with_text(10 * mib));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::memory_exhausted);
    EXPECT_EQ(c.has.peek("t"), nullptr);
    EXPECT_EQ(c.account.bytes(), before);
    EXPECT_EQ(c.has.named(), 1u);
}

TEST(Statements, ALongUnnamedTextCountsUntilTheNextOne) {
    const auto bound = std::make_shared<memory_bound>(0);
    client c{bound};
    ASSERT_TRUE(c.has.add("", with_text(mib)));
    EXPECT_GE(c.account.bytes(), mib);
    ASSERT_TRUE(c.has.add("", with_text(100)));
    EXPECT_EQ(c.account.bytes(), 0u);
    c.has.put_back("", with_text(mib));
    EXPECT_GE(c.account.bytes(), mib);
    c.has.close("");
    EXPECT_EQ(c.account.bytes(), 0u);
}

TEST(Statements, ParametersCountWhileTheirPortalIsOpen) {
    const auto bound = std::make_shared<memory_bound>(10 * mib);
    client c{bound};
    const std::string value(4 * mib, 'p');
    const std::vector<cell> given{cell{value}, cell{}};
    for (const char* const name : {"", "named", ""}) {
        auto made = c.has.add_portal(name);
        ASSERT_TRUE(made);
        ASSERT_TRUE(c.has.keep_parameters(**made, given));
        EXPECT_EQ((*made)->parameters.size(), 2u);
    }
    EXPECT_GE(c.account.bytes(), 8 * mib);
    EXPECT_LT(c.account.bytes(), 9 * mib);
    auto more = c.has.add_portal("more");
    ASSERT_TRUE(more);
    EXPECT_FALSE(c.has.keep_parameters(**more, given));
    c.has.close_portal("more");
    c.has.close_portal("named");
    EXPECT_LT(c.account.bytes(), 5 * mib);
    c.has.close_portals();
    EXPECT_EQ(c.account.bytes(), 0u);
}

}  // namespace
}  // namespace ashlar::proxy
