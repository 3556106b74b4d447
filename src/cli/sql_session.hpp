// sql_session.hpp: the statements of a script or a prompt, one after the other, with BEGIN … COMMIT around some of them: the
// library has transactions as objects, and each of its statements may run on another connection.
#pragma once

#include "cli/script.hpp"

#include <ashlar/cluster.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::cli {

class sql_session {
public:
    // `database`: the name of the database to ask, in its own dialect; empty: the whole cluster.
    sql_session(cluster shop, std::string database, driver::dialect how)
        : shop_(std::move(shop)), database_(std::move(database)), dialect_(how) {}

    // Runs one statement. BEGIN, COMMIT and ROLLBACK (and START TRANSACTION, END, ABORT) begin and end the session's
    // transaction; their answer has no rows and the tag "BEGIN", "COMMIT" or "ROLLBACK".
    struct answer {
        std::string tag;  // of those; empty: `found` is the statement's answer
        std::optional<rows> found;
    };
    result<answer> run(std::string_view statement);

    bool in_transaction() const noexcept { return transaction_.has_value(); }
    // Rolls back what is open. transaction_state when something was.
    status close();

private:
    result<answer> begin(const std::vector<std::string>& words);
    result<answer> end(bool commit);

    const cluster shop_;
    const std::string database_;
    const driver::dialect dialect_;
    std::optional<transaction> transaction_;
};

}  // namespace ashlar::cli
