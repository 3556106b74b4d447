// learning_rules.hpp: when the numbers of a database's own types and relations may be read again because an answer held one
// that is not known. Pure.
//
// One at a time reads, the others wait for what it finds. Numbers that were not found (of temporary tables, of types that
// the catalogue database does not have) are not looked for again before a pause, which doubles. Whatever is missing, reading
// takes a fifth of the time at most.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <set>
#include <vector>

namespace ashlar::topology {

class learning_rules {
public:
    static constexpr milliseconds first_pause{1'000}, longest_pause{30'000};
    static constexpr std::size_t in_vain_max = 1'000;

    enum class verdict {
        read,   // the caller reads, and tells how it ended()
        wait,   // somebody else is at it
        rest,   // until rested_at(): time enough went into it
        leave,  // it was in vain not long ago
    };
    verdict ask(instant now, const std::vector<std::uint32_t>& missing);
    instant rested_at() const noexcept { return rested_; }
    // Precondition: ask() said `read`, for the same numbers.
    void ended(instant now, const std::vector<std::uint32_t>& missing, bool found);

private:
    bool seeks_in_vain(const std::vector<std::uint32_t>& missing) const;

    bool under_way_ = false;
    instant began_ = instant::min();
    instant rested_ = instant::min();  // when the next one may begin
    std::set<std::uint32_t> in_vain_;
    instant retry_at_ = instant::min();  // of what was in vain
    milliseconds pause_{0};
};

}  // namespace ashlar::topology
