#include "sql/clauses.hpp"

#include <algorithm>

namespace ashlar::sql {
namespace {

using tokens_t = std::vector<token>;

bool is_symbol(std::string_view text, const token& t, char c) {
    return t.kind == token_kind::symbol && t.end == t.begin + 1 && text[t.begin] == c;
}

// Tokens [begin, end) of one depth, cut at its commas.
std::vector<span> cut_at_commas(std::string_view text, const tokens_t& all, std::size_t begin, std::size_t end,
                                std::uint32_t depth) {
    std::vector<span> out;
    std::size_t start = begin;
    const auto close = [&](std::size_t at) {
        if (at > start) out.push_back({all[start].begin, all[at - 1].end});
    };
    for (std::size_t i = begin; i < end; ++i) {
        if (all[i].depth != depth || !is_symbol(text, all[i], ',')) continue;
        close(i);
        start = i + 1;
    }
    close(end);
    return out;
}

std::optional<std::size_t> closing(std::string_view text, const tokens_t& all, std::size_t open) {
    for (std::size_t i = open + 1; i < all.size(); ++i) {
        if (all[i].depth == all[open].depth && is_symbol(text, all[i], ')')) return i;
    }
    return std::nullopt;
}

enum rank : int { in_items = 0, in_from, in_where, in_group, in_having, in_window, in_order, in_limit, refused };

// The rank of the clause that a token opens; in_items when it opens none.
int opens(std::string_view text, const tokens_t& all, std::size_t i) {
    const token& t = all[i];
    if (t.kind != token_kind::word) return in_items;
    const auto next_is = [&](std::string_view w) { return i + 1 < all.size() && is_word(text, all[i + 1], w); };
    const auto previous_is = [&](std::string_view w) { return i > 0 && is_word(text, all[i - 1], w); };
    // after AS any word is a name, after a point any word is a field
    if (previous_is("as") || (i > 0 && is_symbol(text, all[i - 1], '.'))) return in_items;
    if (is_word(text, t, "from")) return previous_is("distinct") ? in_items : in_from;
    if (is_word(text, t, "where")) return in_where;
    if (is_word(text, t, "group")) return next_is("by") && !previous_is("within") ? in_group : in_items;
    if (is_word(text, t, "having")) return in_having;
    if (is_word(text, t, "window")) return in_window;
    if (is_word(text, t, "order")) return next_is("by") ? in_order : in_items;
    if (is_word(text, t, "limit") || is_word(text, t, "offset") || is_word(text, t, "fetch")) return in_limit;
    for (const auto w : {"union", "intersect", "except", "into", "for"}) {
        if (is_word(text, t, w)) return refused;
    }
    return in_items;
}

}  // namespace

std::optional<select_clauses> cut_select(std::string_view text, const tokens_t& all) {
    std::size_t first = 0;
    while (first < all.size() && is_symbol(text, all[first], '(')) ++first;
    if (first >= all.size() || !is_word(text, all[first], "select")) return std::nullopt;
    const std::uint32_t depth = all[first].depth;

    struct part {
        int rank;
        std::size_t begin, end;  // tokens, keywords included
    };
    select_clauses out;
    std::size_t items = first + 1;
    if (items < all.size() && is_word(text, all[items], "distinct")) out.distinct = all[items++];
    if (items < all.size() && is_word(text, all[items], "all")) ++items;
    std::vector<part> parts{{in_items, items, items}};
    std::size_t i = items;
    for (; i < all.size() && all[i].depth >= depth; ++i) {
        if (all[i].kind == token_kind::broken) return std::nullopt;
        if (all[i].depth != depth) continue;
        if (is_symbol(text, all[i], ';')) break;
        const int rank = opens(text, all, i);
        if (rank == refused) return std::nullopt;
        if (rank == in_items || rank < parts.back().rank || (rank == parts.back().rank && rank != in_limit)) continue;
        parts.back().end = i;
        parts.push_back({rank, i, i});
    }
    parts.back().end = i;
    // nothing may follow but the parentheses that were opened, and a semicolon
    for (std::size_t rest = i; rest < all.size(); ++rest) {
        if (!is_symbol(text, all[rest], ')') && !is_symbol(text, all[rest], ';')) return std::nullopt;
    }

    for (const part& p : parts) {
        if (p.end <= p.begin) return std::nullopt;
        const span whole{all[p.begin].begin, all[p.end - 1].end};
        const auto listed = [&](std::size_t keywords) {
            return list_clause{whole, cut_at_commas(text, all, p.begin + keywords, p.end, depth)};
        };
        switch (p.rank) {
            case in_items:
                out.items = listed(0);
                break;
            case in_from:
                out.from = whole;
                break;
            case in_where:
                out.where = whole;
                break;
            case in_group:
                out.group_by = listed(2);
                break;
            case in_having:
                out.having = whole;
                break;
            case in_order:
                out.order_by = listed(2);
                break;
            case in_limit:
                out.limits.push_back(whole);
                break;
            default:
                return std::nullopt;
        }
        out.end = whole.end;
    }
    return out;
}

std::optional<std::vector<span>> cut_values(std::string_view text, const tokens_t& all) {
    const auto values = std::find_if(all.begin(), all.end(),
                                     [&](const token& t) { return t.depth == 0 && is_word(text, t, "values"); });
    if (values == all.end()) return std::nullopt;
    std::vector<span> out;
    for (auto i = static_cast<std::size_t>(values - all.begin()) + 1; i < all.size(); ++i) {
        if (!is_symbol(text, all[i], '(')) break;
        const auto end = closing(text, all, i);
        if (!end) return std::nullopt;
        out.push_back({all[i].begin, all[*end].end});
        i = *end + 1;
        if (i >= all.size() || !is_symbol(text, all[i], ',')) break;
    }
    return out;
}

span without_direction(std::string_view text, const tokens_t& all, span item) {
    auto end = std::find_if(all.begin(), all.end(), [&](const token& t) { return t.begin >= item.end; });
    auto begin = std::find_if(all.begin(), all.end(), [&](const token& t) { return t.begin >= item.begin; });
    const auto left = [&] { return static_cast<std::size_t>(end - begin); };
    if (left() > 2 && is_word(text, *(end - 2), "nulls") &&
        (is_word(text, *(end - 1), "first") || is_word(text, *(end - 1), "last"))) {
        end -= 2;
    }
    if (left() > 1 && (is_word(text, *(end - 1), "asc") || is_word(text, *(end - 1), "desc"))) --end;
    return {item.begin, (end - 1)->end};
}

std::optional<call_parts> cut_call(std::string_view text, const tokens_t& all, std::size_t location) {
    const auto found = std::find_if(all.begin(), all.end(), [&](const token& t) { return t.begin >= location; });
    if (found == all.end() || found->begin != location) return std::nullopt;
    auto i = static_cast<std::size_t>(found - all.begin());
    while (i + 2 < all.size() && is_symbol(text, all[i + 1], '.')) i += 2;
    call_parts out;
    out.name = all[i];
    const std::size_t open = i + 1;
    if (open >= all.size() || !is_symbol(text, all[open], '(')) return std::nullopt;
    const auto close = closing(text, all, open);
    if (!close) return std::nullopt;
    out.arguments = {all[open].end, all[*close].begin};
    out.whole = {location, all[*close].end};
    const std::size_t filter = *close + 1;
    if (filter + 1 < all.size() && all[filter].depth == all[open].depth && is_word(text, all[filter], "filter") &&
        is_symbol(text, all[filter + 1], '(')) {
        const auto end = closing(text, all, filter + 1);
        if (!end) return std::nullopt;
        out.whole.end = all[*end].end;
    }
    return out;
}

}  // namespace ashlar::sql
