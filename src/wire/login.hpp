// login.hpp: a client's way from the start-up packet to the first ReadyForQuery, as a state machine over messages.
// Pure: it is handed messages and says what to send; the socket, the key cache and the dear key derivation are its
// owner's.
//
// Order     A server that says things out of order is refused: AuthenticationOk in the midst of a SCRAM exchange, that
//           is before it has proved that it knows the password too; anything but parameters and notices afterwards.
// Secrets   No error quotes the password.
#pragma once

#include "wire/message_types.hpp"
#include "wire/scram.hpp"
#include "wire/startup.hpp"

#include <ashlar/result.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ashlar::wire {

class login {
public:
    struct identity {
        std::string user;
        std::string password;
        bool cleartext_allowed = false;  // may the password be sent as it is, when the server asks for that?
    };
    enum class step {
        read_more,  // send what `out` holds, if anything; then hand over the next message
        need_keys,  // call give_keys() with the keys for wanted()
        logged_in,  // ReadyForQuery has come
    };

    login(identity who, std::string nonce) : who_(std::move(who)), scram_(std::move(nonce)) {}

    // One message of the server. What is to be sent is appended to `out`. Fails with login_failed (with the
    // server's own report when it sent one) or protocol_violation.
    result<step> take(char type, std::string_view body, std::string& out);

    // After need_keys: for what salt and how many rounds, then the keys.
    const scram_client::challenge_message& wanted() const noexcept { return wanted_; }
    void give_keys(const scram_keys& keys, std::string& out);

    // Once logged in.
    const std::vector<std::pair<std::string, std::string>>& parameters() const noexcept { return parameters_; }
    const std::optional<cancel_key>& key() const noexcept { return key_; }

private:
    enum class state {
        start,          // nothing but the start-up packet has been sent
        password_sent,  // a password or its MD5 is under way
        sasl_started,   // the first SCRAM message is under way
        sasl_answered,  // the proof is under way
        sasl_verified,  // the server has proved itself
        welcome,        // AuthenticationOk has come: parameters, key, ReadyForQuery
    };
    result<step> authenticate(std::string_view body, std::string& out);
    result<step> start_sasl(std::string_view mechanisms, std::string& out);
    result<step> welcome(char type, std::string_view body);

    identity who_;
    scram_client scram_;
    scram_client::challenge_message wanted_;
    state state_ = state::start;
    std::vector<std::pair<std::string, std::string>> parameters_;
    std::optional<cancel_key> key_;
};

}  // namespace ashlar::wire
