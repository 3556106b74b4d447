#include "support/seeds.hpp"

#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace ashlar::test {

namespace {

std::array<char, 80> replay_line{};

void tell_seed(int) {
    std::size_t length = 0;
    while (length < replay_line.size() && replay_line[length] != '\0') ++length;
    (void)!::write(STDERR_FILENO, replay_line.data(), length);
    std::signal(SIGABRT, SIG_DFL);
}

}  // namespace

void for_each_seed(std::uint64_t count, const std::function<void(std::uint64_t seed)>& scene) {
    std::uint64_t first = 1;
    if (const char* only = std::getenv("ASHLAR_SEED"); only != nullptr && *only != '\0') {
        first = std::strtoull(only, nullptr, 10);
        count = 1;
    }
    const auto before = std::signal(SIGABRT, tell_seed);
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        std::snprintf(replay_line.data(), replay_line.size(), "failed with seed %llu; replay: make sim SEED=%llu\n",
                      static_cast<unsigned long long>(seed), static_cast<unsigned long long>(seed));
        scene(seed);
        if (testing::Test::HasFailure()) {
            std::fputs(replay_line.data(), stderr);
            break;
        }
    }
    std::signal(SIGABRT, before);
}

}  // namespace ashlar::test
