// session.hpp: one client, from its first byte to its last.
//
// A session is one coroutine that takes the client's messages in turn. Between transactions it holds no server; inside one
// it holds the servers that take part. It is cut into files by what it does:
//
//   session_login.cpp        start-up, authentication, parameters
//   session.cpp              the loop over messages; ends
//   session_simple.cpp       Query
//   session_extended.cpp     Parse, Bind, Describe, Execute, Close, Flush, Sync
//   session_flight.cpp       what these gather for one server, and the answers it owes
//   session_statements.cpp   what the session answers by itself: SET, DISCARD, explain (ashlar)
//   session_transactions.cpp BEGIN, COMMIT, SAVEPOINT … ROLLBACK TO, on all servers that take part
//   session_servers.cpp      getting servers, putting settings on them, giving them back
//   session_lending.cpp      connections for merged answers, and what becomes of them; servers that do not answer
//   session_relay.cpp        a server's bytes to the client
//   session_copy.cpp         a client's rows to the server: COPY FROM STDIN
//   session_answers.cpp      merged and encoded answers
//   session_console.cpp      the admin console, which is another kind of session from the login on
//   session_memory.cpp       what it keeps for the client on the memory account, and what happens when that has to end
//   session_statistics.cpp   what is counted of it, and what it tells of itself
//   session_oids.cpp         servers that number their own types otherwise than the catalogue
//
// Duplex    Half: while it waits for a server it does not read from the client, and while it writes to a slow client it does
//           not read from the server. No more than one flight (64 KiB, or one long message) is sent to a server before its
//           answers are passed on, so that neither side can block the other for good.
// Transactions  BEGIN is answered at once and sent along with the first statement to each server that takes part. SQLite
//           files join the transaction of the first one, the host, so that its commit is the commit of all; outside of
//           a block, a statement that writes on several is a transaction by itself, and so is a pipeline that writes.
// Owner     The worker runs run() in a scope that it may cancel; all is on the worker's thread.
#pragma once

#include "core/memory_bound.hpp"
#include "execute/admission.hpp"
#include "proxy/client_hints.hpp"
#include "proxy/client_stream.hpp"
#include "proxy/copy_feed.hpp"
#include "proxy/expectations.hpp"
#include "proxy/name_changes.hpp"
#include "proxy/participant.hpp"
#include "proxy/service.hpp"
#include "proxy/session_settings.hpp"
#include "proxy/statements.hpp"
#include "proxy/statistics.hpp"
#include "topology/causal_token.hpp"
#include "wire/client_messages.hpp"
#include "wire/error_fields.hpp"
#include "wire/server_messages.hpp"

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::proxy {

class worker;

class session {
public:
    session(worker& home, service& shared, io::loop& loop, io::byte_stream client, buffers& memory,
            wire::cancel_key key);
    ~session();

    // Serves the client to its end. Clean-up of servers is done when it returns.
    task<void> run();

    // --- for the worker, on its thread

    const wire::cancel_key& key() const noexcept { return key_; }
    // CancelRequest: ends what runs, or the wait for a server, with 57014. Harmless when nothing does.
    void cancel_statement();
    // Ends it, whatever it does, by somebody of the console. False: it has not logged in, or is the console's.
    bool end();
    // Once a second: has the client gone while a server works for it, has an idle limit passed?
    void look_after(instant now);
    // True when it may be ended now: outside a transaction, waiting for the client.
    bool is_at_rest() const noexcept { return waits_for_ == waits_for::client && block_ == block::none; }
    // Adds what it has received and sent.
    void add_bytes(traffic& to) const noexcept;
    // Adds it to the counts; false: it has not logged in, or is a console's.
    bool count_in(worker_report& to) const;
    client_facts facts() const;
    io::cancel_scope* scope = nullptr;  // in which run() runs
    std::uint64_t arrival = 0;          // the worker's count of clients, at its coming
    bool crowded_out = false;           // cancelled before it logged in, to make room for somebody else

private:
    enum class block { none, implicit, explicit_ };
    enum class waits_for { client, lease, server };
    // What SQLite files do outside of a block as one transaction.
    enum class as_one {
        nothing,    // each statement is committed by its shard
        statement,  // the simple query under way, committed before its end is told
        pipeline,   // all since the first write, until the Sync
    };

    // --- login
    task<status> log_in();
    task<status> admit(const wire::startup_request& start);
    task<result<wire::startup_request>> read_start_up();
    task<status> begin_tls(std::shared_ptr<const io::tls_context> by, std::string arrived, deadline until);
    task<status> begin_direct_tls(deadline until);
    task<status> authenticate(std::string user);
    task<result<std::string>> read_sasl_message(deadline until, bool initial);
    task<status> take_parameters(const wire::startup_request& start);
    task<status> greet();

    // --- the log (session_log.cpp)
    void log_admission(const wire::startup_request& start, const status& how) const;
    void log_end(const std::optional<error>& why) const;
    // Remembers which statement runs, when slow ones are told.
    void watch(const std::shared_ptr<known_statement>& what);
    void log_if_slow(nanoseconds took);

    // --- the loop
    task<status> serve();
    // An empty task: all is done, and nothing has to be waited for. What fails here ends the session; what a statement did
    // wrong is told the client.
    task<status> handle(client_message m);
    static task<status> ended(status how);
    task<status> pass_over(error why);
    void note_arrival();
    deadline idle_deadline() const;
    task<void> clean_up();
    void say_fatal(const error& why);

    // --- the console
    task<status> serve_console();
    bool is_console_name(std::string_view database) const noexcept;
    task<status> log_in_to_console(const wire::startup_request& start);

    // --- simple queries
    task<status> on_query(client_message m);
    task<status> on_function_call();
    task<status> end_pipeline();
    task<status> run_several(std::string text);
    std::optional<error> mistake_in(const std::string& text);
    task<status> run_simple(std::shared_ptr<known_statement> what, std::optional<std::size_t> place,
                            std::string_view message, bool ready);
    task<status> relay_query(std::shared_ptr<known_statement> what, std::size_t place, std::string_view message,
                             bool ready);

    result<std::optional<std::size_t>> relayed_to(const known_statement& what,
                                                  std::span<const route::bound_parameter> values);
    task<status> after_loss(participant& p, error why, bool writes, int attempt);

    // --- a second try, see session_second_try.cpp
    void look_for_second_try(const wire::frame& f);
    void allow_second_try();
    void keep_flight(const client_message& bind);
    void take_back(const participant& from);
    void end_second_try();
    task<status> fly_again();

    // --- extended queries: empty tasks where nothing has to be waited for
    task<status> on_parse(client_message m);
    task<status> fail_parse(std::string_view name, error why);
    task<status> on_bind(client_message m);
    task<status> on_describe(client_message m);
    task<status> on_execute(client_message m);
    task<status> on_close(client_message m);
    task<status> on_flush();
    task<status> on_sync();
    task<status> again(client_message m);
    task<status> after_claiming(client_message m);
    bool flight_is_long() const noexcept;
    task<status> after_shortening(client_message m);
    task<status> parse_after_looking(client_message m, std::shared_ptr<known_statement> what);
    task<status> parse_planned(wire::parse_message parse, std::shared_ptr<known_statement> what);
    // The statement names what the catalogue does not have: true when it has been read again since, with some of that.
    task<bool> look_for_unknown(std::shared_ptr<known_statement> what);
    task<status> after_going(client_message m, std::size_t place);
    task<status> after_settling(client_message m, std::string name);
    task<status> told_in_place(task<status> answering);
    bool answer(const char* type);  // true: it stands behind others
    void pass(std::string_view message, expectation::kind what);
    bool is_at(std::size_t place) const noexcept;
    // Of bind_.
    result<std::optional<std::size_t>> place_of_bound(const known_statement& what);
    status right_count(const known_statement& what) const;
    task<status> keep_bound(portal& made);
    task<status> bind_elsewhere(client_message m, std::shared_ptr<known_statement> what, std::size_t place, bool writes,
                                bool replica);
    task<status> bind_here(client_message m, const std::shared_ptr<known_statement>& what);
    task<status> learn_and_bind(client_message m, std::shared_ptr<known_statement> what);
    task<status> bind_known(client_message m, const std::shared_ptr<known_statement>& what);
    task<status> bind_binary(client_message m, std::shared_ptr<known_statement> what);
    task<status> pass_bind(client_message m, const std::shared_ptr<known_statement>& what);
    task<status> fail_bind(error why);
    std::optional<std::size_t> place_of_cursor(std::string_view name) const;
    task<status> execute_portal(std::string name, std::uint32_t rows_max);

    // --- the flight to current_
    task<status> claim_parse();  // a ParseComplete still owed is asked from a server
    task<status> fail_extended(error why);
    task<status> drain(bool sync);
    task<status> roll_flight_back();
    task<status> undo_flight();
    bool go_now(std::size_t place, bool writes, bool replica = false);
    task<status> go_to(std::size_t place, bool writes, bool replica = false);
    // Fails, and sends nothing, when a type was declared that the server does not have.
    result<std::string_view> prepare_on(participant& p, const std::shared_ptr<known_statement>& what);
    task<status> describe_statement(std::shared_ptr<known_statement> what);
    task<status> describe_portal(std::string name);
    void describe_own(const route::prepared_plan& plan, const known_statement& what);
    status ask_to_describe(const std::shared_ptr<known_statement>& what);
    task<result<std::vector<std::uint32_t>>> ask_parameter_types(std::shared_ptr<known_statement> what);
    bool next_is_execute_of(std::string_view portal);
    result<std::size_t> any_place_for(const known_statement& what);
    task<status> go_to_any_for(std::shared_ptr<known_statement> what);
    task<status> leave_servers_for(bool writes);

    // --- the session's own statements
    static bool is_own(const route::prepared_plan& plan, bool sqlite) noexcept;
    static bool has_rows(const route::prepared_plan& plan) noexcept;
    // Writes all but ReadyForQuery to out(); a failure is for fail().
    task<status> run_own(std::shared_ptr<known_statement> what, bool describe);
    bool is_read_only() const;
    void start_block();
    std::vector<std::string> modes_set_since_begin() const;
    bool changes_modes_of_next() const;
    status begin_block(const known_statement& what);
    task<status> set_modes_of(const known_statement& begin);
    task<status> end_block(execute::ending how);
    task<status> run_savepoint(const known_statement& what);
    task<status> run_setting(const known_statement& what);
    status run_our_setting(const known_statement& what, const setting_command& command);
    task<status> show_ours(std::string name, bool describe);
    // Where all may go, in the order of places.
    place_names names_of_places() const;
    // The one database that a hint names for it; nothing: it goes where it belongs. Fails where it may not go there.
    result<std::optional<std::size_t>> pinned_place(const known_statement& what,
                                                    std::span<const route::bound_parameter> values) const;
    // SQL's PREPARE and EXECUTE, which last as long as the transaction on the one server that a hint names; pg_dump needs them.
    bool is_for_pinned_server(const known_statement& what) const;
    // A prepared statement as it is planned now that hints have come or gone since it was.
    std::shared_ptr<known_statement> as_hinted(std::shared_ptr<known_statement> what);
    // A prepared statement as it is planned now: by the latest catalogue, search_path and hints.
    result<std::shared_ptr<known_statement>> statement_named(std::string_view name);
    void follow_settings();
    void note_local(const setting_command& command, bool to_default);
    std::vector<std::string> explain_pinned(const known_statement& what, std::size_t place) const;
    status take_token(std::string_view token);
    task<result<std::string>> causal_token();
    role_hint role_for(const known_statement& what) const;
    // A hint that says "replica", and a statement that may write.
    std::optional<error> against_its_role(const known_statement& what) const;
    task<status> on_every_participant(std::string sql);
    status run_deallocate(const known_statement& what);
    status run_discard(const known_statement& what);
    task<status> run_explain(std::shared_ptr<known_statement> what, bool describe);
    task<status> run_show(std::shared_ptr<known_statement> what, bool describe);

    // --- servers
    // `replica`: one will do, by wants_replica().
    task<result<participant*>> acquire(std::size_t place, bool writes, bool replica = false,
                                       pool::borrower who = pool::borrower::one_database);
    // One that answers, to ask what is the same on all: settings, how servers greet.
    task<result<participant*>> acquire_any();
    task<result<participant*>> acquire_to_look(std::size_t place);
    status is_free(const participant& p) const;
    bool died_idle(driver::connection& which, std::size_t place) const;
    participant* acquire_now(std::size_t place, bool writes, bool replica = false);
    participant& enter(std::size_t place, topology::loan lent, bool writes);
    topology::loan lend_ready(std::size_t place, bool replica, pool::borrower who);
    task<result<topology::loan>> lend(std::size_t place, bool replica, pool::borrower who);
    bool wants_replica(const known_statement& what) const;
    bool sync_follows();
    status note_reader(participant& p, bool writes);
    void note_writes(bool any_wrote = false);
    task<status> put_settings(participant& p);
    task<status> open_block(participant& p);
    status may_write(std::size_t place, bool joins_host) const;
    task<status> join_host(std::size_t place, bool writes, participant*& joined);
    task<status> begin_as_one(as_one what);
    bool next_is_sync();
    task<status> end_as_one(execute::ending how);
    task<void> undo_as_one();
    task<status> settle(portal& what);
    bool has_open_portals() noexcept;
    task<status> close_portals();
    task<std::optional<error>> end_on_servers(bool& committed);
    void let_go_of_joined();
    std::size_t any_place();
    std::size_t any_shard();  // one that answers, as far as is known
    static bool answers_anywhere(const known_statement& what) noexcept;
    class answer_lender;
    void step_ended(driver::connection& on) noexcept;
    void note_losses();
    void end_silent_waits(instant now);
    std::size_t place_to_show(const known_statement& show);
    void drop(participant* p);  // its link is lost
    // The only ways in which servers leave what the session does: the flight to one of them ends with it.
    void leave_all();
    template <class Predicate>
    void leave_if(Predicate goes);
    void leave_closed();
    void end_flight();         // to current_
    task<void> release_all();  // outside a transaction
    bool release_now();        // the same where nothing has to be waited for; false: it has
    task<void> read_back(participant& p);
    task<result<std::vector<std::pair<std::string, std::string>>>> ask_settings(participant& p, std::string_view sql);
    std::vector<std::string> custom_names() const;
    task<status> spread_settings();  // of `unspread` participants to the others and those to come
    // A statement runs on p that may change settings behind our back; its text may name some.
    void touch(participant& p, const route::prepared_plan& plan, std::string_view text);
    task<status> learn_reading();  // from `reading_from_`
    task<status> after_reading(client_message m, task<status> (session::*then)(client_message));
    // `was_dirty`: something else than the settings had been left there before.
    const settings_ptr& settings_to_begin_with() const noexcept;
    void note(participant& p, settings_ptr applied, bool was_dirty);
    void report_parameters(const server_link& link);
    void use_settings(settings_ptr now);

    // --- relay
    struct walked {
        std::string_view run;  // of the chunk, to be sent on as it is, after what stands in out()
        bool copy_in = false;
    };
    task<status> exchange(participant& p, std::string_view message);
    walked walk(server_link& link, std::string_view chunk);
    bool take_frame(server_link& link, const wire::frame& f);  // true: pass it on
    void take_error(server_link& link, const wire::frame& f);
    void write_ours();
    task<result<bool>> copy_in(server_link& link, copy_feed& feed);
    task<status> end_message(server_link& link, copy_feed& feed);
    task<bool> server_speaks_first(server_link& link, bool heed_client, deadline until);
    error lost(const participant& p) const;

    // --- answers
    task<result<std::unique_ptr<execute::answer>>> start_answer(std::shared_ptr<known_statement> what,
                                                                std::vector<route::bound_parameter> values,
                                                                result_formats results, as_one unit);
    task<status> run_merged(std::shared_ptr<known_statement> what);
    task<status> run_merged_once(std::shared_ptr<known_statement> what, bool& again);
    bool may_ask_again(const portal& what, const error& why, std::uint64_t sent_before) const noexcept;
    task<status> send_long_row(const row_batch& rows, std::size_t row);
    task<status> send_rows(portal& from, std::uint32_t rows_max);
    deadline statement_deadline() const;
    bool is_overdue(const error& why) const;
    task<status> begin_answer(std::string portal);
    status formats_known(const portal& what) const;
    task<result<driver::connection*>> connection_for(std::size_t place);
    result<std::size_t> place_of(const route::bound_plan& plan, const route::step& step) const;
    execute::abilities abilities() const noexcept;

    // --- memory, see session_memory.cpp
    void look_at_memory();
    status may_keep(const settings& next);
    status keep_for_newcomers(std::string sql);
    struct savepoint;
    status keep_savepoint(savepoint made);
    void count_block();
    status may_gather(std::size_t more);
    void drop_gathered();
    bool keeps_much() const noexcept;
    void forgive_memory();

    // --- oids
    void use_oids(participant& p) const;
    // Makes known what is not, by reading it from the servers. True: all of it.
    task<bool> learn(participant& p, missing_oids what);
    static bool lacks_types(const participant& p, const known_statement& what) noexcept;
    task<void> learn_declared(participant& p, std::shared_ptr<known_statement> what);
    static void note_types(char message_type, std::string_view body, const server_link& link, known_statement& in);
    bool note_gap(const wire::frame& f, const oid_map& oids, const std::shared_ptr<known_statement>& told_of);
    task<void> fill_gaps(participant& p);
    // Preconditions: the link has oids that differ.
    status may_pass_binary(const known_statement& what, const participant& p) const;
    // True: its columns have to be translated, so that the answer must not be relayed.
    task<result<bool>> check_binary(std::shared_ptr<known_statement> what, const wire::bind_message& bind);
    status translate_bound(std::string_view body, const known_statement& what);

    // --- small
    void look_at_query_timeout(instant now);
    void give_servers_up();
    error took_too_long() const;
    void fail(const error& why);  // an ErrorResponse; a transaction is failed by it
    void ready();                 // ReadyForQuery, counted
    traffic& counted() const noexcept { return counted_; }
    void count_answer() noexcept;
    wire::transaction_state state() const noexcept;
    std::shared_ptr<const route::catalogue> catalogue();  // the latest; oids_ follow it
    io::loop& loop() const noexcept { return loop_; }
    plan_cache& plans() const noexcept;

    worker& home_;
    service& shared_;
    traffic& counted_;  // its worker's
    io::loop& loop_;
    memory_account memory_;  // before all that counts on it
    memory_part settings_memory_{&memory_}, block_memory_{&memory_}, flight_memory_{&memory_};
    client_stream stream_;
    std::unique_ptr<const io::tls_facts> tls_;  // nullptr: it is not encrypted
    wire::cancel_key key_;
    bool logged_in_ = false;
    bool console_ = false;  // logged in to it
    std::string user_;
    instant came_at_;

    settings_ptr settings_, defaults_;  // never null
    shared_environment environment_;
    std::shared_ptr<const oid_maps> oids_;               // nullptr: no server needs any
    std::shared_ptr<const server_parameters> reported_;  // the parameters that the client was told
    statements statements_{&memory_};
    name_changes name_changes_;  // of the flight under way

    deadline answer_until_;  // of the statement over SQLite that runs

    // The transaction.
    block block_ = block::none;
    std::optional<timestamp> block_began_;  // the moment of now() in the block, or in what runs as one
    bool failed_ = false;
    std::optional<bool> read_only_;    // as its modes say; for engines that do not see to it themselves
    as_one as_one_ = as_one::nothing;  // outside of a block
    bool changed_schema_ = false;      // the catalogue is to be read again when it commits
    std::string begin_;                // as the client wrote it
    std::vector<std::string> replay_;  // what a server that joins later has to be told: SET, SAVEPOINT …
    struct savepoint {
        std::string name;
        std::size_t replayed;
        settings_ptr settings_then;
        settings local_then;
    };
    std::vector<savepoint> savepoints_;
    settings_ptr settings_at_begin_;
    std::list<participant> participants_;
    settings local_;                     // as SET LOCAL said, until the transaction ends
    client_hints hints_;                 // of both
    std::vector<bool> wrote_on_;         // by place: ever; for causal_token()
    topology::causal_positions after_;   // by place: what other connections wrote, and this one must see
    instant wrote_at_ = instant::min();  // the last acknowledged write: replicas that are read from must show it

    // What may be asked of another server still.
    struct {
        bool allowed = false;     // the statement under way may: it is on a replica, or any server has its answer
        bool anywhere = false;    // the latter
        bool conflicted = false;  // it was cancelled, and the client does not know
        bool again = false;       // the flight is not the first
        bool writes = false;      // what was taken for a read does: it is for the primary, as a write
        std::size_t mark = 0;     // of out(): what comes after is the statement's
        std::uint64_t sent = 0;   // to the client, before it
        std::uint64_t avoid = 0;  // bit n: server n has failed at it
        std::string flight;       // extended: the messages from the Bind to the Sync
        std::shared_ptr<known_statement> parse_owed;
    } second_;

    // The flight under way.
    participant* current_ = nullptr;  // whom the extended protocol talks to
    std::string to_server_;           // not yet sent
    expectations expected_;
    std::optional<server_report> farewell_;  // a server's last words, before it closed
    std::string held_;                       // the first part of a message that may not be for the client
    // A message in the client's bytes, or read for us, that told of types which are not known.
    struct gap {
        char type = 0;
        std::string body;
        std::shared_ptr<known_statement> statement;  // of which it tells, if we keep that
        std::optional<std::size_t> at;               // in out()
    };
    std::vector<gap> gaps_;
    bool skipping_ = false;  // after an error, to the next Sync
    bool unsynced_ = false;  // current_ was told something since the last Sync
    bool unsynced_executed_ = false, unsynced_wrote_ = false;
    bool touched_session_ = false;               // some participant is `touched`
    std::optional<std::size_t> reading_from_;    // the place where a function may have set what texts are read by
    std::vector<std::string> named_custom_;      // settings with a dot that such statements named: no server lists them
    std::map<std::string, std::string> spread_;  // what the transaction's servers were told
    std::map<std::string, std::size_t> cursors_;  // DECLAREd in the transaction: at which place
    std::int32_t text_offset_ = 0;                // characters of the client's text before the statement at hand
    bool torn_ = false;                           // the client has got a part of a message
    bool error_seen_ = false;                     // the server refused something in this exchange
    std::uint64_t passed_on_ = 0;                 // bytes of this exchange that the client was given
    std::shared_ptr<known_statement> parse_owed_;
    wire::bind_message bind_;                               // the Bind at hand
    std::vector<route::bound_parameter> bound_;             // its parameters
    std::vector<std::shared_ptr<known_statement>> flight_;  // what was bound since the last Sync

    // What others may do to it.
    waits_for waits_for_ = waits_for::client;
    instant since_;
    instant asked_at_ = instant::min();         // the first message since the last ReadyForQuery; min: none
    instant began_ = instant::min();            // the transaction, by the first message of its first query; min: none
    nanoseconds waited_{0};                     // for servers, since asked_at_
    std::shared_ptr<known_statement> watched_;  // the last one begun, when slow ones are told
    io::cancel_scope* lending_ = nullptr;
    bool cancel_asked_ = false;
    bool timed_out_ = false;  // by query_timeout, and cancelled
    bool ended_ = false;      // by end()
    bool given_up_ = false;   // the servers did not even answer to that
    bool cancels_sent_ = false;
    int memory_calls_ = 0;       // how often it was asked to give its memory back; see look_at_memory()
    memory_part answer_memory_;  // rows on their way to the client
    std::size_t turn_ = 0;       // spreads reads that any server can answer
};

}  // namespace ashlar::proxy
