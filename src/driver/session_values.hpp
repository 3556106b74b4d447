// session_values.hpp: the PostgreSQL settings that change what a statement means or how its values are written, and the
// texts that read, send and compare them. Pure.
//
// Three groups:
//   sent     Every session may set them. They go along with the start-up packet, so that the server itself takes them as the
//            session's defaults, and RESET, RESET ALL and DISCARD ALL return to them.
//   checked  Only a superuser may set them. They are compared after the login, and sent only where they differ.
//   own      Settings with a dot in the name (app.region) that the reference server has by ALTER DATABASE or ALTER ROLE.
//            Sent like the first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::driver {

struct session_value {
    std::string name, value;
    bool checked_only = false;
    friend bool operator==(const session_value&, const session_value&) = default;
};
using session_values = std::vector<session_value>;

const session_value* find(const session_values& among, std::string_view name) noexcept;

// Asks a server for its values of all groups and of these names: rows of name, value ("" for a missing one), and 't' for
// checked ones.
std::string reading_sql(const session_values& and_these);
// Asks for the values of these names: rows of name and value. Empty when there is nothing to ask.
std::string comparing_sql(const session_values& of);

// The names in a list as search_path holds it, without "$user": app, "My Schema" → app, My Schema.
std::vector<std::string> schemas_in(std::string_view search_path);

// Do both values of the setting mean the same? default_text_search_config is spelled with quotes where quote_all_identifiers
// is on.
bool same_value(std::string_view name, std::string_view a, std::string_view b);

// As libpq's `options`: "-c name=value …", with backslashes before blanks and backslashes.
std::string as_options(const session_values& what);

}  // namespace ashlar::driver
