// own_types.hpp: messages with a server's numbers for its own types and relations → with those that the client knows, and
// back (core/oid_map.hpp says why). Pure.
#pragma once

#include "core/oid_map.hpp"
#include "core/rows.hpp"
#include "driver/pgwire/binary_oids.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::driver::pgwire {

// Append the message, header and all, as the client is to see it. False, and nothing appended, when the body is malformed.
bool write_row_description_for_client(std::string& out, std::string_view body, const oid_map& oids);
bool write_parameter_description_for_client(std::string& out, std::string_view body, const oid_map& oids);

bool write_for_client(std::string& out, char message_type, std::string_view body, const oid_map& oids);

// Does a server tell of types and relations in such a message? And by which numbers that are not known?
bool holds_types(char message_type) noexcept;
missing_oids missing_in(char message_type, std::string_view body, const oid_map& oids);
missing_oids missing_in(std::span<const std::uint32_t> declared, const oid_map& oids);

// Declared parameter types as the server numbers them. Fails with unsupported for one that it does not have.
result<std::vector<std::uint32_t>> types_for_server(std::span<const std::uint32_t> clients, const oid_map& oids);

// The columns of an answer that is to be merged: here nothing may be of unknown type. Those whose binary values hold this server's
// numbers are added to `translated`. Fails with unsupported for a type that the catalogue database does not have, and for such
// values where they cannot be translated. `types`: nullptr when none is known.
status columns_for_client(columns& shape, const oid_map& oids, const type_book* types,
                          std::vector<translated_column>& translated);

error no_such_type_for_client(std::uint32_t there, const oid_map& oids);
// `what`: "column \"a\"", "parameter $1".
error binary_holds_numbers(std::string_view what, std::uint32_t clients, const oid_map& oids);

}  // namespace ashlar::driver::pgwire
