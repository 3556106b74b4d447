// ashlar_command.hpp: the program `ashlar` as this build made it, without colours, and given up after three minutes.
#pragma once

#include "support/process.hpp"
#include "support/text.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace ashlar::test {

inline command ashlar_command(std::vector<std::string> words, std::string input = "") {
    command what;
    words.insert(words.begin(), binary_path("bin/ashlar"));
    what.arguments = std::move(words);
    what.input = std::move(input);
    what.environment["NO_COLOR"] = "1";
    what.timeout = std::chrono::minutes{3};
    return what;
}

inline command_result run_ashlar(std::vector<std::string> words, std::string input = "") {
    return run(ashlar_command(std::move(words), std::move(input)));
}

}  // namespace ashlar::test
