#include "proxy/settings_over_sqlite.hpp"

#include "core/ascii.hpp"
#include "core/letter_case.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace ashlar::proxy {

namespace {

struct postgres_setting {
    std::string_view name;
    char who = 'u';
    std::string_view first;
};

constexpr auto known = std::to_array<postgres_setting>({
#define SETTING(name, who, first) postgres_setting{name, who, first},
#include "proxy/postgres_settings.inc"
#undef SETTING
});

const postgres_setting* find_known(std::string_view name) {
    const auto at = std::lower_bound(known.begin(), known.end(), name,
                                     [](const postgres_setting& s, std::string_view n) { return s.name < n; });
    return at != known.end() && at->name == name ? &*at : nullptr;
}

// Settings that have one meaning over SQLite, the values that mean it, and what to do instead of the others.
struct fixed_setting {
    std::string_view name;
    std::array<std::string_view, 8> values;
    std::string_view hint;
};

constexpr std::string_view in_utc =
    "Times are kept, read and shown in UTC over SQLite databases. Send them with their offset, and convert them in the "
    "program.";
constexpr std::string_view no_wait =
    "0 is the only value over SQLite databases. busy_timeout of the configuration says how long a statement waits for "
    "a lock.";
constexpr std::string_view no_limit =
    "0 is the only value over SQLite databases. statement_timeout ends a long statement.";
constexpr std::string_view no_other = "Leave it at its first value over SQLite databases.";

constexpr auto fixed = std::to_array<fixed_setting>({
    {"array_nulls", {"on"}, no_other},
    {"bytea_output", {"hex"}, no_other},
    {"default_tablespace", {""}, no_other},
    {"extra_float_digits",
     {"1", "2", "3"},
     "Floats are written with all their digits over SQLite databases. Use round()."},
    {"idle_in_transaction_session_timeout", {"0"}, no_limit},
    {"idle_session_timeout", {"0"}, no_limit},
    {"intervalstyle", {"postgres"}, no_other},
    {"lock_timeout", {"0"}, no_wait},
    {"timezone", {"utc", "etc/utc", "gmt", "etc/gmt", "zulu", "uct", "0", "universal"}, in_utc},
    {"transaction_read_only", {}, "Use SET TRANSACTION READ ONLY."},
    {"transform_null_equals", {"off"}, "Write IS NULL."},
});

// Settings that are no part of pg_settings.
constexpr auto beside = std::to_array<std::string_view>({"role", "session_authorization", "seed"});

const fixed_setting* find_fixed(std::string_view name) {
    const auto* const at =
        std::find_if(fixed.begin(), fixed.end(), [&](const fixed_setting& f) { return f.name == name; });
    return at == fixed.end() ? nullptr : at;
}

bool is_iso(std::string_view datestyle) {
    static constexpr auto parts = std::to_array<std::string_view>(
        {"iso", "mdy", "dmy", "ymd", "us", "noneuro", "noneuropean", "euro", "european", "default"});
    const std::string all = lowered(datestyle);
    std::size_t at = 0;
    while (at <= all.size()) {
        const std::size_t comma = std::min(all.find(',', at), all.size());
        const std::string_view part = trim(std::string_view{all}.substr(at, comma - at));
        if (std::find(parts.begin(), parts.end(), part) == parts.end()) return false;
        at = comma + 1;
    }
    return true;
}

error bad_value(std::string_view name, std::string_view value) {
    return error{errc::invalid_argument, fmt::format("invalid value for parameter \"{}\": \"{}\"", name, value)}
        .sqlstate("22023");
}

error no_effect(std::string_view name, std::string_view value, std::string_view hint) {
    return error{errc::unsupported, fmt::format("{} = '{}' is not available over SQLite databases", name, value)}.hint(
        std::string{hint});
}

// "1500", "1.5s", " 2 min "
std::optional<milliseconds> read_duration(std::string_view value) {
    const std::string_view text = trim(value);
    double number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc{}) return std::nullopt;
    const std::string_view unit = trim(text.substr(static_cast<std::size_t>(read.ptr - text.data())));
    static constexpr std::array<std::pair<std::string_view, double>, 7> units{
        {{"", 1}, {"us", 0.001}, {"ms", 1}, {"s", 1e3}, {"min", 60e3}, {"h", 3'600e3}, {"d", 86'400e3}}};
    const auto* const at = std::find_if(units.begin(), units.end(), [&](const auto& u) { return u.first == unit; });
    if (at == units.end()) return std::nullopt;
    const double all = std::nearbyint(number * at->second);
    if (!(all >= 0 && all <= 2147483647.0)) return std::nullopt;
    return milliseconds{static_cast<std::int64_t>(all)};
}

std::string shown(milliseconds time) {
    const auto count = time.count();
    if (count == 0) return "0";
    static constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
        {{"d", 86'400'000}, {"h", 3'600'000}, {"min", 60'000}, {"s", 1'000}, {"ms", 1}}};
    for (const auto& [unit, size] : units) {
        if (count % size == 0) return fmt::format("{}{}", count / size, unit);
    }
    return {};
}

// Has PostgreSQL a setting of this name, or may it be anybody's own?
status check_name(std::string_view name) {
    const bool own = name.find('.') != name.npos;
    if (own || find_known(name) != nullptr || std::find(beside.begin(), beside.end(), name) != beside.end()) return {};
    return error{errc::invalid_argument, fmt::format("unrecognized configuration parameter \"{}\"", name)}.sqlstate(
        "42704");
}

std::string unquoted(std::string_view text) {
    std::string out;
    if (text.empty()) return out;
    const char quote = text.front();
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == quote) {
            if (i + 1 >= text.size() || text[i + 1] != quote) break;
            ++i;
        }
        out += text[i];
    }
    return out;
}

}  // namespace

std::string value_of_setting(std::string_view statement) {
    constexpr std::string_view by_value = "SELECT pg_catalog.set_config(";
    std::string_view rest = trim(statement);
    if (rest.starts_with(by_value)) {
        const std::size_t comma = rest.find("', ");  // names hold no quotes
        rest = comma == rest.npos ? std::string_view{} : rest.substr(comma + 3);
        if (rest.starts_with('E')) rest.remove_prefix(1);  // quoted_literal() of a text with backslashes
        return rest.empty() ? std::string{} : unquoted(rest);
    }
    const auto next_word = [&rest] {
        std::size_t end = 0;
        while (end < rest.size() && !is_blank(rest[end]) && rest[end] != '=' && rest[end] != '\'') ++end;
        std::string word = lowered(rest.substr(0, end));
        rest = trim(rest.substr(end));
        return word;
    };
    std::string name = (next_word(), next_word());
    if (name == "local" || name == "session") name = next_word();
    if (name == "time") {
        (void)next_word();
    } else if (rest.starts_with('=')) {
        rest = trim(rest.substr(1));
    } else if (equals_ignoring_case(rest.substr(0, 2), "to")) {
        rest = trim(rest.substr(2));
    }
    const bool one_text = !rest.empty() && rest.front() == '\'' && rest.find('\'', 1) == rest.size() - 1;
    const bool one_name = !rest.empty() && rest.front() == '"' && rest.find('"', 1) == rest.size() - 1;
    if (one_text || one_name) return unquoted(rest);
    return std::string{rest};
}

std::optional<bool> read_switch(std::string_view value) {
    const std::string text = lowered(trim(value));
    if (text.empty()) return std::nullopt;
    const auto begins = [&](std::string_view word, std::size_t at_least) {
        return text.size() >= at_least && word.starts_with(text);
    };
    if (begins("true", 1) || begins("yes", 1) || text == "on" || text == "1") return true;
    if (begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0") return false;
    return std::nullopt;
}

status check_over_sqlite(std::string_view name, std::string_view value, std::string_view user) {
    if (status s = check_name(name); !s) return s;
    if (name == "role" || name == "session_authorization") {
        if (value == user || (name == "role" && lowered(value) == "none")) return {};
        return no_effect(name, value,
                         "A session over SQLite databases has the rights of its login only: log in as that user.");
    }
    if (name == "seed") return no_effect(name, value, "Its random() takes no seed.");
    const postgres_setting* const found = find_known(name);
    if (found == nullptr) return {};
    if (found->who == 'f') {
        return error{errc::invalid_argument, fmt::format("parameter \"{}\" cannot be changed now", name)}.sqlstate(
            "55P02");
    }
    if (found->who == 's') {
        return error{errc::invalid_argument, fmt::format("permission denied to set parameter \"{}\"", name)}.sqlstate(
            "42501");
    }
    const bool is_switch = found->first == "on" || found->first == "off";
    const std::optional<bool> on = read_switch(value);
    if (is_switch && !on && name != "backslash_quote" && name != "constraint_exclusion") return bad_value(name, value);
    if (name == "statement_timeout" && !read_duration(value)) return bad_value(name, value);
    if (name == "datestyle" && !is_iso(value))
        return no_effect(name, value, "Dates are shown in ISO form. Format them in the program.");
    const fixed_setting* const only = find_fixed(name);
    if (only == nullptr) return {};
    const bool is_zero = only->values.front() == "0" && read_duration(value) == milliseconds{0};
    const std::string lower = lowered(trim(value));
    const std::string_view said = is_zero ? "0" : !is_switch ? std::string_view{lower} : *on ? "on" : "off";
    const bool good = std::find(only->values.begin(), only->values.end(), said) != only->values.end() &&
                      (!said.empty() || name == "default_tablespace");
    return good ? status{} : status{no_effect(name, value, only->hint)};
}

status check_over_sqlite(const setting_command& command, std::string_view user) {
    using verb = setting_command::verb;
    const auto check = [&](const std::string& name, const std::string& statement) {
        const std::string value = value_of_setting(statement);
        const bool to_default = command.what == verb::set_local && lowered(value) == "default";
        return to_default ? check_name(name) : check_over_sqlite(name, value, user);
    };
    if (command.what == verb::transaction || command.what == verb::reset_all) return {};
    if (command.what == verb::reset) return check_name(command.name);
    status s = check(command.name, command.statement);
    for (const auto& [name, statement] : command.more) {
        if (s) s = check(name, statement);
    }
    return s;
}

std::optional<std::string> shown_over_sqlite(std::string_view name, std::string_view value) {
    const postgres_setting* const found = find_known(name);
    if (found != nullptr && found->who == 'f') return std::nullopt;
    if (name == "statement_timeout" || name == "lock_timeout" || name.ends_with("session_timeout")) {
        const auto time = read_duration(value);
        return time ? shown(*time) : std::string{value};
    }
    const bool is_switch = found != nullptr && (found->first == "on" || found->first == "off");
    if (const auto on = read_switch(value); is_switch && on) return *on ? "on" : "off";
    return std::string{value};
}

std::optional<std::string> first_value_over_sqlite(std::string_view name) {
    const postgres_setting* const found = find_known(name);
    if (found == nullptr || found->who == 'f') return std::nullopt;
    return std::string{found->first};
}

milliseconds statement_timeout(const settings& of_session, const settings& local) {
    static const std::string name = "statement_timeout";
    const std::string* made = local.find(name);
    if (made == nullptr) made = of_session.find(name);
    if (made == nullptr) return milliseconds{0};
    return read_duration(value_of_setting(*made)).value_or(milliseconds{0});
}

}  // namespace ashlar::proxy
