#include "route/sqlite/lacking.hpp"

#include "core/ascii.hpp"
#include "core/letter_case.hpp"
#include "sql/lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace ashlar::route::sqlite {

namespace {

struct command {
    std::string_view verb;
    std::string_view hint;
};

constexpr std::string_view compute = "Compute it in the program.";
constexpr std::string_view leave_out = "Leave it out.";

constexpr auto commands = std::to_array<command>({
    {"call", compute},
    {"cluster", leave_out},
    {"comment", leave_out},
    {"copy", "Load files with `ashlar load`, and read with SELECT."},
    {"do", compute},
    {"grant", "Give users access in [serve.users], and programs by the mode of the files."},
    {"import", "Create the tables."},
    {"lock", "A transaction that writes holds the lock of its whole file."},
    {"merge", "Write INSERT … ON CONFLICT."},
    {"notify", "Write into a table that the others read."},
    {"refresh", leave_out},
    {"revoke", "Give users access in [serve.users], and programs by the mode of the files."},
    {"security", leave_out},
    {"truncate", "Write DELETE FROM."},
});

// Behind CREATE, ALTER and DROP.
constexpr auto kinds = std::to_array<command>({
    {"access", leave_out},
    {"aggregate", compute},
    {"cast", compute},
    {"collation", "Text is ordered by its bytes there."},
    {"conversion", leave_out},
    {"database", "Name another file in the configuration."},
    {"domain", "Use text or a number, with a CHECK."},
    {"event", compute},
    {"extension", "Use the functions that SQLite has."},
    {"foreign", "Name the other database in the configuration."},
    {"function", compute},
    {"language", compute},
    {"materialized", "Create a table, and fill it."},
    {"operator", compute},
    {"policy", leave_out},
    {"procedure", compute},
    {"publication", leave_out},
    {"role", "Name users in [serve.users]."},
    {"rule", compute},
    {"schema", "Put the schema's name before the tables' names: a_users."},
    {"sequence", "Give rows their keys in the program, for example UUIDs."},
    {"server", "Name the other database in the configuration."},
    {"statistics", leave_out},
    {"subscription", leave_out},
    {"tablespace", leave_out},
    {"text", leave_out},
    {"transform", leave_out},
    {"type", "Use text or a number, with a CHECK."},
    {"user", "Name users in [serve.users]."},
});

// The first words, in small letters.
std::vector<std::string> first_words(std::string_view text) {
    constexpr std::size_t looked_at = 8;
    std::vector<std::string> out;
    for (const sql::token& t : sql::tokens(text)) {
        if (t.kind != sql::token_kind::word || out.size() == looked_at) break;
        out.emplace_back();
        for (const char c : text.substr(t.begin, t.end - t.begin)) out.back() += to_lower(c);
    }
    return out;
}

std::string in_capitals(std::string_view words) {
    std::string out;
    for (const char c : words) out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return out;
}

bool has(const std::vector<std::string>& words, std::size_t from, std::string_view word) {
    return std::find(words.begin() + static_cast<std::ptrdiff_t>(std::min(from, words.size())), words.end(), word) !=
           words.end();
}

// A column whose type takes its numbers from a sequence: `id serial`.
std::optional<std::string> sequence_type(std::string_view text) {
    constexpr std::array<std::string_view, 6> types{"serial",  "bigserial", "smallserial",
                                                    "serial2", "serial4",   "serial8"};
    bool behind_a_name = false;
    for (const sql::token& t : sql::tokens(text)) {
        const bool is_word = t.kind == sql::token_kind::word;
        const std::string word = is_word ? lowered(text.substr(t.begin, t.end - t.begin)) : std::string{};
        if (behind_a_name && std::find(types.begin(), types.end(), word) != types.end()) return word;
        constexpr std::array<std::string_view, 6> keywords{"table", "column", "add", "exists", "to", "rename"};
        behind_a_name = (is_word && std::find(keywords.begin(), keywords.end(), word) == keywords.end()) ||
                        t.kind == sql::token_kind::quoted_word;
    }
    return std::nullopt;
}

error no(const std::string& what, std::string_view hint) {
    return error{errc::unsupported, fmt::format("SQLite has no {}", in_capitals(what))}.hint(std::string{hint});
}

}  // namespace

std::optional<error> misread(std::string_view text) {
    constexpr std::string_view sign = "serial";
    const auto alike = [](char a, char b) { return to_lower(a) == b; };
    if (std::search(text.begin(), text.end(), sign.begin(), sign.end(), alike) == text.end()) return std::nullopt;
    const std::vector<std::string> words = first_words(text);
    const bool defines = !words.empty() && (words[0] == "create" || words[0] == "alter");
    return defines && has(words, 1, "table") ? lacking(text) : std::nullopt;
}

std::optional<error> lacking(std::string_view text) {
    const std::vector<std::string> words = first_words(text);
    if (words.empty()) return std::nullopt;
    for (const command& each : commands) {
        if (words[0] == each.verb) return no(words[0], each.hint);
    }
    if (words[0] != "create" && words[0] != "alter" && words[0] != "drop") return std::nullopt;
    std::size_t at = 1;
    while (at < words.size() && (words[at] == "or" || words[at] == "replace")) ++at;
    if (at >= words.size()) return std::nullopt;
    for (const command& each : kinds) {
        if (words[at] != each.verb) continue;
        const bool two =
            (words[at] == "materialized" || words[at] == "event" || words[at] == "foreign") && at + 1 < words.size();
        return no(words[0] + " " + words[at] + (two ? " " + words[at + 1] : ""), each.hint);
    }
    if (words[0] == "create" && has(words, at, "index")) {
        if (has(words, at, "concurrently")) return no("create index concurrently", "Leave out CONCURRENTLY.");
        const auto index = std::find(words.begin(), words.end(), "index");
        if (index + 1 != words.end() && *(index + 1) == "on") {
            return error{errc::unsupported, "SQLite has no CREATE INDEX without a name"}.hint("CREATE INDEX name ON …");
        }
    }
    if (words[at] == "table" && words[0] != "drop") {
        if (const auto type = sequence_type(text)) {
            return error{errc::unsupported, "SQLite numbers no column of type " + *type}.hint(
                "Write INTEGER PRIMARY KEY, or make the keys in the program.");
        }
        if (words[0] == "alter" && has(words, at + 2, "alter")) {
            return no("alter column", "Make a table as it should be, and copy the rows into it.");
        }
    }
    if (words[at] == "trigger" && words[0] == "create") {
        return no("create trigger … execute function", "Define it on each file in SQLite's own words: BEGIN … END.");
    }
    return std::nullopt;
}

}  // namespace ashlar::route::sqlite
