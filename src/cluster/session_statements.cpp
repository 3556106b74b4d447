#include "cluster/session_statements.hpp"

#include "core/letter_case.hpp"
#include "driver/mysql/tokens.hpp"
#include "sql/lexer.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace ashlar::detail {

namespace {

// A statement's words and symbols in small letters; quoted names and literals are "?".
std::vector<std::string> mysql_words(std::string_view sql) {
    namespace mysql = driver::mysql;
    const mysql::quoting how;
    mysql::tokens all{sql, how};
    std::vector<std::string> words;
    bool may_be_version = false;
    for (mysql::token t = all.next(); t.kind != mysql::token_kind::end; t = all.next()) {
        const bool is_version = std::exchange(may_be_version, t.kind == mysql::token_kind::executable) &&
                                t.kind == mysql::token_kind::number;
        if (may_be_version || is_version) continue;  // /*!40101 …: what follows is run
        const bool shown = t.kind == mysql::token_kind::word || t.kind == mysql::token_kind::symbol;
        words.push_back(shown ? lowered(t.text) : "?");
    }
    return words;
}

std::vector<std::string> other_words(std::string_view sql) {
    std::vector<std::string> words;
    for (const sql::token& t : sql::tokens(sql)) {
        const bool shown = t.kind == sql::token_kind::word || t.kind == sql::token_kind::symbol;
        words.push_back(shown ? lowered(sql.substr(t.begin, t.end - t.begin)) : "?");
    }
    return words;
}

enum class need : std::uint8_t {
    nothing,
    own_transaction,  // begins or ends one
    one_connection,   // has its meaning within a transaction
    long_session,     // has its meaning only after a transaction's end, too
};

struct finding {
    need what = need::nothing;
    std::string name;  // as it is called in messages
};

class reader {
public:
    reader(std::vector<std::string> words, driver::dialect engine) : words_(std::move(words)), engine_(engine) {}

    finding look() const {
        if (words_.empty()) return {};
        if (finding by_verb = look_at_verb(); by_verb.what != need::nothing) return by_verb;
        if (makes_temporary()) return {need::one_connection, "a temporary table"};
        if (const std::string variable = variable_of_the_session(); !variable.empty())
            return {need::one_connection, variable};
        return look_for_calls();
    }

private:
    std::string_view at(std::size_t i) const { return i < words_.size() ? std::string_view{words_[i]} : ""; }
    bool is_mysql() const { return engine_ == driver::dialect::mysql; }
    bool is_sqlite() const { return engine_ == driver::dialect::sqlite; }

    finding look_at_verb() const {
        const std::string_view verb = at(0);
        if (verb == "begin" || verb == "commit" || verb == "end" || verb == "abort" || verb == "xa" ||
            (verb == "start" && at(1) == "transaction") || (verb == "prepare" && at(1) == "transaction")) {
            return {need::own_transaction, uppered(verb)};
        }
        if (verb == "rollback") {
            const bool to_savepoint = std::find(words_.begin(), words_.end(), "to") != words_.end();
            return {to_savepoint ? need::one_connection : need::own_transaction, "ROLLBACK"};
        }
        if (verb == "set" || verb == "reset" || verb == "discard") return look_at_setting();
        constexpr std::array by_verb{"savepoint", "release", "prepare", "deallocate",
                                     "declare",   "fetch",   "move",    "close"};
        if (std::find(by_verb.begin(), by_verb.end(), verb) != by_verb.end()) {
            return {need::one_connection, uppered(verb)};
        }
        if (verb == "execute" && at(1) != "immediate") return {need::one_connection, "EXECUTE"};
        if (verb == "listen" || verb == "unlisten" || verb == "load" || verb == "use" || verb == "handler") {
            return {need::long_session, uppered(verb)};
        }
        if (is_mysql() && (verb == "lock" || verb == "unlock" || verb == "flush")) return look_at_locks();
        if (is_sqlite() && (verb == "attach" || verb == "detach")) return {need::long_session, uppered(verb)};
        if (is_sqlite() && verb == "pragma") return look_at_pragma();
        return {};
    }

    finding look_at_setting() const {
        const std::string name = uppered(at(0));
        if (at(1) == "local" && !is_mysql()) return {need::one_connection, "SET LOCAL"};
        if (at(1) == "transaction") return {need::one_connection, "SET TRANSACTION"};
        if (at(1) == "constraints") return {need::one_connection, "SET CONSTRAINTS"};
        constexpr std::array for_the_server{"global", "persist", "persist_only", "password", "default", "statement"};
        if (is_mysql() && std::find(for_the_server.begin(), for_the_server.end(), at(1)) != for_the_server.end()) {
            return {};
        }
        if (is_mysql() && at(0) == "reset") return {};  // RESET MASTER and its kin
        return {need::long_session, name};
    }

    finding look_at_locks() const {
        if (at(0) != "flush") return {need::long_session, uppered(at(0)) + " TABLES"};
        const bool holds = std::find(words_.begin(), words_.end(), "lock") != words_.end() ||
                           std::find(words_.begin(), words_.end(), "export") != words_.end();
        return holds ? finding{need::long_session, "FLUSH TABLES WITH READ LOCK"} : finding{};
    }

    // Those that are stored in the file hold for every connection.
    finding look_at_pragma() const {
        if (std::find(words_.begin(), words_.end(), "=") == words_.end()) return {};
        const std::string_view name = at(2) == "." ? at(3) : at(1);
        constexpr std::array stored{"user_version", "application_id", "auto_vacuum", "page_size", "encoding"};
        if (std::find(stored.begin(), stored.end(), name) != stored.end()) return {};
        return {need::long_session, "PRAGMA " + std::string{name}};
    }

    bool makes_temporary() const {
        const auto is_temp = [](std::string_view w) { return w == "temp" || w == "temporary"; };
        if (at(0) == "create") {
            for (std::size_t i = 1; i < std::min<std::size_t>(words_.size(), 7); ++i) {
                const bool as_schema = at(i + 1) == ".";
                if (is_temp(at(i)) && (i <= 4 || as_schema)) return true;
                if (at(i) == "(") break;
            }
        }
        for (std::size_t i = 0; i + 1 < words_.size(); ++i) {
            if (words_[i] == "into" && is_temp(words_[i + 1])) return true;
        }
        return false;
    }

    // MySQL's @name. A statement that sets one itself (:=) and reads it is answered right by any connection; one that only reads
    // it, or leaves a value in it, is not. Other statements than these name accounts so: user@host.
    std::string variable_of_the_session() const {
        constexpr std::array verbs{"select", "insert", "update", "delete", "replace",
                                   "with",   "values", "call",   "do",     "("};
        if (!is_mysql() || std::find(verbs.begin(), verbs.end(), at(0)) == verbs.end()) return {};
        bool sets = false;
        std::string found;
        for (std::size_t i = 0; i < words_.size(); ++i) {
            if (words_[i] == ":" && at(i + 1) == "=") sets = true;
            if (words_[i] != "@" || at(i + 1) == "@" || (i > 0 && words_[i - 1] == "@")) continue;
            found = "@" + std::string{at(i + 1)};
            if (i > 0 && words_[i - 1] == "into") return found;
        }
        return sets ? std::string{} : found;
    }

    // Functions that tell of, or change, what this session did before.
    finding look_for_calls() const {
        constexpr std::array everywhere{"set_config", "currval", "lastval"};
        constexpr std::array in_mysql{"found_rows", "row_count", "get_lock", "release_lock", "release_all_locks"};
        constexpr std::array in_sqlite{"last_insert_rowid", "changes", "total_changes"};
        for (std::size_t i = 0; i + 1 < words_.size(); ++i) {
            if (words_[i + 1] != "(") continue;
            const std::string& name = words_[i];
            const auto is_one_of = [&](const auto& list) {
                return std::find(list.begin(), list.end(), name) != list.end();
            };
            const bool last_id = is_mysql() && name == "last_insert_id" && at(i + 2) == ")";
            if ((engine_ == driver::dialect::postgres && is_one_of(everywhere)) ||
                (is_mysql() && is_one_of(in_mysql)) || (is_sqlite() && is_one_of(in_sqlite)) || last_id) {
                return {need::one_connection, name + "()"};
            }
        }
        return {};
    }

    const std::vector<std::string> words_;
    const driver::dialect engine_;
};

error without_session(const finding& found) {
    error why{errc::unsupported,
              found.name + " belongs to a session, and each statement may run on another connection"};
    if (found.what == need::own_transaction) {
        why.hint("Use transaction() or begin(), which keep one connection until commit() or rollback().");
    } else if (found.what == need::one_connection) {
        why.hint("Run it inside transaction(), which keeps one connection.");
    } else {
        why.hint(
            "Put settings into the database's URL; for anything else that needs a session, use a separate client.");
    }
    return why;
}

}  // namespace

status check_session_statement(std::string_view sql, driver::dialect engine, session_span span) {
    const finding found = reader{engine == driver::dialect::mysql ? mysql_words(sql) : other_words(sql), engine}.look();
    if (found.what == need::nothing) return {};
    if (span == session_span::statement) return without_session(found);
    if (found.what != need::own_transaction) return {};
    return error{errc::transaction_state, found.name + " inside of a transaction of the library"}.hint(
        "Call commit() or rollback() of the transaction.");
}

}  // namespace ashlar::detail
