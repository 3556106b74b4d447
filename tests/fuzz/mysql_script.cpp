// The cutter of MySQL scripts, DELIMITER included, on any bytes: the statements stand in order within the text.
#include "core/assert.hpp"
#include "driver/mysql/script.hpp"

#include <cstdint>
#include <string_view>

using namespace ashlar;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    driver::mysql::script_cutter at_once, in_parts;
    const auto inside = [](std::string_view part, std::string_view of) {
        return part.data() >= of.data() && part.data() + part.size() <= of.data() + of.size();
    };
    const auto all = at_once.take_all(text);
    const char* end = text.data();
    for (const std::string_view each : all.statements) {
        ASHLAR_ASSERT(!each.empty() && inside(each, text) && each.data() >= end);
        end = each.data() + each.size();
    }
    // as it comes from a file: what was not whole is asked for again with what follows it
    const auto first = in_parts.take(text.substr(0, size / 2));
    ASHLAR_ASSERT(first.rest <= size / 2);
    for (const std::string_view each : first.statements) ASHLAR_ASSERT(inside(each, text));
    const auto second = in_parts.take_all(text.substr(first.rest));
    for (const std::string_view each : second.statements) ASHLAR_ASSERT(inside(each, text));
    return 0;
}
