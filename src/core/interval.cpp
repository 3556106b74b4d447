#include "core/interval.hpp"

#include "core/ascii.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>
#include <vector>

namespace ashlar {

namespace {

constexpr std::int64_t per_second = 1'000'000, per_day = 86'400 * per_second;
__extension__ using wide = __int128;

error no_interval(std::string_view text) {
    constexpr std::size_t shown_max = 100;
    return error{errc::bad_value,
                 fmt::format("invalid input syntax for type interval: \"{}\"", text.substr(0, shown_max))}
        .sqlstate("22007");
}
error interval_out_of_range(std::string_view text) {
    constexpr std::size_t shown_max = 100;
    return error{errc::bad_value, fmt::format("interval field value out of range: \"{}\"", text.substr(0, shown_max))}
        .sqlstate("22015");
}

// A number as it is written: its whole part, and what follows the point in millionths of a millionth.
struct amount {
    bool negative = false;
    std::int64_t whole = 0;
    double fraction = 0;
};

std::optional<amount> amount_of(std::string_view text) {
    amount out;
    if (text.starts_with('-') || text.starts_with('+')) {
        out.negative = text.front() == '-';
        text.remove_prefix(1);
    }
    const std::size_t point = text.find('.');
    const std::string_view whole = text.substr(0, point);
    const std::string_view rest = point == text.npos ? std::string_view{} : text.substr(point + 1);
    if (whole.empty() && rest.empty()) return std::nullopt;
    constexpr std::size_t digits_max = 18;
    if (whole.size() > digits_max || rest.size() > digits_max) return std::nullopt;
    for (const char c : whole) {
        if (!is_digit(c)) return std::nullopt;
        out.whole = out.whole * 10 + (c - '0');
    }
    double unit = 0.1;
    for (const char c : rest) {
        if (!is_digit(c)) return std::nullopt;
        out.fraction += (c - '0') * unit;
        unit /= 10;
    }
    return out;
}

class interval_sum {
public:
    bool add_months(const amount& n, std::int64_t per) {
        // the part of a year becomes months, that of a month days of 30
        const double months = n.fraction * static_cast<double>(per);
        if (per == 1) return add(months_, n, 1) && add_days_part(n.fraction * 30, n.negative);
        return add(months_, n, per) && add(months_, {n.negative, std::llrint(months), 0}, 1);
    }
    bool add_days(const amount& n, std::int64_t per) {
        return add(days_, n, per) && add_days_part(n.fraction * static_cast<double>(per), n.negative);
    }
    bool add_time(const amount& n, std::int64_t per) {
        const auto part = static_cast<std::int64_t>(std::llrint(n.fraction * static_cast<double>(per)));
        return add(time_, n, per) && add(time_, {n.negative, part, 0}, 1);
    }
    void negate() {
        months_ = -months_;
        days_ = -days_;
        time_ = -time_;
    }
    std::optional<interval> made() const {
        if (months_ != static_cast<std::int32_t>(months_) || days_ != static_cast<std::int32_t>(days_) ||
            time_ != static_cast<std::int64_t>(time_)) {
            return std::nullopt;
        }
        return interval{static_cast<std::int32_t>(months_), static_cast<std::int32_t>(days_),
                        static_cast<std::int64_t>(time_)};
    }

private:
    static bool add(wide& to, const amount& n, std::int64_t per) {
        const wide all = static_cast<wide>(n.whole) * per;
        to += n.negative ? -all : all;
        return true;
    }
    bool add_days_part(double days, bool negative) {
        const double whole = std::trunc(days);
        add(days_, {negative, static_cast<std::int64_t>(whole), 0}, 1);
        return add(time_, {negative, std::llrint((days - whole) * static_cast<double>(per_day)), 0}, 1);
    }
    wide months_ = 0, days_ = 0, time_ = 0;
};

struct interval_unit {
    std::string_view name;
    enum class kind : std::uint8_t { months, days, time } what;
    std::int64_t size;
};
constexpr auto interval_units = std::to_array<interval_unit>({
    {"microsecond", interval_unit::kind::time, 1},
    {"us", interval_unit::kind::time, 1},
    {"usec", interval_unit::kind::time, 1},
    {"millisecond", interval_unit::kind::time, 1'000},
    {"ms", interval_unit::kind::time, 1'000},
    {"msec", interval_unit::kind::time, 1'000},
    {"second", interval_unit::kind::time, per_second},
    {"sec", interval_unit::kind::time, per_second},
    {"s", interval_unit::kind::time, per_second},
    {"minute", interval_unit::kind::time, 60 * per_second},
    {"min", interval_unit::kind::time, 60 * per_second},
    {"m", interval_unit::kind::time, 60 * per_second},
    {"hour", interval_unit::kind::time, 3600 * per_second},
    {"hr", interval_unit::kind::time, 3600 * per_second},
    {"h", interval_unit::kind::time, 3600 * per_second},
    {"day", interval_unit::kind::days, 1},
    {"d", interval_unit::kind::days, 1},
    {"week", interval_unit::kind::days, 7},
    {"w", interval_unit::kind::days, 7},
    {"month", interval_unit::kind::months, 1},
    {"mon", interval_unit::kind::months, 1},
    {"year", interval_unit::kind::months, 12},
    {"yr", interval_unit::kind::months, 12},
    {"y", interval_unit::kind::months, 12},
    {"decade", interval_unit::kind::months, 120},
    {"dec", interval_unit::kind::months, 120},
    {"century", interval_unit::kind::months, 1200},
    {"centurie", interval_unit::kind::months, 1200},
    {"cent", interval_unit::kind::months, 1200},
    {"millennium", interval_unit::kind::months, 12'000},
    {"millennia", interval_unit::kind::months, 12'000},
    {"mil", interval_unit::kind::months, 12'000},
});

const interval_unit* unit_named(std::string_view name) {
    for (const interval_unit& each : interval_units) {
        if (each.name == name) return &each;
    }
    if (name.size() > 1 && name.ends_with('s')) return unit_named(name.substr(0, name.size() - 1));
    return nullptr;
}

bool add(interval_sum& to, const amount& n, const interval_unit& of) {
    switch (of.what) {
        case interval_unit::kind::months:
            return to.add_months(n, of.size);
        case interval_unit::kind::days:
            return to.add_days(n, of.size);
        default:
            return to.add_time(n, of.size);
    }
}

// "[+-]hours:minutes[:seconds[.fraction]]"
bool add_clock(interval_sum& to, std::string_view word) {
    const bool negative = word.starts_with('-');
    if (negative || word.starts_with('+')) word.remove_prefix(1);
    constexpr std::int64_t sizes[] = {3600 * per_second, 60 * per_second, per_second};
    for (std::size_t i = 0; i < 3 && !word.empty(); ++i) {
        const std::size_t colon = std::min(word.find(':'), word.size());
        auto part = amount_of(word.substr(0, colon));
        const bool last = colon == word.size();
        if (!part || part->negative || (part->fraction != 0 && (!last || i < 2)) || (i > 0 && part->whole > 59))
            return false;
        part->negative = negative;
        if (!to.add_time(*part, sizes[i])) return false;
        if (last) return i > 0;
        word.remove_prefix(colon + 1);
    }
    return false;
}

// "P1Y2M3W4DT5H6M7.8S"
bool add_iso(interval_sum& to, std::string_view text) {
    text.remove_prefix(1);
    bool time = false, some = false;
    while (!text.empty()) {
        if (text.front() == 't' && !time) {
            time = true;
            text.remove_prefix(1);
            continue;
        }
        const std::size_t end = text.find_first_not_of("+-.0123456789");
        if (end == 0 || end == text.npos) return false;
        const auto n = amount_of(text.substr(0, end));
        const char letter = text[end];
        text.remove_prefix(end + 1);
        if (!n) return false;
        some = true;
        const std::string_view name = time ? (letter == 'h'   ? "hour"
                                              : letter == 'm' ? "minute"
                                              : letter == 's' ? "second"
                                                              : "")
                                           : (letter == 'y'   ? "year"
                                              : letter == 'm' ? "month"
                                              : letter == 'w' ? "week"
                                              : letter == 'd' ? "day"
                                                              : "");
        const interval_unit* const of = unit_named(name);
        if (of == nullptr || !add(to, *n, *of)) return false;
    }
    return some;
}

bool is_letter(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// A number ends where its unit begins: "1day".
std::vector<std::string> words_in(std::string_view text) {
    std::vector<std::string> out;
    char before = ' ';
    for (const char c : text) {
        const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',';
        const bool letter = is_letter(c);
        const bool begins = !blank && (before == ' ' || letter != is_letter(before));
        if (begins) out.emplace_back();
        if (!blank) out.back() += c;
        before = blank ? ' ' : c;
    }
    return out;
}

bool add_words(interval_sum& to, std::string_view text) {
    std::vector<std::string> words = words_in(text);
    bool ago = false;
    if (!words.empty() && words.front() == "@") words.erase(words.begin());
    if (!words.empty() && words.back() == "ago") {
        ago = true;
        words.pop_back();
    }
    if (words.empty()) return false;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i].find(':') != std::string::npos) {
            if (!add_clock(to, words[i])) return false;
            continue;
        }
        if (const std::size_t hyphen = words[i].find('-', 1); hyphen != std::string::npos) {  // years-months
            const auto years = amount_of(words[i].substr(0, hyphen));
            auto months = amount_of(words[i].substr(hyphen + 1));
            if (!years || !months || months->negative || months->whole > 11) return false;
            months->negative = years->negative;
            if (!to.add_months(*years, 12) || !to.add_months(*months, 1)) return false;
            continue;
        }
        const auto n = amount_of(words[i]);
        if (!n) return false;
        if (i + 1 < words.size() && words[i + 1].find(':') != std::string::npos) {  // days before the time
            if (!to.add_days(*n, 1)) return false;
            continue;
        }
        // a number alone, at the end, is seconds
        const bool alone = i + 1 == words.size();
        const interval_unit* const of = unit_named(alone ? "second" : words[i + 1]);
        if (of == nullptr || !add(to, *n, *of)) return false;
        if (!alone) ++i;
    }
    if (ago) to.negate();
    return true;
}

}  // namespace

result<interval> parse_interval(std::string_view text) {
    std::string small;
    for (const char c : trim(text)) small += to_lower(c);
    interval_sum all;
    const bool read = small.starts_with('p') ? add_iso(all, small) : add_words(all, small);
    if (!read) return no_interval(text);
    const auto made = all.made();
    if (!made) return interval_out_of_range(text);
    return *made;
}

std::string to_string(const interval& span) {
    std::string out;
    bool before = false;
    const auto part = [&](std::int64_t n, std::string_view name) {
        if (n == 0) return;
        out +=
            fmt::format("{}{}{} {}{}", out.empty() ? "" : " ", before && n > 0 ? "+" : "", n, name, n == 1 ? "" : "s");
        before = n < 0;
    };
    part(span.months / 12, "year");
    part(span.months % 12, "mon");
    part(span.days, "day");
    if (!out.empty() && span.microseconds == 0) return out;
    const bool negative = span.microseconds < 0;
    const auto time =
        negative ? 0 - static_cast<std::uint64_t>(span.microseconds) : static_cast<std::uint64_t>(span.microseconds);
    const std::uint64_t seconds = time / per_second;
    out += fmt::format("{}{}{:02}:{:02}:{:02}", out.empty() ? "" : " ",
                       negative ? "-"
                       : before ? "+"
                                : "",
                       seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (std::uint64_t fraction = time % per_second; fraction != 0) {
        std::string digits = fmt::format("{:06}", fraction);
        while (digits.back() == '0') digits.pop_back();
        out += "." + digits;
    }
    return out;
}

std::weak_ordering compare_lengths(const interval& a, const interval& b) noexcept {
    const auto length = [](const interval& span) {
        return (static_cast<wide>(span.months) * 30 + span.days) * per_day + span.microseconds;
    };
    const wide x = length(a), y = length(b);
    return x < y ? std::weak_ordering::less : x > y ? std::weak_ordering::greater : std::weak_ordering::equivalent;
}

}  // namespace ashlar
