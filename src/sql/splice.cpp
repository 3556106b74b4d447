#include "sql/splice.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ashlar::sql {

void splice::replace(span where, std::string by) {
    changes_.push_back({where, std::move(by)});
}

std::string splice::text() const {
    std::vector<change> ordered = changes_;
    std::stable_sort(ordered.begin(), ordered.end(), [](const change& a, const change& b) {
        return std::pair{a.where.begin, a.where.end > a.where.begin} <
               std::pair{b.where.begin, b.where.end > b.where.begin};
    });
    std::string out;
    std::size_t done = 0;
    for (const change& c : ordered) {
        out.append(text_.substr(done, c.where.begin - done));
        out.append(c.by);
        done = c.where.end;
    }
    out.append(text_.substr(done));
    return out;
}

renumbered renumber(std::string sql, std::size_t count) {
    renumbered out;
    const std::vector<token> all = tokens(sql);
    std::vector<std::pair<span, std::size_t>> found;
    std::vector<bool> used(count, false);
    for (const token& t : all) {
        if (t.kind != token_kind::parameter) continue;
        std::size_t n = 0;
        std::from_chars(sql.data() + t.begin + 1, sql.data() + t.end, n);
        if (n == 0 || n > count) continue;
        found.emplace_back(t, n - 1);
        used[n - 1] = true;
    }
    if (std::all_of(used.begin(), used.end(), [](bool u) { return u; })) {
        out.sql = std::move(sql);
        return out;
    }
    out.all = false;
    std::vector<std::size_t> number(count, 0);
    for (std::size_t i = 0; i < count; ++i) {
        if (!used[i]) continue;
        out.parameters.push_back(i);
        number[i] = out.parameters.size();
    }
    splice change{sql};
    for (const auto& [where, parameter] : found) change.replace(where, "$" + std::to_string(number[parameter]));
    out.sql = change.text();
    return out;
}

}  // namespace ashlar::sql
