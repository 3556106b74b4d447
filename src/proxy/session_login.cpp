// A client's way from its first byte to the first ReadyForQuery. Every wait in it ends by the login timeout.
#include "core/letter_case.hpp"
#include "proxy/our_settings.hpp"
#include "proxy/session.hpp"
#include "proxy/settings_over_sqlite.hpp"
#include "proxy/worker.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::proxy {

namespace {

// What is told when no server has said it yet, or the databases are SQLite files.
server_parameters made_up() {
    return {{"server_version", "15.0 (Ashlar 0.1.0)"},
            {"server_encoding", "UTF8"},
            {"client_encoding", "UTF8"},
            {"application_name", ""},
            {"default_transaction_read_only", "off"},
            {"in_hot_standby", "off"},
            {"is_superuser", "off"},
            {"session_authorization", "ashlar"},
            {"DateStyle", "ISO, MDY"},
            {"IntervalStyle", "postgres"},
            {"TimeZone", "UTC"},
            {"integer_datetimes", "on"},
            {"standard_conforming_strings", "on"}};
}

bool is_utf8(std::string_view encoding) {
    std::string plain;
    for (const char c : lowered(encoding)) {
        if (c != '-' && c != '_' && c != '"' && c != '\'' && c != ' ') plain += c;
    }
    return plain == "utf8" || plain == "unicode" || plain == "sqlascii" || plain == "auto";
}

}  // namespace

task<result<wire::startup_request>> session::read_start_up() {
    const deadline until{loop_.now() + shared_.settings().client_login_timeout};
    for (;;) {
        auto read = wire::read_first_packet(stream_.rest());
        if (!read) co_return std::move(read).error();
        if (!*read) {
            status more = co_await stream_.more(until);
            if (!more) co_return std::move(more).error();
            continue;
        }
        wire::first_packet& packet = **read;
        if (std::holds_alternative<wire::tls_hello>(packet.what)) {
            status secured = co_await begin_direct_tls(until);
            if (!secured) co_return std::move(secured).error();
            continue;
        }
        const bool secure = std::holds_alternative<wire::ssl_request>(packet.what) ||
                            std::holds_alternative<wire::gss_request>(packet.what);
        stream_.take(packet.size);
        if (secure) {
            // Whatever came along in the clear was meant to look encrypted: CVE-2021-23222.
            if (!stream_.is_empty()) {
                co_return error{errc::protocol_violation, "bytes arrived after a request for encryption"};
            }
            const bool tls = std::holds_alternative<wire::ssl_request>(packet.what);
            if (tls && stream_.bytes().is_encrypted()) {
                co_return error{errc::protocol_violation, "a request for TLS within TLS"};
            }
            auto context = tls ? shared_.tls() : nullptr;
            stream_.out() += context != nullptr ? 'S' : 'N';
            status sent = co_await stream_.flush();
            if (!sent) co_return std::move(sent).error();
            if (context == nullptr) continue;
            std::string nothing;  // has arrived yet
            status secured = co_await begin_tls(std::move(context), std::move(nothing), until);
            if (!secured) co_return std::move(secured).error();
            continue;
        }
        if (auto* cancel = std::get_if<wire::cancel_request>(&packet.what)) {
            wire::cancel_request what = std::move(*cancel);
            co_await home_.forward_cancel(std::move(what.key));
            co_return error{errc::cancelled};  // nothing is answered: closing says that it was done
        }
        co_return std::get<wire::startup_request>(std::move(packet.what));
    }
}

// `arrived`: what was read of the handshake already.
task<status> session::begin_tls(std::shared_ptr<const io::tls_context> by, std::string arrived, deadline until) {
    auto agreed = co_await io::accept_tls(stream_.bytes(), std::move(by), std::move(arrived), until);
    if (!agreed) co_return std::move(agreed).error();
    tls_ = std::make_unique<io::tls_facts>(std::move(*agreed));
    co_return status{};
}

// A client that begins with TLS has to say in it that it means PostgreSQL, or bytes for another server could be taken for ours.
task<status> session::begin_direct_tls(deadline until) {
    auto context = shared_.tls();
    if (context == nullptr || stream_.bytes().is_encrypted()) {
        co_return error{errc::protocol_violation, "TLS is not available here"};
    }
    std::string arrived{stream_.rest()};
    stream_.take(arrived.size());
    status secured = co_await begin_tls(std::move(context), std::move(arrived), until);
    if (secured && tls_->protocol != "postgresql") {
        co_return error{errc::protocol_violation, "TLS from the first byte needs ALPN's protocol postgresql"};
    }
    co_return secured;
}

task<status> session::log_in() {
    auto start = co_await read_start_up();
    if (!start) co_return std::move(start).error();
    status done = co_await admit(*start);
    log_admission(*start, done);
    co_return done;
}

task<status> session::admit(const wire::startup_request& start) {
    if (start.needs_negotiation()) wire::write_negotiate_version(stream_.out(), 0, start.unknown_options);
    if (shared_.draining) co_return error{errc::shutting_down};
    if (shared_.settings().tls.is_demanded() && !stream_.bytes().is_encrypted()) {
        co_return error{errc::login_failed, "this proxy accepts encrypted connections only"}.sqlstate("28000").hint(
            "Connect with sslmode=require.");
    }
    std::string_view replication = start.find("replication");
    if (!replication.empty() && replication != "false" && replication != "off" && replication != "0") {
        co_return error{errc::unsupported, "replication connections are not passed on"}.hint(
            "Connect to the database server itself.");
    }
    status known = co_await authenticate(std::string{start.user()});
    if (!known) co_return known;
    user_ = start.user();
    const std::string database{start.database()};
    if (is_console_name(database)) co_return co_await log_in_to_console(start);
    user_ = shown_name(user_);
    if (database != shared_.settings().database) {
        co_return error{errc::database_unknown, fmt::format("database \"{}\" does not exist", database)}.hint(
            fmt::format("This proxy serves the database \"{}\".", shared_.settings().database));
    }
    if (shared_.counts.clients.fetch_add(1) >= shared_.settings().max_client_conn) {
        shared_.counts.clients.fetch_sub(1);
        shared_.counts.clients_refused.fetch_add(1);
        co_return error{errc::too_many_clients,
                        fmt::format("sorry, too many clients already ({})", shared_.settings().max_client_conn)}
            .hint("Raise serve.max_client_conn.");
    }
    logged_in_ = true;
    home_.no_stranger(*this);
    ++counted().logins;
    co_return co_await take_parameters(start);
}

task<status> session::authenticate(std::string user) {
    if (shared_.trusts()) {
        // With users listed, only they are let in.
        if (!shared_.settings().users.empty() && !shared_.has_user(user)) {
            co_return error{errc::login_failed, fmt::format("role \"{}\" does not exist", user)};
        }
        wire::write_authentication_ok(stream_.out());
        co_return status{};
    }
    const std::string_view mechanisms[] = {wire::scram_mechanism};
    wire::write_authentication_sasl(stream_.out(), mechanisms);
    const deadline until{loop_.now() + shared_.settings().client_login_timeout};
    auto first = co_await read_sasl_message(until, true);
    if (!first) co_return std::move(first).error();
    bool known = false;
    wire::scram_verifier verifier = shared_.verifier_of(user, known);
    wire::scram_server scram{std::move(verifier), known, wire::random_nonce()};
    auto challenge = scram.first(*first);
    if (!challenge) co_return std::move(challenge).error();
    wire::write_authentication_sasl_continue(stream_.out(), *challenge);
    auto second = co_await read_sasl_message(until, false);
    if (!second) co_return std::move(second).error();
    auto proof = scram.final(*second);
    if (!proof) {
        error why = std::move(proof).error();
        if (why == errc::login_failed) {
            co_return error{errc::login_failed, fmt::format("password authentication failed for user \"{}\"", user)}
                .sqlstate("28P01");
        }
        co_return why;
    }
    wire::write_authentication_sasl_final(stream_.out(), *proof);
    wire::write_authentication_ok(stream_.out());
    co_return status{};
}

task<result<std::string>> session::read_sasl_message(deadline until, bool initial) {
    status sent = co_await stream_.flush();
    if (!sent) co_return std::move(sent).error();
    for (;;) {
        client_message m;
        const auto found = stream_.next(m);
        if (found == client_stream::found::part && stream_.rest().size() < wire::scram_message_max) {
            status more = co_await stream_.more(until);
            if (!more) co_return std::move(more).error();
            continue;
        }
        if (found != client_stream::found::message || m.type != wire::client_says::password) {
            co_return error{errc::protocol_violation, "expected a SASL response"};
        }
        std::string data{m.body};
        if (initial) {
            auto read = wire::read_sasl_initial(m.body);
            if (!read) co_return std::move(read).error();
            if (read->mechanism != wire::scram_mechanism || !read->data) {
                co_return error{errc::protocol_violation, "the client chose a SASL mechanism that was not offered"};
            }
            data = *read->data;
        }
        stream_.take(m.whole.size());
        co_return data;
    }
}

// The start-up packet's settings become the session's defaults, to which RESET returns. All but the commonest are tried on
// a server, so that a wrong one is refused now and the values reported are the server's own spelling.
task<status> session::take_parameters(const wire::startup_request& start) {
    // How a statement is read depends on them.
    const deadline soon{loop_.now() + shared_.settings().client_login_timeout};
    status told = co_await shared_.world().learn_session_defaults(loop_, soon);
    if (!told) co_return told;
    settings made;
    bool to_try = false;
    std::string application;
    std::vector<std::pair<std::string, std::string>> wanted;
    for (const auto& [name, value] : start.parameters) {
        if (name == "options") {
            auto options = read_start_up_options(value);
            if (!options) co_return std::move(options).error();
            wanted.insert(wanted.end(), options->begin(), options->end());
        } else if (name != "user" && name != "database" && name != "replication") {
            wanted.emplace_back(lowered(name), value);
        }
    }
    for (const auto& [name, value] : wanted) {
        if (name == "client_encoding") {
            if (!is_utf8(value)) {
                co_return error{errc::unsupported, fmt::format("client_encoding {} is not supported", value)}.hint(
                    "Use UTF8.");
            }
            continue;
        }
        if (name == token_setting) {
            if (status taken = take_token(value); !taken) co_return taken;
            continue;
        }
        auto ours = find_our_setting(name);
        if (!ours) co_return std::move(ours).error();
        if (*ours) {
            status set = set_ours(made, name, **ours, value, names_of_places());
            if (!set) co_return set;
            continue;
        }
        if (name == "application_name")
            application = value;
        else
            to_try = true;
        if (shared_.is_sqlite()) {
            // pgjdbc sends its machine's time zone, reads ours from ParameterStatus, and sends times with their offset.
            const bool zone_alone = name == "timezone" && !check_over_sqlite(name, value, user_);
            if (zone_alone) continue;
            if (status may = check_over_sqlite(name, value, user_); !may) co_return may;
        }
        made.set_from_value(name, value);
    }
    defaults_ = std::make_shared<const settings>(std::move(made));
    use_settings(defaults_);

    if (!shared_.is_sqlite() && (shared_.greeting() == nullptr || to_try)) {
        auto first = co_await acquire_any();
        if (!first) co_return std::move(first).error();
        const server_link* link = (*first)->link;
        if (link != nullptr) {
            if (shared_.greeting() == nullptr) shared_.set_greeting(link->greeting());
            reported_ = link->parameters();
        }
        co_await release_all();
    }
    if (reported_ == nullptr || !to_try) {
        const auto greeting = shared_.greeting();
        auto parameters = std::make_shared<server_parameters>(greeting != nullptr ? *greeting : made_up());
        for (auto& [name, value] : *parameters) {
            if (name == "application_name") value = application;
        }
        reported_ = std::move(parameters);
    }
    co_return co_await greet();
}

task<status> session::greet() {
    for (const auto& [name, value] : *reported_) wire::write_parameter_status(stream_.out(), name, value);
    wire::write_backend_key_data(stream_.out(), key_);
    wire::write_ready_for_query(stream_.out(), wire::transaction_state::idle);
    co_return co_await stream_.flush();
}

}  // namespace ashlar::proxy
