#include "driver/session_values.hpp"

#include "core/ascii.hpp"
#include "core/quoting.hpp"

#include <algorithm>
#include <array>

namespace ashlar::driver {

namespace {

// Those that PostgreSQL 13 to 18 have all of them: a server refuses a login that names a setting it does not know.
constexpr auto sent = std::to_array<std::string_view>({
    // how values are written and read
    "TimeZone",
    "timezone_abbreviations",
    "DateStyle",
    "IntervalStyle",
    "bytea_output",
    "extra_float_digits",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "xmlbinary",
    "xmloption",
    "array_nulls",
    // how a statement's text is read
    "standard_conforming_strings",
    "backslash_quote",
    "escape_string_warning",
    "transform_null_equals",
    "quote_all_identifiers",
    "search_path",
    "default_text_search_config",
    // what a statement may do, and sees
    "default_transaction_isolation",
    "default_transaction_read_only",
    "default_transaction_deferrable",
    "row_security",
    "check_function_bodies",
    "gin_fuzzy_search_limit",
    "client_min_messages",
    // when it is ended
    "statement_timeout",
    "lock_timeout",
});

constexpr auto checked = std::to_array<std::string_view>({
    "session_replication_role",
    "lo_compat_privileges",
    "plpgsql.variable_conflict",
    "server_encoding",
});

template <class Names>
std::string list_of(const Names& names) {
    std::string out;
    for (const auto& name : names) {
        if (!out.empty()) out += ',';
        out += quoted_literal(name);
    }
    return out;
}

}  // namespace

const session_value* find(const session_values& among, std::string_view name) noexcept {
    const auto at = std::find_if(among.begin(), among.end(),
                                 [&](const session_value& each) { return equals_ignoring_case(each.name, name); });
    return at == among.end() ? nullptr : &*at;
}

// Every name is qualified and every operator a built-in one, whatever search_path the login has (CVE-2025-12819).
std::string reading_sql(const session_values& and_these) {
    std::vector<std::string_view> names{sent.begin(), sent.end()};
    for (const session_value& each : and_these) {
        const bool known = std::any_of(names.begin(), names.end(),
                                       [&](std::string_view n) { return equals_ignoring_case(n, each.name); });
        if (!known) names.push_back(each.name);
    }
    return "select n.name, coalesce(pg_catalog.current_setting(n.name, true), ''), n.kind from ("
           "select s.name, 'f' as kind from pg_catalog.unnest(array[" +
           list_of(names) + "]::pg_catalog.text[]) s(name) union all select c.name, 't' from pg_catalog.unnest(array[" +
           list_of(checked) +
           "]::pg_catalog.text[]) c(name) union all "
           "select distinct pg_catalog.split_part(e.entry, '=', 1), 'f' from pg_catalog.pg_db_role_setting r, "
           "pg_catalog.unnest(r.setconfig) e(entry) where (r.setdatabase operator(pg_catalog.=) 0::pg_catalog.oid or "
           "r.setdatabase operator(pg_catalog.=) (select d.oid from pg_catalog.pg_database d where d.datname "
           "operator(pg_catalog.=) pg_catalog.current_database())) and (r.setrole operator(pg_catalog.=) "
           "0::pg_catalog.oid or r.setrole operator(pg_catalog.=) (select u.oid from pg_catalog.pg_roles u where "
           "u.rolname operator(pg_catalog.=) current_user)) and pg_catalog.split_part(e.entry, '=', 1) "
           "operator(pg_catalog.~) '^[A-Za-z_][A-Za-z0-9_$]*([.][A-Za-z_][A-Za-z0-9_$]*)+$' and "
           "pg_catalog.split_part(e.entry, '=', 1) operator(pg_catalog.!~) '^plpgsql[.]' and not exists (select from "
           "pg_catalog.pg_settings k where k.name operator(pg_catalog.=) pg_catalog.split_part(e.entry, '=', 1) and "
           "k.context operator(pg_catalog.<>) 'user')) n(name, kind)";
}

std::string comparing_sql(const session_values& of) {
    if (of.empty()) return {};
    std::vector<std::string_view> names;
    names.reserve(of.size());
    for (const session_value& each : of) names.push_back(each.name);
    return "select n.name, coalesce(pg_catalog.current_setting(n.name, true), '') from pg_catalog.unnest(array[" +
           list_of(names) + "]::pg_catalog.text[]) n(name)";
}

std::string as_options(const session_values& what) {
    std::string out;
    const auto put = [&out](std::string_view text) {
        for (const char c : text) {
            if (c == '\\' || is_blank(c)) out += '\\';
            out += c;
        }
    };
    for (const session_value& each : what) {
        if (!out.empty()) out += ' ';
        out += "-c ";
        put(each.name);
        out += '=';
        put(each.value);
    }
    return out;
}

bool same_value(std::string_view name, std::string_view a, std::string_view b) {
    if (a == b) return true;
    if (!equals_ignoring_case(name, "default_text_search_config")) return false;
    const auto bare = [](std::string_view text) {
        std::string out{text};
        std::erase(out, '"');
        return out;
    };
    return bare(a) == bare(b);
}

std::vector<std::string> schemas_in(std::string_view search_path) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at < search_path.size();) {
        if (is_blank(search_path[at]) || search_path[at] == ',') {
            ++at;
            continue;
        }
        std::string name;
        if (search_path[at] == '"') {
            for (++at; at < search_path.size(); ++at) {
                if (search_path[at] == '"' && (at + 1 >= search_path.size() || search_path[++at] != '"')) break;
                name += search_path[at];
            }
            if (at < search_path.size() && search_path[at] == '"') ++at;
        } else {
            while (at < search_path.size() && search_path[at] != ',' && !is_blank(search_path[at])) {
                name += to_lower(search_path[at++]);
            }
        }
        if (!name.empty() && name != "$user") out.push_back(std::move(name));
    }
    return out;
}

}  // namespace ashlar::driver
