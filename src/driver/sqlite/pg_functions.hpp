// pg_functions.hpp: PostgreSQL's arithmetic, casts and text functions for SQLite, where its own differ. The planner writes
// them into statements (route/sqlite); clients cannot call them by name.
//
//   pg_int4_add(a, b) …      checked: 22003 where PostgreSQL says "out of range", 22012 for a division by zero
//   pg_numeric_add(a, b) …   over decimal texts, exact, with PostgreSQL's scales; integers and reals are taken by their digits
//   pg_decimal(x, scale)     a kept number → decimal text;  pg_num(x): the way back, or an error where it is not exact
//   pg_date_add(d, n), pg_extract('year', ts), date_trunc('day', ts) …, pg_moment_add(ts, span), pg_span_mul(span, x) …   over the texts that a file keeps (core/kept_moment.hpp)
//   pg_read(x, type, modifier, cast)   a text → the stored form of the type (core/stored_form.hpp)
#pragma once

#include "core/regex.hpp"

#include <ashlar/error.hpp>

#include <optional>
#include <string_view>

struct sqlite3;
struct sqlite3_context;
struct sqlite3_value;

namespace ashlar::driver::sqlite {

void add_pg_numbers(sqlite3* to);
void add_pg_texts(sqlite3* to);
void add_pg_values(sqlite3* to);
void add_pg_moments(sqlite3* to);
void add_pg_spans(sqlite3* to);
void add_pg_regexes(sqlite3* to, const regex::stop_check* stop);  // *stop outlives the database

// A function's failure travels through SQLite as a message with the SQLSTATE before it.
void fail_in_function(sqlite3_context* context, std::string_view sqlstate, std::string_view message,
                      std::string_view hint = {});
void fail_in_function(sqlite3_context* context, const error& why);
// Such a message → the error; nothing for any other.
std::optional<error> error_of_function(std::string_view message);

// NULL in, NULL out: true when an argument is NULL, and so is the result.
bool any_null(int count, sqlite3_value** arguments) noexcept;
std::string_view text_of_value(sqlite3_value* v) noexcept;
void give_text(sqlite3_context* context, std::string_view text);

struct function_entry {
    const char* name;
    int arguments;  // -1 = any number
    void (*run)(sqlite3_context*, int, sqlite3_value**);
    bool is_fixed = true;  // the same for the same arguments
};
void add_function(sqlite3* to, const function_entry& f, const void* data = nullptr);  // what sqlite3_user_data() gives

}  // namespace ashlar::driver::sqlite
