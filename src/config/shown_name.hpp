// shown_name.hpp: by which name clients know all databases of a description together. Pure.
#pragma once

#include "config/description.hpp"

#include <string>

namespace ashlar::config {

// What current_database() is to give in place of what the server that is asked says; "" where every server says just that.
// `served`: to the proxy's clients, who connect to serve.database; else to a program, for which the primary's own name (the first
// shard's without one) stands where no name is configured.
std::string shown_name(const description& of, bool served);

}  // namespace ashlar::config
