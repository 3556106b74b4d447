// regex_program.hpp: a regular expression as a machine of states. Private to regex*.cpp.
#pragma once

#include "core/regex.hpp"

#include <locale.h>
#include <wctype.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

namespace ashlar {

// Of C.UTF-8, whatever the process's own locale is.
inline locale_t regex_locale() {
    static const locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return utf8;
}

inline bool is_word_character(char32_t c) {
    return c == U'_' || iswalnum_l(static_cast<wint_t>(c), regex_locale()) != 0;
}

// What one character may be.
struct character_set {
    bool negated = false;
    std::vector<std::pair<char32_t, char32_t>> ranges;
    std::vector<std::pair<wctype_t, bool>> classes;  // with: not of it
    bool word = false, not_word = false;

    // Sorted, without overlaps: a set of many ranges is asked once for each character of the text.
    void settle() {
        std::sort(ranges.begin(), ranges.end());
        std::size_t kept = 0;
        for (const auto& each : ranges) {
            if (kept > 0 && each.first <= ranges[kept - 1].second)
                ranges[kept - 1].second = std::max(ranges[kept - 1].second, each.second);
            else
                ranges[kept++] = each;
        }
        ranges.resize(kept);
    }
    bool lists(char32_t c) const {
        const auto behind = std::upper_bound(ranges.begin(), ranges.end(), c,
                                             [](char32_t value, const auto& range) { return value < range.first; });
        if (behind != ranges.begin() && c <= std::prev(behind)->second) return true;
        for (const auto& [type, is_not] : classes) {
            if ((iswctype_l(static_cast<wint_t>(c), type, regex_locale()) != 0) != is_not) return true;
        }
        return (word && is_word_character(c)) || (not_word && !is_word_character(c));
    }
    bool has(char32_t c, bool ignores_case) const {
        bool in = lists(c);
        if (!in && ignores_case) {
            in = lists(static_cast<char32_t>(towlower_l(static_cast<wint_t>(c), regex_locale()))) ||
                 lists(static_cast<char32_t>(towupper_l(static_cast<wint_t>(c), regex_locale())));
        }
        return in != negated;
    }
};

enum class assertion : std::uint8_t { begin, end, word_begin, word_end, word_edge, no_word_edge };

struct regex_state {
    enum class kind : std::uint8_t { character, split, check, accept };
    kind what = kind::accept;
    std::uint32_t next = 0, other = 0;  // other: of a split
    std::uint32_t set = 0;              // of a character
    assertion where = assertion::begin;
};

struct regex::program {
    std::vector<regex_state> states;
    std::vector<character_set> sets;
    std::uint32_t start = 0;
    bool ignores_case = false, shortest = false, groups = false;
};

// Pattern → program: regex_parse.cpp.
result<std::shared_ptr<const regex::program>> parse_regex(std::string_view pattern, bool ignores_case);

}  // namespace ashlar
