#include "wire/scram_keys.hpp"

#include "core/assert.hpp"
#include "wire/base64.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/md5.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <charconv>

namespace ashlar::wire {

namespace {

const unsigned char* raw(std::string_view bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

std::string random_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    ASHLAR_ASSERT(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) == 1);
    return bytes;
}

scram_key salted_password(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    scram_key salted;
    // An empty password is a password; OpenSSL wants a pointer all the same.
    const char* text = password.empty() ? "" : password.data();
    const int done =
        PKCS5_PBKDF2_HMAC(text, static_cast<int>(password.size()), raw(salt), static_cast<int>(salt.size()),
                          static_cast<int>(iterations), EVP_sha256(), static_cast<int>(salted.size()), salted.data());
    ASHLAR_ASSERT(done == 1);
    return salted;
}

std::string md5_hex(std::string_view bytes) {
    unsigned char digest[16];
    unsigned size = 0;
    ASHLAR_ASSERT(EVP_Digest(bytes.data(), bytes.size(), digest, &size, EVP_md5(), nullptr) == 1);
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    for (const unsigned char b : digest) {
        text += digits[b >> 4];
        text += digits[b & 15];
    }
    return text;
}

}  // namespace

scram_key hmac(const scram_key& key, std::string_view message) {
    scram_key out;
    unsigned size = 0;
    ASHLAR_ASSERT(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(message), message.size(), out.data(),
                       &size) != nullptr);
    return out;
}

scram_key sha256(std::string_view bytes) {
    scram_key out;
    SHA256(raw(bytes), bytes.size(), out.data());
    return out;
}

scram_key operator^(const scram_key& a, const scram_key& b) noexcept {
    scram_key out;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = a[i] ^ b[i];
    return out;
}

bool same_secret(const scram_key& a, const scram_key& b) noexcept {
    return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view view_of(const scram_key& key) noexcept {
    return {reinterpret_cast<const char*>(key.data()), key.size()};
}

bool key_from_base64(std::string_view text, scram_key& into) {
    const auto bytes = from_base64(text);
    if (!bytes || bytes->size() != into.size()) return false;
    std::copy(bytes->begin(), bytes->end(), into.begin());
    return true;
}

void wipe(scram_key& key) noexcept {
    OPENSSL_cleanse(key.data(), key.size());
}

bool take_attribute(std::string_view& message, char name, std::string_view& value) {
    if (message.size() < 2 || message[0] != name || message[1] != '=') return false;
    const std::size_t comma = message.find(',');
    value = message.substr(2, comma == std::string_view::npos ? comma : comma - 2);
    message = comma == std::string_view::npos ? std::string_view{} : message.substr(comma + 1);
    return true;
}

std::uint32_t iterations_in(std::string_view text) noexcept {
    if (text.empty() || text.size() > 9) return 0;
    std::uint32_t n = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), n);
    return problem == std::errc{} && end == text.data() + text.size() ? n : 0;
}

scram_keys::~scram_keys() {
    wipe(client_key);
    wipe(server_key);
}

scram_keys keys_from_password(std::string_view password, std::string_view salt, std::uint32_t iterations) {
    scram_key salted = salted_password(password, salt, iterations);
    scram_keys keys;
    keys.client_key = hmac(salted, "Client Key");
    keys.server_key = hmac(salted, "Server Key");
    wipe(salted);
    return keys;
}

std::string random_nonce() {
    return to_base64(random_bytes(18));
}
std::string random_salt() {
    return random_bytes(16);
}

std::string md5_answer(std::string_view user, std::string_view password, std::string_view salt) {
    std::string inner = std::string{password} + std::string{user};
    std::string shadow = md5_hex(inner) + std::string{salt};
    std::string answer = "md5" + md5_hex(shadow);
    OPENSSL_cleanse(inner.data(), inner.size());
    OPENSSL_cleanse(shadow.data(), shadow.size());
    return answer;
}

}  // namespace ashlar::wire
