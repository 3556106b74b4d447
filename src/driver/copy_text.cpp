#include "driver/copy_text.hpp"

#include "core/ascii.hpp"

namespace ashlar::driver {

namespace {

constexpr bool is_octal(char c) noexcept {
    return c >= '0' && c <= '7';
}

// One cell: its backslashes resolved; nullopt for \N.
std::optional<std::string> cell_of(std::string_view text) {
    if (text == "\\N") return std::nullopt;
    std::string cell;
    cell.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            cell += text[i];
            continue;
        }
        const char c = text[++i];
        constexpr std::string_view letters = "bfnrtv", meant = "\b\f\n\r\t\v";
        if (const std::size_t which = letters.find(c); which != std::string_view::npos) {
            cell += meant[which];
        } else if (is_octal(c)) {
            int value = c - '0';
            for (int digits = 1; digits < 3 && i + 1 < text.size() && is_octal(text[i + 1]); ++digits) {
                value = value * 8 + (text[++i] - '0');
            }
            cell += static_cast<char>(value);
        } else if (c == 'x' && i + 1 < text.size() && hex_digit(text[i + 1]) >= 0) {
            int value = hex_digit(text[++i]);
            if (i + 1 < text.size() && hex_digit(text[i + 1]) >= 0) value = value * 16 + hex_digit(text[++i]);
            cell += static_cast<char>(value);
        } else {
            cell += c;
        }
    }
    return cell;
}

}  // namespace

void copy_text::take(std::string_view bytes) {
    if (over_) return;
    if (at_ > 0) bytes_.erase(0, at_);
    at_ = 0;
    bytes_ += bytes;
}

void copy_text::end() {
    ended_ = true;
}

std::optional<copy_row> copy_text::next() {
    if (over_) return std::nullopt;
    const std::string_view rest = std::string_view{bytes_}.substr(at_);
    // A newline of a cell is written \n, or behind a backslash.
    std::size_t end = 0;
    std::vector<std::size_t> tabs;
    for (; end < rest.size() && rest[end] != '\n'; ++end) {
        if (rest[end] == '\t') tabs.push_back(end);
        if (rest[end] == '\\') ++end;
    }
    const bool whole = end < rest.size();
    if (!whole && (!ended_ || rest.empty())) return std::nullopt;
    end = std::min(end, rest.size());
    std::string_view line = rest.substr(0, end);
    at_ += whole ? end + 1 : end;
    if (line == "\\.") {  // the end, as psql writes it
        over_ = true;
        return std::nullopt;
    }
    copy_row row;
    row.line = ++line_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    std::size_t begin = 0;
    for (const std::size_t tab : tabs) {
        row.cells.push_back(cell_of(line.substr(begin, tab - begin)));
        begin = tab + 1;
    }
    row.cells.push_back(cell_of(line.substr(begin)));
    return row;
}

}  // namespace ashlar::driver
