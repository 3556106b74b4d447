// The lexer on any bytes: tokens stand in order without overlaps, statements cover the text, what is normalised is stable.
#include "sql/lexer.hpp"
#include "core/assert.hpp"
#include "sql/clauses.hpp"
#include "sql/splice.hpp"

#include <cstdint>
#include <string>

using namespace ashlar;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    for (const bool standard : {true, false}) {
        const auto all = sql::tokens(text, standard);
        std::size_t end = 0;
        for (const sql::token& t : all) {
            ASHLAR_ASSERT(t.begin >= end && t.end > t.begin && t.end <= size);
            end = t.end;
        }
        std::size_t covered = 0;
        for (const sql::statement_span& s : sql::split(text, standard)) {
            ASHLAR_ASSERT(s.begin == covered && s.end >= s.begin && s.end <= size);
            covered = s.end + 1;
        }
        const sql::normalised once = sql::normalise(text, standard);
        for (const sql::span& s : once.literals) ASHLAR_ASSERT(s.begin < s.end && s.end <= size);
        if (const auto cut = sql::cut_select(text, all)) ASHLAR_ASSERT(cut->end <= size && !cut->items.items.empty());
        (void)sql::cut_values(text, all);
    }
    ASHLAR_ASSERT(sql::nesting(text, 100) <= 100);
    (void)sql::renumber(std::string{text}, 5);
    return 0;
}
