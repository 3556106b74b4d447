// questions.hpp: what the topology asks servers, see driver/questions.hpp, and how their answers are read.
#pragma once

#include "driver/questions.hpp"

#include <string>
#include <string_view>

namespace ashlar::topology {

using driver::ask;
using driver::ask_with;
using driver::text_rows;

// A boolean in such rows, as PostgreSQL (also in JSON), SQLite and MariaDB write it.
bool is_true(std::string_view text);

// What the server itself said, where it said something; else the error's own words.
std::string told_by(const error& why);

}  // namespace ashlar::topology
