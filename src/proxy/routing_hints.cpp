#include "proxy/routing_hints.hpp"

#include "proxy/statement_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace ashlar::proxy {

namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}
bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string_view trimmed(std::string_view s) {
    while (!s.empty() && is_blank(s.front())) s.remove_prefix(1);
    while (!s.empty() && is_blank(s.back())) s.remove_suffix(1);
    return s;
}

// The end of what is quoted from `at` on; `at` itself when nothing is.
std::size_t end_of_quoted(std::string_view sql, std::size_t at) {
    const char quote = sql[at];
    if (quote == '\'' || quote == '"') {
        const bool escapes = quote == '\'' && at > 0 && (sql[at - 1] == 'e' || sql[at - 1] == 'E');
        for (std::size_t i = at + 1; i < sql.size(); ++i) {
            if (escapes && sql[i] == '\\') {
                ++i;
            } else if (sql[i] == quote) {
                if (i + 1 >= sql.size() || sql[i + 1] != quote) return i + 1;
                ++i;
            }
        }
        return sql.size();
    }
    if (quote != '$' || (at > 0 && is_word(sql[at - 1]))) return at;
    std::size_t tag = at + 1;
    while (tag < sql.size() && is_word(sql[tag])) ++tag;
    if (tag >= sql.size() || sql[tag] != '$') return at;
    const std::string_view mark = sql.substr(at, tag + 1 - at);
    const std::size_t end = sql.find(mark, tag + 1);
    return end == sql.npos ? sql.size() : end + mark.size();
}

// The value behind "ashlar_role:" in a comment.
std::optional<std::string_view> role_in(std::string_view comment) {
    for (const std::string_view key : {std::string_view{"ashlar_role"}, std::string_view{"pgdog_role"}}) {
        const std::size_t at = comment.find(key);
        if (at == comment.npos || (at > 0 && is_word(comment[at - 1]))) continue;
        std::string_view rest = trimmed(comment.substr(at + key.size()));
        if (rest.empty() || rest.front() != ':') continue;
        rest = trimmed(rest.substr(1));
        std::size_t size = 0;
        while (size < rest.size() && is_word(rest[size])) ++size;
        return rest.substr(0, size);
    }
    return std::nullopt;
}

}  // namespace

std::string_view name_of(role_hint which) noexcept {
    return which == role_hint::primary ? "primary" : which == role_hint::replica ? "replica" : "auto";
}

result<role_hint> read_role(std::string_view name) {
    std::string lower{name};
    for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    if (lower == "primary") return role_hint::primary;
    if (lower == "replica") return role_hint::replica;
    if (lower == "any" || lower == "auto" || lower == "default") return role_hint::none;
    return error{errc::invalid_argument, fmt::format("\"{}\" is no role", name.substr(0, 100))}.sqlstate("22023").hint(
        "Roles are primary, replica and auto.");
}

result<std::optional<role_hint>> role_in_comments(std::string_view sql) {
    std::optional<role_hint> found;
    if (sql.find("_role") == sql.npos && sql.find("NO LOAD BALANCE") == sql.npos) return found;
    bool leading = true;
    for (std::size_t at = 0; at < sql.size();) {
        const bool line = sql.substr(at, 2) == "--", block = sql.substr(at, 2) == "/*";
        if (!line && !block) {
            leading = leading && is_blank(sql[at]);
            const std::size_t end = end_of_quoted(sql, at);
            at = end > at ? end : at + 1;
            continue;
        }
        std::size_t end = at + 2;
        if (line) {
            end = std::min(sql.find('\n', at), sql.size());
        } else {
            for (int depth = 1; depth > 0 && end < sql.size();) {
                const std::string_view two = sql.substr(end, 2);
                depth += two == "/*" ? 1 : two == "*/" ? -1 : 0;
                end += two == "/*" || two == "*/" ? 2 : 1;
            }
        }
        const std::string_view comment = sql.substr(at, end - at);
        if (leading && block && comment.size() >= 4 &&
            trimmed(comment.substr(2, comment.size() - 4)) == "NO LOAD BALANCE") {
            found = role_hint::primary;
        }
        if (const auto named = role_in(comment)) {
            auto role = read_role(*named);
            if (!role) return std::move(role).error();
            found = *role;
        }
        at = end;
    }
    return found;
}

bool is_our_setting(std::string_view name) noexcept {
    return name == role_setting || name == "pgdog.role" || name == token_setting;
}

std::optional<std::string> in_our_words(std::string_view sql) {
    const std::vector<std::string> words = words_of(sql);
    const auto are = [&](std::initializer_list<std::string_view> these) {
        return words.size() == these.size() && std::equal(these.begin(), these.end(), words.begin());
    };
    if (are({"show", "server", "role"})) return fmt::format("SHOW {}", role_setting);
    for (const std::string_view role : {"primary", "replica", "any", "auto", "default"}) {
        if (are({"set", "server", "role", "to", role})) return fmt::format("SET {} TO '{}'", role_setting, role);
    }
    return std::nullopt;
}

}  // namespace ashlar::proxy
