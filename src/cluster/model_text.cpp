#include "cluster/model_text.hpp"
#include "core/quoting.hpp"

#include <fmt/format.h>

namespace ashlar::detail {

namespace {

std::string column_list(const model_view& what) {
    std::string text;
    for (std::size_t i = 0; i < what.width; ++i) text += (i ? ", " : "") + quoted_name(what.columns[i]);
    return text;
}

// "id" = $3 and "user_id" = $4
std::string identity_text(const model_view& what, const row_identity& row, std::size_t first) {
    std::string text = fmt::format("{} = ${}", quoted_name(what.columns[row.primary]), first);
    if (row.shard_key) text += fmt::format(" and {} = ${}", quoted_name(what.columns[*row.shard_key]), first + 1);
    return text;
}

}  // namespace

std::string quoted_table(std::string_view table) {
    const auto dot = table.find('.');
    if (dot == std::string_view::npos) return quoted_name(table);
    return quoted_name(table.substr(0, dot)) + "." + quoted_name(table.substr(dot + 1));
}

std::string select_text(const model_view& what, const selection_parts& parts) {
    std::string text = "select " + column_list(what) + " from " + quoted_table(what.table);
    // On a line of its own, so that a comment in the condition ends before our parenthesis.
    if (!parts.condition.empty()) text += " where (" + parts.condition + "\n)";
    if (!parts.order.empty()) text += " order by " + parts.order + "\n";
    if (parts.limit) text += fmt::format(" limit {}", *parts.limit);
    if (parts.offset && !parts.limit) text += " limit 9223372036854775807";  // SQLite takes no offset without a limit
    if (parts.offset) text += fmt::format(" offset {}", *parts.offset);
    return text;
}

std::string count_text(const model_view& what, const selection_parts& parts) {
    std::string text = "select count(*) from " + quoted_table(what.table);
    if (!parts.condition.empty()) text += " where (" + parts.condition + "\n)";
    return text;
}

std::string find_text(const model_view& what) {
    return fmt::format("select {} from {} where {} = $1", column_list(what), quoted_table(what.table),
                       quoted_name(what.columns[0]));
}

std::string insert_text(const model_view& what) {
    std::string places;
    for (std::size_t i = 1; i <= what.width; ++i) places += fmt::format("{}${}", i > 1 ? ", " : "", i);
    return fmt::format("insert into {} ({}) values ({})", quoted_table(what.table), column_list(what), places);
}

row_identity identity_of(const model_view& what, std::string_view shard_key) {
    row_identity row;
    for (std::size_t i = 1; i < what.width; ++i) {
        if (what.columns[i] == shard_key) row.shard_key = i;
    }
    return row;
}

std::string update_text(const model_view& what, const row_identity& row) {
    std::string sets;
    std::size_t next = 1;
    for (std::size_t i = 0; i < what.width; ++i) {
        if (!row.holds(i))
            sets += fmt::format("{}{} = ${}", sets.empty() ? "" : ", ", quoted_name(what.columns[i]), next++);
    }
    if (sets.empty()) return {};
    return fmt::format("update {} set {} where {}", quoted_table(what.table), sets, identity_text(what, row, next));
}

std::string remove_text(const model_view& what, const row_identity& row) {
    return fmt::format("delete from {} where {}", quoted_table(what.table), identity_text(what, row, 1));
}

}  // namespace ashlar::detail
