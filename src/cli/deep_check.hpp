// deep_check.hpp: what only the databases themselves can tell of a configuration: `ashlar check --deep`.
#pragma once

#include "config/description.hpp"

#include <ashlar/result.hpp>

#include <string>
#include <vector>

namespace ashlar::cli {

struct finding {
    std::string what, hint;
};

// Connects to the databases and reads their tables. What is wrong with them, in no order; fails when they cannot be asked.
result<std::vector<finding>> look_into_databases(config::description described);

}  // namespace ashlar::cli
