#include "core/regex.hpp"

#include <gtest/gtest.h>

using namespace ashlar;

namespace {

// The first match, or the SQLSTATE.
std::string found(std::string_view pattern, std::string_view text, bool ignores_case = false) {
    regex::options how;
    how.ignores_case = ignores_case;
    const auto p = regex::compile(pattern, how);
    if (!p) return std::string{p.error().sqlstate()};
    const auto m = p->find(text);
    EXPECT_EQ(m.has_value(), p->is_in(text)) << pattern;
    return m ? "<" + std::string{text.substr(m->begin, m->end - m->begin)} + ">" : "none";
}

// All values as PostgreSQL 15 gives them.
TEST(Regex, FindsTheLeftmostAndThenTheLongestOrTheShortest) {
    EXPECT_EQ(found("a|ab|abc", "xabcd"), "<abc>");
    EXPECT_EQ(found("b.*", "abab"), "<bab>");
    EXPECT_EQ(found("b.*?", "abab"), "<b>");
    EXPECT_EQ(found("(?:xyz|z)+", "azzxyz"), "<zzxyz>");
    EXPECT_EQ(found("a{2,3}", "aaaa"), "<aaa>");
    EXPECT_EQ(found("x*", "aa"), "<>");
    EXPECT_EQ(found("c", "aa"), "none");
}

TEST(Regex, KnowsClassesEscapesAndConstraints) {
    EXPECT_EQ(found("\\d{3}-\\d+", "tel 555-1234"), "<555-1234>");
    EXPECT_EQ(found("[[:upper:]]\\w*", "anna Zoë"), "<Zoë>");
    EXPECT_EQ(found("[]x-]+", "a]-x"), "<]-x>");
    EXPECT_EQ(found("\\mb", "ab b"), "<b>");
    EXPECT_EQ(found("^b", "a\nb"), "none");
    EXPECT_EQ(found("ZOË", "zoë", true), "<zoë>");
    EXPECT_EQ(found("(?i)a", "A"), "<A>");
}

TEST(Regex, WhatIsWrongOrLackingIsSaid) {
    for (const char* wrong :
         {"(", ")", "[a", "a**", "*a", "a{2", "a{3,2}", "a{300}", "\\q", "[b-a]", "[[:nothing:]]", "a\\"}) {
        EXPECT_EQ(found(wrong, "a"), "2201B") << wrong;
    }
    for (const char* lacking : {"(a)\\1", "[\\1]", "(?=a)", "(?n)a", "***=a", "[[.a.]]"})
        EXPECT_EQ(found(lacking, "a"), "0A000") << lacking;
    for (const std::string& large : {std::string{"((a{200}){200}){200}"}, std::string(5'000, 'a')})
        EXPECT_EQ(found(large, "a"), "0A000");
}

TEST(Regex, NamedClassesOfCaseMeanLettersWhereCaseIsIgnored) {
    EXPECT_EQ(found("[[:upper:]]+", "ßa", true), "<ßa>");
    EXPECT_EQ(found("(?i)[[:lower:]]+", "ßA"), "<ßA>");
    EXPECT_EQ(found("[[:ascii:]]+", "éab"), "<ab>");
}

TEST(Regex, WhatIsRepeatedNoTimesHasNoPreference) {
    EXPECT_EQ(found("a{0,0}?b*", "bb"), "<bb>");
    EXPECT_EQ(found("(?:a*?){0}b*", "bb"), "<bb>");
}

TEST(Regex, EmptyPartsAreNotWrittenAgainAndAgain) {
    std::string nested = "()";
    for (int i = 0; i < 50; ++i) nested = "(" + nested + "{255})";
    EXPECT_EQ(found(nested, "a"), "<>");
    std::string set = "[";
    for (int i = 0; i < 50'000; ++i) set += i % 2 == 0 ? "a" : "b";
    EXPECT_EQ(found(set + "]{255}", std::string(100'000, 'b')), "<" + std::string(255, 'b') + ">");
}

TEST(Regex, ASearchCanBeStopped) {
    int looks = 0;
    const auto p = regex::compile("(?:a*){30}b", {}).value();
    const auto asked = [](void* of) { return ++*static_cast<int*>(of) > 1 ? 1 : 0; };
    EXPECT_FALSE(p.find(std::string(10'000'000, 'a'), 0, {asked, &looks}));
    EXPECT_EQ(looks, 2);
}

TEST(Regex, TakesTimeThatIsLinearInTheText) {
    EXPECT_EQ(found("(?:a*)*(?:a|aa)*b", std::string(20'000, 'a')), "none");
}

TEST(Regex, SimilarPatternsAreTranslated) {
    EXPECT_EQ(similar_pattern("a%_(b|c)", "\\").value(), "^(?:a.*.(?:b|c))$");
    EXPECT_EQ(similar_pattern("a!%.", "!").value(), "^(?:a\\%\\.)$");
    EXPECT_EQ(similar_pattern("[%a]", "\\").value(), "^(?:[%a])$");
    EXPECT_FALSE(similar_pattern("a\\\"b", "\\"));
}

}  // namespace
