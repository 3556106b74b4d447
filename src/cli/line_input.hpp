// line_input.hpp: lines from a person, edited and remembered, or from a script.
#pragma once

#include <optional>
#include <string>

namespace ashlar::cli {

class line_input {
public:
    // On a terminal: editing and history by libedit; the history is that of earlier shells, kept in `history_file`, which only
    // its owner may read. Empty: it is not kept.
    line_input(bool is_person, std::string history_file);
    ~line_input();
    line_input(const line_input&) = delete;
    line_input& operator=(const line_input&) = delete;

    // nullopt: the end of the input. The prompt is shown to a person only.
    std::optional<std::string> next(const std::string& prompt);

private:
    const bool is_person_;
    const std::string history_file_;
};

// $HOME/.ashlar_history; empty without a home.
std::string default_history_file();

}  // namespace ashlar::cli
