#include "cli/script.hpp"

#include "core/letter_case.hpp"
#include "sql/lexer.hpp"

#include <algorithm>

namespace ashlar::cli {

namespace {

constexpr std::size_t words_least = 3, words_most = 16;

std::vector<std::string> mysql_words(std::string_view statement) {
    namespace mysql = driver::mysql;
    std::vector<std::string> words;
    mysql::tokens all{statement, mysql::quoting{}};
    for (mysql::token t = all.next(); t.kind != mysql::token_kind::end && words.size() < words_most; t = all.next()) {
        words.push_back(lowered(t.text));
    }
    return words;
}

std::vector<std::string> other_words(std::string_view statement) {
    std::vector<std::string> words;
    for (const sql::token& t : sql::tokens(statement)) {
        if (words.size() == words_most) break;
        words.push_back(lowered(statement.substr(t.begin, t.end - t.begin)));
    }
    return words;
}

driver::dialect dialect_of_engine(config::engine one) {
    switch (one) {
        case config::engine::mysql:
            return driver::dialect::mysql;
        case config::engine::sqlite:
            return driver::dialect::sqlite;
        case config::engine::postgres:
            break;
    }
    return driver::dialect::postgres;
}

}  // namespace

driver::dialect dialect_of(const config::description& described, const std::string& database) {
    const auto named = described.databases.find(database);
    if (named != described.databases.end()) return dialect_of_engine(named->second.primary.engine);
    if (described.shards_ && !described.shards_->list.empty())
        return dialect_of_engine(described.shards_->list.front().primary.engine);
    const config::database* const primary = described.primary();
    return primary == nullptr ? driver::dialect::postgres : dialect_of_engine(primary->primary.engine);
}

script::cut script::take(std::string_view text, bool is_all) {
    if (dialect_ == driver::dialect::mysql) return is_all ? cutter_.take_all(text) : cutter_.take(text);
    cut out;
    for (const sql::statement_span& each : sql::split(text)) {
        const bool is_whole = each.end < text.size() && text[each.end] == ';';
        if (!is_whole && !is_all) break;
        if (!each.empty) out.statements.push_back(text.substr(each.begin, each.end - each.begin));
        out.rest = std::min(each.end + 1, text.size());
    }
    return out;
}

std::vector<std::string> words_of(std::string_view statement, driver::dialect how) {
    std::vector<std::string> words = how == driver::dialect::mysql ? mysql_words(statement) : other_words(statement);
    words.resize(std::max(words.size(), words_least));
    return words;
}

}  // namespace ashlar::cli
