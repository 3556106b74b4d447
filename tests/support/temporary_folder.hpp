// temporary_folder.hpp: the test kit's, by the names that the tests use.
//
// When a test fails, the logs in its folders (servers, proxies) are copied to test-logs/<suite>.<test> in the build
// folder before the folders are removed.
#pragma once

#include "testkit/temporary_folder.hpp"

namespace ashlar::test {

using testkit::temporary_folder;

// Sets testkit::keep_logs(). Always true; initialises the constant below in each program that makes folders.
bool keep_logs_of_failed_tests();
inline const bool keeps_logs = keep_logs_of_failed_tests();

}  // namespace ashlar::test
