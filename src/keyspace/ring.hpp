// ring.hpp: consistent hashing over names with weights.
//
// A node of weight w puts 150·w points on a ring of 2^64 places, point i at the first 16 hex digits of MD5("name:i"). A
// text goes to the first point at or after its own hash, wrapping round. The points are made once and kept sorted; a
// lookup is one MD5 and one binary search. Two nodes' points on one place: the name that sorts first has it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::keyspace {

// The first 16 hex digits of MD5(text) as a number.
std::uint64_t ring_place(std::string_view text);

class ring {
public:
    static constexpr std::uint32_t points_per_weight = 150;

    struct node {
        std::string name;
        std::uint32_t weight = 1;
    };
    struct point {
        std::uint64_t place;
        std::uint32_t node;  // index of the nodes given
    };

    ring() = default;
    explicit ring(const std::vector<node>& nodes);

    // Precondition: at least one point.
    std::uint32_t node_at(std::uint64_t place) const noexcept;
    const std::vector<point>& points() const noexcept { return points_; }  // sorted by place, each place once

private:
    std::vector<point> points_;
};

}  // namespace ashlar::keyspace
