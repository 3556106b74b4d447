#include "proxy/statement_words.hpp"

#include "core/ascii.hpp"
#include "core/quoting.hpp"

namespace ashlar::proxy {

namespace {

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
}

}  // namespace

std::vector<std::string> words_of(std::string_view sql) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < sql.size();) {
        if (sql.substr(i, 2) == "--") {
            while (i < sql.size() && sql[i] != '\n') ++i;
        } else if (sql.substr(i, 2) == "/*") {
            const std::size_t end = sql.find("*/", i + 2);
            i = end == sql.npos ? sql.size() : end + 2;
        } else if (sql[i] == '"') {
            std::string name;
            for (++i; i < sql.size(); ++i) {
                if (sql[i] == '"') {
                    if (i + 1 >= sql.size() || sql[i + 1] != '"') break;
                    ++i;
                }
                name += sql[i];
            }
            ++i;
            out.push_back(std::move(name));
        } else if (is_word(sql[i])) {
            std::string word;
            while (i < sql.size() && is_word(sql[i])) word += to_lower(sql[i++]);
            out.push_back(std::move(word));
        } else {
            ++i;
        }
    }
    return out;
}

bool has(const std::vector<std::string>& words, std::string_view word) {
    for (const std::string& each : words) {
        if (each == word) return true;
    }
    return false;
}

std::string without_end(std::string_view sql) {
    while (!sql.empty() &&
           (sql.back() == ';' || sql.back() == ' ' || sql.back() == '\n' || sql.back() == '\t' || sql.back() == '\r')) {
        sql.remove_suffix(1);
    }
    return std::string{sql};
}

void take_read_only(const std::vector<std::string>& words, std::optional<bool>& into) {
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] != "read") continue;
        if (words[i + 1] == "only") into = true;
        if (words[i + 1] == "write") into = false;
    }
}

}  // namespace ashlar::proxy
