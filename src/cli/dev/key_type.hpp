// key_type.hpp: the type of the shard keys, as the tables of a schema have it.
#pragma once

#include "cli/arguments.hpp"
#include "config/description.hpp"

#include <ashlar/result.hpp>

#include <optional>
#include <string>

namespace ashlar::cli::dev {

struct found_key_type {
    std::string type;    // as the configuration writes it
    std::string column;  // users.id
};

// That of the first of asked.tables whose key cannot be a uuid. Nothing when all can, or none is there. Precondition: the
// schema has been applied on `shard`.
result<std::optional<found_key_type>> key_type_of(const dev_options& asked, const config::database& shard);

}  // namespace ashlar::cli::dev
