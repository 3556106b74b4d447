#include "cli/sql_session.hpp"

#include "core/letter_case.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace ashlar::cli {

namespace {

bool has(const std::vector<std::string>& words, std::string_view one) {
    return std::find(words.begin(), words.end(), one) != words.end();
}

// Are all words behind the verb among these?
status takes_only(const std::vector<std::string>& words, std::span<const std::string_view> these) {
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (word.empty() || std::find(these.begin(), these.end(), word) != these.end()) continue;
        return error{errc::unsupported, uppered(words[0]) + " … " + uppered(word) + " is not taken here"}.hint(
            "Leave it out, and send what follows as a separate statement.");
    }
    return {};
}

// DEFERRED … are SQLite's, whose files are locked as the cluster needs it.
constexpr auto begin_takes = std::to_array<std::string_view>(
    {"transaction", "work", "isolation", "level", "serializable", "repeatable", "read", "committed", "uncommitted",
     "only", "write", "not", "deferrable", ",", "deferred", "immediate", "exclusive"});
constexpr auto end_takes = std::to_array<std::string_view>({"transaction", "work", "and", "no", "chain"});

result<transaction_options> options_of(const std::vector<std::string>& words) {
    if (status s = takes_only(words, begin_takes); !s) return std::move(s).error();
    if (words[1] == "not" && words[2] != "deferrable") {
        return error{errc::unsupported, "BEGIN NOT is not taken here"}.hint(
            "Put the statements of BEGIN NOT ATOMIC … END into a procedure.");
    }
    transaction_options how;
    how.read_only = has(words, "only");
    if (has(words, "serializable")) how.isolation = isolation::serializable;
    if (has(words, "repeatable")) how.isolation = isolation::repeatable_read;
    if (has(words, "committed") || has(words, "uncommitted")) how.isolation = isolation::read_committed;
    if (has(words, "deferrable") && !has(words, "not")) {
        return error{errc::unsupported, "BEGIN … DEFERRABLE is not supported"}.hint("Leave out DEFERRABLE.");
    }
    return how;
}

}  // namespace

result<sql_session::answer> sql_session::run(std::string_view statement) {
    const std::vector<std::string> words = words_of(statement, dialect_);
    const std::string& verb = words[0];
    const bool prepares = words[1] == "prepared" || (verb == "prepare" && words[1] == "transaction");
    if (verb == "begin" || (verb == "start" && words[1] == "transaction")) return begin(words);
    const bool commits = verb == "commit" || verb == "end";
    if ((commits || verb == "rollback" || verb == "abort") && !prepares && !has(words, "to")) {
        if (status s = takes_only(words, end_takes); !s) return std::move(s).error();
        if (has(words, "chain") && !has(words, "no")) {
            return error{errc::unsupported, uppered(verb) + " AND CHAIN is not supported"}.hint("Send BEGIN after it.");
        }
        return end(commits);
    }
    result<rows> found = transaction_         ? transaction_->query(statement)
                         : !database_.empty() ? shop_.database(database_).query(statement)
                                              : shop_.query(statement);
    if (!found) return std::move(found).error();
    answer given;
    given.found = std::move(*found);
    return given;
}

result<sql_session::answer> sql_session::begin(const std::vector<std::string>& words) {
    if (transaction_) return error{errc::transaction_state, "a transaction is under way already"};
    auto how = options_of(words);
    if (!how) return std::move(how).error();
    auto begun = database_.empty() ? shop_.begin(*how) : shop_.database(database_).begin(*how);
    if (!begun) return std::move(begun).error();
    transaction_.emplace(std::move(*begun));
    answer given;
    given.tag = "BEGIN";
    return given;
}

result<sql_session::answer> sql_session::end(bool commit) {
    if (!transaction_) return error{errc::transaction_state, "no transaction is under way"};
    status done;
    if (commit) {
        done = transaction_->commit();
    } else {
        transaction_->rollback();
    }
    transaction_.reset();
    if (!done) return std::move(done).error();
    answer given;
    given.tag = commit ? "COMMIT" : "ROLLBACK";
    return given;
}

status sql_session::close() {
    if (!transaction_) return {};
    transaction_->rollback();
    transaction_.reset();
    return error{errc::transaction_state, "the script ended inside of a transaction, which was rolled back"}.hint(
        "End it with COMMIT.");
}

}  // namespace ashlar::cli
