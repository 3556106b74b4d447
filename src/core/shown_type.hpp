// shown_type.hpp: the type in which a column of an answer is to be shown, where the server that answers does not tell it.
// SQLite has types for stored columns only; of expressions the planner knows the type from the statement's text. A value.
#pragma once

#include <cstdint>

namespace ashlar {

struct shown_type {
    std::uint32_t type = 0;      // PostgreSQL's oid; 0 = not known: as declared, or as the values are
    std::int32_t modifier = -1;  // as RowDescription has it
    int scale = -1;              // numeric: digits after the point at least; -1 = as many as a value has

    bool is_known() const noexcept { return type != 0; }
    friend bool operator==(const shown_type&, const shown_type&) = default;
};

}  // namespace ashlar
