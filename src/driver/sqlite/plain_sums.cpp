#include "driver/sqlite/plain_sums.hpp"

#include "driver/sqlite/exact_sum.hpp"

#include <sqlite3.h>

#include <cmath>
#include <memory>
#include <new>
#include <utility>

namespace ashlar::driver::sqlite {

namespace {

enum class kind : int { sum, average, total };
kind kinds[] = {kind::sum, kind::average, kind::total};  // SQLite hands the address back

struct running_sum {
    exact_sum exact{-1};
    double unbounded = 0;         // of infinities, which have no decimals
    std::int64_t infinities = 0;  // among the values
    std::int64_t reals = 0;       // values that are no integers
    std::int64_t count = 0;
};

running_sum** place_of(sqlite3_context* context, bool make) {
    return static_cast<running_sum**>(sqlite3_aggregate_context(context, make ? static_cast<int>(sizeof(void*)) : 0));
}

void take(running_sum& into, sqlite3_value* v, int sign) {
    into.count += sign;
    // a text counts as the number that it begins with
    if (sqlite3_value_numeric_type(v) == SQLITE_INTEGER) {
        const std::int64_t whole = sqlite3_value_int64(v);
        if (sign > 0 || whole != INT64_MIN) return into.exact.add(sign * whole);
        into.exact.add(INT64_MAX);
        return into.exact.add(std::int64_t{1});
    }
    into.reals += sign;
    const double real = sqlite3_value_double(v);
    if (!std::isfinite(real)) {
        into.infinities += sign;
        into.unbounded = real;
        return;
    }
    into.exact.add(sign * real);
}

// No exception may pass through SQLite's frames.
template <class Work>
void guarded(sqlite3_context* context, Work work) noexcept {
    try {
        work();
    } catch (...) {
        sqlite3_result_error_nomem(context);
    }
}

void change(sqlite3_context* context, sqlite3_value* v, int sign) {
    if (sqlite3_value_type(v) == SQLITE_NULL) return;
    running_sum** const place = place_of(context, true);
    if (place == nullptr) return sqlite3_result_error_nomem(context);
    guarded(context, [&] {
        if (*place == nullptr) *place = new running_sum;
        take(**place, v, sign);
    });
}
void step(sqlite3_context* context, int, sqlite3_value** arguments) {
    change(context, arguments[0], 1);
}
void step_back(sqlite3_context* context, int, sqlite3_value** arguments) {
    change(context, arguments[0], -1);
}

double as_double(const running_sum& s) {
    return s.infinities > 0 ? s.unbounded : s.exact.total().to_double();
}

void give(sqlite3_context* context, const running_sum* s) {
    const kind what = *static_cast<kind*>(sqlite3_user_data(context));
    if (s == nullptr || s->count == 0) {
        return what == kind::total ? sqlite3_result_double(context, 0) : sqlite3_result_null(context);
    }
    if (what == kind::total) return sqlite3_result_double(context, as_double(*s));
    if (what == kind::average) {
        const double mean = s->infinities > 0 ? s->unbounded : divide(s->exact.total(), numeric{s->count}).to_double();
        return sqlite3_result_double(context, mean);
    }
    if (s->reals > 0) return sqlite3_result_double(context, as_double(*s));
    const auto whole = s->exact.total().to_int64();
    if (!whole) return sqlite3_result_error(context, "integer overflow", -1);
    sqlite3_result_int64(context, *whole);
}

void value_now(sqlite3_context* context) {
    running_sum** const place = place_of(context, false);
    guarded(context, [&] { give(context, place == nullptr ? nullptr : *place); });
}

void finish(sqlite3_context* context) {
    running_sum** const place = place_of(context, false);
    const std::unique_ptr<running_sum> s{place == nullptr ? nullptr : std::exchange(*place, nullptr)};
    guarded(context, [&] { give(context, s.get()); });
}

}  // namespace

void replace_sums(sqlite3* on) {
    constexpr int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    const std::pair<const char*, kind*> names[] = {{"sum", &kinds[0]}, {"avg", &kinds[1]}, {"total", &kinds[2]}};
    for (const auto& [name, which] : names) {
        sqlite3_create_window_function(on, name, 1, flags, which, step, finish, value_now, step_back, nullptr);
    }
}

}  // namespace ashlar::driver::sqlite
