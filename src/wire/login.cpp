#include "wire/login.hpp"

#include "wire/client_messages.hpp"
#include "wire/error_fields.hpp"
#include "wire/server_messages.hpp"

#include <algorithm>

namespace ashlar::wire {

namespace {

// A server may report this many parameters and no more; PostgreSQL 18 has 14.
constexpr std::size_t parameters_max = 256;

error out_of_order(std::string_view what) {
    return error{errc::protocol_violation, "during the login the server sent " + std::string{what} + " out of order"};
}

// Refused for good (password, database, privilege), or not now (too many clients, starting up)?
errc code_for(const server_report& said) {
    const bool for_good = said.sqlstate.starts_with("28") || said.sqlstate == "3D000" || said.sqlstate == "42501";
    return for_good ? errc::login_failed : errc::connect_failed;
}

error refused(const std::string& user, std::string_view body) {
    auto said = read_error_fields(body);
    if (!said) return std::move(said).error();
    error why{code_for(*said), "the server refused the login of " + user + ": " + said->message};
    why.server(*std::move(said));
    return why;
}

error unsupported_method(std::string_view name) {
    return error{errc::login_failed,
                 "the server asks for " + std::string{name} + " authentication, which is not supported"}
        .hint("Use scram-sha-256 in the server's pg_hba.conf.");
}

}  // namespace

result<login::step> login::take(char type, std::string_view body, std::string& out) {
    switch (type) {
        case server_says::error_response:
            return refused(who_.user, body);
        case server_says::notice_response:
            return step::read_more;
        case server_says::authentication:
            if (state_ == state::welcome) return out_of_order("an authentication request");
            return authenticate(body, out);
        case server_says::negotiate_version:
            return step::read_more;  // we asked for 3.0, which has no newer minor
        default:
            if (state_ != state::welcome) return out_of_order("a message");
            return welcome(type, body);
    }
}

result<login::step> login::authenticate(std::string_view body, std::string& out) {
    auto m = read_authentication(body);
    if (!m) return std::move(m).error();
    const bool fresh = state_ == state::start;
    switch (m->what) {
        case authentication::ok:
            if (!fresh && state_ != state::password_sent && state_ != state::sasl_verified) {
                return out_of_order("AuthenticationOk");
            }
            state_ = state::welcome;
            return step::read_more;
        case authentication::cleartext_password:
            if (!fresh) return out_of_order("a password request");
            if (!who_.cleartext_allowed) {
                return error{errc::login_failed, "the server asks for the password in clear over a network without TLS"}
                    .hint("Use scram-sha-256 in the server's pg_hba.conf.");
            }
            write_password(out, who_.password);
            state_ = state::password_sent;
            return step::read_more;
        case authentication::md5_password:
            if (!fresh) return out_of_order("a password request");
            write_password(out, md5_answer(who_.user, who_.password, m->data));
            state_ = state::password_sent;
            return step::read_more;
        case authentication::sasl:
            if (!fresh) return out_of_order("AuthenticationSASL");
            return start_sasl(m->data, out);
        case authentication::sasl_continue: {
            if (state_ != state::sasl_started) return out_of_order("AuthenticationSASLContinue");
            auto challenge = scram_.challenge(m->data);
            if (!challenge) return std::move(challenge).error();
            wanted_ = *std::move(challenge);
            return step::need_keys;
        }
        case authentication::sasl_final:
            if (state_ != state::sasl_answered) return out_of_order("AuthenticationSASLFinal");
            if (auto proved = scram_.verify(m->data); !proved) return std::move(proved).error();
            state_ = state::sasl_verified;
            return step::read_more;
        case authentication::kerberos:
            return unsupported_method("Kerberos 5");
        case authentication::gss:
        case authentication::gss_continue:
            return unsupported_method("GSSAPI");
        case authentication::sspi:
            return unsupported_method("SSPI");
    }
    return unsupported_method("an unknown kind of");
}

result<login::step> login::start_sasl(std::string_view mechanisms, std::string& out) {
    auto offered = read_sasl_mechanisms(mechanisms);
    if (!offered) return std::move(offered).error();
    if (std::find(offered->begin(), offered->end(), scram_mechanism) == offered->end()) {
        return unsupported_method("a SASL mechanism other than SCRAM-SHA-256 for");
    }
    write_sasl_initial(out, scram_mechanism, scram_.first());
    state_ = state::sasl_started;
    return step::read_more;
}

void login::give_keys(const scram_keys& keys, std::string& out) {
    write_sasl_response(out, scram_.final(keys));
    state_ = state::sasl_answered;
}

result<login::step> login::welcome(char type, std::string_view body) {
    switch (type) {
        case server_says::parameter_status: {
            auto m = read_parameter_status(body);
            if (!m) return std::move(m).error();
            if (parameters_.size() == parameters_max) return out_of_order("too many parameters");
            parameters_.emplace_back(m->name, m->value);
            return step::read_more;
        }
        case server_says::backend_key_data: {
            auto key = read_backend_key_data(body);
            if (!key) return std::move(key).error();
            key_ = *std::move(key);
            return step::read_more;
        }
        case server_says::ready_for_query: {
            auto ready = read_ready_for_query(body);
            if (!ready) return std::move(ready).error();
            if (*ready != transaction_state::idle) return out_of_order("a transaction");
            return step::logged_in;
        }
        default:
            return out_of_order("a message");
    }
}

}  // namespace ashlar::wire
