// collation.hpp: how text of a column, a type or a whole database is ordered and compared. A value. Pure.
#pragma once

#include <cstdint>
#include <string>

namespace ashlar {

enum class collation_kind : std::uint8_t {
    bytes,             // "C", "POSIX", ucs_basic, SQLite's BINARY: memcmp
    system_locale,     // a libc locale that this process has in the same version: strcoll_l
    deterministic,     // equality is bytewise, the order cannot be computed here: ORDER BY is refused, GROUP BY is not
    nondeterministic,  // neither can be computed here
};

struct collation {
    collation_kind kind = collation_kind::deterministic;
    std::string locale;  // for system_locale: the name for newlocale(3)
    friend bool operator==(const collation&, const collation&) = default;
};

}  // namespace ashlar
