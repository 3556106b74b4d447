#include "wire/base64.hpp"
#include "wire/scram_keys.hpp"

namespace ashlar::wire {

namespace {

error no_verifier() {
    return error{errc::invalid_argument, "the text is not a SCRAM verifier"}.hint(
        "PostgreSQL keeps them in pg_authid.rolpassword: SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>");
}

// What stands before `separator`, cut off with it; false when there is none.
bool cut(std::string_view& text, char separator, std::string_view& before) {
    const std::size_t at = text.find(separator);
    if (at == std::string_view::npos) return false;
    before = text.substr(0, at);
    text.remove_prefix(at + 1);
    return true;
}

}  // namespace

result<scram_verifier> scram_verifier::parse(std::string_view text) {
    if (!looks_like_one(text)) return no_verifier();
    std::string_view mechanism, iterations, salt, stored;
    if (!cut(text, '$', mechanism) || !cut(text, ':', iterations) || !cut(text, '$', salt) || !cut(text, ':', stored)) {
        return no_verifier();
    }
    scram_verifier v;
    v.iterations = iterations_in(iterations);
    const auto salt_bytes = from_base64(salt);
    if (v.iterations == 0 || !salt_bytes || salt_bytes->empty() || !key_from_base64(stored, v.stored_key) ||
        !key_from_base64(text, v.server_key)) {
        return no_verifier();
    }
    v.salt = *salt_bytes;
    return v;
}

scram_verifier scram_verifier::from_password(std::string_view password, std::string_view salt,
                                             std::uint32_t iterations) {
    const scram_keys keys = keys_from_password(password, salt, iterations);
    scram_verifier v;
    v.iterations = iterations;
    v.salt = salt;
    v.stored_key = sha256(view_of(keys.client_key));
    v.server_key = keys.server_key;
    return v;
}

scram_verifier scram_verifier::mock(std::string_view user, std::string_view secret) {
    const std::string seed = std::string{user} + std::string{secret};
    const scram_key digest = sha256(seed);
    scram_verifier v;
    v.iterations = scram_iterations_default;
    v.salt = view_of(digest).substr(0, 16);
    v.stored_key = sha256(seed + "stored");
    v.server_key = sha256(seed + "server");
    return v;
}

std::string scram_verifier::to_string() const {
    return "SCRAM-SHA-256$" + std::to_string(iterations) + ":" + to_base64(salt) + "$" +
           to_base64(view_of(stored_key)) + ":" + to_base64(view_of(server_key));
}

}  // namespace ashlar::wire
