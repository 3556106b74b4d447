#include "route/select_text.hpp"

#include "route/refusal.hpp"
#include "route/types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace ashlar::route {

result<select_text> select_text::cut(const select_question& q) {
    select_text out{q};
    out.tokens_ = sql::tokens(q.text);
    auto clauses = sql::cut_select(q.text, out.tokens_);
    const sql::query& s = q.query;
    const auto fits = [&] {
        if (!clauses || clauses->items.items.size() != s.items.size()) return false;
        for (std::size_t i = 0; i < s.items.size(); ++i) {
            if (static_cast<int>(clauses->items.items[i].begin) != s.items[i].location) return false;
        }
        const auto count = [](const auto& clause) { return clause ? clause->items.size() : 0; };
        return count(clauses->group_by) == s.group_by.size() && count(clauses->order_by) == s.order.size() &&
               clauses->having.has_value() == !s.having.empty() && clauses->where.has_value() == !s.where.empty() &&
               clauses->limits.size() == s.limit.size() + s.offset.size() &&
               clauses->distinct.has_value() == s.distinct;
    };
    if (!fits()) {
        return refusal(q.text, s.location, "a SELECT written in this form",
                       "Write the clauses in their plain order, without parentheses around the statement.");
    }
    out.clauses_ = std::move(*clauses);
    return out;
}

sql::span select_text::order_item(std::size_t i) const {
    return sql::without_direction(text_, tokens_, clauses_.order_by->items[i]);
}

result<sql::call_parts> select_text::call(const sql::expression& e) const {
    if (e.location >= 0) {
        if (auto parts = sql::cut_call(text_, tokens_, static_cast<std::size_t>(e.location))) return *parts;
    }
    return refusal(text_, e.location, "an aggregate written in this form", "Write it as name(argument).");
}

std::size_t select_text::add_helper(std::string_view expression, shown_type shown) {
    helpers_show_.push_back(shown);
    helpers_.push_back(fmt::format(", {} AS ashlar_helper_{}", expression, helpers_.size() + 1));
    return helpers_.size() - 1;
}

namespace {
// The blanks before a clause go with it.
sql::span with_blanks_before(std::string_view text, sql::span s) {
    while (s.begin > 0 && (text[s.begin - 1] == ' ' || text[s.begin - 1] == '\n' || text[s.begin - 1] == '\t'))
        --s.begin;
    // a comment to the end of the line must not swallow what follows
    if (s.begin > 0) {
        const auto line = text.rfind('\n', s.begin - 1);
        const auto from = line == text.npos ? 0 : line + 1;
        if (text.substr(from, s.begin - from).find("--") != text.npos && s.begin < text.size() &&
            text[s.begin] != '\n') {
            while (s.begin < s.end && text[s.begin] != '\n' && (text[s.begin] == ' ' || text[s.begin] == '\t'))
                ++s.begin;
        }
        if (s.begin < s.end && text[s.begin] == '\n') ++s.begin;
    }
    return s;
}
}  // namespace

void select_text::drop_distinct() {
    if (clauses_.distinct) {
        sql::span s = *clauses_.distinct;
        if (s.end < text_.size() && text_[s.end] == ' ') ++s.end;
        edits_.remove(s);
    }
}
void select_text::drop_order() {
    if (clauses_.order_by) edits_.remove(with_blanks_before(text_, clauses_.order_by->whole));
}
void select_text::drop_having() {
    if (clauses_.having) edits_.remove(with_blanks_before(text_, *clauses_.having));
}
void select_text::drop_limits() {
    for (const sql::span& s : clauses_.limits) edits_.remove(with_blanks_before(text_, s));
}

void select_text::push_limits(const row_count& limit, const row_count& offset) {
    if (!offset.given()) {
        // OFFSET NULL goes with the sum
        if (clauses_.limits.size() < 2) return;
    }
    if (clauses_.limits.empty()) return;
    for (std::size_t i = 1; i < clauses_.limits.size(); ++i)
        edits_.remove(with_blanks_before(text_, clauses_.limits[i]));
    const sql::span first = clauses_.limits.front();
    if (!limit.given()) {
        edits_.remove(with_blanks_before(text_, first));
        return;
    }
    constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (limit.constant && (offset.constant || !offset.given())) {
        const std::uint64_t skip = offset.constant.value_or(0);
        edits_.replace(first, fmt::format("LIMIT {}", *limit.constant > most - skip ? most : *limit.constant + skip));
        return;
    }
    const auto term = [&](const row_count& c) {
        const std::string value = c.constant ? std::to_string(*c.constant) : fmt::format("${}", *c.parameter + 1);
        return dialect_ == dialect::sqlite ? fmt::format("CAST({} AS INTEGER)", value)
                                           : fmt::format("CAST({} AS bigint)", value);
    };
    std::string sum = term(limit);
    if (offset.given()) {
        // OFFSET NULL is none
        sum += dialect_ == dialect::sqlite ? fmt::format(" + ifnull({}, 0)", term(offset))
                                           : fmt::format(" + coalesce({}, 0)", term(offset));
    }
    if (dialect_ == dialect::sqlite) sum = fmt::format("ifnull({}, -1)", sum);
    edits_.replace(first, "LIMIT " + sum);
}

several_plan select_text::finish(recipe&& merge) {
    merge.helpers = helpers_.size();
    for (std::string& h : helpers_) edits_.insert(clauses_.items.whole.end, std::move(h));
    sql::renumbered made = sql::renumber(edits_.text(), parameter_count_);
    several_plan out;
    out.sql = std::move(made.sql);
    out.parameters = std::move(made.parameters);
    out.all_parameters = made.all;
    out.merge = std::make_shared<const recipe>(std::move(merge));
    if (!shows_.empty()) {
        shows_.insert(shows_.end(), helpers_show_.begin(), helpers_show_.end());
        out.shows = std::make_shared<const std::vector<shown_type>>(std::move(shows_));
    }
    return out;
}

result<row_count> read_count(const select_question& q, const std::vector<sql::expression>& clause,
                             std::string_view name) {
    row_count out;
    if (clause.empty()) return out;
    const sql::expression* e = &clause.front();
    while (e->is(sql::expression_kind::cast)) {
        const std::uint32_t type = type_named(*e->type);
        if (type != oid::int8 && type != oid::int4 && type != oid::int2) break;
        e = &e->inner.front();
    }
    if (e->is(sql::expression_kind::parameter) && e->number > 0) {
        out.parameter = static_cast<std::size_t>(e->number - 1);
        return out;
    }
    if (e->is(sql::expression_kind::constant)) {
        if (e->literal == sql::literal_kind::null) return out;
        std::uint64_t n = 0;
        const char* end = e->name.data() + e->name.size();
        const auto [at, failed] = std::from_chars(e->name.data(), end, n);
        const bool digits = failed == std::errc{} && at == end &&
                            n <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
        if (digits && e->literal != sql::literal_kind::boolean && e->literal != sql::literal_kind::bits) {
            out.constant = n;
            return out;
        }
    }
    return refusal(q.text, clause.front().location,
                   fmt::format("{} by anything but a plain number or a parameter", name),
                   fmt::format("Compute the number before, and write {} $1.", name));
}

}  // namespace ashlar::route
