#include "route/sqlite/signatures.hpp"

#include "core/rows.hpp"

#include <algorithm>
#include <array>

namespace ashlar::route::sqlite {

namespace {

constexpr auto table = std::to_array<signature>({
    {"abs", "h", 'h', "pg_int2_abs({0})"},
    {"abs", "i", 'i', "pg_int4_abs({0})"},
    {"abs", "I", 'I', "pg_int8_abs({0})"},
    {"abs", "n", 'n', "pg_numeric_abs({0})"},
    {"abs", "f", 'f', "abs({0})"},
    {"age", "s", 'v', "pg_age(pg_today() || ' 00:00:00', {0})"},
    {"age", "z", 'v', "pg_age(pg_today() || ' 00:00:00', {0})"},
    {"age", "ss", 'v', "pg_age({0}, {1})"},
    {"age", "zz", 'v', "pg_age({0}, {1})"},
    {"atan", "f", 'f', "atan({0})"},
    {"atan2", "ff", 'f', "atan2({0}, {1})"},
    {"btrim", "t", 't', "trim({0})"},
    {"btrim", "tt", 't', "trim({0}, {1})"},
    {"ceil", "n", 'n', "pg_ceil({0})"},
    {"ceil", "f", 'f', "ceil({0})"},
    {"ceiling", "n", 'n', "pg_ceil({0})"},
    {"ceiling", "f", 'f', "ceil({0})"},
    {"char_length", "t", 'i', "length({0})"},
    {"character_length", "t", 'i', "length({0})"},
    {"clock_timestamp", "", 'z', "pg_clock()"},
    {"cos", "f", 'f', "cos({0})"},
    {"date", "d", 'd', "{0}"},
    {"date", "s", 'd', "pg_date_of_timestamp({0})"},
    {"date", "z", 'd', "pg_date_of_timestamp({0})"},
    {"date_part", "td", 'f', "pg_float8(pg_extract({0}, {1}))"},
    {"date_part", "ts", 'f', "pg_float8(pg_extract({0}, {1}))"},
    {"date_part", "tz", 'f', "pg_float8(pg_extract({0}, {1}))"},
    {"date_part", "tv", 'f', "pg_float8(pg_span_extract({0}, {1}))"},
    {"date_trunc", "ts", 's', "date_trunc({0}, {1})"},
    {"date_trunc", "tz", 'z', "date_trunc({0}, {1})"},
    {"date_trunc", "tv", 'v', "pg_span_trunc({0}, {1})"},
    {"degrees", "f", 'f', "degrees({0})"},
    {"exp", "n", 'n', ""},
    {"exp", "f", 'f', "pg_exp({0})"},
    {"extract", "td", 'n', "pg_extract({0}, {1})"},
    {"extract", "ts", 'n', "pg_extract({0}, {1})"},
    {"extract", "tz", 'n', "pg_extract({0}, {1})"},
    {"extract", "tv", 'n', "pg_span_extract({0}, {1})"},
    {"floor", "n", 'n', "pg_floor({0})"},
    {"floor", "f", 'f', "floor({0})"},
    {"gen_random_uuid", "", 'u', "gen_random_uuid()"},
    {"justify_days", "v", 'v', "pg_justify_days({0})"},
    {"justify_hours", "v", 'v', "pg_justify_hours({0})"},
    {"justify_interval", "v", 'v', "pg_justify_interval({0})"},
    {"left", "ti", 't', "pg_left({0}, {1})"},
    {"length", "t", 'i', "length({0})"},
    {"length", "y", 'i', "length({0})"},
    {"ln", "n", 'n', ""},
    {"ln", "f", 'f', "pg_ln({0})"},
    {"log", "n", 'n', ""},
    {"log", "f", 'f', "pg_log({0})"},
    {"log", "nn", 'n', ""},
    {"log10", "n", 'n', ""},
    {"log10", "f", 'f', "pg_log({0})"},
    {"lower", "t", 't', "pg_lower({0})"},
    {"lpad", "ti", 't', "pg_lpad({0}, {1}, ' ')"},
    {"lpad", "tit", 't', "pg_lpad({0}, {1}, {2})"},
    {"ltrim", "t", 't', "ltrim({0})"},
    {"ltrim", "tt", 't', "ltrim({0}, {1})"},
    {"mod", "hh", 'h', "pg_int2_mod({0}, {1})"},
    {"mod", "ii", 'i', "pg_int4_mod({0}, {1})"},
    {"mod", "II", 'I', "pg_int8_mod({0}, {1})"},
    {"mod", "nn", 'n', "pg_numeric_mod({0}, {1})"},
    {"now", "", 'z', "now()"},
    {"octet_length", "t", 'i', "length(CAST({0} AS BLOB))"},
    {"octet_length", "y", 'i', "length({0})"},
    {"pg_is_in_recovery", "", 'b', "FALSE"},
    {"pi", "", 'f', "pi()"},
    {"position", "tt", 'i', "instr({0}, {1})"},
    {"pow", "nn", 'n', ""},
    {"pow", "ff", 'f', "pg_power({0}, {1})"},
    {"power", "nn", 'n', ""},
    {"power", "ff", 'f', "pg_power({0}, {1})"},
    {"radians", "f", 'f', "radians({0})"},
    {"random", "", 'f', "pg_random()"},
    {"regexp_count", "tt", 'i', "pg_regexp_count({0}, {1})"},
    {"regexp_like", "tt", 'b', "pg_regex({0}, {1})"},
    {"regexp_like", "ttt", 'b', "pg_regexp_like({0}, {1}, {2})"},
    {"regexp_replace", "ttt", 't', "pg_regexp_replace({0}, {1}, {2})"},
    {"regexp_replace", "tttt", 't', "pg_regexp_replace({0}, {1}, {2}, {3})"},
    {"repeat", "ti", 't', "pg_repeat({0}, {1})"},
    {"replace", "ttt", 't', "replace({0}, {1}, {2})"},
    {"reverse", "t", 't', "pg_reverse({0})"},
    {"right", "ti", 't', "pg_right({0}, {1})"},
    {"round", "n", 'n', "pg_round({0}, 0)"},
    {"round", "f", 'f', "pg_float8_round({0})"},
    {"round", "ni", 'n', "pg_round({0}, {1})"},
    {"rpad", "ti", 't', "pg_rpad({0}, {1}, ' ')"},
    {"rpad", "tit", 't', "pg_rpad({0}, {1}, {2})"},
    {"rtrim", "t", 't', "rtrim({0})"},
    {"rtrim", "tt", 't', "rtrim({0}, {1})"},
    {"sign", "n", 'n', "pg_numeric_sign({0})"},
    {"sign", "f", 'f', "CAST(sign({0}) AS REAL)"},
    {"sin", "f", 'f', "sin({0})"},
    {"sqrt", "n", 'n', ""},
    {"sqrt", "f", 'f', "pg_sqrt({0})"},
    {"starts_with", "tt", 'b', "pg_starts_with({0}, {1})"},
    {"statement_timestamp", "", 'z', "pg_statement_moment()"},
    {"strpos", "tt", 'i', "instr({0}, {1})"},
    {"substr", "ti", 't', "pg_substr({0}, {1})"},
    {"substr", "tii", 't', "pg_substr({0}, {1}, {2})"},
    {"substring", "ti", 't', "pg_substr({0}, {1})"},
    {"substring", "tt", 't', "pg_regexp_substr({0}, {1})"},
    {"substring", "tii", 't', "pg_substr({0}, {1}, {2})"},
    {"tan", "f", 'f', "tan({0})"},
    {"transaction_timestamp", "", 'z', "now()"},
    {"trunc", "n", 'n', "pg_trunc({0}, 0)"},
    {"trunc", "f", 'f', "trunc({0})"},
    {"trunc", "ni", 'n', "pg_trunc({0}, {1})"},
    {"upper", "t", 't', "pg_upper({0})"},
});

constexpr auto own = std::to_array<std::string_view>({
    "changes",        "char",        "date",
    "datetime",       "glob",        "hex",
    "ifnull",         "iif",         "instr",
    "json",           "json_array",  "json_array_length",
    "json_extract",   "json_insert", "json_object",
    "json_patch",     "json_quote",  "json_remove",
    "json_replace",   "json_set",    "json_type",
    "json_valid",     "julianday",   "last_insert_rowid",
    "like",           "likelihood",  "likely",
    "load_extension", "log2",        "printf",
    "quote",          "randomblob",  "sqlite_source_id",
    "sqlite_version", "strftime",    "time",
    "total_changes",  "typeof",      "unicode",
    "unixepoch",      "unlikely",    "zeroblob",
});
constexpr auto own_aggregates =
    std::to_array<std::string_view>({"group_concat", "json_group_array", "json_group_object", "total"});

template <class List>
bool among(const List& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::span<const signature> signatures() noexcept {
    return table;
}

std::uint32_t type_of_letter(char letter) noexcept {
    switch (letter) {
        case 't':
            return oid::text;
        case 'h':
            return oid::int2;
        case 'i':
            return oid::int4;
        case 'I':
            return oid::int8;
        case 'n':
            return oid::numeric;
        case 'f':
            return oid::float8;
        case 'b':
            return oid::boolean;
        case 'd':
            return oid::date;
        case 's':
            return oid::timestamp;
        case 'z':
            return oid::timestamptz;
        case 'T':
            return oid::time;
        case 'u':
            return oid::uuid;
        case 'v':
            return oid::interval;
        case 'y':
            return oid::bytea;
        default:
            return 0;
    }
}

bool is_own_function(std::string_view name, std::size_t arguments) noexcept {
    return among(own, name) || ((name == "min" || name == "max") && arguments > 1);
}

bool is_own_aggregate(std::string_view name) noexcept {
    return among(own_aggregates, name);
}

}  // namespace ashlar::route::sqlite
