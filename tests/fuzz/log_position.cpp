// Positions of a server's log as they come from servers (GTIDs) and, within causal tokens, from anybody.
#include "health/log_position.hpp"

#include <cstdlib>

using namespace ashlar::health;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    for (const auto& read : {log_position::parse(text), read_gtid_position(text)}) {
        if (!read) continue;
        if (!read->is_known() || !read->covers(*read) || read->behind(*read) != 0) std::abort();
        const auto again = log_position::parse(read->to_string());
        if (!again || *again != *read) std::abort();
    }
    return 0;
}
