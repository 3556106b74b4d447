#include "proxy/comment_hints.hpp"

#include "core/ascii.hpp"
#include "proxy/our_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace ashlar::proxy {

namespace {

bool is_word(char c) {
    return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || is_digit(c) || c == '_';
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

// What stands behind the colon.
std::string value_in(std::string_view rest) {
    if (!rest.empty() && (rest.front() == '\'' || rest.front() == '"')) {
        const std::size_t end = rest.find(rest.front(), 1);
        return std::string{rest.substr(1, end == rest.npos ? rest.npos : end - 1)};
    }
    std::size_t size = 0;
    while (size < rest.size() && !is_blank(rest[size]) && rest[size] != ',' && rest.substr(size, 2) != "*/") ++size;
    return std::string{rest.substr(0, size)};
}

// ashlar_shard → ashlar.shard, the name of the setting that says the same.
std::string setting_for(std::string_view word) {
    for (const std::string_view first : {std::string_view{"ashlar"}, std::string_view{"pgdog"}}) {
        if (word.size() > first.size() + 1 && word.starts_with(first) && word[first.size()] == '_')
            return fmt::format("{}.{}", first, word.substr(first.size() + 1));
    }
    return word.starts_with("__spqr__") ? std::string{word} : std::string{};
}

status take(std::string_view name, std::string_view value, const our_name& meant, comment_hints& into) {
    switch (meant.what) {
        case our_setting::role: {
            std::string_view role = value;
            if (name.starts_with("__spqr__")) {
                auto read = role_for_session_attrs(value);
                if (!read) return std::move(read).error();
                role = *read;
            }
            auto read = read_role(role);
            if (!read) return std::move(read).error();
            into.role = *read;
            return {};
        }
        case our_setting::shard:
            into.where = named(value);
            return {};
        case our_setting::shard_number:
            into.where = numbered(value);
            return {};
        case our_setting::sharding_key:
            into.where = keyed(value);
            return {};
        case our_setting::harmless:
            return check_harmless(name, value);
        case our_setting::causal_token:
        case our_setting::primary_reads:
            return error{errc::unsupported, fmt::format("{} in a comment", name)}.hint("Use SET.");
    }
    return {};
}

// One comment, without its marks.
status look_into(std::string_view comment, comment_hints& into) {
    bool leading = true;  // nothing but blanks so far
    for (std::size_t at = 0; at < comment.size();) {
        if (!is_word(comment[at])) {
            leading = leading && (is_blank(comment[at]) || comment[at] == '*' || comment[at] == '/');
            ++at;
            continue;
        }
        const std::size_t begin = at;
        while (at < comment.size() && is_word(comment[at])) ++at;
        const std::string_view word = comment.substr(begin, at - begin);
        const bool first = std::exchange(leading, false);
        const std::string_view rest = trim(comment.substr(at));
        if (rest.empty() || rest.front() != ':') continue;
        const std::string name = setting_for(word);
        if (name.empty()) continue;
        auto meant = find_our_setting(name);
        if (!meant) {
            if (!first && meant.error().sqlstate() == "42704") continue;  // prose that looks alike
            return std::move(meant).error();
        }
        if (!*meant) continue;
        if (status taken = take(name, value_in(trim(rest.substr(1))), **meant, into); !taken) return taken;
    }
    return {};
}

}  // namespace

result<comment_hints> hints_in_comments(std::string_view sql) {
    comment_hints found;
    const bool any = sql.find("ashlar_") != sql.npos || sql.find("pgdog_") != sql.npos ||
                     sql.find("__spqr__") != sql.npos || sql.find("NO LOAD BALANCE") != sql.npos;
    if (!any) return found;
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
            trim(comment.substr(2, comment.size() - 4)) == "NO LOAD BALANCE") {
            found.role = role_hint::primary;
        }
        if (status looked = look_into(comment.substr(2), found); !looked) return std::move(looked).error();
        at = end;
    }
    return found;
}

}  // namespace ashlar::proxy
