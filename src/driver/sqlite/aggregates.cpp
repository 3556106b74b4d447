#include "driver/sqlite/aggregates.hpp"

#include "core/interval.hpp"
#include "driver/sqlite/exact_sum.hpp"

#include <ashlar/types.hpp>

#include <sqlite3.h>

#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace ashlar::driver::sqlite {

namespace {

// SQLite keeps one pointer for each group, zero at first.
exact_sum** place_of(sqlite3_context* context, bool make) {
    return static_cast<exact_sum**>(sqlite3_aggregate_context(context, make ? static_cast<int>(sizeof(void*)) : 0));
}

std::string_view bytes_of(sqlite3_value* v) {
    const auto* at = reinterpret_cast<const char*>(sqlite3_value_text(v));
    return {at, static_cast<std::size_t>(sqlite3_value_bytes(v))};
}

void no_number(sqlite3_context* context) {
    sqlite3_result_error(context, "sum() and avg() take numbers: a value is none", -1);
}

// No exception may pass through SQLite's frames.
template <class Work>
void guarded(sqlite3_context* context, Work work) noexcept {
    try {
        work();
    } catch (const std::bad_alloc&) {
        sqlite3_result_error_nomem(context);
    } catch (...) {
        sqlite3_result_error(context, "an aggregate failed", -1);
    }
}

template <bool Enters>
void change(sqlite3_context* context, int count, sqlite3_value** arguments) {
    sqlite3_value* const v = arguments[0];
    if (sqlite3_value_type(v) == SQLITE_NULL) return;
    exact_sum** const place = place_of(context, true);
    if (place == nullptr) return sqlite3_result_error_nomem(context);
    guarded(context, [&] {
        if (*place == nullptr) *place = new exact_sum{count > 1 ? sqlite3_value_int(arguments[1]) : -1};
        const auto take = [&](auto value) {
            if constexpr (Enters) return (*place)->add(value);
            return (*place)->remove(value);
        };
        switch (sqlite3_value_type(v)) {
            case SQLITE_INTEGER:
                return take(std::int64_t{sqlite3_value_int64(v)});
            case SQLITE_FLOAT:
                return take(sqlite3_value_double(v));
            case SQLITE_TEXT:
                if (!take(bytes_of(v))) no_number(context);
                return;
            default:
                no_number(context);
        }
    });
}

void give(sqlite3_context* context, const numeric& v) {
    const std::string text = v.to_text();
    sqlite3_result_text64(context, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

template <bool IsMean>
void tell(sqlite3_context* context, const exact_sum* sum) {
    if (sum == nullptr || sum->count() == 0) return sqlite3_result_null(context);
    guarded(context, [&] { give(context, IsMean ? divide(sum->total(), numeric{sum->count()}) : sum->total()); });
}

// Of a window's frame, which goes on.
template <bool IsMean>
void value_now(sqlite3_context* context) {
    exact_sum** const place = place_of(context, false);
    tell<IsMean>(context, place == nullptr ? nullptr : *place);
}

template <bool IsMean>
void finish(sqlite3_context* context) {
    exact_sum** const place = place_of(context, false);
    const std::unique_ptr<exact_sum> sum{place == nullptr ? nullptr : std::exchange(*place, nullptr)};
    tell<IsMean>(context, sum.get());
}

// The order of numbers for their texts. What is no number comes last, by its bytes.
int compare_decimals(void*, int size_a, const void* a, int size_b, const void* b) noexcept {
    const std::string_view x{static_cast<const char*>(a), static_cast<std::size_t>(size_a)};
    const std::string_view y{static_cast<const char*>(b), static_cast<std::size_t>(size_b)};
    try {
        const auto left = decimal::parse(x), right = decimal::parse(y);
        if (!left || !right) return left ? -1 : right ? 1 : x.compare(y);
        const std::weak_ordering c = *left <=> *right;
        return c < 0 ? -1 : c > 0 ? 1 : 0;
    } catch (...) {
        return x.compare(y);
    }
}

// The order of intervals for their texts.
int compare_intervals(void*, int size_a, const void* a, int size_b, const void* b) noexcept {
    const std::string_view x{static_cast<const char*>(a), static_cast<std::size_t>(size_a)};
    const std::string_view y{static_cast<const char*>(b), static_cast<std::size_t>(size_b)};
    try {
        const auto left = parse_interval(x), right = parse_interval(y);
        if (!left || !right) return left ? -1 : right ? 1 : x.compare(y);
        const std::weak_ordering c = compare_lengths(*left, *right);
        return c < 0 ? -1 : c > 0 ? 1 : 0;
    } catch (...) {
        return x.compare(y);
    }
}

}  // namespace

void add_aggregates(sqlite3* to) {
    sqlite3_create_collation_v2(to, "ashlar_interval", SQLITE_UTF8, nullptr, compare_intervals, nullptr);
    sqlite3_create_collation_v2(to, "ashlar_decimal", SQLITE_UTF8, nullptr, compare_decimals, nullptr);
    constexpr int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    for (const int arguments : {1, 2}) {
        sqlite3_create_window_function(to, "ashlar_sum", arguments, flags, nullptr, change<true>, finish<false>,
                                       value_now<false>, change<false>, nullptr);
        sqlite3_create_window_function(to, "ashlar_avg", arguments, flags, nullptr, change<true>, finish<true>,
                                       value_now<true>, change<false>, nullptr);
    }
}

}  // namespace ashlar::driver::sqlite
