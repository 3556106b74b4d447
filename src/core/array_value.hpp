// array_value.hpp: the elements of an array that a client sent, one after the other: = ANY looks at all of them, whatever the
// dimensions and their bounds. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar {

// {1,2,"a b",NULL}, {{1,2},{3,4}}, [0:1]={7,12}. A NULL is nullopt. Nothing when it cannot be read: the server will say why.
std::optional<std::vector<std::optional<std::string>>> array_elements(std::string_view text);

struct binary_elements {
    std::uint32_t type = 0;
    std::vector<std::optional<std::string_view>> values;  // a NULL is nullopt; views into what was read
};
std::optional<binary_elements> array_elements_in_binary(std::string_view bytes);

// The oid of the array type of these elements and the way back; 0 = none is known here.
std::uint32_t array_type_of(std::uint32_t element) noexcept;
std::uint32_t element_type_of(std::uint32_t array) noexcept;

}  // namespace ashlar
