// script.hpp: a script or what was typed so far, cut into statements as its database reads them.
#pragma once

#include "config/description.hpp"
#include "driver/connection.hpp"
#include "driver/mysql/script.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace ashlar::cli {

// The dialect of a script for the database of this name; empty: for the whole cluster.
driver::dialect dialect_of(const config::description& described, const std::string& database);

class script {
public:
    explicit script(driver::dialect how) : dialect_(how) {}

    using cut = driver::mysql::script_cutter::cut;
    // The whole statements of `text`, without those of blanks and comments only. `is_all`: no more text follows, so that what no
    // semicolon ends is a statement, too; else the next call has it again, at its beginning.
    cut take(std::string_view text, bool is_all);

private:
    driver::dialect dialect_;
    driver::mysql::script_cutter cutter_;
};

// The first words and symbols of a statement, 16 at most and 3 at least, in small letters.
std::vector<std::string> words_of(std::string_view statement, driver::dialect how);

}  // namespace ashlar::cli
