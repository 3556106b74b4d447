// trim_rules.hpp: when memory that was freed is worth being given back to the system. The allocator keeps what thousands of
// small objects leave behind; giving it back costs milliseconds, so it is done once a peak is over, and not often. Pure.
#pragma once

#include "core/time.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace ashlar::proxy {

class trim_rules {
public:
    static constexpr std::size_t clients_gone_least = 100;
    static constexpr std::uint64_t bytes_gone_least = 32u << 20;
    static constexpr milliseconds apart{5'000};

    // Clients that are there, and bytes that their statements count, at this time. True: trim now.
    bool look(std::size_t clients, std::uint64_t bytes, instant now) noexcept {
        clients_most_ = std::max(clients_most_, clients);
        bytes_most_ = std::max(bytes_most_, bytes);
        const bool clients_gone = clients_most_ - clients >= std::max(clients_gone_least, clients_most_ / 4);
        const bool bytes_gone = bytes_most_ - bytes >= bytes_gone_least;
        if (!(clients_gone || bytes_gone) || now - trimmed_at_ < apart) return false;
        clients_most_ = clients;
        bytes_most_ = bytes;
        trimmed_at_ = now;
        return true;
    }

private:
    std::size_t clients_most_ = 0;
    std::uint64_t bytes_most_ = 0;
    instant trimmed_at_{};
};

}  // namespace ashlar::proxy
