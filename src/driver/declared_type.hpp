// declared_type.hpp: PostgreSQL's type for a column type as a SQLite table declares it. One table for the catalogue, which
// plans by it, and for the driver, which writes the values so. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace ashlar::driver {

struct declared_type {
    std::uint32_t type = 0;      // 0: nothing declared, or a word that says nothing
    std::int32_t modifier = -1;  // as pg_attribute.atttypmod has it
    int scale = -1;              // of numeric(p, s)
};

// "NUMERIC (10, 2)", "VARCHAR(20)", "timestamp with time zone", "" … Words that are not known go by SQLite's own rules of
// affinity. Integers of every width are bigint, since SQLite keeps 64 bits in each.
declared_type declared(std::string_view text);

// What may enter a column of this declaration: as declared(), but varchar and char with their length; text where nothing is
// known.
declared_type entering_type(std::string_view text);

}  // namespace ashlar::driver
