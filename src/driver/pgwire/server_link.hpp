// server_link.hpp: our own link to a PostgreSQL server, without libpq. One object, two ways to use it:
//
//   relay   The proxy sends a client's bytes as they are and walks what comes back (below). Nothing is decoded.
//   driver  connection, for plans that scatter and merge: statements are run, rows come as row_batch.
//
// The two may alternate whenever is_quiet(). In both the link keeps track of the transaction state, the parameters that
// the server reports, the statements prepared there, and whether a session left something behind (is_clean).
//
// Life      connect() logs in. Destruction sends Terminate as far as that needs no waiting, and closes.
// Loop      Waits happen on the loop it is bound to. bind() moves it, when it is quiet.
// Memory    About 1 KiB while quiet: receive memory is held only while something is under way, and the greeting is shared.
// Failure   connect_failed, login_failed, connection_lost, deadline_passed, protocol_violation, and what the server said
//           (driver/error_map.hpp). After connection_lost and protocol_violation it is broken for good.
// Cost      A login with kept SCRAM keys takes 0.4 ms CPU, a row framed 67 ns: docs/decisions/0007-own-server-link.md.
#pragma once

#include "core/memory_bound.hpp"
#include "core/oid_map.hpp"
#include "driver/connection.hpp"
#include "driver/oid_source.hpp"
#include "driver/pgwire/binary_oids.hpp"
#include "driver/pgwire/server_buffer.hpp"
#include "driver/pgwire/server_prepared.hpp"
#include "driver/pgwire/server_socket.hpp"
#include "driver/pgwire/server_target.hpp"
#include "wire/frame_walker.hpp"
#include "wire/message_types.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar::driver::pgwire {

class server_link final : public connection {
public:
    // The session begins with `values`, to which a reset returns.
    static task<result<std::unique_ptr<server_link>>> connect(io::loop& loop, std::shared_ptr<server_target> to,
                                                              deadline until, session_values values = {});
    ~server_link() override;

    // --- relaying ----------------------------------------------------------------------------------------------------
    //
    //     link.expect_ready();                                 // for each Sync, Query or FunctionCall sent
    //     auto sent = co_await link.stream().send(bytes, until);
    //     while (!link.is_quiet()) {
    //         auto count = co_await link.stream().receive(link.space(), until);
    //         std::string_view chunk = link.arrived(*count);
    //         for (std::string_view rest = chunk; auto frame = link.next_frame(rest);) …    // rest: after that message
    //         … send `chunk` on to the client …
    //     }
    //     link.release_memory();

    io::loop& loop() const noexcept { return stream_.where(); }
    io::byte_stream& stream() noexcept { return stream_; }

    // Memory to receive into, 16 KiB. Precondition: the chunk before has been walked to its end.
    std::span<char> space() { return in_.space(); }
    // What a receive put there: a view that is valid until space() or release_memory() is called.
    std::string_view arrived(std::size_t count) noexcept;
    // The next message in the chunk but DataRow and CopyData, which are stepped over; as frame_walker::next. The link
    // learns from each. A broken stream ends the walk and breaks the link: ask is_broken() after a walk.
    std::optional<wire::frame> next_frame(std::string_view& chunk);

    // So many more ReadyForQuery will come.
    void expect_ready(std::uint32_t count = 1) noexcept { awaited_ += count; }
    // A failed or partial send or receive by the relay: the link is unusable.
    void mark_broken() noexcept { broken_ = true; }
    // The session is about to change, or may have changed, what the server keeps for it (SET, set_config, a
    // temporary table, LISTEN …): it will be reset before anybody else gets it. What the server itself
    // reports (changed parameters, tags such as SET, LISTEN, PREPARE) is noticed without this.
    void mark_dirty() noexcept { dirty_ = true; }

    // Whoever relays may keep account of what sessions set here: `notes` say what the server keeps now, and it counts as
    // clean until something new is noticed. reset() drops them.
    void account_for(std::shared_ptr<const void> notes) noexcept {
        notes_ = std::move(notes);
        accounted_ = parameters_;
        dirty_ = false;
    }
    const std::shared_ptr<const void>& notes() const noexcept { return notes_; }
    bool is_dirty() const noexcept { return dirty_; }
    // How the server's own types are to be numbered for its borrower; nullptr: as they are. In driver use the link translates
    // by itself, the relay has to. `from` outlives the link, and is asked for what is missing.
    void use_oids(std::shared_ptr<const oid_map> oids, oid_source* from) noexcept {
        oids_ = std::move(oids);
        oids_from_ = from;
    }
    const oid_map* oids() const noexcept { return oids_.get(); }
    // The same where some numbers differ, which binary values may hold; else nullptr.
    const oid_map* differing_oids() const noexcept {
        return oids_ != nullptr && !oids_->is_same() ? oids_.get() : nullptr;
    }
    // Has what is missing read from the servers; oids() are new then. True: all is known now.
    task<bool> learn(missing_oids what);
    // What is known of users' types; nullptr: nothing.
    std::shared_ptr<const type_book> types() const;
    // As frame_walker::half_seen.
    std::size_t half_seen() const noexcept { return walker_.half_seen(); }
    bool is_at_boundary() const noexcept { return walker_.at_boundary(); }

    // --- questions ---------------------------------------------------------------------------------------------------

    // Nothing is under way: every expected ReadyForQuery has come, no message is half received.
    bool is_quiet() const noexcept;
    bool is_broken() const noexcept { return broken_; }
    wire::transaction_state transaction() const noexcept { return transaction_; }
    // What the server reported, as of now. The pointer changes whenever a value does.
    const std::shared_ptr<const server_parameters>& parameters() const noexcept { return parameters_; }
    // What it greeted with at login.
    const std::shared_ptr<const server_parameters>& greeting() const noexcept { return greeting_; }
    std::string_view parameter(std::string_view name) const noexcept;  // empty: not reported
    // Statements at the server; the relay adds and forgets by its own keys, which must not begin with "sql:"
    // (the driver's).
    server_prepared& prepared() noexcept { return prepared_; }
    // A copy may be used from any thread, also when the link is gone.
    server_canceller canceller() const { return canceller_; }
    const server_target& target() const noexcept { return *target_; }
    // How often something has arrived; it only matters whether that has changed.
    std::uint32_t receives() const noexcept { return receives_; }
    // Has the server said or closed something while nobody asked? One system call; for links that were idle.
    bool has_news() const noexcept;

    // Gives receive memory back. Precondition: is_quiet(), or is_broken().
    void release_memory() noexcept;

    // --- connection ------------------------------------------------------------------------------------------

    dialect speaks() const noexcept override { return dialect::postgres; }
    void bind(io::loop& loop) override;
    task<result<columns>> start(statement what, deadline until) override;
    task<result<fetched>> fetch(row_batch& into, deadline until) override;
    const completion& completed() const noexcept override { return completed_; }
    bool at_end() const noexcept override { return awaited_ == 0 && !broken_ && !failed_; }
    task<status> run_script(std::string sql, deadline until) override;
    task<status> begin(transaction_options how, deadline until) override;
    task<status> commit(deadline until) override;
    task<status> rollback(deadline until) override;
    task<status> savepoint(std::string_view name, deadline until) override;
    task<status> rollback_to(std::string_view name, deadline until) override;
    task<status> release(std::string_view name, deadline until) override;
    bool in_transaction() const noexcept override { return transaction_ != wire::transaction_state::idle; }
    void cancel() noexcept override;
    task<status> ping(deadline until) override;
    // Waits for cancels under way, rolls back, DISCARD ALL.
    task<status> reset(deadline until) override;
    bool is_reusable() const noexcept override { return !broken_ && is_quiet(); }
    bool is_clean() const noexcept override;
    std::uint32_t process() const noexcept override { return process_; }
    std::string describe() const override;
    int watch_end() const noexcept override;

private:
    server_link(std::shared_ptr<server_target> to, connected_socket connected);

    static constexpr std::size_t header_size = 5;
    // One message of the server, whole; its body is valid until the next is read.
    struct message {
        char type = 0;
        std::string_view body;
    };
    task<result<message>> read_message(deadline until);
    bool next_buffered(message& into);
    task<status> receive_more(deadline until);
    task<status> send_out(deadline until);  // what stands in out_
    static task<result<std::unique_ptr<server_link>>> connect_once(io::loop& loop, std::shared_ptr<server_target> to,
                                                                   bool tls, bool& asked, deadline until,
                                                                   session_values values);
    task<status> secure(bool& asked, deadline until);  // `asked`: the server was asked for TLS
    task<status> log_in(const session_values& values, deadline until);
    error lost(std::string_view doing, const error& why);
    error broke_protocol(std::string_view what);
    void learn_from(char type, std::string_view body);
    void learn_parameter(std::string_view body);
    void learn_tag(std::string_view body);
    void learn_ready(std::string_view body);
    void absorb_unasked();
    // Once an answer is over: gives back what an idle link need not hold.
    void quieten();

    // Driver use, in server_link_driver.cpp.
    enum class taken { noted, done };
    task<result<columns>> start_once(const statement& what, deadline until);
    // The key under which it is kept prepared; empty for the unnamed statement.
    result<std::string> write_statement(const statement& what);
    // May it be kept under its text? Only while no settings of another borrower could have a say in its parsing.
    bool may_keep_prepared(const statement& what) const noexcept;
    task<result<columns>> read_shape(std::string key, deadline until);
    missing_oids missing_for(const statement& what) const;
    result<std::vector<std::string>> translated_parameters(const statement& what) const;
    task<result<fetched>> fetch_rows(row_batch& into, deadline until);
    result<std::vector<std::uint32_t>> types_of(const statement& what) const;
    // May a statement begin?
    status begin_work();
    task<status> command(std::string_view sql, deadline until);
    // Handles a message that is neither a row nor a shape; `done` at the last awaited ReadyForQuery.
    // A row that does not fit what is received at once is read into memory of its own, which its batch takes over.
    std::optional<std::size_t> long_row_ahead() const;
    task<status> read_long_row(std::size_t size, row_batch& into, deadline until);
    taken take(const message& m);
    void take_error(std::string_view body);
    void take_notice(std::string_view body);
    void refuse_copy(char type);
    // Reads to the last awaited ReadyForQuery, dropping rows; gives the first error that came.
    task<status> finish(deadline until);
    // After a failure: when the deadline passed, cancels at the server and reads the rest, within a grace of its own.
    task<error> give_up(error why);

    std::shared_ptr<server_target> target_;
    io::byte_stream stream_;
    server_address address_;
    server_canceller canceller_;
    std::uint32_t process_ = 0;
    server_buffer in_;
    std::size_t to_consume_ = 0;  // the message read last, whose view is still out
    std::string out_;
    wire::frame_walker walker_;
    server_prepared prepared_;
    std::shared_ptr<const server_parameters> parameters_, greeting_;
    wire::transaction_state transaction_ = wire::transaction_state::idle;
    std::uint32_t receives_ = 0;
    std::uint32_t awaited_ = 0;  // ReadyForQuery still to come
    bool broken_ = false;
    bool dirty_ = false;
    std::shared_ptr<const void> notes_;                   // the relay's
    std::shared_ptr<const server_parameters> accounted_;  // parameters_ when they were taken
    std::shared_ptr<const oid_map> oids_;
    oid_source* oids_from_ = nullptr;
    bool greeted_ = false;  // login is over: a ParameterStatus is a change

    // Of the statement under way in driver use.
    std::vector<translated_column> translated_;  // binary columns that hold object ids
    std::shared_ptr<const type_book> types_;     // for them
    std::size_t width_ = 0;
    memory_account* memory_ = nullptr;
    bool parsed_ = false;  // it stands at the server, by its Parse or an earlier one
    completion completed_;
    std::optional<error> failed_;  // the first error of the answer
};

}  // namespace ashlar::driver::pgwire
