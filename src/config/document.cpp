#include "config/document.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

namespace ashlar::config {

namespace {

constexpr std::size_t syntax_mistakes_max = 20;

position to_position(const toml::source_position& p) {
    return {p.line, p.column};
}

template <class Moment>
std::string moment_text(const Moment& m) {
    std::ostringstream out;
    out << m;
    return out.str();
}

node to_node(const toml::node& from) {
    node to;
    to.at = to_position(from.source().begin);
    switch (from.type()) {
        case toml::node_type::table:
            to.what = node::kind::table;
            for (auto&& [key, value] : *from.as_table()) {
                to.entries.push_back({std::string{key.str()}, to_position(key.source().begin), to_node(value)});
            }
            std::stable_sort(to.entries.begin(), to.entries.end(),
                             [](const entry& a, const entry& b) { return a.at < b.at; });
            break;
        case toml::node_type::array:
            to.what = node::kind::array;
            for (auto&& item : *from.as_array()) to.items.push_back(to_node(item));
            break;
        case toml::node_type::string:
            to.what = node::kind::string;
            to.text = from.as_string()->get();
            break;
        case toml::node_type::integer:
            to.what = node::kind::integer;
            to.integer = from.as_integer()->get();
            break;
        case toml::node_type::floating_point:
            to.what = node::kind::real;
            to.real = from.as_floating_point()->get();
            break;
        case toml::node_type::boolean:
            to.what = node::kind::boolean;
            to.boolean = from.as_boolean()->get();
            break;
        case toml::node_type::date:
            to.what = node::kind::moment;
            to.text = moment_text(from.as_date()->get());
            break;
        case toml::node_type::time:
            to.what = node::kind::moment;
            to.text = moment_text(from.as_time()->get());
            break;
        default:
            to.what = node::kind::moment;
            to.text = moment_text(from.as_date_time()->get());
            break;
    }
    return to;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines{1};
    for (char c : text) {
        lines.back() += c;
        if (c == '\n') lines.emplace_back();
    }
    return lines;
}

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return std::string{text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1)};
}

bool is_header(std::string_view line) {
    return trimmed(line).starts_with('[');
}

// What a line defines: the key before "=", or the name within the brackets. Never its value, which may be secret.
std::string defined_by(std::string_view line) {
    if (is_header(line)) return trimmed(line.substr(0, line.find(']') + 1));
    return trimmed(line.substr(0, line.find('=')));
}

std::uint32_t indent_of(std::string_view line) {
    const auto first = line.find_first_not_of(" \t");
    return first == std::string_view::npos ? 1 : static_cast<std::uint32_t>(first) + 1;
}

// The library's words, without "Error while parsing …", and without what it quotes of the file beyond one
// character: a value that is not quoted rightly may be a password.
std::string without_quotes_of_values(std::string_view said) {
    std::string text{said};
    if (text.starts_with("Error while parsing ")) {
        if (const auto colon = text.find(": "); colon != std::string::npos) text.erase(0, colon + 2);
    }
    if (text.starts_with("unescaped control characters")) return "a string that is not closed on its line";
    const auto saw = text.find(", saw '");
    if (saw == std::string::npos) return text;
    const auto closing = text.rfind('\'');
    const std::size_t quoted = closing - (saw + 7);
    if (text.substr(saw + 7, quoted) == "\\n") return text.substr(0, saw) + ", saw the end of the line";
    if (quoted > 1 && text[saw + 7] != '\\') text.erase(saw);
    return text;
}

struct syntax_error {
    position at;
    std::string said;
};

// Leaves out what the error spoils: the line, or with a header all up to the next. False: that would not help.
bool leave_out(std::vector<std::string>& lines, const syntax_error& e) {
    if (e.at.line == 0 || e.at.line > lines.size()) return false;
    std::size_t i = e.at.line - 1;
    const std::string line = trimmed(lines[i]);
    const bool in_array = e.said.find("parsing array") != std::string::npos;
    const bool whole_array = line.find('=') != std::string::npos && line.ends_with(']');
    if (in_array && !whole_array) return false;
    if (e.said.find("multi-line") != std::string::npos || e.said.find("end-of-file") != std::string::npos) return false;
    const bool header = is_header(lines[i]);
    do {
        lines[i] = "\n";
        ++i;
    } while (header && i < lines.size() && !is_header(lines[i]));
    return true;
}

void report(const syntax_error& e, const std::vector<std::string>& lines, mistakes& into) {
    const std::string line = e.at.line >= 1 && e.at.line <= lines.size() ? lines[e.at.line - 1] : std::string{};
    if (e.said.find("cannot redefine existing") != std::string::npos) {
        into.add({e.at.line, indent_of(line)}, defined_by(line), "defined twice", "each name once in a file",
                 "an earlier line defines it already: keep one of the two");
        return;
    }
    std::string hint;
    const std::string value = trimmed(line.substr(std::min(line.find('=') + 1, line.size())));
    if (line.find('=') != std::string::npos && !value.empty() && std::isalpha(static_cast<unsigned char>(value[0]))) {
        hint = "text stands in quotes: key = \"value\"";
    }
    into.add(e.at, "", "not TOML: " + without_quotes_of_values(e.said), "", hint);
}

}  // namespace

const entry* node::find(std::string_view key) const noexcept {
    for (const entry& each : entries) {
        if (each.key == key) return &each;
    }
    return nullptr;
}

std::string_view article_and_name(node::kind what) noexcept {
    switch (what) {
        case node::kind::table:
            return "a table";
        case node::kind::array:
            return "an array";
        case node::kind::string:
            return "a string";
        case node::kind::integer:
            return "an integer";
        case node::kind::real:
            return "a number with a fraction";
        case node::kind::boolean:
            return "a boolean";
        case node::kind::moment:
            return "a date or time";
    }
    return "something else";
}

document read_document(std::string_view text, mistakes& into) {
    std::vector<std::string> lines = lines_of(text);
    document out;
    for (std::size_t attempt = 0;; ++attempt) {
        std::string joined;
        for (const std::string& line : lines) joined += line;
        syntax_error e;
        try {
            const toml::table parsed = toml::parse(joined);
            out.root = to_node(parsed);
            return out;
        } catch (const toml::parse_error& thrown) {
            e = {to_position(thrown.source().begin), std::string{thrown.description()}};
        }
        report(e, lines, into);
        out.whole = false;
        if (attempt + 1 == syntax_mistakes_max || !leave_out(lines, e)) break;
    }
    out.readable = false;
    return out;
}

}  // namespace ashlar::config
