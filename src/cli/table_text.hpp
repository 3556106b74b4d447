// table_text.hpp: rows of text as an aligned table, as psql draws it, or as CSV. Pure.
//
// Widths are counted in characters of UTF-8, wide ones (CJK, emoji) as two; a line break or control character within a
// cell is shown escaped, so that a row stays a line and a terminal obeys nobody's data.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::cli {

struct text_column {
    std::string name;
    bool right = false;  // numbers stand to the right
};

using text_row = std::vector<std::optional<std::string>>;  // nullopt: NULL

// A head, a line, the rows, "(3 rows)". NULL is blank, as in psql.
std::string aligned(const std::vector<text_column>& columns, const std::vector<text_row>& rows, bool with_count = true);

std::string csv_line(const text_row& cells);  // with its line end; NULL is empty, an empty text is ""
std::string csv_head(const std::vector<text_column>& columns);

std::size_t display_width(std::string_view text);
std::string printable(std::string_view text);  // control characters escaped: \n, \t, \x1b

}  // namespace ashlar::cli
