// becomes.hpp: waits for a condition that other processes bring about.
#pragma once

#include <chrono>
#include <thread>

namespace ashlar::test {

// Asks again and again until the condition holds; false after two minutes, which a busy machine may need.
template <class Condition>
bool becomes(Condition&& condition) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{120};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > give_up) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
}

}  // namespace ashlar::test
