#include "cli/table_text.hpp"

#include "core/quoting.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::cli {

namespace {

struct decoded {
    char32_t point;
    std::size_t length;
};

// The character at `at`; a byte that begins no character counts as one by itself.
decoded decode(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(at);
    const std::size_t length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    if (length == 1 || at + length > text.size()) return {first, 1};
    char32_t point = first & (0xffu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(at + i) & 0xc0) != 0x80) return {first, 1};
        point = (point << 6) | (byte(at + i) & 0x3fu);
    }
    return {point, length};
}

bool is_combining(char32_t c) {
    return (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) || (c >= 0xfe00 && c <= 0xfe0f) || c == 0x20d0;
}

bool is_wide(char32_t c) {
    return (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
           (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
}

std::string padding(std::size_t count) {
    return std::string(count, ' ');
}

std::string head_cell(const std::string& name, std::size_t width) {
    const std::size_t spare = width - display_width(name);
    return padding(spare / 2) + name + padding(spare - spare / 2);
}

bool needs_quotes(const std::string& cell) {
    return cell.empty() || cell.find_first_of(",\"\r\n") != std::string::npos || cell.front() == ' ' ||
           cell.back() == ' ';
}

}  // namespace

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    for (std::size_t i = 0; i < text.size();) {
        const decoded c = decode(text, i);
        width += is_combining(c.point) ? 0 : is_wide(c.point) ? 2 : 1;
        i += c.length;
    }
    return width;
}

std::string printable(std::string_view text) {
    std::string out;
    for (char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\n') {
            out += "\\n";
        } else if (c == '\r') {
            out += "\\r";
        } else if (c == '\t') {
            out += "\\t";
        } else if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += c;
        }
    }
    return out;
}

std::string aligned(const std::vector<text_column>& columns, const std::vector<text_row>& rows, bool with_count) {
    std::vector<std::size_t> widths;
    std::vector<std::string> heads;
    for (const text_column& c : columns) {
        heads.push_back(printable(c.name));
        widths.push_back(display_width(heads.back()));
    }
    std::vector<std::vector<std::string>> shown;
    for (const text_row& row : rows) {
        auto& cells = shown.emplace_back();
        for (std::size_t i = 0; i < columns.size(); ++i) {
            cells.push_back(row[i] ? printable(*row[i]) : std::string{});
            widths[i] = std::max(widths[i], display_width(cells.back()));
        }
    }
    std::string out, line;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        out += (i == 0 ? " " : "| ") + head_cell(heads[i], widths[i]) + " ";
        line += (i == 0 ? "" : "+") + std::string(widths[i] + 2, '-');
    }
    while (out.ends_with(' ')) out.pop_back();
    out += "\n" + line + "\n";
    for (const auto& cells : shown) {
        std::string text;
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const std::string pad = padding(widths[i] - display_width(cells[i]));
            text += (i == 0 ? " " : "| ") + (columns[i].right ? pad + cells[i] : cells[i] + pad) + " ";
        }
        while (text.ends_with(' ')) text.pop_back();
        out += text + "\n";
    }
    if (with_count) out += fmt::format("({} row{})\n", rows.size(), rows.size() == 1 ? "" : "s");
    return out;
}

std::string csv_line(const text_row& cells) {
    std::string out;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        if (i > 0) out += ',';
        if (!cells[i]) continue;
        out += needs_quotes(*cells[i]) ? between_quotes('"', *cells[i]) : *cells[i];
    }
    return out + "\n";
}

std::string csv_head(const std::vector<text_column>& columns) {
    text_row names;
    for (const text_column& c : columns) names.emplace_back(c.name);
    return csv_line(names);
}

}  // namespace ashlar::cli
