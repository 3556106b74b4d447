// parse.hpp: makes facts of a text, with PostgreSQL's own grammar (libpg_query). No other file knows the parser's nodes.
//
// Stack     The grammar keeps its stack on the heap; only our walk over its tree recurses. The walk stops with
//           statement_too_complex at `depth_max` levels. A level takes at most 1.5 KiB of stack in a build without sanitizers
//           (500 levels of every kind of nesting were run on a 1 MiB stack), so a thread needs 1 MiB.
// Strings   The grammar assumes that standard_conforming_strings is on. When it is off, a text with a backslash inside plain
//           quotes is refused.
#pragma once

#include "sql/facts.hpp"

#include <ashlar/result.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ashlar::sql {

struct parse_limits {
    std::size_t length_max = 1u << 20;
    std::size_t depth_max = 500;
    bool standard_conforming_strings = true;
    parse_limits() = default;
};

// One statement; several are refused with `unsupported`. Fails with syntax (the position is the grammar's),
// statement_too_complex, unsupported.
result<statement> parse(std::string_view text, const parse_limits& limits = {});

// An offset of bytes → the 1-based character, as PostgreSQL counts error positions; 0 for a negative offset.
std::int32_t position_of(std::string_view text, int offset) noexcept;

}  // namespace ashlar::sql
