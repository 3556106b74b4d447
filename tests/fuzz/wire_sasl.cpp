// SASL messages of both sides, and verifiers. Nobody gets in who does not know the password.
#include "wire/base64.hpp"
#include "wire/scram.hpp"

#include <cstdlib>

using namespace ashlar::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
    static const scram_verifier verifier = scram_verifier::from_password("pencil", "salt", 1);
    switch (data[0] % 4) {
        case 0: {
            // Two messages of a client, apart at the first new line.
            const std::size_t line = text.find('\n');
            scram_server server{verifier, true, "server"};
            if (!server.first(text.substr(0, line)) || line == std::string_view::npos) return 0;
            // The nonce is ours and the proof needs the key: no input can be a login.
            if (server.final(text.substr(line + 1))) std::abort();
            break;
        }
        case 1: {
            const std::size_t line = text.find('\n');
            scram_client client{"c"};
            if (!client.challenge(text.substr(0, line)) || line == std::string_view::npos) return 0;
            scram_keys keys;
            keys.client_key.fill(1);
            keys.server_key.fill(2);
            (void)client.final(keys);
            (void)client.verify(text.substr(line + 1));
            break;
        }
        case 2:
            if (const auto v = scram_verifier::parse(text)) {
                if (!scram_verifier::parse(v->to_string())) std::abort();
            }
            break;
        default:
            if (const auto bytes = from_base64(text)) {
                if (to_base64(*bytes) != text) std::abort();
            }
            break;
    }
    return 0;
}
