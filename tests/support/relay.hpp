// relay.hpp: a stretch of network that a test can spoil: what connects to port() is handed on to a server of 127.0.0.1.
//
// Life      Begins to listen when it is made; the destructor closes all. A thread of its own moves the bytes.
// Threads   All members from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace ashlar::test {

class relay {
public:
    explicit relay(std::uint16_t to);
    ~relay();
    relay(const relay&) = delete;
    relay& operator=(const relay&) = delete;

    std::uint16_t port() const noexcept { return port_; }

    void pass();                            // all is well: the state that it begins in
    void delay(std::chrono::milliseconds);  // each byte comes so much later, both ways
    void silence();  // nothing comes through; connections stay open, and new ones are taken and hear nothing
    void cut();      // connections are closed, new ones are closed at once

private:
    enum class mode : std::uint8_t { pass, silence, cut };
    void run();
    void wake() const;

    const std::uint16_t to_;
    std::uint16_t port_ = 0;
    int listening_ = -1, wake_[2] = {-1, -1};
    std::atomic<mode> mode_{mode::pass};
    std::atomic<std::chrono::milliseconds> delay_{std::chrono::milliseconds{0}};
    std::atomic<bool> over_{false};
    std::thread thread_;
};

}  // namespace ashlar::test
