#include "support/temporary_folder.hpp"

#include "support/text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <exception>

namespace ashlar::test {

namespace {

std::optional<std::string> folder_of_failed_test() {
    const auto& all = *::testing::UnitTest::GetInstance();
    const ::testing::TestInfo* test = all.current_test_info();
    // A test that throws is counted as failed only after its servers are gone.
    const bool failed = test ? test->result()->Failed() || std::uncaught_exceptions() > 0 : all.Failed();
    if (!failed) return std::nullopt;
    const ::testing::TestSuite* suite = all.current_test_suite();
    std::string name = test ? std::string{test->test_suite_name()} + "." + test->name() : suite ? suite->name() : "all";
    std::ranges::replace(name, '/', '_');
    return binary_path("test-logs/" + name);
}

}  // namespace

bool keep_logs_of_failed_tests() {
    testkit::keep_logs(folder_of_failed_test);
    return true;
}

}  // namespace ashlar::test
