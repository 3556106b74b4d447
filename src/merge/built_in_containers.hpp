// built_in_containers.hpp: PostgreSQL's own types that hold values of another one: arrays, ranges and multiranges of those that
// have an order. Pure.
#pragma once

#include "core/own_type.hpp"

#include <cstdint>
#include <string_view>

namespace ashlar::merge {

struct container_type {
    std::uint32_t type = 0, inner = 0;
    own_type::kind what = own_type::kind::array;
    std::string_view name;  // of ranges and multiranges
};
// nullptr: it is none.
const container_type* built_in_container(std::uint32_t type) noexcept;

}  // namespace ashlar::merge
