// types.hpp: MySQL's column types → PostgreSQL's oids and text forms, so that one merge and one encoder serve all engines.
// Pure.
//
//   tinyint, smallint, year            int2          tinyint unsigned too; boolean is tinyint(1), which may hold more
//   mediumint, int, smallint unsigned  int4          mediumint unsigned too
//   bigint, int unsigned               int8
//   bigint unsigned, decimal           numeric
//   float, double                      float4, float8
//   char, varchar, enum, set           varchar, text
//   text                               text          json where MariaDB says so
//   binary, varbinary, blob, geometry  bytea
//   date, datetime, time               date, timestamp, time
//   timestamp                          timestamptz   the session's time zone is UTC
//   bit(n)                             bit(n)
//   uuid, inet4, inet6                 uuid, inet
//
// What PostgreSQL's type cannot hold is refused, and never bent: dates with a zero for year, month or day, a time before
// 00:00 or after 24:00.
#pragma once

#include "core/rows.hpp"

#include <ashlar/result.hpp>

#include <mysql.h>

#include <cstdint>
#include <string>

namespace ashlar::driver::mysql {

// How the bytes of a column come in the binary protocol, and what they become.
enum class reading : std::uint8_t {
    signed_integer,
    unsigned_integer,
    float4,
    float8,
    text,  // characters, as they stand
    bytes,
    bits,
    date,
    timestamp,
    timestamptz,
    time,
    nothing,  // always NULL
};

struct field_type {
    column shape;
    reading how = reading::text;
};

// `was_json`: by the answer to PREPARE; libmariadb loses it on the way to later answers.
field_type type_of(const MYSQL_FIELD& f, bool was_json = false);

// What PREPARE told of a column: enough to see later that the table has changed since.
struct told_column {
    explicit told_column(const MYSQL_FIELD& f);
    bool differs(const MYSQL_FIELD& now) const;

    std::string name;
    std::string word;  // "uuid", "inet6" …; empty for MySQL's plain types
    bool is_json;
    enum_field_types type;
    unsigned flags;
    unsigned long length;
};

// The text of a value, in MySQL's own words also where PostgreSQL's type has no such value (0000-00-00, -12:00:00,
// 838:59:59): whoever reads it as text gets it, and whoever reads it as a date gets an error for that cell alone.
void append_date(std::string& to, const MYSQL_TIME& t);
void append_timestamp(std::string& to, const MYSQL_TIME& t, bool with_zone);
void append_time(std::string& to, const MYSQL_TIME& t);
// The last `count` bits of a big-endian number.
void append_bits(std::string& to, std::string_view bytes, std::size_t count);
void append_hex(std::string& to, std::string_view bytes);  // \x…

}  // namespace ashlar::driver::mysql
