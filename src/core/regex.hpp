// regex.hpp: PostgreSQL's advanced regular expressions, in a subset that means exactly the same, matched in time linear in the
// text. std::regex and regcomp() would give other matches, and can be made to run without end by a pattern.
//
// Known      literals, `.`, brackets with ranges and classes, \d \s \w \D \S \W, `( )`, `(?: )`, `|`, `* + ? {m} {m,} {m,n}` and
//            their non-greedy forms, ^ $ \A \Z \m \M \y \Y, character escapes, (?i) in front
// Refused    back references, look-around, other embedded options, collating elements,
//            and patterns of more than 4,000 states: unsupported
// Wrong      as PostgreSQL says: bad_value with 2201B
//
// Letters are those of the locale C.UTF-8. A match is the leftmost; then the longest, or the shortest where the first quantifier
// that tells is non-greedy. Pure.
#pragma once

#include <ashlar/result.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar {

// Asked now and then while a search runs; true ends it as if there were no match.
struct regex_stop_check {
    int (*asked)(void*) = nullptr;
    void* of = nullptr;
    bool operator()() const { return asked != nullptr && asked(of) != 0; }
};

class regex {
public:
    struct options {
        bool ignores_case = false;
    };
    struct match {
        std::size_t begin = 0, end = 0;  // bytes
    };

    static result<regex> compile(std::string_view pattern, options how);

    using stop_check = regex_stop_check;

    // The first match at or after the byte `from`; ^ is the beginning of the text all the same.
    std::optional<match> find(std::string_view text, std::size_t from = 0, stop_check stop = {}) const;
    bool is_in(std::string_view text, stop_check stop = {}) const;
    bool has_groups() const noexcept;  // ( ) that capture

    // Not to be used by others; defined in regex.cpp.
    struct program;

private:
    explicit regex(std::shared_ptr<const program> p) : program_(std::move(p)) {}
    std::shared_ptr<const program> program_;  // shared by copies, which are cheap and never change it
};

// SIMILAR TO's pattern as such a regular expression. `escape`: one character, or none. Fails with 22025, and as compile().
result<std::string> similar_pattern(std::string_view pattern, std::string_view escape);

}  // namespace ashlar
