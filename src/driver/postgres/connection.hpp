// connection.hpp: driver::connection over libpq's asynchronous calls.
//
// Rows      Single-row mode, assembled into batches: memory is a batch and libpq's buffer, whatever the result's size.
// Late      A statement that meets its deadline is cancelled on the server and its end awaited a moment longer (250 ms).
//           When the server is silent even then the connection is broken and only good for closing.
// Unknown   When the connection dies under a statement that commits by itself and may have changed something, or under
//           COMMIT, the error is commit_unknown. A server that says why it ends the session (57P01) has not carried it out.
#pragma once

#include "driver/bulk.hpp"
#include "driver/connection.hpp"
#include "driver/drivers.hpp"
#include "driver/postgres/canceller.hpp"
#include "driver/postgres/report.hpp"
#include "driver/postgres/statement_names.hpp"

#include <libpq-fe.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace ashlar::driver::postgres {

struct connection_closer {
    void operator()(PGconn* c) const noexcept { PQfinish(c); }
};
using connection_handle = std::unique_ptr<PGconn, connection_closer>;

class server_connection final : public connection {
public:
    // `open` is connected and non-blocking.
    server_connection(connection_handle open, std::shared_ptr<canceller> stop, io::loop& loop, std::string where,
                      std::size_t prepared_max);
    ~server_connection() override;

    dialect speaks() const noexcept override { return dialect::postgres; }
    void bind(io::loop& loop) override;
    task<result<columns>> start(statement what, deadline until) override;
    task<result<fetched>> fetch(row_batch& into, deadline until) override;
    const completion& completed() const noexcept override { return completed_; }
    bool at_end() const noexcept override { return phase_ == phase::drained && !held_; }
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

    std::size_t prepared_statements() const noexcept { return names_.size(); }

private:
    friend class copy_writer;

    enum class phase : std::uint8_t {
        idle,     // nothing under way
        running,  // sent; its results are not all read
        drained,  // all results are read; the last rows may wait in held_
    };
    // What the statement under way is, for when its answer is lost.
    struct at_stake {
        bool only_reads = false;
        bool alone = false;  // outside of a transaction: it commits by itself
    };

    bool is_ready() const noexcept;
    void begin_statement();
    task<status> make_ready(deadline until);
    task<result<result_handle>> send_and_first(const statement& what, deadline until);
    const prepared_statement* find_prepared(const statement& what);
    task<result<const prepared_statement*>> prepared(const statement& what, deadline until);
    task<status> flush(deadline until);
    task<result<result_handle>> next_result(deadline until);
    task<status> drain(deadline until);
    task<result<std::string>> simple(std::string sql, deadline until, bool keeps_clean = true);
    task<status> command(std::string sql, deadline until);
    task<error> late(error why);
    task<error> leave_copy(ExecStatusType kind);
    bool send_prepared(const statement& what, const prepared_statement* as);
    void fill_parameters(const statement& what);
    // What follows calls of libpq that may have closed the socket, before anybody else can have a descriptor of its number.
    void mind_socket() noexcept;
    bool consume() noexcept;  // PQconsumeInput
    error lost();
    error failed(const PGresult* r);
    error unsent();
    void take_completion(const PGresult* r);
    void add_row(row_batch& into, const PGresult* r) const;
    static void on_notice(void* self, const PGresult* r) noexcept;

    connection_handle open_;
    const std::shared_ptr<canceller> stop_;  // a request under way may outlive us
    io::loop* loop_;
    int socket_;  // as the loop knows it
    const std::string where_;
    statement_names names_;

    phase phase_ = phase::idle;
    std::atomic<bool> running_ = false;  // for cancel(), from any thread
    bool broken_ = false;
    bool clean_ = true;
    bool names_may_be_stale_ = false;  // somebody ran DEALLOCATE or DISCARD: forget ours at the next reset
    at_stake stake_;
    result_handle held_;  // a row that came with start()
    completion completed_;

    std::vector<const char*> values_;
    std::vector<int> lengths_, formats_;
    std::vector<Oid> types_;
};

}  // namespace ashlar::driver::postgres
