// script.hpp: a script as people write it for the `mysql` client, cut into statements. Pure.
//
// Cut        At the delimiter, outside of quotes and comments: -- x, # x and /* x */.
// DELIMITER  Where a statement could begin, `DELIMITER //` sets the delimiter for what follows, as the client has it. The body
//            of a routine needs that: its own semicolons would cut it.
#pragma once

#include "driver/mysql/tokens.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::driver::mysql {

class script_cutter {
public:
    explicit script_cutter(quoting how = {}) : how_(how) {}

    struct cut {
        std::vector<std::string_view>
            statements;        // without their delimiters and without those of blanks and comments only
        std::size_t rest = 0;  // where the text begins that no delimiter ends
    };
    // What `text` has of whole statements. The delimiter is kept for the text that follows, which begins with the rest.
    cut take(std::string_view text);
    // The same where no more text follows: the rest is a statement, too.
    cut take_all(std::string_view text);

private:
    struct piece {
        std::size_t end = 0, next = 0;  // of its text; of what follows the delimiter
        bool is_whole = false, is_blank = true;
    };
    piece piece_at(std::string_view rest) const;
    // Reads a DELIMITER line. Returns its size in bytes; 0 when the text does not begin with a complete one.
    std::size_t take_delimiter(std::string_view rest, bool is_all);
    cut take(std::string_view text, bool is_all);

    quoting how_;
    std::string delimiter_ = ";";
};

}  // namespace ashlar::driver::mysql
