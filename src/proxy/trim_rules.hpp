// trim_rules.hpp: when memory that was freed is worth being given back to the system. The allocator keeps what thousands of
// small objects leave behind; giving it back costs milliseconds, so it is done once a peak is over, and not often. It is done
// once more a while later: other workers may only then have dropped what their clients had. Pure.
#pragma once

#include "core/time.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace ashlar::proxy {

class trim_rules {
public:
    static constexpr std::uint64_t clients_gone_least = 100;
    static constexpr std::uint64_t bytes_gone_least = 32u << 20;
    static constexpr milliseconds apart{5'000};

    struct sight {
        std::uint64_t now = 0, most = 0;  // most: since the last look, so that a short peak is not missed
    };

    // Clients that are there, and bytes that their statements count. True: trim now.
    bool look(sight clients, sight bytes, instant now) noexcept {
        clients_most_ = std::max({clients_most_, clients.now, clients.most});
        bytes_most_ = std::max({bytes_most_, bytes.now, bytes.most});
        const bool clients_gone = clients_most_ - clients.now >= std::max(clients_gone_least, clients_most_ / 4);
        const bool bytes_gone = bytes_most_ - bytes.now >= bytes_gone_least;
        const bool over = clients_gone || bytes_gone;
        if (!(over || once_more_) || now - trimmed_at_ < apart) return false;
        once_more_ = over;
        clients_most_ = clients.now;
        bytes_most_ = bytes.now;
        trimmed_at_ = now;
        return true;
    }

private:
    std::uint64_t clients_most_ = 0;
    std::uint64_t bytes_most_ = 0;
    instant trimmed_at_{};
    bool once_more_ = false;
};

}  // namespace ashlar::proxy
