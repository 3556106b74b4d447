#include "wire/base64.hpp"
#include "wire/scram_keys.hpp"

namespace ashlar::wire {

namespace {

constexpr std::string_view gs2_header = "n,,";  // we cannot bind to a channel
constexpr std::string_view gs2_in_base64 = "biws";

// PostgreSQL takes the user from the start-up packet and wants the name here to be empty.
std::string first_bare(const std::string& nonce) {
    return "n=,r=" + nonce;
}

error malformed_by_server(std::string_view which) {
    return error{errc::protocol_violation, "the server's " + std::string{which} + " SCRAM message is malformed"};
}

}  // namespace

std::string scram_client::first() const {
    return std::string{gs2_header} + first_bare(nonce_);
}

result<scram_client::challenge_message> scram_client::challenge(std::string_view server_first) {
    std::string_view left = server_first, nonce, salt, iterations;
    if (server_first.size() > scram_message_max || !take_attribute(left, 'r', nonce) ||
        !take_attribute(left, 's', salt) || !take_attribute(left, 'i', iterations)) {
        return malformed_by_server("first");
    }
    if (nonce.size() <= nonce_.size() || !nonce.starts_with(nonce_)) {
        return error{errc::protocol_violation, "the server answered to another SCRAM nonce than ours"};
    }
    challenge_message c;
    const auto salt_bytes = from_base64(salt);
    c.iterations = iterations_in(iterations);
    if (!salt_bytes || salt_bytes->empty() || c.iterations == 0) return malformed_by_server("first");
    if (c.iterations > scram_iterations_max) {
        return error{errc::login_failed, "the server asks for " + std::to_string(c.iterations) + " SCRAM iterations"}
            .hint("At most " + std::to_string(scram_iterations_max) + " are done here.");
    }
    c.salt = *salt_bytes;
    server_first_ = server_first;
    server_nonce_ = nonce;
    return c;
}

std::string scram_client::final(const scram_keys& keys) {
    const std::string without_proof = "c=" + std::string{gs2_in_base64} + ",r=" + server_nonce_;
    const std::string signed_text = first_bare(nonce_) + "," + server_first_ + "," + without_proof;
    const scram_key stored_key = sha256(view_of(keys.client_key));
    const scram_key proof = keys.client_key ^ hmac(stored_key, signed_text);
    server_signature_ = hmac(keys.server_key, signed_text);
    return without_proof + ",p=" + to_base64(view_of(proof));
}

status scram_client::verify(std::string_view server_final) const {
    std::string_view left = server_final, value;
    if (take_attribute(left, 'e', value)) {
        return error{errc::login_failed, "the server refused the SCRAM exchange"};
    }
    scram_key signature{};
    if (!take_attribute(left, 'v', value) || !key_from_base64(value, signature)) return malformed_by_server("last");
    if (!same_secret(signature, server_signature_)) {
        return error{errc::login_failed, "the server could not prove that it knows the password"}.hint(
            "Something else than the expected server may be answering at this address.");
    }
    return {};
}

}  // namespace ashlar::wire
