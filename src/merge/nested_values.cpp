#include "merge/nested_values.hpp"

#include "core/codec.hpp"

#include <algorithm>
#include <charconv>

namespace ashlar::merge {

namespace {

// Binary: a length, or -1 for NULL, and so many bytes.
bool take_sized(std::string_view& rest, cell& into) {
    if (rest.size() < 4) return false;
    const auto size = static_cast<std::int32_t>(wire::read32(rest));
    rest.remove_prefix(4);
    into.reset();
    if (size == -1) return true;
    if (size < 0 || static_cast<std::size_t>(size) > rest.size()) return false;
    into = rest.substr(0, static_cast<std::size_t>(size));
    rest.remove_prefix(static_cast<std::size_t>(size));
    return true;
}

bool take_char(std::string_view& rest, char wanted) {
    if (!rest.starts_with(wanted)) return false;
    rest.remove_prefix(1);
    return true;
}

bool take_whole(std::string_view& rest, std::int32_t& into) {
    const auto [end, failed] = std::from_chars(rest.data(), rest.data() + rest.size(), into);
    if (failed != std::errc{}) return false;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    return true;
}

// Behind an opening quote, up to the closing one, which is taken too. A backslash takes the next character as it is; so do two quotes,
// where `doubled`.
bool take_quoted(std::string_view& rest, std::string& into, bool doubled) {
    into.clear();
    while (!rest.empty()) {
        char c = rest.front();
        rest.remove_prefix(1);
        if (c == '"') {
            if (!doubled || !rest.starts_with('"')) return true;
            rest.remove_prefix(1);
        } else if (c == '\\') {
            if (rest.empty()) return false;
            c = rest.front();
            rest.remove_prefix(1);
        }
        into += c;
    }
    return false;
}

// A range's bound or a composite's column: up to one of `ends`, which stays. False: nothing is written there.
bool take_field(std::string_view& rest, std::string& into, std::string_view ends, bool& good) {
    into.clear();
    bool any = false;
    std::string quoted;
    while (!rest.empty() && ends.find(rest.front()) == ends.npos) {
        any = true;
        if (take_char(rest, '"')) {
            good = good && take_quoted(rest, quoted, true);
            into += quoted;
            continue;
        }
        (void)take_char(rest, '\\');
        if (rest.empty()) break;
        into += rest.front();
        rest.remove_prefix(1);
    }
    good = good && !rest.empty();
    return any;
}

}  // namespace

// --- arrays ----------------------------------------------------------------------------------------------------------

array_reader::array_reader(std::string_view bytes, cell_format format, char delimiter)
    : rest_(bytes), format_(format), delimiter_(delimiter) {
    good_ = format == cell_format::binary ? read_binary_header() : read_bounds();
}

// Dimensions, a flag, the elements' type; then length and lower bound of each dimension.
bool array_reader::read_binary_header() {
    if (rest_.size() < 12) return false;
    dimensions_ = wire::read32(rest_);
    rest_.remove_prefix(12);
    if (dimensions_ > dimensions_max || rest_.size() < 8 * dimensions_) return false;
    left_ = dimensions_ == 0 ? 0 : 1;
    for (std::size_t i = 0; i < dimensions_; ++i) {
        sizes_[i] = {static_cast<std::int32_t>(wire::read32(rest_)),
                     static_cast<std::int32_t>(wire::read32(rest_.substr(4)))};
        rest_.remove_prefix(8);
        if (sizes_[i].length < 0) return false;
        left_ *= static_cast<std::uint64_t>(sizes_[i].length);
        if (left_ > rest_.size()) return left_ == 0;  // each takes four bytes at least
    }
    return true;
}

// "[0:1][2:2]=", where lower bounds are not 1.
bool array_reader::read_bounds() {
    if (!rest_.starts_with('[')) return true;
    std::size_t at = 0;
    while (take_char(rest_, '[')) {
        std::int32_t upper = 0;
        if (at == dimensions_max || !take_whole(rest_, sizes_[at].lower_bound) || !take_char(rest_, ':') ||
            !take_whole(rest_, upper) || !take_char(rest_, ']')) {
            return false;
        }
        ++at;
    }
    return take_char(rest_, '=');
}

reading array_reader::next(cell& element) {
    if (!good_) return reading::bad;
    const reading got = format_ == cell_format::binary ? next_binary(element) : next_text(element);
    good_ = got != reading::bad;
    return got;
}

reading array_reader::next_binary(cell& element) {
    if (left_ == 0) return rest_.empty() ? reading::end : reading::bad;
    --left_;
    return take_sized(rest_, element) ? reading::value : reading::bad;
}

reading array_reader::next_text(cell& element) {
    for (;;) {
        if (rest_.empty()) return reading::bad;
        if (take_char(rest_, '{')) {
            if (depth_ == dimensions_max || (any_ && depth_ == dimensions_)) return reading::bad;
            counted_[depth_++] = 0;
            dimensions_ = std::max(dimensions_, depth_);
        } else if (take_char(rest_, '}')) {
            if (!close()) return reading::bad;
            if (depth_ > 0) continue;
            if (sizes_[0].length == 0) dimensions_ = 0;  // {}
            return rest_.empty() ? reading::end : reading::bad;
        } else if (!take_char(rest_, delimiter_)) {
            if (depth_ == 0 || depth_ != dimensions_ || !read_element(element)) return reading::bad;
            any_ = true;
            ++counted_[depth_ - 1];
            return reading::value;
        }
    }
}

// All braces of one depth hold as many items.
bool array_reader::close() {
    if (depth_ == 0) return false;
    --depth_;
    if (counted_[depth_] > INT32_MAX) return false;
    const auto length = static_cast<std::int32_t>(counted_[depth_]);
    std::int32_t& known = sizes_[depth_].length;
    if (known != 0 && known != length) return false;
    known = length;
    if (depth_ > 0) ++counted_[depth_ - 1];
    return true;
}

bool array_reader::read_element(cell& element) {
    if (take_char(rest_, '"')) {
        if (!take_quoted(rest_, scratch_, false)) return false;
        element = scratch_;
        return true;
    }
    scratch_.clear();
    bool escaped = false;
    while (!rest_.empty() && rest_.front() != delimiter_ && rest_.front() != '}') {
        if (take_char(rest_, '\\')) {
            escaped = true;
            if (rest_.empty()) return false;
        }
        scratch_ += rest_.front();
        rest_.remove_prefix(1);
    }
    if (!escaped && scratch_ == "NULL")
        element.reset();
    else
        element = scratch_;
    return !rest_.empty();
}

// --- ranges ----------------------------------------------------------------------------------------------------------

bool read_range(std::string_view& rest, range_value& into) {
    into = {};
    if (rest.starts_with("empty")) {
        rest.remove_prefix(5);
        into.is_empty = true;
        return true;
    }
    into.with_lower = rest.starts_with('[');
    if (!take_char(rest, '[') && !take_char(rest, '(')) return false;
    bool good = true;
    into.has_lower = take_field(rest, into.lower, ",", good);
    if (!good || !take_char(rest, ',')) return false;
    into.has_upper = take_field(rest, into.upper, ")]", good);
    if (!good) return false;
    into.with_upper = rest.front() == ']';
    rest.remove_prefix(1);
    return true;
}

bool read_binary_range(std::string_view bytes, range_value& into) {
    constexpr unsigned empty = 1, lower_inclusive = 2, upper_inclusive = 4, no_lower = 8, no_upper = 16;
    into = {};
    if (bytes.empty()) return false;
    const auto flags = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    into.is_empty = (flags & empty) != 0;
    into.with_lower = (flags & lower_inclusive) != 0;
    into.with_upper = (flags & upper_inclusive) != 0;
    into.has_lower = !into.is_empty && (flags & no_lower) == 0;
    into.has_upper = !into.is_empty && (flags & no_upper) == 0;
    cell bound;
    if (into.has_lower) {
        if (!take_sized(bytes, bound) || !bound) return false;
        into.lower = *bound;
    }
    if (into.has_upper) {
        if (!take_sized(bytes, bound) || !bound) return false;
        into.upper = *bound;
    }
    return bytes.empty();
}

multirange_reader::multirange_reader(std::string_view bytes, cell_format format) : rest_(bytes), format_(format) {
    if (format == cell_format::text) {
        good_ = take_char(rest_, '{');
    } else if (rest_.size() < 4) {
        good_ = false;
    } else {
        left_ = wire::read32(rest_);
        rest_.remove_prefix(4);
    }
}

reading multirange_reader::next(range_value& into) {
    if (!good_) return reading::bad;
    good_ = false;
    if (format_ == cell_format::binary) {
        if (left_ == 0) return rest_.empty() ? reading::end : reading::bad;
        --left_;
        cell bytes;
        good_ = take_sized(rest_, bytes) && bytes && read_binary_range(*bytes, into);
    } else {
        (void)take_char(rest_, ',');
        if (take_char(rest_, '}')) return rest_.empty() ? reading::end : reading::bad;
        good_ = read_range(rest_, into);
    }
    return good_ ? reading::value : reading::bad;
}

// --- composites --------------------------------------------------------------------------------------------------------

record_reader::record_reader(std::string_view bytes, cell_format format, std::size_t width)
    : rest_(bytes), format_(format), left_(width) {
    if (format == cell_format::text) {
        good_ = take_char(rest_, '(');
    } else if (rest_.size() < 4 || wire::read32(rest_) != width) {
        good_ = false;
    } else {
        rest_.remove_prefix(4);
    }
}

reading record_reader::next(cell& column) {
    if (!good_) return reading::bad;
    const reading got = format_ == cell_format::binary ? next_binary(column) : next_text(column);
    good_ = got == reading::value;
    return got;
}

reading record_reader::next_binary(cell& column) {
    if (left_ == 0) return rest_.empty() ? reading::end : reading::bad;
    --left_;
    if (rest_.size() < 4) return reading::bad;
    rest_.remove_prefix(4);  // the column's type
    return take_sized(rest_, column) ? reading::value : reading::bad;
}

reading record_reader::next_text(cell& column) {
    if (left_ == 0) return rest_ == ")" ? reading::end : reading::bad;
    if (!first_ && !take_char(rest_, ',')) return reading::bad;
    first_ = false;
    --left_;
    bool good = true;
    const bool any = take_field(rest_, scratch_, ",)", good);
    if (any)
        column = scratch_;
    else
        column.reset();
    return good ? reading::value : reading::bad;
}

}  // namespace ashlar::merge
