// routing_hints.hpp: on which of a database's servers a client wants its statements, and the words in which PgCat's clients say
// what is said here by settings. Comments are read in comment_hints.hpp, settings in our_settings.hpp. Pure.
#pragma once

#include <ashlar/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar::proxy {

enum class role_hint : std::uint8_t {
    none,     // as the configuration says
    primary,  // nothing is read from a replica
    replica,  // what reads is, and what may write is refused
};
std::string_view name_of(role_hint which) noexcept;  // "auto", "primary", "replica"

// Of "primary" and "replica", and of "any", "auto" and "default", which are all none. Fails with invalid_argument (22023).
result<role_hint> read_role(std::string_view name);

// PgCat's commands, which are no SQL, in ours; nothing: it is something else.
//     SET SERVER ROLE TO '…'   SET SHARD TO '0'   SET SHARDING KEY TO '…'   SET PRIMARY READS TO '…'
//     SHOW SERVER ROLE         SHOW SHARD         SHOW SHARDING KEY         SHOW PRIMARY READS
std::optional<std::string> in_our_words(std::string_view sql);

}  // namespace ashlar::proxy
