// The link's life, its login, what it learns from the server, and the relay's side. connection is in
// server_link_driver.cpp.
#include "driver/pgwire/server_link.hpp"

#include "wire/client_messages.hpp"
#include "wire/login.hpp"
#include "wire/server_messages.hpp"

namespace ashlar::driver::pgwire {

namespace {

// Whoever is not logged in yet has nothing long to say.
constexpr std::uint32_t login_message_max = 64 * 1024;
constexpr std::size_t out_kept_max = 4 * 1024;
// Where parameters of no interest must not pile up.
constexpr std::size_t parameters_max = 256;
// As long as a ParameterDescription can be, which is longer than any RowDescription: the relay may have to write them anew.
constexpr std::size_t described_max = 264 * 1024;

// All that the link or the relay wants to see: everything but the bulk.
constexpr wire::type_set relayed_types() {
    using namespace wire::server_says;
    return {
        authentication,    backend_key_data, bind_complete,   close_complete, command_complete, copy_done,
        copy_in,           copy_out,         copy_both,       empty_query,    error_response,   function_result,
        negotiate_version, no_data,          notice_response, notification,   parse_complete,   parameter_description,
        parameter_status,  portal_suspended, ready_for_query, row_description};
}

// Tags of commands after which a session is no longer as it was at login.
bool leaves_state(std::string_view tag) noexcept {
    // Most commands are none of these, and their first letter shows it.
    switch (tag.empty() ? '\0' : tag.front()) {
        case 'S':
            return tag.starts_with("SET");
        case 'R':
            return tag.starts_with("RESET");
        case 'P':
            return tag.starts_with("PREPARE");
        case 'L':
            return tag.starts_with("LISTEN") || tag.starts_with("LOAD");
        case 'D':
            return tag.starts_with("DECLARE") || tag.starts_with("DISCARD");
        case 'C':
            return tag.starts_with("CREATE");
        default:
            return false;
    }
}

// May it help to go without TLS? pg_hba.conf refuses by 28000, an old or odd server by hanging up.
bool is_about_tls(const error& why) {
    return why == errc::connect_failed || why.sqlstate() == "28000";
}

}  // namespace

server_link::server_link(std::shared_ptr<server_target> to, connected_socket connected)
    : target_(std::move(to)),
      stream_(std::move(connected.stream)),
      address_(connected.address),
      walker_(relayed_types(), described_max),
      prepared_(target_->options().prepared_statements_max) {}

server_link::~server_link() {
    if (!stream_.is_open() || broken_ || !is_quiet()) return;
    std::string bye;
    wire::write_terminate(bye);
    stream_.send_now(bye);
}

int server_link::watch_end() const noexcept {
    return stream_.watch_end();
}

task<result<std::unique_ptr<server_link>>> server_link::connect(io::loop& loop, std::shared_ptr<server_target> to,
                                                                deadline until, session_values values) {
    using enum server_tls::mode;
    const server_tls::mode how = to->options().tls.how;
    bool asked = false;  // for TLS
    auto made = co_await connect_once(loop, to, how != disable && how != allow, asked, until, values);
    // `prefer` and `allow` try the other way where the first was refused, and the other one is another.
    const bool other_may_help = !made && ((how == prefer && asked && is_about_tls(made.error())) ||
                                          (how == allow && made.error().sqlstate() == "28000"));
    if (!other_may_help) co_return made;
    auto again = co_await connect_once(loop, to, how == allow, asked, until, std::move(values));
    if (again) co_return again;
    co_return made;
}

task<result<std::unique_ptr<server_link>>> server_link::connect_once(io::loop& loop, std::shared_ptr<server_target> to,
                                                                     bool tls, bool& asked, deadline until,
                                                                     session_values values) {
    auto socket = co_await connect_socket(loop, *to, until);
    if (!socket) co_return std::move(socket).error();
    std::unique_ptr<server_link> link{new server_link{std::move(to), *std::move(socket)}};
    status in;
    if (tls) in = co_await link->secure(asked, until);
    if (in) in = co_await link->log_in(values, until);
    if (!in) {
        link->broken_ = true;
        error why = std::move(in).error();
        if (why == errc::deadline_passed) {
            co_return error{errc::connect_failed, "no login at " + link->target_->describe() + " before the deadline"};
        }
        co_return std::move(why).on(link->target_->describe());
    }
    link->quieten();
    co_return std::move(link);
}

// Encrypts the link, as far as the target wants it and the server has it.
task<status> server_link::secure(bool& asked, deadline until) {
    const server_options& o = target_->options();
    if (target_->is_unix() || (!o.tls.is_given && address_.is_local())) co_return status{};
    asked = true;
    auto secured = co_await ask_for_tls(stream_, o.tls, o.host, until);
    if (!secured) {
        error why = std::move(secured).error();
        if (why == errc::peer_closed || why == errc::protocol_violation || why == errc::io_failure) {
            co_return error{errc::connect_failed, why.message()};
        }
        co_return why;
    }
    if (*secured || o.tls.how == server_tls::mode::prefer || o.tls.how == server_tls::mode::allow) co_return status{};
    co_return error{errc::login_failed, "the server offers no TLS, and sslmode asks for it"}.sqlstate("08001").hint(
        "Give the server a certificate (ssl = on), or put sslmode=prefer into the URL, which takes a connection "
        "without TLS.");
}

task<status> server_link::log_in(const session_values& values, deadline until) {
    const server_options& o = target_->options();
    std::vector<std::pair<std::string, std::string>> parameters{
        {"user", o.user}, {"database", o.database}, {"client_encoding", "UTF8"}};
    parameters.insert(parameters.end(), o.startup.begin(), o.startup.end());
    for (const session_value& each : values) parameters.emplace_back(each.name, each.value);
    wire::write_startup(out_, parameters);

    const bool is_verified = stream_.is_encrypted() && o.tls.options.verify != io::tls_verify::nothing;
    wire::login::identity who{o.user, o.password, address_.is_local() || is_verified};
    wire::login login{std::move(who), wire::random_nonce()};
    awaited_ = 1;
    for (;;) {
        if (auto sent = co_await send_out(until); !sent) co_return sent;
        auto m = co_await read_message(until);
        if (!m) co_return std::move(m).error();
        auto next = login.take(m->type, m->body, out_);
        if (!next) co_return std::move(next).error();
        if (*next == wire::login::step::need_keys) {
            const wire::scram_client::challenge_message wanted = login.wanted();
            const wire::scram_keys keys = co_await target_->keys_for(loop(), wanted.salt, wanted.iterations);
            login.give_keys(keys, out_);
        }
        if (*next == wire::login::step::logged_in) break;
    }
    awaited_ = 0;
    greeted_ = true;
    greeting_ = parameters_ = target_->share(login.parameters());
    if (login.key()) {
        process_ = login.key()->process;
        canceller_ = server_canceller{address_, *login.key(), stream_.is_encrypted() ? target_ : nullptr};
    }
    co_return status{};
}

// --- bytes --------------------------------------------------------------------------------------------------------

task<status> server_link::send_out(deadline until) {
    if (out_.empty()) co_return status{};
    auto sent = co_await stream_.send(out_, until);
    out_.clear();
    if (sent) co_return status{};
    broken_ = true;  // an unknown part of it is on its way
    if (sent.error() == errc::deadline_passed) co_return std::move(sent).error();
    co_return lost("sending", sent.error());
}

task<status> server_link::receive_more(deadline until) {
    if (broken_) co_return error{errc::connection_lost, "the connection to " + describe() + " is broken"};
    const std::span<char> room = in_.space();
    auto got = co_await stream_.receive(room, until);
    if (got && *got > 0) {
        ++receives_;
        in_.arrived(*got);
        co_return status{};
    }
    if (!got && got.error() == errc::deadline_passed) co_return std::move(got).error();
    broken_ = true;
    co_return lost("waiting for the answer", got ? error{errc::peer_closed} : got.error());
}

bool server_link::next_buffered(message& into) {
    in_.consume(std::exchange(to_consume_, 0));
    if (broken_) return false;
    wire::frame_header h;
    const std::string_view bytes = in_.bytes();
    const wire::header_state state = wire::read_frame_header(bytes, h);
    if (state == wire::header_state::partial) return false;
    const std::uint32_t longest = greeted_ ? target_->options().message_max : login_message_max;
    if (state == wire::header_state::broken || h.body_size > longest) {
        failed_ = broke_protocol("a message of an impossible type or length");
        return false;
    }
    if (bytes.size() - header_size < h.body_size) return false;
    into.type = h.type;
    into.body = bytes.substr(header_size, h.body_size);
    to_consume_ = header_size + h.body_size;
    return true;
}

task<result<server_link::message>> server_link::read_message(deadline until) {
    for (;;) {
        message m;
        if (next_buffered(m)) co_return m;
        if (broken_ && failed_) co_return *std::exchange(failed_, std::nullopt);
        if (auto more = co_await receive_more(until); !more) co_return std::move(more).error();
    }
}

// What the server said before it went away tells more than that it did.
error server_link::lost(std::string_view doing, const error& why) {
    if (failed_) return *std::exchange(failed_, std::nullopt);
    return error{errc::connection_lost, "the connection to " + describe() + " was lost while " + std::string{doing}}
        .detail(why.message());
}

error server_link::broke_protocol(std::string_view what) {
    broken_ = true;
    return error{errc::protocol_violation, describe() + " broke the protocol: " + std::string{what}};
}

// --- what it learns -----------------------------------------------------------------------------------------------

void server_link::learn_from(char type, std::string_view body) {
    switch (type) {
        case wire::server_says::ready_for_query:
            return learn_ready(body);
        case wire::server_says::command_complete:
            return learn_tag(body);
        case wire::server_says::parameter_status:
            return learn_parameter(body);
        default:
            return;
    }
}

void server_link::learn_ready(std::string_view body) {
    const auto state = wire::read_ready_for_query(body);
    if (!state || awaited_ == 0) {
        failed_ = broke_protocol("an unexpected ReadyForQuery");
        return;
    }
    --awaited_;
    transaction_ = *state;
}

void server_link::learn_tag(std::string_view body) {
    const auto tag = wire::read_command_complete(body);
    if (!tag) return;  // the client, or whoever waits for it, will find out
    if (leaves_state(*tag)) dirty_ = true;
    if (tag->empty() || tag->front() != 'D') return;
    if (*tag == "DISCARD ALL") dirty_ = false;
    if (*tag == "DISCARD ALL" || *tag == "DEALLOCATE ALL") prepared_.clear();
}

void server_link::learn_parameter(std::string_view body) {
    const auto m = wire::read_parameter_status(body);
    if (!m || parameter(m->name) == m->value) return;
    auto changed = std::make_shared<server_parameters>(*parameters_);
    bool found = false;
    for (auto& [name, value] : *changed) {
        if (name != m->name) continue;
        value = m->value;
        found = true;
    }
    if (!found && changed->size() < parameters_max) changed->emplace_back(m->name, m->value);
    parameters_ = *changed == *greeting_ ? greeting_ : std::move(changed);
}

std::string_view server_link::parameter(std::string_view name) const noexcept {
    for (const auto& [known, value] : *parameters_) {
        if (known == name) return value;
    }
    return {};
}

// --- relaying -----------------------------------------------------------------------------------------------------

std::string_view server_link::arrived(std::size_t count) noexcept {
    ++receives_;
    in_.arrived(count);
    const std::string_view chunk = in_.bytes();
    in_.consume(chunk.size());  // the walk is the relay's; the memory stays as it is until space() or release_memory()
    return chunk;
}

std::optional<wire::frame> server_link::next_frame(std::string_view& chunk) {
    auto f = walker_.next(chunk);
    if (f && f->which == wire::frame::part::whole) learn_from(f->type, f->body);
    if (walker_.broken()) broken_ = true;
    return f;
}

bool server_link::is_quiet() const noexcept {
    return awaited_ == 0 && walker_.at_boundary() && in_.bytes().size() == to_consume_;
}

bool server_link::is_clean() const noexcept {
    return !broken_ && is_quiet() && !in_transaction() && !dirty_ && parameters_ == (notes_ ? accounted_ : greeting_) &&
           canceller_.under_way() == 0;
}

bool server_link::has_news() const noexcept {
    return stream_.has_news();
}

void server_link::release_memory() noexcept {
    to_consume_ = 0;
    in_.release();
}

// Behind the last awaited ReadyForQuery a server may report and notify, and say that it ends the session; nothing else.
void server_link::absorb_unasked() {
    message m;
    while (awaited_ == 0 && next_buffered(m)) {
        switch (m.type) {
            case wire::server_says::parameter_status:
                learn_parameter(m.body);
                break;
            case wire::server_says::notice_response:
            case wire::server_says::notification:
                break;
            case wire::server_says::error_response:
                take_error(m.body);
                broken_ = true;
                break;
            default:
                failed_ = broke_protocol("an unexpected answer");
                break;
        }
    }
}

void server_link::quieten() {
    if (greeted_) absorb_unasked();
    if (!is_quiet() && !broken_) return;
    release_memory();
    if (out_.capacity() > out_kept_max) out_ = {};
}

void server_link::bind(io::loop& loop) {
    stream_.move_to(loop);
}

std::string server_link::describe() const {
    return target_->describe() + " #" + std::to_string(process_);
}

}  // namespace ashlar::driver::pgwire
