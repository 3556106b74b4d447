// copy_row.hpp: a record of the file as a row of PostgreSQL's COPY text.
#pragma once

#include "cli/load/records.hpp"

#include <string>
#include <string_view>

namespace ashlar::cli::load {

// What would be taken for structure is escaped.
inline void append_copy_text(std::string& to, std::string_view text) {
    for (char c : text) {
        switch (c) {
            case '\\':
                to += "\\\\";
                break;
            case '\t':
                to += "\\t";
                break;
            case '\n':
                to += "\\n";
                break;
            case '\r':
                to += "\\r";
                break;
            default:
                to += c;
        }
    }
}

inline void append_copy_row(std::string& to, const record& row) {
    for (std::size_t i = 0; i < row.fields.size(); ++i) {
        if (i > 0) to += '\t';
        if (row.fields[i])
            append_copy_text(to, *row.fields[i]);
        else
            to += "\\N";
    }
    to += '\n';
}

}  // namespace ashlar::cli::load
