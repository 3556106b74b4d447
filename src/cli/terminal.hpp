// terminal.hpp: what the commands print, and how: colours and progress only where a person looks, plain text elsewhere.
//
// Colours   only on a terminal, without NO_COLOR (no-color.org), and with a TERM other than "dumb".
#pragma once

#include <ashlar/error.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace ashlar::cli {

enum class stream { out, err };
enum class style { bold, faint, red, green, yellow };

void print(std::string_view text);            // to standard output, buffered
void print_to_stderr(std::string_view text);  // after what stands in the buffer
void print_error(const error& why);           // the error's block of lines, to standard error
// Writes out what is buffered. False: standard output is gone or full, of which a word goes to standard error.
bool finish_output();

bool is_terminal(stream which);
bool wants_colour(stream which);
std::size_t terminal_width(stream which);  // 80 where it cannot be told

// The text in a style, or as it is where no colours are wanted.
std::string styled(std::string_view text, style how, stream where = stream::out);

}  // namespace ashlar::cli
