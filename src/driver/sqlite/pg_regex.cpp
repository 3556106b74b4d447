// Regular expressions and SIMILAR TO (core/regex.hpp).
#include "core/regex.hpp"
#include "driver/sqlite/pg_functions.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <optional>
#include <string>

namespace ashlar::driver::sqlite {

namespace {

struct flags {
    regex::options how;
    bool all = false;  // g
};

// Reads regexp_replace's flags and its like; nothing, and an error is set, for others.
std::optional<flags> flags_in(sqlite3_context* context, std::string_view text, bool takes_all) {
    flags out;
    for (const char c : text) {
        if (c == 'i')
            out.how.ignores_case = true;
        else if (c == 'c')
            out.how.ignores_case = false;
        else if (c == 'g' && takes_all)
            out.all = true;
        else if (c != 's' && c != 't') {
            const bool known = std::string_view{"bemnpqwx"}.find(c) != std::string_view::npos;
            fail_in_function(
                context, known ? "0A000" : "22023",
                known ? fmt::format("the flag {} of regular expressions is not available over SQLite databases", c)
                      : fmt::format("invalid regular expression option: \"{}\"", c));
            return std::nullopt;
        }
    }
    return out;
}

regex::stop_check stop_of(sqlite3_context* context) {
    return *static_cast<const regex::stop_check*>(sqlite3_user_data(context));
}

// A compiled pattern, and what else it depends on: flags and the escape may differ from row to row.
struct compiled {
    regex pattern;
    regex::options how;
    std::string escape;
};

// The pattern that argument 1 holds, compiled once for a statement where it is the same for all rows. `kept` owns it otherwise.
const regex* pattern_in(sqlite3_context* context, sqlite3_value** arguments, regex::options how,
                        std::optional<regex>& kept, bool similar = false, std::string_view escape = {}) {
    const auto* known = static_cast<const compiled*>(sqlite3_get_auxdata(context, 1));
    if (known != nullptr && known->how.ignores_case == how.ignores_case && known->escape == escape)
        return &known->pattern;
    std::string text{text_of_value(arguments[1])};
    if (similar) {
        auto made = similar_pattern(text, escape);
        if (!made) return fail_in_function(context, made.error()), nullptr;
        text = std::move(*made);
    }
    auto made = regex::compile(text, how);
    if (!made) return fail_in_function(context, made.error()), nullptr;
    kept = *made;
    auto* to_keep = new compiled{std::move(*made), how, std::string{escape}};
    sqlite3_set_auxdata(context, 1, to_keep, [](void* p) { delete static_cast<compiled*>(p); });
    return &*kept;
}

// Whether the text has a match; nothing of the result counts where the search was stopped.
void give_whether(sqlite3_context* context, const regex& p, sqlite3_value* text) {
    const regex::stop_check stop = stop_of(context);
    const bool is_in = p.is_in(text_of_value(text), stop);
    if (stop())
        sqlite3_result_error_code(context, SQLITE_INTERRUPT);
    else
        sqlite3_result_int(context, is_in ? 1 : 0);
}

template <bool IgnoresCase>
void matches(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    std::optional<regex> kept;
    regex::options how;
    how.ignores_case = IgnoresCase;
    if (const regex* p = pattern_in(context, arguments, how, kept)) give_whether(context, *p, arguments[0]);
}

void similar(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const std::string_view escape = count > 2 ? text_of_value(arguments[2]) : std::string_view{"\\"};
    const auto characters = std::count_if(escape.begin(), escape.end(), [](char c) { return (c & 0xc0) != 0x80; });
    if (characters > 1) {
        return fail_in_function(context, "22019", "invalid escape string",
                                "Escape string must be empty or one character.");
    }
    std::optional<regex> kept;
    if (const regex* p = pattern_in(context, arguments, {}, kept, true, escape))
        give_whether(context, *p, arguments[0]);
}

std::size_t next_character(std::string_view text, std::size_t at) {
    ++at;
    while (at < text.size() && (text[at] & 0xc0) == 0x80) ++at;
    return at;
}

// One match in the words of the replacement: \& is the match.
void append_replacement(std::string& to, std::string_view replacement, std::string_view match) {
    for (std::size_t i = 0; i < replacement.size(); ++i) {
        const char next = replacement[i] == '\\' && i + 1 < replacement.size() ? replacement[i + 1] : '\0';
        if (next == '&') to += match;
        if (next == '\\') to += '\\';
        if (next == '&' || next == '\\')
            ++i;
        else
            to += replacement[i];
    }
}

bool names_group(std::string_view replacement) {
    for (std::size_t i = 0; i + 1 < replacement.size(); ++i) {
        if (replacement[i] != '\\') continue;
        ++i;
        if (replacement[i] >= '1' && replacement[i] <= '9') return true;
    }
    return false;
}

// Calls `each` for the matches one after the other, as PostgreSQL goes on behind an empty one. False from it ends. Gives false,
// and an error is set, where the search was stopped.
template <class Each>
bool for_each_match(sqlite3_context* context, const regex& p, std::string_view text, Each each) {
    const regex::stop_check stop = stop_of(context);
    std::size_t looked = 0;
    for (std::size_t at = 0; at <= text.size();) {
        const auto found = p.find(text, at, stop);
        if ((!found || ++looked % 1'000 == 0) && stop()) {
            sqlite3_result_error_code(context, SQLITE_INTERRUPT);
            return false;
        }
        if (!found || !each(*found)) break;
        at = found->end > found->begin ? found->end : next_character(text, found->end);
    }
    return true;
}

void replace(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto how = flags_in(context, count > 3 ? text_of_value(arguments[3]) : std::string_view{}, true);
    if (!how) return;
    std::optional<regex> kept;
    const regex* p = pattern_in(context, arguments, how->how, kept);
    if (p == nullptr) return;
    const std::string_view text = text_of_value(arguments[0]), replacement = text_of_value(arguments[2]);
    if (names_group(replacement)) {
        return fail_in_function(context, "0A000",
                                "\\1 … \\9 in regexp_replace() is not available over SQLite databases",
                                "Use \\& for the whole match, or compute it in the program.");
    }
    std::string out;
    std::size_t copied = 0;
    const bool all = for_each_match(context, *p, text, [&](regex::match m) {
        out += text.substr(copied, m.begin - copied);
        append_replacement(out, replacement, text.substr(m.begin, m.end - m.begin));
        copied = m.end;
        return how->all;
    });
    if (!all) return;
    out += text.substr(copied);
    give_text(context, out);
}

void first_match(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    std::optional<regex> kept;
    const regex* p = pattern_in(context, arguments, {}, kept);
    if (p == nullptr) return;
    if (p->has_groups()) {
        return fail_in_function(context, "0A000",
                                "substring() by a pattern with ( ) is not available over SQLite databases",
                                "Write (?: ) where the whole match is wanted, or compute it in the program.");
    }
    const std::string_view text = text_of_value(arguments[0]);
    const regex::stop_check stop = stop_of(context);
    const auto found = p->find(text, 0, stop);
    if (stop())
        sqlite3_result_error_code(context, SQLITE_INTERRUPT);
    else if (found)
        give_text(context, text.substr(found->begin, found->end - found->begin));
}

void count_matches(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    std::optional<regex> kept;
    const regex* p = pattern_in(context, arguments, {}, kept);
    if (p == nullptr) return;
    std::int64_t n = 0;
    if (for_each_match(context, *p, text_of_value(arguments[0]), [&](regex::match) { return ++n, true; }))
        sqlite3_result_int64(context, n);
}

void like_regex(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto how = flags_in(context, text_of_value(arguments[2]), false);
    if (!how) return;
    std::optional<regex> kept;
    if (const regex* p = pattern_in(context, arguments, how->how, kept)) give_whether(context, *p, arguments[0]);
}

}  // namespace

void add_pg_regexes(sqlite3* to, const regex::stop_check* stop) {
    for (const function_entry& f : {
             function_entry{"pg_regex", 2, matches<false>},
             function_entry{"pg_iregex", 2, matches<true>},
             function_entry{"pg_similar", 2, similar},
             function_entry{"pg_similar", 3, similar},
             function_entry{"pg_regexp_replace", 3, replace},
             function_entry{"pg_regexp_replace", 4, replace},
             function_entry{"pg_regexp_substr", 2, first_match},
             function_entry{"pg_regexp_count", 2, count_matches},
             function_entry{"pg_regexp_like", 3, like_regex},
         }) {
        add_function(to, f, stop);
    }
}

}  // namespace ashlar::driver::sqlite
