// `explain (ashlar)`: where a statement goes and why, the text for each shard, and how the rows are merged.
#include "route/prepared.hpp"

#include <fmt/format.h>

namespace ashlar::route {
std::string_view name_of(combine how) {
    switch (how) {
        case combine::first:
            return "first";
        case combine::count:
            return "count";
        case combine::sum:
            return "sum";
        case combine::min:
            return "min";
        case combine::max:
            return "max";
        case combine::bool_and:
            return "bool_and";
        case combine::bool_or:
            return "bool_or";
        case combine::bit_and:
            return "bit_and";
        case combine::bit_or:
            return "bit_or";
        case combine::avg:
            return "avg";
    }
    return "aggregate";
}

namespace {

std::string line(std::string_view head, std::string_view rest) {
    return fmt::format("{:<8} {}", head, rest);
}

std::string text_of(const row_count& n) {
    if (n.constant) return std::to_string(*n.constant);
    return n.parameter ? fmt::format("${}", *n.parameter + 1) : std::string{};
}

std::string text_of(const condition& c) {
    using kind = condition::kind;
    const auto infix = [&](std::string_view op) {
        std::string out;
        for (const condition& i : c.inner) out += (out.empty() ? "" : fmt::format(" {} ", op)) + text_of(i);
        return "(" + out + ")";
    };
    switch (c.what) {
        case kind::column:
            return fmt::format("column {}", c.column + 1);
        case kind::constant:
            return c.constant;
        case kind::parameter:
            return fmt::format("${}", c.parameter + 1);
        case kind::eq:
            return infix("=");
        case kind::ne:
            return infix("<>");
        case kind::lt:
            return infix("<");
        case kind::le:
            return infix("<=");
        case kind::gt:
            return infix(">");
        case kind::ge:
            return infix(">=");
        case kind::and_:
            return infix("and");
        case kind::or_:
            return infix("or");
        case kind::not_:
            return "not " + text_of(c.inner.front());
        case kind::is_null:
            return text_of(c.inner.front()) + " is null";
        case kind::is_not_null:
            return text_of(c.inner.front()) + " is not null";
    }
    return "?";
}

// "group by 1 into first, sum; having (column 2 > 3); order by 2 desc; limit 5"
std::string text_of(const recipe& r) {
    std::vector<std::string> parts;
    if (r.grouped) {
        std::string keys, outputs;
        for (const std::size_t k : r.group_keys) keys += fmt::format("{}{}", keys.empty() ? "" : ", ", k + 1);
        for (const output& o : r.outputs) outputs += fmt::format("{}{}", outputs.empty() ? "" : ", ", name_of(o.how));
        parts.push_back(keys.empty() ? fmt::format("one row of {}", outputs)
                                     : fmt::format("group by {} into {}", keys, outputs));
    }
    if (r.having) parts.push_back("having " + text_of(*r.having));
    if (r.distinct) parts.emplace_back("distinct");
    if (!r.order.empty()) {
        std::string keys;
        for (const sort_key& k : r.order) {
            keys += fmt::format("{}{}{} nulls {}", keys.empty() ? "" : ", ", k.column + 1, k.descending ? " desc" : "",
                                k.nulls_first ? "first" : "last");
        }
        parts.push_back("order by " + keys);
    }
    if (r.offset.given()) parts.push_back("offset " + text_of(r.offset));
    if (r.limit.given()) parts.push_back("limit " + text_of(r.limit));
    if (r.helpers > 0 && !r.grouped)
        parts.push_back(fmt::format("drop {} helper{}", r.helpers, r.helpers == 1 ? "" : "s"));
    return parts.empty() ? "any order" : fmt::format("{}", fmt::join(parts, "; "));
}

}  // namespace

result<std::vector<std::string>> prepared_plan::explain(std::span<const bound_parameter> parameters) const {
    const inside& in = *inside_;
    if (in.explained && in.kind == statement_kind::explain_ashlar) return in.explained->explain(parameters);
    std::vector<std::string> out;
    const bool by_parameter = (in.way == way::by_key || in.way == way::by_rows) && !in.fixed;
    if (by_parameter && parameters.size() < in.parameter_count) {
        out.push_back(
            line("route", fmt::format("{:<31} because {}", route::name_of(in.where), route::name_of(in.because))));
        out.push_back(line("by key", in.sql));
        return out;
    }
    const std::vector<bound_parameter> none(in.parameter_count);
    auto bound = bind(parameters.empty() ? std::span{none} : parameters);
    if (!bound) return std::move(bound).error();
    const std::string route = bound->where == target::unsharded ? fmt::format("database {}", bound->database)
                                                                : std::string{route::name_of(bound->where)};
    out.push_back(line("route", fmt::format("{:<31} because {}", route, route::name_of(bound->because))));
    for (const step& s : bound->steps) {
        const std::string head = bound->where == target::unsharded ? bound->database : in.map->name_of(s.shard);
        std::string text = line(head, s.sql);
        if (!s.all_parameters && !s.parameters.empty()) {
            text += "  --";
            for (std::size_t i = 0; i < s.parameters.size(); ++i)
                text += fmt::format(" ${} is ${}", i + 1, s.parameters[i] + 1);
        }
        out.push_back(std::move(text));
    }
    if (bound->merge && !in.writes) out.push_back(line("merge", text_of(*bound->merge)));
    if (bound->merge && in.writes)
        out.push_back(line("merge", bound->merge->count_once ? "rows counted once" : "rows counted together"));
    return out;
}

}  // namespace ashlar::route
