// copy_text.hpp: rows in PostgreSQL's COPY text form, cut into cells, for the bulk writers of engines that do not read it
// themselves. Pure.
#pragma once

#include <ashlar/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::driver {

struct copy_row {
    std::uint64_t line = 0;  // from 1
    std::vector<std::optional<std::string>> cells;
};

class copy_text {
public:
    // Any number of bytes; a row may be cut over several calls.
    void take(std::string_view bytes);
    // No bytes follow: what is left is a row, though no newline ended it.
    void end();
    // The next row that is here whole; nullopt when there is none.
    std::optional<copy_row> next();

private:
    std::string bytes_;
    std::size_t at_ = 0;
    std::uint64_t line_ = 0;
    bool ended_ = false;  // no bytes follow
    bool over_ = false;   // no rows follow, whatever bytes do
};

}  // namespace ashlar::driver
