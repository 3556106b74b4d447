// [session_defaults]: PostgreSQL's settings with which the sessions of every server begin.
#include "config/parts.hpp"
#include "config/spelling.hpp"
#include "core/letter_case.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::config {

namespace {

constexpr std::size_t depth_max = 4;

bool is_setting_name(std::string_view name) {
    if (name.empty() || name.size() > 200 || (name.front() >= '0' && name.front() <= '9')) return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
}

// Why a name is not taken; empty: it is.
std::string_view obstacle(const std::string& name) {
    const std::string known = lowered(name);
    if (known == "client_encoding") return "always UTF8";
    if (known == "role" || known == "session_authorization") return "the user of each database's URL";
    if (known == "application_name") return "each client's own";
    if (known.starts_with("ashlar.") || known.starts_with("pgdog.")) return "kept by the proxy, not by servers";
    return {};
}

// A setting with a dot may be written in quotes, or as TOML's dotted key, which is a table in a table.
void read_into(section& from, const std::string& before, std::size_t depth, std::map<std::string, std::string>& into) {
    for (const entry* each : from.others()) {
        from.take(each->key);
        const std::string name = before.empty() ? each->key : before + "." + each->key;
        if (each->value.what == node::kind::table && depth < depth_max) {
            section inner{from.with(), each->value, from.at_path(each->key)};
            read_into(inner, name, depth + 1, into);
            continue;
        }
        mistakes& wrong = from.with().wrong;
        if (!is_setting_name(name)) {
            wrong.add(each->at, from.at_path(each->key), "not the name of a setting", "a name such as TimeZone");
            continue;
        }
        if (const std::string_view why = obstacle(name); !why.empty()) {
            wrong.add(each->at, from.at_path(each->key), "cannot be set here", std::string{why});
            continue;
        }
        if (each->value.what == node::kind::boolean) {
            into[name] = each->value.boolean ? "on" : "off";
        } else if (const auto value = from.key_text(each->key)) {
            into[name] = value->text;
        }
    }
}

}  // namespace

std::map<std::string, std::string> read_session_defaults(reading& with, const node& what) {
    std::map<std::string, std::string> out;
    section from{with, what, "session_defaults"};
    if (what.what == node::kind::table) read_into(from, "", 0, out);
    return out;
}

}  // namespace ashlar::config
