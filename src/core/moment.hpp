// moment.hpp: dates and timestamps as PostgreSQL counts them: days or microseconds since 2000-01-01, with the infinities at the
// ends of int64. Apart from ashlar::timestamp, which counts from 1970 and so ends 30 years before PostgreSQL's last year. Pure.
#pragma once

#include <ashlar/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar {

// What a timestamp without an offset is: UTC, or no instant at all, since the server would take the session's time zone.
enum class zoneless : std::uint8_t { is_utc, is_refused };

// ISO style, as parse_date() and parse_timestamp() read it. Fail with bad_value.
result<std::int64_t> days_since_2000(std::string_view text);
result<std::int64_t> microseconds_since_2000(std::string_view text, zoneless without_offset = zoneless::is_utc);
// "24:00:00" is 86'400'000'000. No offset may follow.
result<std::int64_t> microseconds_of_day(std::string_view text);

// As PostgreSQL writes them in ISO style and UTC: "0044-03-15 12:30:00.25+00 BC".
std::string text_of_days(std::int64_t since_2000);
std::string text_of_microseconds(std::int64_t since_2000);

}  // namespace ashlar
