// definition.hpp: is a statement a definition (CREATE, ALTER, DROP …), whatever it defines? Pure.
#pragma once

#include <string_view>

namespace ashlar::route {

bool is_definition(std::string_view sql);

}  // namespace ashlar::route
