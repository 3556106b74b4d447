// Text as PostgreSQL handles it: by characters, case by Unicode, LIKE with a backslash and with case.
#include "driver/sqlite/pg_functions.hpp"

#include "core/ascii.hpp"

#include <sqlite3.h>

#include <locale.h>
#include <clocale>
#include <cstdint>
#include <cwctype>
#include <string>
#include <vector>

namespace ashlar::driver::sqlite {

namespace {

constexpr std::size_t text_max = 256u << 20;

// UTF-8 cut into characters; a broken byte is one by itself.
std::vector<std::string_view> characters(std::string_view text) {
    std::vector<std::string_view> out;
    for (std::size_t i = 0; i < text.size();) {
        std::size_t n = 1;
        while (i + n < text.size() && (static_cast<unsigned char>(text[i + n]) & 0xc0) == 0x80) ++n;
        out.push_back(text.substr(i, n));
        i += n;
    }
    return out;
}

std::string run_of(const std::vector<std::string_view>& all, std::size_t from, std::size_t to) {
    std::string out;
    for (std::size_t i = from; i < to && i < all.size(); ++i) out += all[i];
    return out;
}

std::uint32_t code_of(std::string_view character) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
    switch (character.size()) {
        case 1:
            return byte(0);
        case 2:
            return (byte(0) & 0x1fu) << 6 | (byte(1) & 0x3fu);
        case 3:
            return (byte(0) & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
        case 4:
            return (byte(0) & 0x07u) << 18 | (byte(1) & 0x3fu) << 12 | (byte(2) & 0x3fu) << 6 | (byte(3) & 0x3fu);
        default:
            return 0xfffd;
    }
}

void append_code(std::string& to, std::uint32_t c) {
    if (c < 0x80) {
        to += static_cast<char>(c);
    } else if (c < 0x800) {
        to += static_cast<char>(0xc0 | c >> 6);
        to += static_cast<char>(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        to += static_cast<char>(0xe0 | c >> 12);
        to += static_cast<char>(0x80 | (c >> 6 & 0x3f));
        to += static_cast<char>(0x80 | (c & 0x3f));
    } else {
        to += static_cast<char>(0xf0 | c >> 18);
        to += static_cast<char>(0x80 | (c >> 12 & 0x3f));
        to += static_cast<char>(0x80 | (c >> 6 & 0x3f));
        to += static_cast<char>(0x80 | (c & 0x3f));
    }
}

std::string in_case(std::string_view text, bool upper) {
    static const locale_t unicode = ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    std::string out;
    out.reserve(text.size());
    for (const std::string_view c : characters(text)) {
        const std::uint32_t code = code_of(c);
        if (code < 0x80) {
            const auto b = static_cast<char>(code);
            out += upper ? (b >= 'a' && b <= 'z' ? static_cast<char>(b - 32) : b) : to_lower(b);
        } else if (unicode == nullptr || code == 0xfffd) {
            out += c;
        } else {
            append_code(out, static_cast<std::uint32_t>(upper ? ::towupper_l(static_cast<wint_t>(code), unicode)
                                                              : ::towlower_l(static_cast<wint_t>(code), unicode)));
        }
    }
    return out;
}

template <bool Upper>
void change_case(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    give_text(context, in_case(text_of_value(arguments[0]), Upper));
}

// substr(text, from [, length]): counts from 1, and what lies before 1 counts for the length.
void substr(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto all = characters(text_of_value(arguments[0]));
    const std::int64_t from = sqlite3_value_int64(arguments[1]);
    std::int64_t end = static_cast<std::int64_t>(all.size()) + 1;
    if (count > 2) {
        const std::int64_t length = sqlite3_value_int64(arguments[2]);
        if (length < 0) return fail_in_function(context, "22011", "negative substring length not allowed");
        end = std::min(end, from + length);
    }
    const std::int64_t begin = std::max<std::int64_t>(from, 1);
    if (end <= begin) return give_text(context, "");
    give_text(context, run_of(all, static_cast<std::size_t>(begin - 1), static_cast<std::size_t>(end - 1)));
}

// left(text, n) and right(text, n); a negative n leaves out so many at the other end.
template <bool Left>
void end_of(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto all = characters(text_of_value(arguments[0]));
    const auto size = static_cast<std::int64_t>(all.size());
    std::int64_t n = sqlite3_value_int64(arguments[1]);
    n = n < 0 ? std::max<std::int64_t>(size + n, 0) : std::min(n, size);
    const auto taken = static_cast<std::size_t>(n);
    give_text(context, Left ? run_of(all, 0, taken) : run_of(all, all.size() - taken, all.size()));
}

void repeat(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const std::string_view text = text_of_value(arguments[0]);
    const std::int64_t n = std::max<std::int64_t>(sqlite3_value_int64(arguments[1]), 0);
    if (!text.empty() && static_cast<std::uint64_t>(n) > text_max / text.size()) {
        return fail_in_function(context, "54000", "requested length too large");
    }
    std::string out;
    for (std::int64_t i = 0; i < n && !text.empty(); ++i) out += text;
    give_text(context, out);
}

void reverse(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    std::string out;
    const auto all = characters(text_of_value(arguments[0]));
    for (auto c = all.rbegin(); c != all.rend(); ++c) out += *c;
    give_text(context, out);
}

template <bool Left>
void pad(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    const auto all = characters(text_of_value(arguments[0])), fill = characters(text_of_value(arguments[2]));
    const std::int64_t n = std::max<std::int64_t>(sqlite3_value_int64(arguments[1]), 0);
    if (static_cast<std::uint64_t>(n) > text_max / 4)
        return fail_in_function(context, "54000", "requested length too large");
    const auto wanted = static_cast<std::size_t>(n);
    if (all.size() >= wanted || fill.empty()) return give_text(context, run_of(all, 0, std::min(wanted, all.size())));
    std::string padding;
    for (std::size_t i = 0; i < wanted - all.size(); ++i) padding += fill[i % fill.size()];
    const std::string text{text_of_value(arguments[0])};
    give_text(context, Left ? padding + text : text + padding);
}

void starts_with(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    sqlite3_result_int(context, text_of_value(arguments[0]).starts_with(text_of_value(arguments[1])) ? 1 : 0);
}

// --- LIKE ---------------------------------------------------------------------------------------------------------

struct pattern_element {
    enum class kind { any_run, any_one, exactly } what;
    std::string_view character;
};

// Greedy with one place to come back to, so that no pattern takes more than length times length.
bool matches(const std::vector<std::string_view>& text, const std::vector<pattern_element>& pattern) {
    using kind = pattern_element::kind;
    std::size_t t = 0, p = 0, star = pattern.size(), resume = 0;
    bool has_star = false;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p].what == kind::any_run) {
            has_star = true;
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p].what == kind::any_one || pattern[p].character == text[t])) {
            ++p;
            ++t;
        } else if (has_star) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p].what == kind::any_run) ++p;
    return p == pattern.size();
}

template <bool IgnoreCase>
void like(sqlite3_context* context, int count, sqlite3_value** arguments) {
    if (any_null(count, arguments)) return;
    std::string text{text_of_value(arguments[0])}, pattern{text_of_value(arguments[1])};
    std::string escape = count > 2 ? std::string{text_of_value(arguments[2])} : "\\";
    if (characters(escape).size() > 1) {
        return fail_in_function(context, "22019", "invalid escape string",
                                "Escape string must be empty or one character.");
    }
    if (IgnoreCase) {
        text = in_case(text, false);
        pattern = in_case(pattern, false);
        escape = in_case(escape, false);
    }
    std::vector<pattern_element> elements;
    const auto all = characters(pattern);
    for (std::size_t i = 0; i < all.size(); ++i) {
        using kind = pattern_element::kind;
        if (!escape.empty() && all[i] == escape) {
            if (i + 1 == all.size())
                return fail_in_function(context, "22025", "LIKE pattern must not end with escape character");
            elements.push_back({kind::exactly, all[++i]});
        } else if (all[i] == "%") {
            elements.push_back({kind::any_run, {}});
        } else if (all[i] == "_") {
            elements.push_back({kind::any_one, {}});
        } else {
            elements.push_back({kind::exactly, all[i]});
        }
    }
    sqlite3_result_int(context, matches(characters(text), elements) ? 1 : 0);
}

}  // namespace

void add_pg_texts(sqlite3* to) {
    for (const function_entry& f : {
             function_entry{"pg_lower", 1, change_case<false>},
             function_entry{"pg_upper", 1, change_case<true>},
             function_entry{"pg_substr", 2, substr},
             function_entry{"pg_substr", 3, substr},
             function_entry{"pg_left", 2, end_of<true>},
             function_entry{"pg_right", 2, end_of<false>},
             function_entry{"pg_repeat", 2, repeat},
             function_entry{"pg_reverse", 1, reverse},
             function_entry{"pg_lpad", 3, pad<true>},
             function_entry{"pg_rpad", 3, pad<false>},
             function_entry{"pg_starts_with", 2, starts_with},
             function_entry{"pg_like", 2, like<false>},
             function_entry{"pg_like", 3, like<false>},
             function_entry{"pg_ilike", 2, like<true>},
             function_entry{"pg_ilike", 3, like<true>},
         }) {
        add_function(to, f);
    }
}

}  // namespace ashlar::driver::sqlite
