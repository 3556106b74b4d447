#include "proxy/session_bound.hpp"

#include "core/ascii.hpp"
#include "sql/lexer.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace ashlar::proxy {

namespace {

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < text.size();) {
        if (!is_word(text[i])) {
            ++i;
            continue;
        }
        std::string word;
        for (; i < text.size() && is_word(text[i]); ++i) word += to_lower(text[i]);
        out.push_back(std::move(word));
    }
    return out;
}

bool is_temporary(const std::string& word) {
    return word == "temp" || word == "temporary";
}

error refusal(std::string what, std::string hint) {
    return error{errc::unsupported, std::move(what) + " cannot be kept for a session here"}.hint(std::move(hint));
}

}  // namespace

std::optional<error> bound_to_a_session(std::string_view sql, bool standard_conforming_strings, bool over_sqlite) {
    const sql::normalised shape = sql::normalise(sql, standard_conforming_strings);
    const std::vector<std::string> words = words_of(shape.understood ? std::string_view{shape.text} : sql);
    if (words.empty()) return std::nullopt;
    const auto at = [&](std::size_t i) { return i < words.size() ? std::string_view{words[i]} : std::string_view{}; };

    if (at(0) == "listen") {
        if (over_sqlite) return error{errc::unsupported, "SQLite has no LISTEN"}.hint("Read a table now and then.");
        return refusal("LISTEN", "Listen on a connection of your own to the database server.");
    }
    if (at(0) == "load") return refusal("LOAD", "Set shared_preload_libraries at the database server.");
    if (at(0) == "create" && (is_temporary(words[std::min<std::size_t>(1, words.size() - 1)]) || at(1) == "global" ||
                              at(1) == "local" || (at(1) == "or" && words.size() > 3 && is_temporary(words[3])))) {
        return refusal("a temporary table", "Use an ordinary table, or a common table expression.");
    }
    if (at(0) == "declare" && std::find(words.begin(), words.end(), "hold") != words.end() &&
        std::find(words.begin(), words.end(), "without") == words.end()) {
        return refusal("a cursor WITH HOLD", "Use the cursor within a transaction, or fetch in parts by key.");
    }
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word == "into" && i + 1 < words.size() && is_temporary(words[i + 1])) {
            return refusal("a temporary table", "Use an ordinary table, or a common table expression.");
        }
        if (word.starts_with("pg_temp")) return refusal("a temporary object", "Use an ordinary schema.");
        if (word == "currval" || word == "lastval") {
            return refusal(word + "()", "Use INSERT … RETURNING, or take the key from nextval() before.");
        }
        // Drivers send it when a connection goes back to their pool; a session here never has any to unlock.
        if (word == "pg_advisory_unlock_all") continue;
        const bool advisory = word.starts_with("pg_advisory_lock") || word.starts_with("pg_try_advisory_lock") ||
                              word.starts_with("pg_advisory_unlock");
        if (advisory) return refusal(word + "()", "Use pg_advisory_xact_lock(), which ends with the transaction.");
    }
    return std::nullopt;
}

}  // namespace ashlar::proxy
