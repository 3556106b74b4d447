// Dates and timestamps as PostgreSQL writes them in its ISO style, and the spellings of that style which it
// reads. Words that depend on when or where they are read (now, today, zone names, DateStyle's day-month
// order) are refused.
#include "core/ascii.hpp"
#include "core/bad_value.hpp"
#include "core/calendar.hpp"
#include "core/moment.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace ashlar {

namespace {

constexpr std::int64_t first_year = -4713;  // 4714 BC, where Julian day 0 lies
constexpr std::int64_t last_date_year = 5'874'897;
constexpr std::int64_t last_timestamp_year = 294'276;

// A cursor over the text; each taker returns nullopt and stays where it is when the text has something else.
class reader {
public:
    explicit reader(std::string_view text) : rest_(text) {}

    bool at_end() const { return rest_.empty(); }
    bool take(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool take_word(std::string_view word) {
        if (!equals_ignoring_case(rest_.substr(0, word.size()), word)) return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    bool blanks() {
        const std::size_t before = rest_.size();
        while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
        return rest_.size() != before;
    }
    std::size_t digits_ahead() const {
        std::size_t n = 0;
        while (n < rest_.size() && is_digit(rest_[n])) ++n;
        return n;
    }
    std::optional<std::int64_t> number(std::size_t digits_min, std::size_t digits_max) {
        const std::size_t n = digits_ahead();
        if (n < digits_min || n > digits_max) return std::nullopt;
        return take_number(n);
    }
    std::int64_t take_number(std::size_t digits) {
        std::int64_t v = 0;
        for (std::size_t i = 0; i < digits; ++i) v = v * 10 + (rest_[i] - '0');
        rest_.remove_prefix(digits);
        return v;
    }
    // ".25" → 250000, rounded as the server rounds.
    std::int64_t fraction() {
        const std::size_t n = digits_ahead();
        const std::string text = "0." + std::string{rest_.substr(0, n)};
        rest_.remove_prefix(n);
        return static_cast<std::int64_t>(std::rint(std::strtod(text.c_str(), nullptr) * 1e6));
    }

private:
    std::string_view rest_;
};

struct moment {
    civil day;
    std::int64_t time = 0;    // microseconds into the day
    std::int64_t offset = 0;  // seconds east of UTC
    bool has_offset = false;
};

std::optional<civil> read_day(reader& in) {
    const auto year = in.number(3, 7);
    if (!year || !in.take('-')) return std::nullopt;
    const auto month = in.number(1, 2);
    if (!month || !in.take('-')) return std::nullopt;
    const auto day = in.number(1, 2);
    if (!day || *month < 1 || *month > 12 || *day < 1 || *day > 31) return std::nullopt;
    return civil{*year, static_cast<unsigned>(*month), static_cast<unsigned>(*day)};
}

std::optional<std::int64_t> read_time(reader& in) {
    const auto hour = in.number(1, 2);
    if (!hour || !in.take(':')) return std::nullopt;
    const auto minute = in.number(1, 2);
    if (!minute) return std::nullopt;
    std::int64_t second = 0, fraction = 0;
    if (in.take(':')) {
        const auto s = in.number(1, 2);
        if (!s) return std::nullopt;
        second = *s;
        if (in.take('.')) fraction = in.fraction();
    }
    const std::int64_t all = ((*hour * 60 + *minute) * 60 + second) * 1'000'000 + fraction;
    if (*minute > 59 || second > 60 || all > microseconds_per_day) return std::nullopt;
    return all;
}

// Z, UTC, GMT, +02, +0230, +02:30, +02:30:15; nothing is UTC.
std::optional<std::int64_t> read_offset(reader& in, bool& there) {
    in.blanks();
    there = true;
    if (in.take_word("utc") || in.take_word("gmt") || in.take_word("z")) return 0;
    const bool west = in.take('-');
    if (!west && !in.take('+')) {
        there = false;
        return 0;
    }
    std::int64_t hours = 0, minutes = 0, seconds = 0;
    if (in.digits_ahead() == 4) {
        hours = in.take_number(2);
        minutes = in.take_number(2);
    } else {
        const auto h = in.number(1, 2);
        if (!h) return std::nullopt;
        hours = *h;
        if (in.take(':')) {
            const auto m = in.number(1, 2);
            if (!m) return std::nullopt;
            minutes = *m;
            if (in.take(':')) {
                const auto s = in.number(1, 2);
                if (!s) return std::nullopt;
                seconds = *s;
            }
        }
    }
    if (hours > 15 || minutes > 59 || seconds > 59) return std::nullopt;
    const std::int64_t all = (hours * 60 + minutes) * 60 + seconds;
    return west ? -all : all;
}

// The day's year becomes astronomical: 1 BC is year 0.
bool read_era(reader& in, civil& day) {
    in.blanks();
    const bool before = in.take_word("bc");
    if (!before) (void)in.take_word("ad");
    in.blanks();
    if (day.year < 1) return false;
    if (before) day.year = 1 - day.year;
    return in.at_end() && day.day <= days_in_month(day.year, day.month);
}

std::optional<moment> read_moment(std::string_view text) {
    reader in{text};
    in.blanks();
    const auto day = read_day(in);
    if (!day) return std::nullopt;
    moment m{*day};
    const bool gap = in.blanks();
    if (in.take_word("t") || (gap && in.digits_ahead() > 0)) {
        const auto time = read_time(in);
        if (!time) return std::nullopt;
        const auto offset = read_offset(in, m.has_offset);
        if (!offset) return std::nullopt;
        m.time = *time;
        m.offset = *offset;
    }
    if (!read_era(in, m.day)) return std::nullopt;
    return m;
}

std::string year_month_day(const civil& c) {
    const std::int64_t year = c.year > 0 ? c.year : 1 - c.year;
    return fmt::format("{:04}-{:02}-{:02}", year, c.month, c.day);
}

std::string fraction_text(std::int64_t microseconds) {
    if (microseconds == 0) return {};
    std::string text = fmt::format(".{:06}", microseconds);
    text.erase(text.find_last_not_of('0') + 1);
    return text;
}

std::optional<std::int64_t> infinite(std::string_view text) {
    text = trim(text);
    if (equals_ignoring_case(text, "infinity")) return INT64_MAX;
    if (equals_ignoring_case(text, "-infinity")) return INT64_MIN;
    return std::nullopt;
}

// IS_VALID_TIMESTAMP: from 4714-11-24 BC, before 294277-01-01.
constexpr std::int64_t begin_day = days_of({first_year, 11, 24}) - postgres_epoch_days;
constexpr std::int64_t end_day = days_of({last_timestamp_year + 1, 1, 1}) - postgres_epoch_days;

}  // namespace

result<std::int64_t> days_since_2000(std::string_view text) {
    if (const auto end = infinite(text)) return *end;
    const auto m = read_moment(text);
    if (!m) return bad_value("date", text);
    const std::int64_t days = days_of(m->day) - postgres_epoch_days;
    if (days < begin_day || m->day.year > last_date_year) return bad_value("date", text, "The date is out of range.");
    return days;
}

result<std::int64_t> microseconds_since_2000(std::string_view text, zoneless without_offset) {
    if (const auto end = infinite(text)) return *end;
    const auto m = read_moment(text);
    if (!m) return bad_value("timestamp", text);
    if (!m->has_offset && without_offset == zoneless::is_refused) {
        return bad_value("timestamp", text, "It has no offset from UTC.");
    }
    const std::int64_t days = days_of(m->day) - postgres_epoch_days;
    const auto out_of_range = [&] { return bad_value("timestamp", text, "The timestamp is out of range."); };
    if (days < begin_day - 1 || days > end_day) return out_of_range();  // an offset may bring it back
    const std::int64_t all = days * microseconds_per_day + (m->time - m->offset * 1'000'000);
    if (all < begin_day * microseconds_per_day || all >= end_day * microseconds_per_day) return out_of_range();
    return all;
}

result<std::int64_t> microseconds_of_day(std::string_view text) {
    reader in{text};
    in.blanks();
    const auto time = read_time(in);
    in.blanks();
    if (!time || !in.at_end()) return bad_value("time", text);
    return *time;
}

std::string text_of_days(std::int64_t since_2000) {
    if (since_2000 == INT64_MAX) return "infinity";
    if (since_2000 == INT64_MIN) return "-infinity";
    const civil c = civil_of(since_2000 + postgres_epoch_days);
    return year_month_day(c) + (c.year <= 0 ? " BC" : "");
}

namespace {

// Microseconds since the first day, which is counted from 1970.
std::string text_of_moment(std::int64_t microseconds, std::int64_t first_day) {
    if (microseconds == INT64_MAX) return "infinity";
    if (microseconds == INT64_MIN) return "-infinity";
    std::int64_t days = microseconds / microseconds_per_day;
    std::int64_t time = microseconds % microseconds_per_day;
    if (time < 0) {
        time += microseconds_per_day;
        --days;
    }
    const civil c = civil_of(days + first_day);
    const std::int64_t seconds = time / 1'000'000;
    std::string text = fmt::format("{} {:02}:{:02}:{:02}{}+00", year_month_day(c), seconds / 3600, seconds / 60 % 60,
                                   seconds % 60, fraction_text(time % 1'000'000));
    if (c.year <= 0) text += " BC";
    return text;
}

}  // namespace

std::string text_of_microseconds(std::int64_t since_2000) {
    return text_of_moment(since_2000, postgres_epoch_days);
}

std::string to_string(timestamp t) {
    return text_of_moment(t.time_since_epoch().count(), 0);
}

std::string to_string(date d) {
    if (d == date::max()) return "infinity";
    if (d == date::min()) return "-infinity";
    return text_of_days(d.time_since_epoch().count() - postgres_epoch_days);
}

result<timestamp> parse_timestamp(std::string_view text) {
    const auto since_2000 = microseconds_since_2000(text);
    if (!since_2000) return since_2000.error();
    std::int64_t all = *since_2000;
    const bool infinite = all == INT64_MAX || all == INT64_MIN;
    if (!infinite && (__builtin_add_overflow(all, postgres_epoch_days * microseconds_per_day, &all) ||
                      timestamp{std::chrono::microseconds{all}} == timestamp::max())) {
        return bad_value("timestamp", text, "The timestamp is out of range.");
    }
    return timestamp{std::chrono::microseconds{all}};
}

result<date> parse_date(std::string_view text) {
    const auto days = days_since_2000(text);
    if (!days) return days.error();
    if (*days == INT64_MAX) return date::max();
    if (*days == INT64_MIN) return date::min();
    return date{std::chrono::days{*days + postgres_epoch_days}};
}

}  // namespace ashlar
