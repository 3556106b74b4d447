// scram.hpp: SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it, both sides. Pure: randomness comes as values.
//
// Cost      Only keys_from_password() is dear (milliseconds: PBKDF2); run it on a thread that may block, and keep its
//           result. A login from kept keys costs some ten microseconds on either side. Passwords ASCII goes as it is.
//           Anything else goes as it is too, which is SASLprep's answer for text in normal form NFKC without characters
//           that it maps or forbids; PostgreSQL itself falls back to the same for invalid UTF-8.
// Binding   Channel binding (SCRAM-SHA-256-PLUS) is not offered: a client that insists on it is refused.
// Secrets   Keys wipe themselves. No error quotes a password, key or proof. Comparisons take constant time.
#pragma once

#include <ashlar/result.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::wire {

using scram_key = std::array<std::uint8_t, 32>;

inline constexpr std::string_view scram_mechanism = "SCRAM-SHA-256";
inline constexpr std::uint32_t scram_iterations_default = 4096;
// A server may ask its clients for any number of rounds: this bounds what a hostile one can make us spend (about 1 s).
inline constexpr std::uint32_t scram_iterations_max = 2'000'000;
inline constexpr std::size_t scram_message_max = 8'192;

// What a client proves its password with, for one salt and iteration count.
struct scram_keys {
    scram_key client_key{}, server_key{};
    scram_keys() = default;
    scram_keys(const scram_keys&) = default;
    scram_keys& operator=(const scram_keys&) = default;
    ~scram_keys();
};
// Precondition: iterations > 0.
scram_keys keys_from_password(std::string_view password, std::string_view salt, std::uint32_t iterations);

// What a server keeps of a password: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.
struct scram_verifier {
    std::uint32_t iterations = 0;
    std::string salt;
    scram_key stored_key{}, server_key{};

    static bool looks_like_one(std::string_view text) noexcept { return text.starts_with("SCRAM-SHA-256$"); }
    static result<scram_verifier> parse(std::string_view text);
    static scram_verifier from_password(std::string_view password, std::string_view salt,
                                        std::uint32_t iterations = scram_iterations_default);
    // For a user that does not exist: no password fits, and nothing in the exchange tells. The salt is always
    // the same for the same user and secret, as that of a real user would be. `secret`: random, made once for
    // the life of the process.
    static scram_verifier mock(std::string_view user, std::string_view secret);
    std::string to_string() const;
};

// Fresh randomness in base64: a nonce of 18 bytes, a salt of 16 raw bytes.
std::string random_nonce();
std::string random_salt();

// The client's side: first(), then challenge() with what the server answered, then final() with the keys for that salt,
// then verify(). Each fails with login_failed or protocol_violation, after which the exchange is over.
class scram_client {
public:
    explicit scram_client(std::string nonce) : nonce_(std::move(nonce)) {}

    struct challenge_message {
        std::string salt;
        std::uint32_t iterations = 0;
    };
    std::string first() const;
    result<challenge_message> challenge(std::string_view server_first);
    std::string final(const scram_keys& keys);
    // That the server knows the password too.
    status verify(std::string_view server_final) const;

private:
    std::string nonce_;
    std::string server_first_, server_nonce_;
    scram_key server_signature_{};
};

// The server's side: first() answers the client's first message, final() its last. `known`: false with a mock verifier.
class scram_server {
public:
    // `nonce`: the server's part.
    scram_server(scram_verifier verifier, bool known, std::string nonce)
        : verifier_(std::move(verifier)), known_(known), nonce_(std::move(nonce)) {}

    result<std::string> first(std::string_view client_first);
    // login_failed with SQLSTATE 28P01 when the password does not fit, or no such user exists.
    result<std::string> final(std::string_view client_final);

private:
    scram_verifier verifier_;
    bool known_;
    std::string nonce_;
    std::string gs2_header_, client_first_bare_, server_first_, full_nonce_;
};

// The answer to AuthenticationMD5Password: "md5" and 32 hex digits. For old servers only; never offered to clients.
std::string md5_answer(std::string_view user, std::string_view password, std::string_view salt);

}  // namespace ashlar::wire
