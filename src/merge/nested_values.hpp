// nested_values.hpp: reads values that hold values, in PostgreSQL's text and binary format: arrays, ranges, multiranges and
// composites. What the inner bytes mean is for others. Pure; never trusts what it reads.
#pragma once

#include "core/rows.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::merge {

enum class reading : std::uint8_t {
    value,  // there is one more
    end,
    bad,  // the bytes are not of the form
};

// Gives the elements of an array one by one, in storage order.
class array_reader {
public:
    static constexpr std::size_t dimensions_max = 6;  // PostgreSQL's MAXDIM
    struct dimension {
        std::int32_t length = 0, lower_bound = 1;
    };

    array_reader(std::string_view bytes, cell_format format, char delimiter);
    // `element` lives until the next call.
    reading next(cell& element);
    // After the end.
    std::size_t dimensions() const noexcept { return dimensions_; }
    dimension at(std::size_t i) const noexcept { return sizes_[i]; }

private:
    bool read_binary_header();
    bool read_bounds();
    reading next_binary(cell& element);
    reading next_text(cell& element);
    bool read_element(cell& element);
    bool close();

    std::string_view rest_;
    const cell_format format_;
    const char delimiter_;
    bool good_ = true;
    bool any_ = false;        // text: an element was read, which says how deep all are
    std::uint64_t left_ = 0;  // binary: elements
    std::size_t dimensions_ = 0, depth_ = 0;
    std::array<dimension, dimensions_max> sizes_{};
    std::array<std::int64_t, dimensions_max> counted_{};  // text: items of the open braces
    std::string scratch_;
};

struct range_value {
    bool is_empty = false;
    bool has_lower = false, has_upper = false;    // else it has no bound there
    bool with_lower = false, with_upper = false;  // inclusive
    std::string lower, upper;
};

// One range from the front of `rest`, which is shortened by it. False: it is none.
bool read_range(std::string_view& rest, range_value& into);
bool read_binary_range(std::string_view bytes, range_value& into);

// Gives the ranges of a multirange one by one.
class multirange_reader {
public:
    multirange_reader(std::string_view bytes, cell_format format);
    reading next(range_value& into);

private:
    std::string_view rest_;
    const cell_format format_;
    bool good_ = true;
    std::uint32_t left_ = 0;
};

// Gives the columns of a composite one by one.
class record_reader {
public:
    // `width`: how many columns the type has; the text of one NULL is that of no column.
    record_reader(std::string_view bytes, cell_format format, std::size_t width);
    reading next(cell& column);

private:
    reading next_text(cell& column);
    reading next_binary(cell& column);

    std::string_view rest_;
    const cell_format format_;
    bool good_ = true, first_ = true;
    std::size_t left_ = 0;
    std::string scratch_;
};

}  // namespace ashlar::merge
