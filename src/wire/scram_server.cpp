#include "core/assert.hpp"
#include "wire/base64.hpp"
#include "wire/scram_keys.hpp"

namespace ashlar::wire {

namespace {

error malformed_scram(std::string_view why) {
    return error{errc::protocol_violation, "malformed SCRAM message"}.detail(std::string{why});
}

bool is_printable(std::string_view nonce) noexcept {
    if (nonce.empty()) return false;
    for (const char c : nonce) {
        if (c < 0x21 || c > 0x7e) return false;  // a comma has ended the attribute already
    }
    return true;
}

}  // namespace

result<std::string> scram_server::first(std::string_view client_first) {
    if (client_first.size() > scram_message_max) return malformed_scram("The message is too long.");
    if (client_first.starts_with('p')) {
        return error{errc::protocol_violation, "the client requires SCRAM channel binding, but it was not offered"};
    }
    // "y" says: the client could bind, but believes that we cannot; so it is.
    if (!client_first.starts_with("n,") && !client_first.starts_with("y,"))
        return malformed_scram("Unexpected binding flag.");
    if (client_first.size() < 3 || client_first[2] != ',') {
        return error{errc::unsupported, "the client uses an authorization identity, which is not supported"};
    }
    gs2_header_ = client_first.substr(0, 3);
    client_first_bare_ = client_first.substr(3);

    std::string_view left = client_first_bare_, user, nonce;
    if (left.starts_with("m="))
        return error{errc::unsupported, "the client requires a SCRAM extension, which is not supported"};
    if (!take_attribute(left, 'n', user) || !take_attribute(left, 'r', nonce))
        return malformed_scram("Attribute expected.");
    if (!is_printable(nonce)) return malformed_scram("The nonce has characters that are not printable.");

    full_nonce_ = std::string{nonce} + nonce_;
    server_first_ =
        "r=" + full_nonce_ + ",s=" + to_base64(verifier_.salt) + ",i=" + std::to_string(verifier_.iterations);
    return server_first_;
}

result<std::string> scram_server::final(std::string_view client_final) {
    ASHLAR_ASSERT(!server_first_.empty());
    if (client_final.size() > scram_message_max) return malformed_scram("The message is too long.");
    const std::size_t proof_at = client_final.rfind(",p=");
    if (proof_at == std::string_view::npos) return malformed_scram("The proof is missing.");
    const std::string_view without_proof = client_final.substr(0, proof_at);

    std::string_view left = without_proof, binding, nonce;
    if (!take_attribute(left, 'c', binding) || !take_attribute(left, 'r', nonce))
        return malformed_scram("Attribute expected.");
    if (binding != to_base64(gs2_header_)) return error{errc::protocol_violation, "SCRAM channel binding check failed"};
    if (nonce != full_nonce_) return malformed_scram("The nonce does not match.");
    scram_key proof{};
    if (!key_from_base64(client_final.substr(proof_at + 3), proof)) return malformed_scram("The proof is malformed.");

    const std::string signed_text = client_first_bare_ + "," + server_first_ + "," + std::string{without_proof};
    scram_key client_key = proof ^ hmac(verifier_.stored_key, signed_text);
    const bool fits = same_secret(sha256(view_of(client_key)), verifier_.stored_key);
    wipe(client_key);
    const scram_key signature = hmac(verifier_.server_key, signed_text);
    // Whoever does not exist is told no sooner and no otherwise than who does.
    if (!fits || !known_) return error{errc::login_failed, "password authentication failed"}.sqlstate("28P01");
    return "v=" + to_base64(view_of(signature));
}

}  // namespace ashlar::wire
