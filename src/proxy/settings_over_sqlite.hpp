// settings_over_sqlite.hpp: which settings a session over SQLite shards can have. SQLite has none: what changes no answer is
// kept and shown, some are carried out by the session, and the rest is refused by name. Pure.
#pragma once

#include "core/time.hpp"
#include "proxy/session_settings.hpp"

#include <ashlar/result.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace ashlar::proxy {

// The value that a statement kept in `settings` gives: "SET a TO 'b'", "SET TIME ZONE b", "SELECT …set_config('a', 'b', false)".
std::string value_of_setting(std::string_view statement);

// May a session of `user` have `name` (in lower case) at `value`? Fails with 42704 for a name that PostgreSQL has not, with 42501
// and 55P02 as PostgreSQL does, with 22023 for a bad value, and with 0A000 for what would have no effect.
status check_over_sqlite(std::string_view name, std::string_view value, std::string_view user);
// The same of a SET or RESET, all that it names.
status check_over_sqlite(const setting_command& command, std::string_view user);

// As SHOW tells it: "1500" of a statement_timeout is "1500ms". Nothing: no session can set it, and none is shown.
std::optional<std::string> shown_over_sqlite(std::string_view name, std::string_view value);
// The value of a setting before any SET.
std::optional<std::string> first_value_over_sqlite(std::string_view name);

// How long a statement may run; 0: without a limit.
milliseconds statement_timeout(const settings& of_session, const settings& local);
// Is it on, as PostgreSQL reads booleans? Nothing: it is none.
std::optional<bool> read_switch(std::string_view value);

}  // namespace ashlar::proxy
