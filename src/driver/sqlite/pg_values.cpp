// Casts through text, and the choice of the greatest and the least.
#include "core/stored_form.hpp"
#include "driver/sqlite/decimals.hpp"
#include "driver/sqlite/pg_functions.hpp"
#include "driver/sqlite/types.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <string>

namespace ashlar::driver::sqlite {

namespace {

void give(sqlite3_context* context, const stored_value& v) {
    switch (v.kind) {
        case storage::integer:
            return sqlite3_result_int64(context, v.whole);
        case storage::real:
            return sqlite3_result_double(context, v.real);
        case storage::blob:
            return sqlite3_result_blob64(context, v.text.data(), v.text.size(), SQLITE_TRANSIENT);
        default:
            return give_text(context, v.text);
    }
}

// pg_read(x, type, modifier, cast)
void read(sqlite3_context* context, int, sqlite3_value** arguments) {
    if (any_null(1, arguments)) return;
    std::string text;
    switch (sqlite3_value_type(arguments[0])) {
        case SQLITE_FLOAT:
            append_decimal(text, sqlite3_value_double(arguments[0]), -1);
            break;
        case SQLITE_BLOB:
            append_hex(text, {static_cast<const char*>(sqlite3_value_blob(arguments[0])),
                              static_cast<std::size_t>(sqlite3_value_bytes(arguments[0]))});
            break;
        default:
            text = text_of_value(arguments[0]);
    }
    const auto type = static_cast<std::uint32_t>(sqlite3_value_int64(arguments[1]));
    const auto how = sqlite3_value_int(arguments[3]) != 0 ? conversion::cast : conversion::assignment;
    const auto kept = stored_form(text, type, sqlite3_value_int(arguments[2]), how);
    if (!kept) return fail_in_function(context, kept.error());
    give(context, *kept);
}

void boolean_text(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    give_text(context, sqlite3_value_int64(arguments[0]) != 0 ? "true" : "false");
}

void bytea_text(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    std::string out;
    append_hex(out, {static_cast<const char*>(sqlite3_value_blob(arguments[0])),
                     static_cast<std::size_t>(sqlite3_value_bytes(arguments[0]))});
    give_text(context, out);
}

// --- GREATEST and LEAST -------------------------------------------------------------------------------------------

// Both of one type: numbers, or texts by their bytes.
int order_of(sqlite3_value* a, sqlite3_value* b) {
    const int left = sqlite3_value_type(a), right = sqlite3_value_type(b);
    if (left == SQLITE_INTEGER && right == SQLITE_INTEGER) {
        const std::int64_t x = sqlite3_value_int64(a), y = sqlite3_value_int64(b);
        return x < y ? -1 : x > y ? 1 : 0;
    }
    if (left == SQLITE_TEXT || right == SQLITE_TEXT) return text_of_value(a).compare(text_of_value(b));
    const long double x =
        left == SQLITE_INTEGER ? static_cast<long double>(sqlite3_value_int64(a)) : sqlite3_value_double(a);
    const long double y =
        right == SQLITE_INTEGER ? static_cast<long double>(sqlite3_value_int64(b)) : sqlite3_value_double(b);
    return x < y ? -1 : x > y ? 1 : 0;
}

template <bool Greatest>
void extreme(sqlite3_context* context, int count, sqlite3_value** arguments) {
    sqlite3_value* best = nullptr;
    for (int i = 0; i < count; ++i) {
        if (sqlite3_value_type(arguments[i]) == SQLITE_NULL) continue;
        const int order = best == nullptr ? 0 : order_of(arguments[i], best);
        if (best == nullptr || (Greatest ? order > 0 : order < 0)) best = arguments[i];
    }
    if (best != nullptr) sqlite3_result_value(context, best);
}

}  // namespace

void add_pg_values(sqlite3* to) {
    for (const function_entry& f : {
             function_entry{"pg_read", 4, read},
             function_entry{"pg_boolean_text", 1, boolean_text},
             function_entry{"pg_bytea_text", 1, bytea_text},
             function_entry{"pg_greatest", -1, extreme<true>},
             function_entry{"pg_least", -1, extreme<false>},
         }) {
        add_function(to, f);
    }
}

}  // namespace ashlar::driver::sqlite
