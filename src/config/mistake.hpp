// mistake.hpp: one thing wrong with a configuration file: where, what was found, what was expected, and a hint.
//
// Mistakes are collected, never thrown: a reader reports all of them at once. No text in a mistake ever holds a secret:
// readers of URLs and passwords say what is wrong with them and do not quote them.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::config {

// 1-based; line 0 stands for the file as a whole.
struct position {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    friend auto operator<=>(const position&, const position&) = default;
};

struct mistake {
    position at;
    std::string subject;   // "pool.max_conections", "shards.eu.from"; empty: the file
    std::string found;     // "unknown key"
    std::string expected;  // "one of max_connections, min_connections"; empty where `found` says it all
    std::string hint;      // "did you mean `max_connections`?"; empty for none
    // True where something is missing. After a syntax error such a mistake may be a mere consequence, and is dropped.
    bool of_absence = false;
    // A variable of the environment is not set. What is missing around it is a mere consequence then, and is dropped.
    bool of_unset = false;
};

// "ashlar.toml:12:1: pool.max_conections: unknown key", then indented lines for what was expected and the hint.
std::string to_string(const mistake& what, std::string_view file);
// All of them, a blank-free block each, in the order given.
std::string to_string(const std::vector<mistake>& all, std::string_view file);

// Collects mistakes; hands them out in the order of the file.
class mistakes {
public:
    void add(position at, std::string subject, std::string found, std::string expected = {}, std::string hint = {});
    void add_absence(position at, std::string subject, std::string found, std::string expected = {},
                     std::string hint = {});
    void add_unset(position at, std::string subject, std::string found, std::string hint);
    bool empty() const noexcept { return all_.empty(); }
    std::size_t size() const noexcept { return all_.size(); }

    // In the order of the file; without the absences when `broken` (the file could not be read whole).
    std::vector<mistake> take(bool broken);

private:
    std::vector<mistake> all_;
};

}  // namespace ashlar::config
