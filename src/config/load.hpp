// load.hpp: ashlar.toml → a checked description, or every mistake in it at once.
//
// read() is pure: it is handed the text and the environment. load() reads the file, too.
//
//     auto described = config::load("ashlar.toml", config::process_environment());
//     if (!described) return std::move(described).error();   // config_invalid; its detail lists all mistakes
#pragma once

#include "config/description.hpp"
#include "config/environment.hpp"
#include "config/mistake.hpp"

#include <ashlar/result.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace ashlar::config {

// All that is known after reading. `what` is whole only without mistakes.
struct reading_result {
    description what;
    std::vector<mistake> wrong;       // in the order of the file
    std::vector<std::string> advice;  // good enough to start with, but worth knowing: an engine without a
                                      // driver yet, keys that no range owns
    bool is_good() const noexcept { return wrong.empty(); }
};

// `file` is the path for messages; relative SQLite paths are resolved against its folder.
reading_result read(std::string_view text, std::string_view file, const environment& variables);
// The same from disk. A file that cannot be read is a mistake like any other.
reading_result read_file(const std::string& path, const environment& variables);

// Fails with config_invalid, all mistakes in its detail, a line or more each.
result<description> load(const std::string& path, const environment& variables);
// The error for a reading that has mistakes.
error to_error(const reading_result& bad);

}  // namespace ashlar::config
