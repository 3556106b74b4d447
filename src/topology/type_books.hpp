// type_books.hpp: what several databases say of their users' types → what the merge may rely on. Pure.
#pragma once

#include "core/oid_map.hpp"
#include "core/own_type.hpp"

#include <string>

namespace ashlar::topology {

// Of the database whose object ids clients see.
type_book book_of(const own_oids& shown);
// Notes which of those types another database has otherwise, in place of what was noted of it before.
void note_differences(type_book& in, const std::string& database, const own_oids& there);

}  // namespace ashlar::topology
