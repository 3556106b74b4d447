// The first packets of a connection, whole and cut anywhere.
#include "wire/startup.hpp"

#include <cstdlib>

using namespace ashlar::wire;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes{reinterpret_cast<const char*>(data), size};
    const auto whole = read_first_packet(bytes);
    if (!whole || !*whole) return 0;
    if ((*whole)->size > size) std::abort();
    // Good bytes never fail for being incomplete: each prefix only asks for more.
    for (const std::size_t part : {(*whole)->size / 2, (*whole)->size - 1}) {
        const auto prefix = read_first_packet(bytes.substr(0, part));
        if (!prefix || *prefix) std::abort();
    }
    if (const auto* r = std::get_if<startup_request>(&(*whole)->what)) {
        if (r->user().empty() || r->database().empty()) std::abort();
    }
    return 0;
}
