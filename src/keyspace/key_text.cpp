#include "keyspace/key_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>

namespace ashlar::keyspace {

namespace {

using int64_limits = std::numeric_limits<std::int64_t>;
using int32_limits = std::numeric_limits<std::int32_t>;

constexpr std::chrono::sys_days epoch = std::chrono::sys_days{std::chrono::year{2000} / 1 / 1};
constexpr std::int64_t microseconds_a_day = 86'400'000'000;

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\n\v\f\r";
    auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
    return std::ranges::equal(text, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
}

// +1 for infinity, -1 for -infinity, else 0.
int infinity_sign(std::string_view text) {
    if (equals_ignoring_case(text, "infinity") || equals_ignoring_case(text, "+infinity")) return 1;
    return equals_ignoring_case(text, "-infinity") ? -1 : 0;
}

// Takes parts off the front of a text; any that is not there spoils all.
struct scanner {
    std::string_view rest;
    bool good = true;

    int number(std::size_t digits) {
        if (rest.size() < digits ||
            !std::all_of(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(digits), is_digit)) {
            good = false;
            return 0;
        }
        int value = 0;
        for (char c : rest.substr(0, digits)) value = value * 10 + (c - '0');
        rest.remove_prefix(digits);
        return value;
    }
    bool accepts(char c) {
        if (rest.empty() || rest.front() != c) return false;
        rest.remove_prefix(1);
        return true;
    }
    void expect(char c) { good = accepts(c) && good; }
};

std::optional<std::chrono::sys_days> take_day(scanner& in) {
    int year = in.number(4);
    in.expect('-');
    int month = in.number(2);
    in.expect('-');
    int day = in.number(2);
    std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                     std::chrono::day{static_cast<unsigned>(day)}};
    if (!in.good || year == 0 || !date.ok()) return std::nullopt;
    return std::chrono::sys_days{date};
}

std::optional<std::int64_t> take_time_of_day(scanner& in) {
    int hours = in.number(2);
    in.expect(':');
    int minutes = in.number(2);
    int whole_seconds = in.accepts(':') ? in.number(2) : 0;
    std::int64_t fraction = 0;
    if (in.accepts('.')) {
        std::size_t digits = 0;
        for (; digits < 6 && !in.rest.empty() && is_digit(in.rest.front()); ++digits) {
            fraction = fraction * 10 + (in.rest.front() - '0');
            in.rest.remove_prefix(1);
        }
        in.good = in.good && digits > 0;  // a seventh digit would be rounded; it is left over, and so refused
        for (; digits < 6; ++digits) fraction *= 10;
    }
    if (!in.good || hours > 23 || minutes > 59 || whole_seconds > 59) return std::nullopt;
    return ((hours * 60LL + minutes) * 60 + whole_seconds) * 1'000'000 + fraction;
}

// Microseconds east of Greenwich.
std::optional<std::int64_t> take_offset(scanner& in) {
    if (in.accepts('Z') || in.accepts('z')) return 0;
    int sign = in.accepts('+') ? 1 : in.accepts('-') ? -1 : 0;
    if (sign == 0) return std::nullopt;
    int hours = in.number(2);
    int minutes = in.accepts(':') || !in.rest.empty() ? in.number(2) : 0;
    if (!in.good || hours > 15 || minutes > 59) return std::nullopt;
    return sign * (hours * 60LL + minutes) * 60'000'000;
}

}  // namespace

std::optional<std::int64_t> read_integer(std::string_view text) {
    std::string_view digits = trimmed(text);
    if (auto point = digits.find('.'); point != std::string_view::npos) {
        std::string_view fraction = digits.substr(point + 1);
        if (fraction.find_first_not_of('0') != std::string_view::npos) return std::nullopt;
        digits = digits.substr(0, point);
    }
    if (digits.starts_with('+')) {
        digits.remove_prefix(1);
        if (digits.starts_with('-')) return std::nullopt;
    }
    std::int64_t value = 0;
    auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (failure != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

std::optional<std::int64_t> read_date(std::string_view text) {
    text = trimmed(text);
    if (int sign = infinity_sign(text)) return sign > 0 ? int32_limits::max() : int32_limits::min();
    scanner in{text};
    auto day = take_day(in);
    if (!day || !in.rest.empty()) return std::nullopt;
    return (*day - epoch).count();
}

std::optional<std::int64_t> read_timestamp(std::string_view text, bool none_means_utc) {
    text = trimmed(text);
    if (int sign = infinity_sign(text)) return sign > 0 ? int64_limits::max() : int64_limits::min();
    scanner in{text};
    auto day = take_day(in);
    if (!day) return std::nullopt;
    std::int64_t local = (*day - epoch).count() * microseconds_a_day;
    if (in.rest.empty()) return none_means_utc ? std::optional{local} : std::nullopt;
    if (!in.accepts('T') && !in.accepts(' ')) return std::nullopt;
    auto time = take_time_of_day(in);
    if (!time) return std::nullopt;
    local += *time;
    if (in.rest.empty()) return none_means_utc ? std::optional{local} : std::nullopt;
    auto offset = take_offset(in);
    if (!offset || !in.rest.empty()) return std::nullopt;
    return local - *offset;
}

std::string date_text(std::int64_t days) {
    if (days == int32_limits::max()) return "infinity";
    if (days == int32_limits::min()) return "-infinity";
    std::chrono::year_month_day date{epoch + std::chrono::days{days}};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                       static_cast<unsigned>(date.day()));
}

std::string timestamp_text(std::int64_t microseconds) {
    if (microseconds == int64_limits::max()) return "infinity";
    if (microseconds == int64_limits::min()) return "-infinity";
    std::int64_t days = microseconds / microseconds_a_day;
    std::int64_t rest = microseconds % microseconds_a_day;
    if (rest < 0) {
        rest += microseconds_a_day;
        --days;
    }
    std::int64_t whole = rest / 1'000'000;
    std::string text = fmt::format("{} {:02}:{:02}:{:02}", date_text(days), whole / 3600, whole / 60 % 60, whole % 60);
    if (std::int64_t fraction = rest % 1'000'000) {
        std::string digits = fmt::format(".{:06}", fraction);
        digits.erase(digits.find_last_not_of('0') + 1);
        text += digits;
    }
    return text + "+00";
}

}  // namespace ashlar::keyspace
