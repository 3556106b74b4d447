// Arithmetic as PostgreSQL has it: integers within their range, numerics exact, floats without infinities from nowhere.
#include "core/float_text.hpp"
#include "core/numeric.hpp"
#include "core/stored_form.hpp"
#include "driver/sqlite/decimals.hpp"
#include "driver/sqlite/pg_functions.hpp"
#include "driver/sqlite/types.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <random>

namespace ashlar::driver::sqlite {

namespace {

// --- integers -----------------------------------------------------------------------------------------------------

template <class Int>
constexpr const char* name_of_int = "bigint";
template <>
constexpr const char* name_of_int<std::int16_t> = "smallint";
template <>
constexpr const char* name_of_int<std::int32_t> = "integer";

template <class Int>
void out_of_range(sqlite3_context* context) {
    fail_in_function(context, "22003", fmt::format("{} out of range", name_of_int<Int>));
}

void division_by_zero(sqlite3_context* context) {
    fail_in_function(context, "22012", "division by zero");
}

template <class Int>
void give_int(sqlite3_context* context, std::int64_t v, bool overflows) {
    if (overflows || v < std::numeric_limits<Int>::min() || v > std::numeric_limits<Int>::max())
        return out_of_range<Int>(context);
    sqlite3_result_int64(context, v);
}

// A file may hold a text or a fraction in a column of integers, if another program put it there.
bool all_integers(sqlite3_context* context, int count, sqlite3_value** arguments) {
    for (int i = 0; i < count; ++i) {
        if (sqlite3_value_type(arguments[i]) == SQLITE_INTEGER) continue;
        fail_in_function(context, "22P02",
                         fmt::format("invalid input syntax for type integer: \"{}\"", text_of_value(arguments[i])));
        return false;
    }
    return true;
}

template <class Int, char Op>
void int_op(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments) || !all_integers(context, count, arguments)) return;
    const std::int64_t a = sqlite3_value_int64(arguments[0]), b = sqlite3_value_int64(arguments[1]);
    std::int64_t v = 0;
    if constexpr (Op == '+') {
        const bool over = __builtin_add_overflow(a, b, &v);
        return give_int<Int>(context, v, over);
    } else if constexpr (Op == '-') {
        const bool over = __builtin_sub_overflow(a, b, &v);
        return give_int<Int>(context, v, over);
    } else if constexpr (Op == '*') {
        const bool over = __builtin_mul_overflow(a, b, &v);
        return give_int<Int>(context, v, over);
    } else {
        if (b == 0) return division_by_zero(context);
        if (b == -1) {
            if constexpr (Op == '%') return sqlite3_result_int64(context, 0);
            const bool over = __builtin_sub_overflow(std::int64_t{0}, a, &v);
            return give_int<Int>(context, v, over);
        }
        sqlite3_result_int64(context, Op == '/' ? a / b : a % b);
    }
}

template <class Int>
void int_abs(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const std::int64_t a = sqlite3_value_int64(arguments[0]);
    give_int<Int>(context, a < 0 && a != INT64_MIN ? -a : a, a == INT64_MIN);
}

// --- numerics -----------------------------------------------------------------------------------------------------

// A number as the file keeps it, or decimal text.
std::string decimal_text(sqlite3_value* v) {
    if (sqlite3_value_type(v) == SQLITE_INTEGER) return std::to_string(sqlite3_value_int64(v));
    if (sqlite3_value_type(v) == SQLITE_FLOAT) {
        std::string out;
        append_decimal(out, sqlite3_value_double(v), -1);
        return out;
    }
    return std::string{text_of_value(v)};
}

// value times 10^scale
struct exact {
    mpz_class digits;
    int scale = 0;

    static std::optional<exact> read(sqlite3_value* v) {
        const auto n = numeric::from_text(decimal_text(v));
        if (!n || n->what() != numeric::kind::finite) return std::nullopt;
        std::string text = n->to_text();
        std::erase(text, '.');
        exact out;
        out.scale = n->scale();
        if (out.digits.set_str(text, 10) != 0) return std::nullopt;
        return out;
    }
    void widen(int to) {
        if (to <= scale) return;
        mpz_class factor;
        mpz_ui_pow_ui(factor.get_mpz_t(), 10, static_cast<unsigned long>(to - scale));
        digits *= factor;
        scale = to;
    }
    std::string text() const {
        std::string out = mpz_class{abs(digits)}.get_str();
        const auto after = static_cast<std::size_t>(scale);
        if (scale > 0) {
            if (out.size() <= after) out.insert(0, after + 1 - out.size(), '0');
            out.insert(out.size() - after, ".");
        }
        return sgn(digits) < 0 ? "-" + out : out;
    }
};

void not_a_number(sqlite3_context* context, sqlite3_value* v) {
    fail_in_function(context, "0A000", "the numeric \"" + decimal_text(v) + "\" is not available over SQLite databases",
                     "Use finite numbers.");
}

constexpr int scale_max = 1000;

template <char Op>
void numeric_op(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    auto a = exact::read(arguments[0]), b = exact::read(arguments[1]);
    if (!a) return not_a_number(context, arguments[0]);
    if (!b) return not_a_number(context, arguments[1]);
    if constexpr (Op == '/' || Op == '%') {
        if (b->digits == 0) return division_by_zero(context);
    }
    if constexpr (Op == '*') {
        a->digits *= b->digits;
        a->scale += b->scale;
        if (a->scale > scale_max)
            return fail_in_function(context, "0A000", "a numeric with so many digits is not available");
    } else if constexpr (Op == '/') {
        return give_text(
            context, divide(numeric::from_text(a->text()).value(), numeric::from_text(b->text()).value()).to_text());
    } else {
        const int scale = std::max(a->scale, b->scale);
        a->widen(scale);
        b->widen(scale);
        if constexpr (Op == '+') a->digits += b->digits;
        if constexpr (Op == '-') a->digits -= b->digits;
        if constexpr (Op == '%') a->digits %= b->digits;
    }
    give_text(context, a->text());
}

enum class rounding { half_away, down, floor, ceiling };

void round_to(exact& v, int places, rounding how) {
    if (places >= v.scale) return v.widen(places);
    mpz_class unit;
    mpz_ui_pow_ui(unit.get_mpz_t(), 10, static_cast<unsigned long>(v.scale - places));
    mpz_class quotient, rest;
    mpz_tdiv_qr(quotient.get_mpz_t(), rest.get_mpz_t(), v.digits.get_mpz_t(), unit.get_mpz_t());
    if (how == rounding::half_away && abs(rest) * 2 >= unit) quotient += sgn(v.digits);
    if (how == rounding::floor && sgn(rest) < 0) quotient -= 1;
    if (how == rounding::ceiling && sgn(rest) > 0) quotient += 1;
    v.digits = quotient;
    v.scale = places;
    if (places < 0) v.widen(0);
}

template <rounding How>
void numeric_round(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    auto a = exact::read(arguments[0]);
    if (!a) return not_a_number(context, arguments[0]);
    const std::int64_t places = count > 1 ? sqlite3_value_int64(arguments[1]) : 0;
    round_to(*a, static_cast<int>(std::clamp<std::int64_t>(places, -scale_max, scale_max)), How);
    give_text(context, a->text());
}

void numeric_abs(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    auto a = exact::read(arguments[0]);
    if (!a) return not_a_number(context, arguments[0]);
    a->digits = abs(a->digits);
    give_text(context, a->text());
}

void numeric_sign(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto a = exact::read(arguments[0]);
    if (!a) return not_a_number(context, arguments[0]);
    give_text(context, std::to_string(sgn(a->digits)));
}

template <bool Greatest>
void numeric_extreme(sqlite3_context* context, int count, sqlite3_value** arguments) {
    std::optional<numeric> best;
    for (int i = 0; i < count; ++i) {
        if (sqlite3_value_type(arguments[i]) == SQLITE_NULL) continue;
        auto one = numeric::from_text(decimal_text(arguments[i]));
        if (!one) return not_a_number(context, arguments[i]);
        if (!best || (Greatest ? *one > *best : *one < *best)) best = std::move(*one);
    }
    if (best) give_text(context, best->to_text());
}

// pg_numeric_fit(x, precision, scale)
void numeric_fit(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    auto a = exact::read(arguments[0]);
    if (!a) return not_a_number(context, arguments[0]);
    const int precision = sqlite3_value_int(arguments[1]), scale = sqlite3_value_int(arguments[2]);
    round_to(*a, scale, rounding::half_away);
    mpz_class limit;
    mpz_ui_pow_ui(limit.get_mpz_t(), 10, static_cast<unsigned long>(std::max(precision, 0)));
    if (abs(a->digits) >= limit) return fail_in_function(context, "22003", "numeric field overflow");
    give_text(context, a->text());
}

// pg_decimal(x [, scale]): decimal text with at least `scale` digits after the point.
void decimal_of(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(1, arguments)) return;
    auto a = exact::read(arguments[0]);
    if (!a) return not_a_number(context, arguments[0]);
    if (count > 1) a->widen(std::min(sqlite3_value_int(arguments[1]), scale_max));
    give_text(context, a->text());
}

// pg_num(x): decimal text → INTEGER or REAL
void num(sqlite3_context* context, int, sqlite3_value** arguments) {
    if (sqlite3_value_type(arguments[0]) != SQLITE_TEXT) return sqlite3_result_value(context, arguments[0]);
    const auto read = numeric::from_text(text_of_value(arguments[0]));
    stored_value kept;
    if (!read || !keeps_numeric(read->to_text(), kept)) {
        return fail_in_function(context, "0A000",
                                "a numeric of more than 15 digits is not available here over SQLite databases",
                                "Round it, for example round(x, 4), or cast it to double precision.");
    }
    if (kept.kind == storage::integer) return sqlite3_result_int64(context, kept.whole);
    sqlite3_result_double(context, kept.real);
}

// --- between numbers ----------------------------------------------------------------------------------------------

template <class Int>
void int_of(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    if (sqlite3_value_type(arguments[0]) == SQLITE_INTEGER)
        return give_int<Int>(context, sqlite3_value_int64(arguments[0]), false);
    const auto n = numeric::from_text(decimal_text(arguments[0]));
    const auto whole = n ? n->to_int64() : std::nullopt;
    if (!whole) return out_of_range<Int>(context);
    give_int<Int>(context, *whole, false);
}

template <class Int>
void int_of_float8(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const double v = std::nearbyint(sqlite3_value_double(arguments[0]));
    if (!(v >= -9223372036854775808.0 && v < 9223372036854775808.0)) return out_of_range<Int>(context);
    give_int<Int>(context, static_cast<std::int64_t>(v), false);
}

void oid_of(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const std::int64_t v = sqlite3_value_int64(arguments[0]);
    if (v < 0 || v > UINT32_MAX) return fail_in_function(context, "22003", "OID out of range");
    sqlite3_result_int64(context, v);
}

// As float8_numeric(): 15 significant digits.
void decimal_of_float8(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const double v = sqlite3_value_double(arguments[0]);
    if (!std::isfinite(v)) return not_a_number(context, arguments[0]);
    char digits[64];
    const auto end = std::to_chars(digits, digits + sizeof digits, v, std::chars_format::general, 15);
    const auto n = numeric::from_text(std::string_view{digits, static_cast<std::size_t>(end.ptr - digits)});
    if (!n) return not_a_number(context, arguments[0]);
    give_text(context, n->to_text());
}

// A number, also in its text form, and Infinity.
double double_of(sqlite3_value* value) {
    if (sqlite3_value_type(value) == SQLITE_TEXT) {
        const std::string_view text = text_of_value(value);
        if (text == "Infinity") return HUGE_VAL;
        if (text == "-Infinity") return -HUGE_VAL;
    }
    return sqlite3_value_double(value);
}

void float4_of(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const double v = double_of(arguments[0]);
    const auto narrow = static_cast<float>(v);
    if (std::isinf(narrow) && !std::isinf(v)) {
        return fail_in_function(context, "22003", "value out of range: overflow");
    }
    if (narrow == 0 && v != 0) return fail_in_function(context, "22003", "value out of range: underflow");
    sqlite3_result_double(context, narrow);
}

void float8_text(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    give_text(context, float_text(sqlite3_value_double(arguments[0])));
}

void float8_of(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (!any_null(count, arguments)) sqlite3_result_double(context, double_of(arguments[0]));
}

// --- floats -------------------------------------------------------------------------------------------------------

void give_float(sqlite3_context* context, double v, bool was_infinite, bool was_zero) {
    if (std::isnan(v)) {
        return fail_in_function(context, "0A000", "NaN is not available over SQLite databases", "Use finite numbers.");
    }
    if (std::isinf(v) && !was_infinite) return fail_in_function(context, "22003", "value out of range: overflow");
    if (v == 0 && !was_zero) return fail_in_function(context, "22003", "value out of range: underflow");
    sqlite3_result_double(context, v);
}

template <char Op>
void float_op(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const double a = sqlite3_value_double(arguments[0]), b = sqlite3_value_double(arguments[1]);
    const bool infinite = std::isinf(a) || std::isinf(b);
    if constexpr (Op == '+') give_float(context, a + b, infinite, true);
    if constexpr (Op == '-') give_float(context, a - b, infinite, true);
    if constexpr (Op == '*') give_float(context, a * b, infinite, a == 0 || b == 0);
    if constexpr (Op == '/') {
        if (b == 0) return division_by_zero(context);
        give_float(context, a / b, std::isinf(a), a == 0 || std::isinf(b));
    }
}

void float_round(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    sqlite3_result_double(context, std::nearbyint(sqlite3_value_double(arguments[0])));
}

void sqrt_of(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const double v = sqlite3_value_double(arguments[0]);
    if (v < 0) return fail_in_function(context, "2201F", "cannot take square root of a negative number");
    sqlite3_result_double(context, std::sqrt(v));
}

template <bool Ten>
void log_of(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const double v = sqlite3_value_double(arguments[0]);
    if (v == 0) return fail_in_function(context, "2201E", "cannot take logarithm of zero");
    if (v < 0) return fail_in_function(context, "2201E", "cannot take logarithm of a negative number");
    sqlite3_result_double(context, Ten ? std::log10(v) : std::log(v));
}

void exp_of(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const double v = sqlite3_value_double(arguments[0]);
    give_float(context, std::exp(v), std::isinf(v), std::isinf(v));
}

void power_of(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const double a = sqlite3_value_double(arguments[0]), b = sqlite3_value_double(arguments[1]);
    if (a == 0 && b < 0) return fail_in_function(context, "2201F", "zero raised to a negative power is undefined");
    if (a < 0 && std::floor(b) != b) {
        return fail_in_function(context, "2201F",
                                "a negative number raised to a non-integer power yields a complex result");
    }
    give_float(context, std::pow(a, b), std::isinf(a) || std::isinf(b), a == 0 || std::isinf(a) || std::isinf(b));
}

void random_of(sqlite3_context* context, int, sqlite3_value**) {
    thread_local std::mt19937_64 engine{std::random_device{}()};
    sqlite3_result_double(context, std::uniform_real_distribution<double>{0, 1}(engine));
}

template <class Int>
void add_ints(sqlite3* to, const std::string& type) {
    const auto add = [&](const char* verb, int arguments, void (*run)(sqlite3_context*, int, sqlite3_value**)) {
        const std::string name = "pg_" + type + verb;
        add_function(to, {name.c_str(), arguments, run});
    };
    add("_add", 2, int_op<Int, '+'>);
    add("_sub", 2, int_op<Int, '-'>);
    add("_mul", 2, int_op<Int, '*'>);
    add("_div", 2, int_op<Int, '/'>);
    add("_mod", 2, int_op<Int, '%'>);
    add("_abs", 1, int_abs<Int>);
    add("", 1, int_of<Int>);
    add("_of_float8", 1, int_of_float8<Int>);
}

}  // namespace

void add_pg_numbers(sqlite3* to) {
    add_ints<std::int16_t>(to, "int2");
    add_ints<std::int32_t>(to, "int4");
    add_ints<std::int64_t>(to, "int8");
    for (const function_entry& f : {
             function_entry{"pg_oid", 1, oid_of},
             function_entry{"pg_numeric_add", 2, numeric_op<'+'>},
             function_entry{"pg_numeric_sub", 2, numeric_op<'-'>},
             function_entry{"pg_numeric_mul", 2, numeric_op<'*'>},
             function_entry{"pg_numeric_div", 2, numeric_op<'/'>},
             function_entry{"pg_numeric_mod", 2, numeric_op<'%'>},
             function_entry{"pg_numeric_abs", 1, numeric_abs},
             function_entry{"pg_numeric_sign", 1, numeric_sign},
             function_entry{"pg_numeric_greatest", -1, numeric_extreme<true>},
             function_entry{"pg_numeric_least", -1, numeric_extreme<false>},
             function_entry{"pg_numeric_fit", 3, numeric_fit},
             function_entry{"pg_round", 2, numeric_round<rounding::half_away>},
             function_entry{"pg_trunc", 2, numeric_round<rounding::down>},
             function_entry{"pg_floor", 1, numeric_round<rounding::floor>},
             function_entry{"pg_ceil", 1, numeric_round<rounding::ceiling>},
             function_entry{"pg_decimal", 1, decimal_of},
             function_entry{"pg_decimal", 2, decimal_of},
             function_entry{"pg_decimal_of_float8", 1, decimal_of_float8},
             function_entry{"pg_num", 1, num},
             function_entry{"pg_float8_add", 2, float_op<'+'>},
             function_entry{"pg_float8_sub", 2, float_op<'-'>},
             function_entry{"pg_float8_mul", 2, float_op<'*'>},
             function_entry{"pg_float8_div", 2, float_op<'/'>},
             function_entry{"pg_float8_round", 1, float_round},
             function_entry{"pg_float4", 1, float4_of},
             function_entry{"pg_float8", 1, float8_of},
             function_entry{"pg_float8_text", 1, float8_text},
             function_entry{"pg_sqrt", 1, sqrt_of},
             function_entry{"pg_ln", 1, log_of<false>},
             function_entry{"pg_log", 1, log_of<true>},
             function_entry{"pg_exp", 1, exp_of},
             function_entry{"pg_power", 2, power_of},
             function_entry{"pg_random", 0, random_of, false},
         }) {
        add_function(to, f);
    }
}

}  // namespace ashlar::driver::sqlite
