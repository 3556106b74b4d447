// event_log.hpp: one line for each event worth knowing at 3 a.m., as text or as JSON, through the default logger.
//
//     2026-11-30 18:30:00.123 info login user=app database=shop address=10.0.0.5 port=50312
//     {"time":"2026-11-30T18:30:00.123Z","level":"info","event":"login","user":"app",…}
//
// Words     An event is named by a word or two; its fields have fixed names. Docs list them (docs/guide/health.md).
// Secrets   Callers never pass a password, a parameter's value, or SQL with its literals.
// Threads   Any. configure_log() is for the start of the program and for reloads.
// Other     Messages that go to spdlog directly appear as text after the level, and as "message" in JSON.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace ashlar {

enum class log_level : std::uint8_t { debug, info, warning, error };
enum class log_format : std::uint8_t { text, json };

// Of the default logger. Until it is called, spdlog's own form is used, and only warnings and errors are written: a program
// that uses the library did not ask for more.
void configure_log(log_level least, log_format as);

struct log_field {
    log_field(std::string_view key, std::string_view text) : name(key), value(text) {}
    template <class N>
    requires std::is_arithmetic_v<N> log_field(std::string_view key, N number)
        : name(key), value(fmt::to_string(number)), is_number(true) {}

    std::string_view name;
    std::string value;
    bool is_number = false;
};

// Is a line of this level written? For callers whose fields cost something.
bool logs(log_level level) noexcept;
void log_event(log_level level, std::string_view event, std::initializer_list<log_field> fields);

}  // namespace ashlar
