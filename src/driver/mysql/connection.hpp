// connection.hpp: driver::connection over libmariadb's non-blocking calls, for MariaDB and MySQL.
//
// Session   utf8mb4, UTC, and an sql_mode under which texts mean what they mean in PostgreSQL: strict, "x" is a name, ||
//           joins texts, a backslash is a backslash (session.cpp). A session whose character set or time zone was changed
//           answers nothing more until reset(): its texts and instants could not be read.
// Rows      Statements are prepared and their rows read one by one: memory is a batch, and the longest row.
// Late      A statement that meets its deadline is killed on the server and its end awaited a moment longer (250 ms). When
//           the server is silent even then the connection is broken and only good for closing.
// Unknown   As with PostgreSQL: when the connection dies under a statement that commits by itself and may have changed
//           something, or under COMMIT, the error is commit_unknown.
// Failed    After an error that may have ended the whole transaction (a deadlock does) MySQL would go on in a new one
//           without a word. So the transaction is failed: everything is refused until rollback().
// By the way  Statements before which MySQL would commit an open transaction (CREATE, LOCK …) are refused in one.
#pragma once

#include "driver/connection.hpp"
#include "driver/drivers.hpp"
#include "driver/mysql/bind.hpp"
#include "driver/mysql/canceller.hpp"
#include "driver/mysql/handle.hpp"
#include "driver/mysql/result_rows.hpp"
#include "driver/mysql/statements.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace ashlar::driver::mysql {

class server_connection final : public connection {
public:
    // `open` is logged in; settle() makes it ready before anything else.
    server_connection(handle open, io::loop& loop, mysql_options where, std::string described);
    ~server_connection() override;
    // Sets the session up and learns who we are to the server.
    task<status> settle(deadline until);

    dialect speaks() const noexcept override { return dialect::mysql; }
    void bind(io::loop& loop) override;
    task<result<columns>> start(statement what, deadline until) override;
    task<result<fetched>> fetch(row_batch& into, deadline until) override;
    const completion& completed() const noexcept override { return completed_; }
    bool at_end() const noexcept override { return phase_ == phase::drained; }
    task<status> run_script(std::string sql, deadline until) override;
    task<status> begin(transaction_options how, deadline until) override;
    task<status> commit(deadline until) override;
    task<status> rollback(deadline until) override;
    task<status> savepoint(std::string_view name, deadline until) override;
    task<status> rollback_to(std::string_view name, deadline until) override;
    task<status> release(std::string_view name, deadline until) override;
    bool in_transaction() const noexcept override;
    void cancel() noexcept override;
    task<status> ping(deadline until) override;
    task<status> reset(deadline until) override;
    bool is_reusable() const noexcept override;
    bool is_clean() const noexcept override;
    std::string describe() const override;
    int watch_end() const noexcept override;
    bool has_ended() noexcept override;
    std::unique_ptr<bulk_writer> bulk() override;

    std::size_t prepared_statements() const noexcept { return kept_.size(); }
    bool is_mariadb() const noexcept;

    // Runs one command of XA. What it means for the transaction under way:
    enum class fate : std::uint8_t {
        open,     // nothing
        decided,  // it hangs on the answer, whose loss is commit_unknown; refused when the transaction has failed
        undone,   // it is rolled back, also when it had failed
    };
    task<status> run_command(std::string sql, deadline until, fate means);

private:
    enum class phase : std::uint8_t {
        idle,     // nothing under way
        running,  // sent; its answer is not all read, or a call is under way
        drained,  // all is read
    };
    // What the statement under way is, for when its answer is lost.
    struct at_stake {
        bool only_reads = false;
        bool alone = false;  // outside of a transaction: it commits by itself
    };

    // calls (connection.cpp)
    task<status> drive(deadline until);
    task<status> finish_call(deadline until);
    void begin_query(std::string sql);
    bool is_gone() const noexcept;
    void go_out_of_use() noexcept;
    error lost();
    error failed();
    error failure_of(unsigned number, std::string_view state, std::string_view message);
    task<error> late(error why);
    task<status> drain(deadline until);
    task<status> make_ready(deadline until);
    task<status> close_leftovers(deadline until);

    // statements (statement_run.cpp)
    result<prepared_statement*> statement_for(const statement& what);
    status may_run(const statement_facts& facts) const;
    status fits_a_packet(const statement& what) const;
    status fits_a_packet(std::uint64_t bytes) const;
    task<status> prepare(prepared_statement& which, deadline until);
    task<result<columns>> execute(prepared_statement& which, const statement& what, deadline until);
    task<result<columns>> execute_as_text(prepared_statement& which, deadline until);
    void notice_shape(const MYSQL_FIELD* fields, unsigned count);
    void begin_fetch();
    result<bool> take_row(row_batch& into);
    task<status> finish_answer(deadline until);
    void retire() noexcept;
    bool is_stale(unsigned number) const noexcept;
    quoting quotes() const noexcept;

    // transactions and the session (transactions.cpp, session.cpp)
    task<status> command(std::string sql, deadline until);
    task<status> simple(std::string sql, deadline until);
    task<status> set_multi_statements(bool on, deadline until);
    task<result<std::vector<std::string>>> ask(std::string sql, deadline until);
    task<status> set_session(deadline until);
    void look_at_session();
    status look_at_transaction(const statement_facts& facts);
    bool server_says_in_transaction() const noexcept;

    handle open_;
    const mysql_options where_;
    const std::string described_;
    io::loop* loop_;
    int fd_;  // registered with the loop; libmariadb closes it by itself
    std::string number_ = "?";
    std::uint64_t packet_max_ = 0;     // the server's max_allowed_packet in bytes; 0: not known yet
    std::shared_ptr<canceller> stop_;  // a request under way may outlive us
    statements kept_;

    call call_;
    int code_ = 0;             // what the call gave
    unsigned refused_by_ = 0;  // the number of the error that the last run met
    my_bool flag_ = 0;
    MYSQL_ROW row_ = nullptr;
    std::string text_;                    // of the statement under way
    bool fetching_ = false;               // call_ fetches a row, which nobody has looked at
    prepared_statement passing_;          // a statement that is not kept
    prepared_statement* run_ = nullptr;   // the statement whose answer is read
    MYSQL_RES* text_answer_ = nullptr;    // … by the text protocol
    std::vector<MYSQL_STMT*> leftovers_;  // to be closed before the next statement
    bound_parameters parameters_;
    result_rows rows_;
    std::uint64_t rows_seen_ = 0;

    phase phase_ = phase::idle;
    std::atomic<bool> running_ = false;  // for cancel(), from any thread
    bool broken_ = false;
    bool clean_ = true;
    bool used_database_ = false;       // by USE
    bool left_insert_id_ = false;      // last_insert_id() would tell the next borrower ours
    bool failed_ = false;              // the transaction: see above
    bool was_in_transaction_ = false;  // when the statement under way began
    bool other_charset_ = false, other_zone_ = false;
    at_stake stake_;
    completion completed_;
};

}  // namespace ashlar::driver::mysql
