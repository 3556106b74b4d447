#include "cli/arguments.hpp"

#include <gmock/gmock.h>

namespace {

using namespace ashlar::cli;
using ::testing::HasSubstr;

std::variant<command, said> parse(std::vector<const char*> words) {
    words.insert(words.begin(), "ashlar");
    return parse_arguments(static_cast<int>(words.size()), words.data());
}

said nothing_to_run(std::vector<const char*> words) {
    auto parsed = parse(std::move(words));
    return std::get<said>(parsed);
}

TEST(Arguments, BecomeTheOptionsOfACommand) {
    auto parsed = parse({"where", "-c", "x.toml", "--json", "1", "2"});
    const auto& asked = std::get<where_options>(std::get<command>(parsed));
    EXPECT_EQ(asked.config, "x.toml");
    EXPECT_TRUE(asked.json);
    EXPECT_THAT(asked.keys, ::testing::ElementsAre("1", "2"));
}

TEST(Arguments, AKeyMayBeNegative) {
    auto parsed = parse({"where", "--", "-7"});
    EXPECT_THAT(std::get<where_options>(std::get<command>(parsed)).keys, ::testing::ElementsAre("-7"));
}

TEST(Arguments, HelpAndVersionEndWell) {
    EXPECT_EQ(nothing_to_run({"--help"}).exit_code, 0);
    EXPECT_EQ(nothing_to_run({"--version"}).exit_code, 0);
    EXPECT_THAT(nothing_to_run({"where", "--help"}).text, HasSubstr("Examples:"));
}

TEST(Arguments, AMisspeltCommandIsGuessed) {
    const said s = nothing_to_run({"chekc"});
    EXPECT_EQ(s.exit_code, 2);
    EXPECT_THAT(s.text, HasSubstr("did you mean `check`?"));
}

TEST(Arguments, NoneAtAllIsAMistakeAndShowsTheHelp) {
    EXPECT_EQ(nothing_to_run({}).exit_code, 2);
    EXPECT_THAT(nothing_to_run({}).text, HasSubstr("First steps:"));
}

TEST(Arguments, AnUnknownOptionIsAMistake) {
    EXPECT_EQ(nothing_to_run({"check", "--jsno"}).exit_code, 2);
}

TEST(Arguments, HelpIsAlsoACommand) {
    EXPECT_EQ(nothing_to_run({"help", "load"}).text, nothing_to_run({"load", "--help"}).text);
    EXPECT_EQ(nothing_to_run({"help", "dev", "start"}).text, nothing_to_run({"dev", "start", "--help"}).text);
    EXPECT_EQ(nothing_to_run({"help"}).text, nothing_to_run({"--help"}).text);
    EXPECT_EQ(nothing_to_run({"help", "load"}).exit_code, 0);
}

TEST(Arguments, TheFileMayStandBeforeTheCommandOrAlone) {
    const auto file_of = [](std::vector<const char*> words) {
        auto parsed = parse(std::move(words));
        return std::get<check_options>(std::get<command>(parsed)).config;
    };
    EXPECT_EQ(file_of({"-c", "x.toml", "check"}), "x.toml");
    EXPECT_EQ(file_of({"--config=x.toml", "check"}), "x.toml");
    EXPECT_EQ(file_of({"check", "x.toml"}), "x.toml");
    EXPECT_EQ(file_of({"check", "x.toml", "--json"}), "x.toml");
    EXPECT_EQ(file_of({"check"}), "ashlar.toml");
    EXPECT_EQ(nothing_to_run({"check", "x.toml", "-c", "y.toml"}).exit_code, 2);
    EXPECT_EQ(nothing_to_run({"-c", "x.toml", "init"}).exit_code, 2);
    auto parsed = parse({"-c", "x.toml", "serve", "--port", "7432"});
    EXPECT_EQ(std::get<serve_options>(std::get<command>(parsed)).config, "x.toml");
}

TEST(Arguments, AnUnknownCommandIsNamed) {
    const said s = nothing_to_run({"frobnicate", "-x"});
    EXPECT_EQ(s.exit_code, 2);
    EXPECT_THAT(s.text, ::testing::StartsWith("ERROR:  There is no command `frobnicate`.\nHINT:   "));
}

TEST(Arguments, CompletionScriptsNameEveryCommand) {
    for (const char* shell : {"bash", "zsh", "fish"}) {
        const said s = nothing_to_run({"completion", shell});
        EXPECT_EQ(s.exit_code, 0);
        for (const char* name :
             {"init", "check", "where", "dev", "serve", "query", "shell", "status", "pools", "load"}) {
            EXPECT_THAT(s.text, HasSubstr(name)) << shell;
        }
        EXPECT_THAT(s.text, HasSubstr("sqlite postgres")) << shell;  // the values of --engine
    }
    EXPECT_EQ(nothing_to_run({"completion", "tcsh"}).exit_code, 2);
}

}  // namespace
