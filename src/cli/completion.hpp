// completion.hpp: completion scripts for bash, zsh and fish, made from a description of the commands. Pure text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ashlar::cli {

struct option_description {
    std::vector<std::string> names;  // "-c", "--config"; none: an argument
    std::string summary;
    bool takes_value = false;
    bool is_file = false;              // the value is a file's name
    std::vector<std::string> choices;  // of the value; empty: any
};

struct command_description {
    std::string name, summary;
    std::vector<option_description> options;
    std::vector<command_description> commands;
};

// `shell`: "bash", "zsh" or "fish"; anything else gives "".
std::string completion_script(const command_description& program, std::string_view shell);

}  // namespace ashlar::cli
