// Configuration files broken in every way we could think of, each with the messages it must give: tests/golden/config/
// NAME.toml and NAME.expected. `make golden-accept` rewrites the expectations; read the diff.

#include "config/load.hpp"
#include "support/text.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace {

using namespace ashlar;

// What ${…} in the files stands for. The secret must not show in any message.
constexpr std::string_view secret = "pw-7c1f";
std::optional<std::string> variable(std::string_view name) {
    if (name == "SHOP_URL") return "postgres://shop:" + std::string{secret} + "@db1/shop";
    if (name == "BROKEN_URL") return "shop:" + std::string{secret} + "@db1/shop";
    if (name == "SECRET") return std::string{secret};
    if (name == "EMPTY") return "";
    if (name == "PORT") return "6433";
    return std::nullopt;
}

std::vector<std::string> cases() {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator{test::source_path("tests/golden/config")}) {
        if (file.path().extension() == ".toml") names.push_back(file.path().stem());
    }
    std::sort(names.begin(), names.end());
    return names;
}

class BrokenFile : public ::testing::TestWithParam<std::string> {};

TEST_P(BrokenFile, GivesTheseMessages) {
    const std::string base = test::source_path("tests/golden/config/" + GetParam());
    const config::reading_result got = config::read(test::read_file(base + ".toml"), "ashlar.toml", variable);
    const std::string said = config::to_string(got.wrong, "ashlar.toml") + "\n";

    EXPECT_FALSE(got.is_good()) << "nothing is wrong with this file";
    EXPECT_THAT(said, ::testing::Not(::testing::HasSubstr(std::string{secret})));
    if (std::getenv("ASHLAR_GOLDEN_ACCEPT") != nullptr) std::ofstream{base + ".expected"} << said;
    EXPECT_EQ(said, test::read_file(base + ".expected"));
}

INSTANTIATE_TEST_SUITE_P(Config, BrokenFile, ::testing::ValuesIn(cases()),
                         [](const auto& param) { return param.param; });

TEST(BrokenFiles, AreAtLeastFifty) {
    EXPECT_GE(cases().size(), 50u);
}

}  // namespace
