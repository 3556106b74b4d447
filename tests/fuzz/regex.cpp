// Regular expressions on any bytes: a pattern, a zero byte, a text. A match lies within the text, and find() agrees with is_in().
#include "core/regex.hpp"

#include "core/array_value.hpp"
#include "core/assert.hpp"
#include "core/interval.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>

using namespace ashlar;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view all{reinterpret_cast<const char*>(data), size};
    const std::size_t end = std::min(all.find('\0'), all.size());
    const std::string_view pattern = all.substr(0, end), text = all.substr(std::min(end + 1, all.size()));
    for (const bool ignores_case : {false, true}) {
        regex::options how;
        how.ignores_case = ignores_case;
        const auto made = regex::compile(pattern, how);
        if (!made) continue;
        const auto found = made->find(text);
        ASHLAR_ASSERT(found.has_value() == made->is_in(text));
        if (found) ASHLAR_ASSERT(found->begin <= found->end && found->end <= text.size());
        if (found) (void)made->find(text, found->end);
    }
    (void)similar_pattern(pattern, "\\");
    (void)array_elements(all);
    (void)array_elements_in_binary(all);
    (void)parse_interval(all);
    return 0;
}
