// binary_oids.hpp: object ids inside of binary values: an array's header names the type of its elements, a composite those of
// its columns. They are as wide on each server, so that a value is put right in its place. Pure; never trusts what it reads.
#pragma once

#include "core/oid_map.hpp"
#include "core/own_type.hpp"
#include "core/rows.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ashlar::driver::pgwire {

// Can values of the type (by the client's number) be put right? Not those that are object ids themselves, as regclass is.
bool may_translate(std::uint32_t clients, const type_book& types);

// A value of the type (by the client's number) as the server sent it → as the client knows it, and back. Fails with unsupported
// for a type that one of both does not have or has otherwise, and with bad_value for bytes that are not of the type.
status oids_for_client(std::span<char> value, std::uint32_t clients, const oid_map& oids, const type_book& types);
status oids_for_server(std::span<char> value, std::uint32_t clients, const oid_map& oids, const type_book& types);

// The columns of an answer whose binary values hold object ids that differ: which, and of which type.
struct translated_column {
    std::size_t column = 0;
    std::uint32_t clients = 0;
};
// The rows from `first` on.
status oids_for_client(row_batch& rows, std::size_t first, const std::vector<translated_column>& which,
                       const oid_map& oids, const type_book& types);

}  // namespace ashlar::driver::pgwire
