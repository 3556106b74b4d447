// server_link as connection: statements in the extended protocol, rows straight from DataRow into batches.
#include "core/quoting.hpp"
#include "driver/error_map.hpp"
#include "driver/pgwire/own_types.hpp"
#include "driver/pgwire/server_link.hpp"
#include "wire/client_messages.hpp"
#include "wire/error_fields.hpp"
#include "wire/server_messages.hpp"

#include <algorithm>

namespace ashlar::driver::pgwire {

namespace {

constexpr std::size_t batch_bytes = 64 * 1024;
constexpr std::size_t notices_max = 100;
// A longer text is not worth keeping prepared, nor its key.
constexpr std::size_t prepared_text_max = 64 * 1024;
// How long a statement that was called off may take to end before the link is given up instead.
constexpr seconds call_off_grace{2};
// How long an answer may be held up by types that are not known.
constexpr seconds learning_time{2};

// All that parsing depends on while the session is as it was at login. Otherwise (may_keep_prepared) nothing is kept.
std::string key_of(const statement& what) {
    std::string key = "sql:";
    for (const parameter& p : what.parameters) key += std::to_string(p.type) + ",";
    key += ':';
    key += what.sql;
    return key;
}

std::string begin_text(transaction_options how) {
    std::string text = "BEGIN";
    switch (how.level) {
        case isolation::server_default:
            break;
        case isolation::read_committed:
            text += " ISOLATION LEVEL READ COMMITTED";
            break;
        case isolation::repeatable_read:
            text += " ISOLATION LEVEL REPEATABLE READ";
            break;
        case isolation::serializable:
            text += " ISOLATION LEVEL SERIALIZABLE";
            break;
    }
    if (how.read_only) text += " READ ONLY";
    return text;
}

// The prepared statement is gone (somebody deallocated it) or no longer fits its tables; a fresh Parse mends both.
bool wants_fresh_parse(const error& why) {
    return why.sqlstate() == "26000" || (why.sqlstate() == "0A000" && why.server() != nullptr &&
                                         why.server()->message.find("cached plan") != std::string::npos);
}

}  // namespace

// --- a statement --------------------------------------------------------------------------------------------------

status server_link::begin_work() {
    absorb_unasked();
    if (broken_) {
        if (failed_) return *std::exchange(failed_, std::nullopt);
        return error{errc::connection_lost, "the connection to " + describe() + " is broken"};
    }
    if (!is_quiet()) return error{errc::transaction_state, "another statement is under way on " + describe()};
    completed_ = {};
    failed_.reset();
    return {};
}

task<result<columns>> server_link::start(statement what, deadline until) {
    if (auto ready = begin_work(); !ready) co_return std::move(ready).error();
    const bool in_transaction_before = in_transaction();
    const bool was_prepared = may_keep_prepared(what) && !prepared_.find(key_of(what)).empty();
    auto shape = co_await start_once(what, until);
    if (shape || broken_ || !was_prepared || in_transaction_before || !wants_fresh_parse(shape.error())) {
        co_return std::move(shape);
    }
    if (auto ready = begin_work(); !ready) co_return std::move(ready).error();
    co_return co_await start_once(what, until);
}

task<result<columns>> server_link::start_once(const statement& what, deadline until) {
    parsed_ = false;
    translated_.clear();
    memory_ = what.memory;
    missing_oids missing = missing_for(what);
    if (!missing.empty()) (void)co_await learn(std::move(missing));
    auto written = write_statement(what);
    if (!written) co_return std::move(written).error();
    std::string key = std::move(*written);
    expect_ready();
    auto sent = co_await send_out(until);
    if (!sent) {
        if (!key.empty()) prepared_.forget(key);
        co_return co_await give_up(std::move(sent).error());
    }
    auto shape = co_await read_shape(std::move(key), until);
    if (!shape) quieten();
    co_return std::move(shape);
}

bool server_link::may_keep_prepared(const statement& what) const noexcept {
    return what.prepare && what.sql.size() <= prepared_text_max && !dirty_ && !notes_ && parameters_ == greeting_;
}

result<std::vector<std::uint32_t>> server_link::types_of(const statement& what) const {
    std::vector<std::uint32_t> types;
    for (const ashlar::driver::parameter& p : what.parameters) types.push_back(p.type);
    return oids_ == nullptr ? types : types_for_server(types, *oids_);
}

// The values of binary parameters that hold object ids, as this server numbers; empty for all others.
result<std::vector<std::string>> server_link::translated_parameters(const statement& what) const {
    std::vector<std::string> out(what.parameters.size());
    if (differing_oids() == nullptr) return out;
    std::shared_ptr<const type_book> known;
    for (std::size_t i = 0; i < out.size(); ++i) {
        const ashlar::driver::parameter& p = what.parameters[i];
        if (p.format != cell_format::binary || !p.bytes || !oids_->differs_in_binary(p.type)) continue;
        if (known == nullptr) known = types();
        if (known == nullptr || !may_translate(p.type, *known))
            return binary_holds_numbers("parameter $" + std::to_string(i + 1), p.type, *oids_);
        out[i] = *p.bytes;
        if (status done = oids_for_server(out[i], p.type, *oids_, *known); !done) return std::move(done).error();
    }
    return out;
}

std::shared_ptr<const type_book> server_link::types() const {
    return oids_from_ == nullptr ? nullptr : oids_from_->own_types();
}

missing_oids server_link::missing_for(const statement& what) const {
    missing_oids out;
    if (oids_ == nullptr) return out;
    for (const ashlar::driver::parameter& p : what.parameters) {
        if (!oids_->type_for_server(p.type)) out.declared.push_back(p.type);
    }
    return out;
}

task<bool> server_link::learn(missing_oids what) {
    if (oids_ == nullptr || oids_from_ == nullptr) co_return false;
    const std::string database = oids_->database();
    const deadline until = deadline::in(learning_time);
    const bool known = co_await oids_from_->learn_oids(loop(), database, std::move(what), until);
    if (auto mine = oids_from_->oids_of(database)) oids_ = std::move(mine);
    co_return known;
}

result<std::string> server_link::write_statement(const statement& what) {
    auto types = types_of(what);
    if (!types) return std::move(types).error();
    const auto translated = translated_parameters(what);
    if (!translated) return translated.error();
    std::vector<cell> cells;
    std::vector<cell_format> formats;
    for (std::size_t i = 0; i < what.parameters.size(); ++i) {
        const ashlar::driver::parameter& p = what.parameters[i];
        formats.push_back(p.format);
        cells.push_back(p.bytes ? cell{*p.bytes} : std::nullopt);
        if (!(*translated)[i].empty()) cells.back() = (*translated)[i];
    }
    std::string key;
    std::string_view name;
    if (may_keep_prepared(what)) {
        key = key_of(what);
        name = prepared_.find(key);
    }
    if (name.empty()) {
        if (!key.empty()) {
            const server_prepared::place place = prepared_.add(key);
            if (place.evicted) {
                const wire::target_message oldest{wire::target_message::kind::statement, *place.evicted};
                wire::write_close(out_, oldest);
            }
            name = place.name;
        }
        wire::write_parse(out_, name, what.sql, *types);
    } else {
        parsed_ = true;  // by an earlier run
    }
    const wire::target_message portal{wire::target_message::kind::portal, ""};
    wire::write_bind(out_, "", name, formats, cells, what.results.as_bound());
    wire::write_describe(out_, portal);
    wire::write_execute(out_, "");
    wire::write_sync(out_);
    return key;
}

task<result<columns>> server_link::read_shape(std::string key, deadline until) {
    for (;;) {
        auto m = co_await read_message(until);
        if (!m) {
            if (!key.empty()) prepared_.forget(key);
            co_return co_await give_up(std::move(m).error());
        }
        if (m->type == wire::server_says::row_description) {
            auto shape = wire::read_row_description(m->body);
            if (!shape) co_return broke_protocol(shape.error().message());
            width_ = shape->size();
            missing_oids missing = oids_ == nullptr ? missing_oids{} : missing_in(m->type, m->body, *oids_);
            if (!missing.types.empty()) (void)co_await learn(std::move(missing));
            types_ = differing_oids() == nullptr ? nullptr : types();
            status translated =
                oids_ == nullptr ? status{} : columns_for_client(*shape, *oids_, types_.get(), translated_);
            if (!translated) {
                // Nothing of it may be passed on: it is read to its end, and told.
                failed_ = translated.error();
                status ended = co_await finish(until);
                co_return std::move(ended).error();
            }
            co_return std::move(shape);
        }
        if (m->type == wire::server_says::no_data) {
            width_ = 0;
            co_return columns{};
        }
        if (m->type == wire::server_says::data_row) co_return broke_protocol("a row before its description");
        const taken what = take(*m);
        if (broken_ && failed_) co_return *std::exchange(failed_, std::nullopt);
        if (what != taken::done) continue;
        if (!failed_) co_return broke_protocol("an answer without a description");
        // Whether or not the Parse went through: a new one under a new name is right in either case.
        error why = *std::exchange(failed_, std::nullopt);
        if (!key.empty() && (!parsed_ || wants_fresh_parse(why))) prepared_.forget(key);
        co_return why;
    }
}

task<result<fetched>> server_link::fetch(row_batch& into, deadline until) {
    if (translated_.empty()) return fetch_rows(into, until);
    return [](server_link& self, row_batch& rows, deadline by) -> task<result<fetched>> {
        const std::size_t before = rows.rows();
        auto got = co_await self.fetch_rows(rows, by);
        if (!got) co_return got;
        status done = oids_for_client(rows, before, self.translated_, *self.oids_, *self.types_);
        if (!done) co_return std::move(done).error();
        co_return got;
    }(*this, into, until);
}

task<result<fetched>> server_link::fetch_rows(row_batch& into, deadline until) {
    if (awaited_ == 0) co_return fetched::ended;
    const std::size_t rows_before = into.rows();
    const std::size_t bytes_before = into.byte_size();
    for (;;) {
        message m;
        while (next_buffered(m)) {
            if (m.type == wire::server_says::data_row) {
                if (!wire::read_data_row(m.body, width_, into))
                    co_return broke_protocol("a row that does not fit its description");
                if (into.byte_size() - bytes_before >= batch_bytes) co_return fetched::rows;
                continue;
            }
            if (take(m) != taken::done) continue;
            quieten();
            if (failed_) co_return *std::exchange(failed_, std::nullopt);
            if (into.rows() == rows_before) co_return fetched::ended;
            co_return fetched::rows;  // and the next call says that it ended
        }
        if (broken_ && failed_) co_return *std::exchange(failed_, std::nullopt);
        if (into.rows() > rows_before) co_return fetched::rows;
        if (const auto size = long_row_ahead()) {
            status read = co_await read_long_row(*size, into, until);
            if (!read) co_return std::move(read).error();
            co_return fetched::rows;
        }
        if (auto more = co_await receive_more(until); !more) co_return co_await give_up(std::move(more).error());
    }
}

std::optional<std::size_t> server_link::long_row_ahead() const {
    wire::frame_header h;
    if (wire::read_frame_header(in_.bytes(), h) != wire::header_state::good) return std::nullopt;
    if (h.type != wire::server_says::data_row || h.body_size <= batch_bytes) return std::nullopt;
    return h.body_size;
}

// Memory grows with what has come, not with what is claimed. Whoever leaves in the midst of it leaves the stream torn.
task<status> server_link::read_long_row(std::size_t size, row_batch& into, deadline until) {
    constexpr std::size_t at_once = 256 * 1024;
    struct torn_unless_read {
        bool& broken;
        bool whole;
        explicit torn_unless_read(bool& b) noexcept : broken(b), whole(false) {}
        ~torn_unless_read() {
            if (!whole) broken = true;
        }
    } stream{broken_};
    in_.consume(header_size);
    std::string body{in_.bytes()};
    in_.consume(body.size());
    memory_part held{memory_};
    while (body.size() < size) {
        const std::size_t have = body.size();
        if (body.capacity() - have < std::min(at_once, size - have)) {
            const std::size_t room = have >= size / 8 ? size : std::min(size, 2 * have + at_once);
            if (status granted = held.set(room); !granted) co_return granted;
            body.reserve(room);
        }
        const std::size_t part = std::min({size - have, body.capacity() - have, at_once});
        body.resize(have + part);
        const std::span<char> rest{body.data() + have, part};
        auto got = co_await stream_.receive(rest, until);
        if (!got && got.error() == errc::deadline_passed) co_return std::move(got).error();
        if (!got || *got == 0) co_return lost("receiving a row", got ? error{errc::peer_closed} : got.error());
        ++receives_;
        body.resize(have + *got);
    }
    stream.whole = true;
    if (!wire::adopt_data_row(std::move(body), width_, into)) {
        co_return broke_protocol("a row that does not fit its description");
    }
    co_return status{};
}

server_link::taken server_link::take(const message& m) {
    learn_from(m.type, m.body);
    switch (m.type) {
        case wire::server_says::parse_complete:
            parsed_ = true;
            return taken::noted;
        case wire::server_says::bind_complete:
        case wire::server_says::close_complete:
        case wire::server_says::parameter_status:
        case wire::server_says::notification:
        case wire::server_says::empty_query:
        case wire::server_says::copy_data:
        case wire::server_says::copy_done:
        case wire::server_says::row_description:
        case wire::server_says::no_data:
        case wire::server_says::data_row:
            return taken::noted;
        case wire::server_says::command_complete:
            if (const auto tag = wire::read_command_complete(m.body)) {
                completed_.tag = *tag;
                completed_.rows_affected = wire::rows_of_tag(*tag);
            }
            return taken::noted;
        case wire::server_says::error_response:
            take_error(m.body);
            return taken::noted;
        case wire::server_says::notice_response:
            take_notice(m.body);
            return taken::noted;
        case wire::server_says::copy_in:
        case wire::server_says::copy_out:
        case wire::server_says::copy_both:
            refuse_copy(m.type);
            return taken::noted;
        case wire::server_says::ready_for_query:
            return awaited_ == 0 ? taken::done : taken::noted;
        default:
            failed_ = broke_protocol("a message of unknown type");
            return taken::noted;
    }
}

void server_link::take_error(std::string_view body) {
    auto said = wire::read_error_fields(body);
    if (!said) {
        failed_ = broke_protocol("an error without fields");
        return;
    }
    if (!failed_) failed_ = from_report(*std::move(said));
}

void server_link::take_notice(std::string_view body) {
    if (completed_.notices.size() == notices_max) return;
    if (auto said = wire::read_error_fields(body)) completed_.notices.push_back(*std::move(said));
}

// COPY has a road of its own, the relay; here nobody would feed it or read it.
void server_link::refuse_copy(char type) {
    if (!failed_) {
        failed_ = error{errc::unsupported, "COPY cannot be run as a statement with rows"}.hint(
            "Send it over the proxy by itself.");
    }
    if (type == wire::server_says::copy_out) return;  // its data is dropped as it comes
    // Waiting for CopyFail, or a stream both ways that has no end: only closing mends that.
    broken_ = true;
}

task<status> server_link::finish(deadline until) {
    for (;;) {
        auto m = co_await read_message(until);
        if (!m) co_return std::move(m).error();
        const taken what = take(*m);
        if (broken_ && failed_) co_return *std::exchange(failed_, std::nullopt);
        if (what != taken::done) continue;
        if (failed_) co_return *std::exchange(failed_, std::nullopt);
        co_return status{};
    }
}

task<error> server_link::give_up(error why) {
    if (why == errc::deadline_passed && !broken_) {
        const deadline grace = deadline::in(call_off_grace);
        failed_.reset();
        auto cancelled = co_await canceller_.send(loop(), grace);
        auto ended = co_await finish(grace);
        if (!ended && awaited_ > 0) broken_ = true;
    }
    quieten();
    co_return why;
}

// --- commands -----------------------------------------------------------------------------------------------------

task<status> server_link::command(std::string_view sql, deadline until) {
    if (auto ready = begin_work(); !ready) co_return std::move(ready).error();
    wire::write_query(out_, sql);
    expect_ready();
    auto done = co_await send_out(until);
    if (done) done = co_await finish(until);
    if (!done && awaited_ > 0) co_return co_await give_up(std::move(done).error());
    quieten();
    co_return done;
}

task<status> server_link::run_script(std::string sql, deadline until) {
    mark_dirty();
    auto done = co_await command(sql, until);
    co_return done;
}

task<status> server_link::begin(transaction_options how, deadline until) {
    if (in_transaction()) co_return error{errc::transaction_state, "a transaction is open already"};
    const std::string text = begin_text(how);
    auto done = co_await command(text, until);
    co_return done;
}

task<status> server_link::commit(deadline until) {
    // Lost before COMMIT is sent: nothing is committed, and that is known.
    if (auto ready = begin_work(); !ready) co_return std::move(ready).error();
    auto done = co_await command("COMMIT", until);
    if (done && completed_.tag == "ROLLBACK") {
        co_return error{errc::transaction_failed, "the transaction had failed before, so that COMMIT rolled it back"};
    }
    if (done) co_return status{};
    if (!broken_ && completed_.tag == "COMMIT") co_return status{};  // it was late, but it was
    if (!broken_) co_return done;
    co_return error{errc::commit_unknown, "the connection to " + describe() + " was lost during COMMIT"}
        .detail(done.error().message())
        .hint("Look whether the transaction's rows are there before doing it again.");
}

task<status> server_link::rollback(deadline until) {
    auto done = co_await command("ROLLBACK", until);
    co_return done;
}

task<status> server_link::savepoint(std::string_view name, deadline until) {
    const std::string text = "SAVEPOINT " + quoted_name(name);
    auto done = co_await command(text, until);
    co_return done;
}

task<status> server_link::rollback_to(std::string_view name, deadline until) {
    const std::string text = "ROLLBACK TO SAVEPOINT " + quoted_name(name);
    auto done = co_await command(text, until);
    co_return done;
}

task<status> server_link::release(std::string_view name, deadline until) {
    const std::string text = "RELEASE SAVEPOINT " + quoted_name(name);
    auto done = co_await command(text, until);
    co_return done;
}

void server_link::cancel() noexcept {
    canceller_.send_in_background();
}

task<status> server_link::ping(deadline until) {
    if (auto ready = begin_work(); !ready) co_return std::move(ready).error();
    wire::write_sync(out_);
    expect_ready();
    auto done = co_await send_out(until);
    if (done) done = co_await finish(until);
    quieten();
    co_return done;
}

task<status> server_link::reset(deadline until) {
    if (auto settled = co_await canceller_.settled(loop(), until); !settled) co_return settled;
    if (in_transaction()) {
        if (auto done = co_await rollback(until); !done) co_return done;
    }
    if (dirty_ || notes_ || parameters_ != greeting_) {
        if (auto done = co_await command("DISCARD ALL", until); !done) co_return done;
    }
    dirty_ = false;
    notes_.reset();
    greeting_ = parameters_;  // what the server's configuration now says
    co_return status{};
}

}  // namespace ashlar::driver::pgwire
