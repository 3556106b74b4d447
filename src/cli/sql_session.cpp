#include "cli/sql_session.hpp"

#include <algorithm>
#include <vector>

namespace ashlar::cli {

namespace {

bool has(const std::vector<std::string>& words, std::string_view one) {
    return std::find(words.begin(), words.end(), one) != words.end();
}

result<transaction_options> options_of(const std::vector<std::string>& words) {
    transaction_options how;
    how.read_only = has(words, "only");
    if (has(words, "serializable")) how.isolation = isolation::serializable;
    if (has(words, "repeatable")) how.isolation = isolation::repeatable_read;
    if (has(words, "committed") || has(words, "uncommitted")) how.isolation = isolation::read_committed;
    if (has(words, "deferrable")) {
        return error{errc::unsupported, "BEGIN … DEFERRABLE"}.hint("Leave DEFERRABLE away.");
    }
    return how;
}

}  // namespace

result<sql_session::answer> sql_session::run(std::string_view statement) {
    const std::vector<std::string> words = words_of(statement, dialect_);
    const std::string& verb = words[0];
    const bool prepares = words[1] == "prepared" || (verb == "prepare" && words[1] == "transaction");
    if (has(words, "chain") && !has(words, "no") && (verb == "commit" || verb == "end" || verb == "rollback")) {
        return error{errc::unsupported, "AND CHAIN"}.hint("Say BEGIN after it.");
    }
    if (verb == "begin" || (verb == "start" && words[1] == "transaction")) return begin(statement);
    if ((verb == "commit" || verb == "end") && !prepares) return end(true);
    if ((verb == "rollback" || verb == "abort") && !prepares && !has(words, "to")) return end(false);
    result<rows> found = transaction_         ? transaction_->query(statement)
                         : !database_.empty() ? shop_.database(database_).query(statement)
                                              : shop_.query(statement);
    if (!found) return std::move(found).error();
    answer given;
    given.found = std::move(*found);
    return given;
}

result<sql_session::answer> sql_session::begin(std::string_view statement) {
    if (transaction_) return error{errc::transaction_state, "a transaction is under way already"};
    auto how = options_of(words_of(statement, dialect_));
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
