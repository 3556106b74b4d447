#include "keyspace/key_text.hpp"

#include "core/ascii.hpp"
#include "core/moment.hpp"

#include <ashlar/types.hpp>

#include <charconv>
#include <limits>

namespace ashlar::keyspace {

namespace {

using int64_limits = std::numeric_limits<std::int64_t>;
using int32_limits = std::numeric_limits<std::int32_t>;

// With four digits in front it is a year, whatever the DateStyle.
bool begins_with_a_year(std::string_view text) {
    text = trim(text);
    return text.size() > 4 && is_digit(text[0]) && is_digit(text[1]) && is_digit(text[2]) && is_digit(text[3]);
}

bool is_infinite(std::int64_t moment) {
    return moment == int64_limits::max() || moment == int64_limits::min();
}

std::optional<std::int64_t> whole_number(std::string_view digits) {
    std::int64_t value = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<std::int64_t> read_integer(std::string_view text) {
    std::string_view digits = trim(text);
    if (digits.starts_with('+') && digits.size() > 1 && is_digit(digits[1])) digits.remove_prefix(1);
    if (digits.find_first_of(".eE") == std::string_view::npos) return whole_number(digits);
    const auto number = decimal::parse(digits);
    if (!number) return std::nullopt;
    std::string_view canonical = number->to_string();
    const std::size_t point = canonical.find('.');
    if (point != std::string_view::npos) {
        if (canonical.find_first_not_of('0', point + 1) != std::string_view::npos) return std::nullopt;
        canonical = canonical.substr(0, point);
    }
    return whole_number(canonical);
}

std::optional<std::int64_t> read_date(std::string_view text) {
    const auto days = days_since_2000(text);
    if (!days) return std::nullopt;
    if (is_infinite(*days)) return *days > 0 ? int32_limits::max() : int32_limits::min();
    return begins_with_a_year(text) ? std::optional{*days} : std::nullopt;
}

std::optional<std::int64_t> read_timestamp(std::string_view text, bool none_means_utc) {
    const auto at = microseconds_since_2000(text, none_means_utc ? zoneless::is_utc : zoneless::is_refused);
    if (!at || !(is_infinite(*at) || begins_with_a_year(text))) return std::nullopt;
    return *at;
}

std::string date_text(std::int64_t days) {
    if (days == int32_limits::max()) return "infinity";
    if (days == int32_limits::min()) return "-infinity";
    return text_of_days(days);
}

std::string timestamp_text(std::int64_t microseconds) {
    return text_of_microseconds(microseconds);
}

}  // namespace ashlar::keyspace
