#include "cli/answer_text.hpp"

#include "cli/json_text.hpp"

#include "core/rows.hpp"

#include <algorithm>
#include <cctype>

namespace ashlar::cli {

namespace {

bool is_number(std::uint32_t type) {
    switch (type) {
        case oid::int2:
        case oid::int4:
        case oid::int8:
        case oid::oid:
        case oid::float4:
        case oid::float8:
        case oid::numeric:
            return true;
        default:
            return false;
    }
}

// Digits that JSON takes as they are: not NaN, not Infinity.
bool is_json_number(std::string_view text) {
    if (text.starts_with('-')) text.remove_prefix(1);
    return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) &&
           text.find_first_not_of("0123456789.eE+-") == std::string_view::npos && !text.ends_with('.');
}

std::string json_cell(std::optional<std::string_view> cell, std::uint32_t type) {
    if (!cell) return "null";
    if (is_number(type) && is_json_number(*cell)) return std::string{*cell};
    if (type == oid::boolean) return *cell == "t" ? "true" : "false";
    return json_string(*cell);
}

std::vector<text_column> columns_of(const answer_part& part, const std::string& label_name) {
    std::vector<text_column> columns;
    if (!label_name.empty()) columns.push_back({label_name, false});
    for (std::size_t i = 0; i < part.what.width(); ++i)
        columns.push_back({part.what.name(i), is_number(part.what.type(i))});
    return columns;
}

std::vector<text_row> rows_of(const std::vector<answer_part>& parts, bool labelled) {
    std::vector<text_row> all;
    for (const answer_part& part : parts) {
        for (const row each : part.what) {
            text_row& cells = all.emplace_back();
            if (labelled) cells.emplace_back(part.label);
            for (std::size_t i = 0; i < each.width(); ++i) {
                const auto cell = each.text(i);
                cells.push_back(cell ? std::optional<std::string>{*cell} : std::nullopt);
            }
        }
    }
    return all;
}

std::string tags_text(const std::vector<answer_part>& parts, bool labelled) {
    std::string text;
    for (const answer_part& part : parts) text += (labelled ? part.label + "  " : "") + part.what.tag() + "\n";
    return text;
}

std::string json_text(const std::vector<answer_part>& parts, const std::string& label_name) {
    const rows& first = parts.front().what;
    json_array columns, lines;
    if (!label_name.empty()) columns.add(json_object{}.add("name", label_name).add("type", oid::text));
    for (std::size_t i = 0; i < first.width(); ++i) {
        columns.add(json_object{}.add("name", first.name(i)).add("type", first.type(i)));
    }
    for (const answer_part& part : parts) {
        for (const row each : part.what) {
            json_array cells;
            if (!label_name.empty()) cells.add(part.label);
            for (std::size_t i = 0; i < each.width(); ++i) cells.add_raw(json_cell(each.text(i), part.what.type(i)));
            lines.add_raw(cells.text());
        }
    }
    json_object all;
    all.add_raw("columns", columns.text()).add_raw("rows", lines.text());
    if (label_name.empty()) all.add("tag", first.tag());
    return all.text() + "\n";
}

}  // namespace

std::string answer_text(const std::vector<answer_part>& parts, const answer_shape& how) {
    if (parts.empty()) return {};
    const bool labelled = !how.label_name.empty();
    if (how.format == answer_format::json) return json_text(parts, how.label_name);
    if (parts.front().what.width() == 0) {
        return how.format == answer_format::csv ? std::string{} : tags_text(parts, labelled);
    }
    const auto columns = columns_of(parts.front(), how.label_name);
    const auto lines = rows_of(parts, labelled);
    if (how.format == answer_format::table) return aligned(columns, lines);
    std::string text = csv_head(columns);
    for (const text_row& each : lines) text += csv_line(each);
    return text;
}

}  // namespace ashlar::cli
