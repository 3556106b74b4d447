#include "route/shown_types.hpp"

#include "core/quoting.hpp"
#include "route/row_plan.hpp"
#include "route/types.hpp"
#include "sql/names.hpp"
#include "sql/splice.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace ashlar::route {

using sql::expression;
using sql::expression_kind;

namespace {

bool is_integer(std::uint32_t type) noexcept {
    return type == oid::int2 || type == oid::int4 || type == oid::int8;
}
bool is_exact(std::uint32_t type) noexcept {
    return is_integer(type) || type == oid::numeric;
}
bool is_float(std::uint32_t type) noexcept {
    return type == oid::float4 || type == oid::float8;
}

int scale_of_modifier(std::int32_t modifier) noexcept {
    return modifier < 4 ? -1 : (modifier - 4) & 0xffff;
}

class typer {
public:
    typer(const select_question& q, const select_parts& parts) : q_(q), parts_(parts) {}

    shown_type of(const expression& e) const {
        switch (e.kind) {
            case expression_kind::column:
                return of_column(e);
            case expression_kind::constant:
                return of_constant(e);
            case expression_kind::cast:
                return of_cast(e);
            case expression_kind::and_:
            case expression_kind::or_:
            case expression_kind::not_:
            case expression_kind::null_test:
            case expression_kind::boolean_test:
            case expression_kind::in_list:
            case expression_kind::between:
            case expression_kind::like:
            case expression_kind::distinct_from:
                return only(oid::boolean);
            case expression_kind::operation:
                return of_operation(e);
            case expression_kind::coalesce:
                return common(e.inner);
            case expression_kind::null_if:
                return e.inner.empty() ? shown_type{} : of(e.inner.front());
            case expression_kind::function:
                return of_call(e);
            default:
                return {};
        }
    }

private:
    static shown_type only(std::uint32_t type, int scale = -1) {
        shown_type t;
        t.type = type;
        t.scale = scale;
        return t;
    }

    shown_type of_column(const expression& e) const {
        const auto column = q_.tables.resolve(e);
        const column_facts* facts = column ? q_.tables.facts_of(*column) : nullptr;
        if (facts == nullptr || is_text_like(facts->type)) return {};
        return only(facts->type, facts->type == oid::numeric ? scale_of_modifier(facts->type_modifier) : -1);
    }

    static shown_type of_constant(const expression& e) {
        if (e.literal == sql::literal_kind::integer) return only(oid::int8);
        if (e.literal == sql::literal_kind::boolean) return only(oid::boolean);
        if (e.literal != sql::literal_kind::number || e.name.find_first_of("eExX") != std::string::npos) return {};
        const std::size_t point = e.name.find('.');
        if (point == std::string::npos) {  // beyond int4
            std::int64_t whole = 0;
            const auto read = std::from_chars(e.name.data(), e.name.data() + e.name.size(), whole);
            return read.ec == std::errc{} ? only(oid::int8) : only(oid::numeric, 0);
        }
        return only(oid::numeric, static_cast<int>(e.name.size() - point - 1));
    }

    static shown_type of_cast(const expression& e) {
        const std::uint32_t type = type_named(*e.type);
        if (is_integer(type)) return only(oid::int8);
        if (is_float(type)) return only(oid::float8);
        const bool kept = type == oid::numeric || type == oid::boolean || type == oid::uuid || type == oid::date ||
                          type == oid::timestamp || type == oid::timestamptz;
        return kept && !e.type->has_modifiers ? only(type) : shown_type{};
    }

    shown_type of_operation(const expression& e) const {
        static constexpr auto comparisons = std::to_array<std::string_view>({"=", "<>", "<", "<=", ">", ">="});
        if (e.inner.size() == 1) return e.name == "-" || e.name == "+" ? number(of(e.inner.front())) : shown_type{};
        if (e.inner.size() != 2) return {};
        if (std::ranges::find(comparisons, e.name) != comparisons.end()) return only(oid::boolean);
        const shown_type a = number(of(e.inner[0])), b = number(of(e.inner[1]));
        if (!a.is_known() || !b.is_known()) return {};
        if (is_float(a.type) || is_float(b.type)) {
            return e.name == "+" || e.name == "-" || e.name == "*" || e.name == "/" ? only(oid::float8) : shown_type{};
        }
        if (is_integer(a.type) && is_integer(b.type)) {
            return e.name.size() == 1 && e.name.find_first_of("+-*/%") == 0 ? only(oid::int8) : shown_type{};
        }
        const int x = is_integer(a.type) ? 0 : a.scale, y = is_integer(b.type) ? 0 : b.scale;
        const bool fixed = x >= 0 && y >= 0;
        if (e.name == "+" || e.name == "-") return only(oid::numeric, fixed ? std::max(x, y) : -1);
        if (e.name == "*") return only(oid::numeric, fixed ? x + y : -1);
        return {};  // a quotient has digits that doubles do not
    }

    static shown_type number(shown_type t) { return is_number(t.type) ? t : shown_type{}; }

    shown_type common(const std::vector<expression>& all) const {
        shown_type out;
        for (const expression& e : all) {
            if (e.is(expression_kind::constant) && e.literal == sql::literal_kind::null) continue;
            const shown_type t = of(e);
            if (!t.is_known()) return {};
            if (!out.is_known()) {
                out = t;
            } else if (is_exact(out.type) && is_exact(t.type) && out.type != t.type) {
                // an integer among numerics
                out = only(oid::numeric, std::max(out.scale, t.scale));
            } else if (out.type != t.type) {
                return {};
            } else {
                out.scale = std::max(out.scale, t.scale);
            }
        }
        return out;
    }

    shown_type of_call(const expression& e) const {
        if (!e.schema.empty()) return {};
        if (e.name == "count") return only(oid::int8);
        if (e.name == "now" && e.inner.empty()) return only(oid::timestamptz);
        if (e.name == "length" && e.inner.size() == 1) return only(oid::int8);
        if (e.name == "date_trunc" && e.inner.size() == 2) {
            const shown_type t = of(e.inner[1]);
            return t.type == oid::timestamp || t.type == oid::timestamptz ? t : shown_type{};
        }
        if (e.inner.size() != 1) return {};
        const shown_type t = of(e.inner.front());
        if (e.name == "min" || e.name == "max") return t;
        if (e.name == "abs") return number(t);
        if (e.name != "sum" && e.name != "avg") return {};
        if (is_float(t.type)) return only(oid::float8);
        if (!is_exact(t.type) || e.call->over) return {};
        if (e.name == "avg") return only(oid::numeric);
        return only(oid::numeric, is_integer(t.type) ? 0 : t.scale);
    }

    const select_question& q_;
    const select_parts& parts_;
};

}  // namespace

shown_type shown_type_of(const select_question& q, const select_parts& parts, const expression& e) {
    return typer{q, parts}.of(e);
}

bool is_exact_sum(const select_question& q, const select_parts& parts, const expression& call) {
    if (!parts.is_aggregate(call) || !call.schema.empty() || call.inner.size() != 1) return false;
    return (call.name == "sum" || call.name == "avg") && is_exact(shown_type_of(q, parts, call.inner.front()).type);
}

std::string exact_call(const select_question& q, const select_parts& parts, const expression& call,
                       std::string_view what, const sql::call_parts& at) {
    const shown_type t = shown_type_of(q, parts, call.inner.front());
    const std::string_view argument = q.text.substr(at.arguments.begin, at.arguments.end - at.arguments.begin);
    const std::string_view rest = q.text.substr(at.arguments.end, at.whole.end - at.arguments.end);
    // SQLite takes DISTINCT with one argument only
    if (call.call->distinct) return fmt::format("{}({}{}", what, argument, rest);
    return fmt::format("{}({}, {}{}", what, argument, is_integer(t.type) ? 0 : t.scale, rest);
}

std::vector<shown_type> shown_items(const select_question& q, const select_parts& parts) {
    std::vector<shown_type> out;
    const typer types{q, parts};
    // a stored column is shown as it is declared
    const auto of_item = [&](const expression& e) {
        return e.is(expression_kind::column) ? shown_type{} : types.of(e);
    };
    if (parts.has_star()) {
        if (!parts.outputs()) return out;
        for (const auto& o : *parts.outputs()) out.push_back(o.value != nullptr ? of_item(*o.value) : shown_type{});
        return out;
    }
    for (const sql::select_item& i : q.query.items) out.push_back(of_item(i.value));
    return out;
}

namespace {

// The sums of exact numbers in one SELECT, written anew for one server. As a column of the answer a sum is its exact text;
// where it is compared, sorted by or computed with, it is a number.
class exact_sums {
public:
    exact_sums(const select_question& q, const select_parts& parts) : q_(q), parts_(parts), edits_(q.text) {}

    // "": there is none.
    std::string run() {
        const sql::query& s = q_.query;
        if (!s.distinct_on.empty()) return {};
        tokens_ = sql::tokens(q_.text);
        clauses_ = sql::cut_select(q_.text, tokens_);
        if (!clauses_ || clauses_->items.items.size() != s.items.size()) return {};
        if (!s.order.empty() && (!clauses_->order_by || clauses_->order_by->items.size() != s.order.size())) return {};
        for (std::size_t i = 0; i < s.items.size(); ++i) change_item(i);
        for (std::size_t i = 0; i < s.order.size(); ++i) change_order(i);
        for (const expression& condition : s.having) (void)change_inside(condition);
        return changed_ ? edits_.text() : std::string{};
    }

private:
    std::optional<sql::call_parts> call_at(const expression& e) const {
        if (e.location < 0) return std::nullopt;
        return sql::cut_call(q_.text, tokens_, static_cast<std::size_t>(e.location));
    }
    std::string exact(const expression& call, const sql::call_parts& at) const {
        return exact_call(q_, parts_, call, call.name == "sum" ? "ashlar_sum" : "ashlar_avg", at);
    }
    std::string as_number(const expression& call, const sql::call_parts& at) const {
        return fmt::format("CAST({} AS NUMERIC)", exact(call, at));
    }
    std::string sorted(const expression& call, const sql::call_parts& at) const {
        return fmt::format("{} COLLATE ashlar_decimal", exact(call, at));
    }
    void replace(sql::span where, std::string by) {
        edits_.replace(where, std::move(by));
        changed_ = true;
    }

    void change_item(std::size_t i) {
        const sql::select_item& item = q_.query.items[i];
        const sql::span whole = clauses_->items.items[i];
        if (!is_exact_sum(q_, parts_, item.value)) {
            if (change_inside(item.value)) keep_name(item, whole);
            return;
        }
        const auto at = call_at(item.value);
        if (!at || at->whole.begin < whole.begin || at->whole.end > whole.end) return;
        // SQLite lets HAVING name an output column, which then must stay a number
        replace(at->whole, named_in_having(item) ? as_number(item.value, *at) : exact(item.value, *at));
        keep_name(item, whole);
    }

    // SQLite calls a column by its text, which has changed.
    void keep_name(const sql::select_item& item, sql::span whole) {
        if (!item.alias.empty()) return;
        const std::string_view text = q_.text.substr(whole.begin, whole.end - whole.begin);
        edits_.insert(whole.end, fmt::format(" AS {}", quoted_name(text)));
    }

    void change_order(std::size_t i) {
        const expression& e = q_.query.order[i].value;
        for (std::size_t item = 0; item < q_.query.items.size(); ++item) {
            const expression& value = q_.query.items[item].value;
            if (!is_exact_sum(q_, parts_, value) || !stands_for(e, item)) continue;
            if (const auto at = call_at(value)) {
                replace(sql::without_direction(q_.text, tokens_, clauses_->order_by->items[i]), sorted(value, *at));
            }
            return;
        }
        if (!is_exact_sum(q_, parts_, e)) {
            (void)change_inside(e);
            return;
        }
        if (const auto at = call_at(e)) replace(at->whole, sorted(e, *at));
    }

    bool change_inside(const expression& e) {
        bool changes = false;
        const auto change = [&](const expression& each) {
            if (!is_exact_sum(q_, parts_, each)) return;
            const auto at = call_at(each);
            if (!at) return;
            replace(at->whole, as_number(each, *at));
            changes = true;
        };
        sql::visit(e, change, sql::into_queries::no);
        return changes;
    }

    // An element of ORDER BY that means the item by its place or by its name.
    bool stands_for(const expression& e, std::size_t item) const {
        if (const auto position = position_in(e)) return *position == item + 1;
        if (!e.is(expression_kind::column) || e.path.size() != 1) return false;
        return sql::output_name(q_.query.items[item]) == e.path[0];
    }

    bool named_in_having(const sql::select_item& item) const {
        bool named = false;
        for (const expression& condition : q_.query.having) {
            sql::visit(condition, [&](const expression& e) {
                named = named ||
                        (e.is(expression_kind::column) && e.path.size() == 1 && e.path[0] == sql::output_name(item));
            });
        }
        return named;
    }

    const select_question& q_;
    const select_parts& parts_;
    sql::splice edits_;
    std::vector<sql::token> tokens_;
    std::optional<sql::select_clauses> clauses_;
    bool changed_ = false;
};

}  // namespace

shown_select shown_on_one(const select_question& q) {
    shown_select out;
    if (q.query.operation != sql::set_operation::none || !q.query.values.empty()) return out;
    const select_parts parts{q};
    out.sql = exact_sums{q, parts}.run();
    std::vector<shown_type> shows = shown_items(q, parts);
    const auto known = [](const shown_type& t) { return t.is_known(); };
    if (std::ranges::any_of(shows, known)) {
        out.shows = std::make_shared<const std::vector<shown_type>>(std::move(shows));
    }
    return out;
}

}  // namespace ashlar::route
