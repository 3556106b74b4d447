// further_types.hpp: the order and the equality of types beside numbers, text and moments: times, intervals, networks, bits, and
// those whose values are equal when their bytes are. Apart from key_order, which knows columns. Pure.
#pragma once

#include "core/rows.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::merge {

enum class comparable : std::uint8_t {
    no,        // not known here
    as_equal,  // two values can be told to be equal or not
    in_order,  // and which comes first
};

comparable further_type(std::uint32_t type) noexcept;

// Appends ordering bytes, as order_bytes has them. Precondition: further_type() is not `no`. Fails with bad_value.
status append_further(std::string& out, std::string_view bytes, std::uint32_t type, cell_format format);

}  // namespace ashlar::merge
