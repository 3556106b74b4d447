// What is read of statements and definitions for SQLite by their words alone, on any bytes: commands that SQLite lacks, checks,
// foreign keys, views and indexes. What is found lies within the text.
#include "core/assert.hpp"
#include "route/sqlite/lacking.hpp"
#include "route/sqlite_definition.hpp"

#include <cstdint>
#include <string>

using namespace ashlar;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text{reinterpret_cast<const char*>(data), size};
    for (const auto& why : {route::sqlite::misread(text), route::sqlite::lacking(text)}) {
        if (why) ASHLAR_ASSERT(!why->message().empty() && why->sqlstate() == "0A000");
    }
    for (const auto& each : route::checks_in(text, "t")) {
        ASHLAR_ASSERT(text.find(each.condition) != text.npos);
    }
    (void)route::foreign_key_names_in(text);
    ASHLAR_ASSERT(text.find(route::query_of_view(text)) != text.npos);
    ASHLAR_ASSERT(text.find(route::predicate_of_index(text)) != text.npos);
    ASHLAR_ASSERT(text.find(route::columns_of_index(text)) != text.npos);
    return 0;
}
