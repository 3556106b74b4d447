// Calls of functions: aggregates, windows, and the scalar functions of signatures.hpp.
#include "route/functions.hpp"
#include "route/sqlite/signatures.hpp"
#include "route/sqlite/translator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ashlar::route::sqlite {

using sql::expression;
using sql::expression_kind;

namespace {

bool is_aggregate(const expression& e) {
    if (e.call->star) return true;
    if (is_own_aggregate(e.name)) return true;
    if ((e.name == "min" || e.name == "max") && e.inner.size() == 1) return true;
    return e.name == "count" || e.name == "sum" || e.name == "avg" || e.name == "bool_and" || e.name == "bool_or" ||
           e.name == "every" || e.name == "string_agg";
}

bool is_window_function(std::string_view name) {
    return name == "row_number" || name == "rank" || name == "dense_rank" || name == "percent_rank" ||
           name == "cume_dist" || name == "ntile" || name == "lag" || name == "lead" || name == "first_value" ||
           name == "last_value" || name == "nth_value";
}

std::string filled(std::string_view written, const std::vector<typed>& arguments) {
    std::string out;
    for (std::size_t i = 0; i < written.size(); ++i) {
        if (written[i] == '{' && i + 2 < written.size() && written[i + 2] == '}') {
            out += arguments[static_cast<std::size_t>(written[i + 1] - '0')].sql;
            i += 2;
        } else {
            out += written[i];
        }
    }
    return out;
}

// How well the arguments fit; -1 = not at all. As func_select_candidate(): exact matches first, then preferred types.
int fitness(const signature& s, const std::vector<typed>& arguments) {
    int score = 0;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const std::uint32_t wanted = type_of_letter(s.arguments[i]);
        const bool preferred = wanted == oid::float8 || wanted == oid::text || wanted == oid::timestamptz;
        if (arguments[i].type == oid::unknown) {
            score += wanted == oid::text ? 3 : preferred ? 2 : 1;
        } else if (arguments[i].is_own || arguments[i].type == wanted) {
            score += 100;
        } else if (casts_by_itself(arguments[i].type, wanted)) {
            score += preferred ? 10 : 1;
        } else {
            return -1;
        }
    }
    return score;
}

// Whether an untyped argument may be of several kinds, and of none that goes first (text does).
bool is_undecided(std::string_view name, const std::vector<typed>& arguments) {
    const auto kind_of = [](char letter) {
        const std::uint32_t type = type_of_letter(letter);
        return type == oid::interval || category_of(type) == category::other ? static_cast<int>(type)
                                                                             : -static_cast<int>(category_of(type));
    };
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i].type != oid::unknown) continue;
        int first = 0;
        bool several = false, text = false;
        for (const signature& each : signatures()) {
            if (each.name != name || each.arguments.size() != arguments.size() || fitness(each, arguments) < 0)
                continue;
            const int kind = kind_of(each.arguments[i]);
            several = several || (first != 0 && kind != first);
            text = text || each.arguments[i] == 't';
            first = kind;
        }
        if (several && !text) return true;
    }
    return false;
}

std::string described(const expression& e, const std::vector<typed>& arguments) {
    std::string out = e.name + "(";
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        out += (i > 0 ? ", " : "");
        out += arguments[i].type == 0 ? "?" : sql_name_of_type(arguments[i].type);
    }
    return out + ")";
}

}  // namespace

typed translator::call(const expression& e, const level& here) {
    if (!e.schema.empty()) {
        return fail(e.location,
                    fmt::format("the function {}.{} is not available over SQLite databases", e.schema, e.name),
                    "SQLite has no functions of users.");
    }
    const auto no = [&](const char* what, const char* hint) { return fail(e.location, what, hint); };
    if (e.call->variadic) return no("SQLite has no VARIADIC", "List the arguments.");
    if (e.call->within_group) return no("SQLite has no WITHIN GROUP", "Compute it in the program.");
    for (const expression& each : e.inner) {
        if (each.is(expression_kind::row) && !each.schema.empty())
            return no("SQLite has no arguments by name", "Give them in order.");
    }
    if (e.call->over) return window_call(e, here);
    if (is_window_function(e.name)) {
        return fail(e.location, fmt::format("window function {} requires an OVER clause", e.name), "Add OVER (…).",
                    "42809");
    }
    if (is_aggregate(e)) return aggregate(e, here);
    if (!e.call->order.empty() || e.call->distinct || !e.call->filter.empty())
        return no("DISTINCT, ORDER BY and FILTER belong to aggregates", "Leave them out.");
    std::vector<typed> arguments;
    for (const expression& each : e.inner) arguments.push_back(write(each, here));
    if (failed_) return {};
    return scalar_call(e, std::move(arguments));
}

std::string translator::write_filter(const expression& e, const level& here) {
    if (e.call->filter.empty()) return {};
    return fmt::format(" FILTER (WHERE {})", boolean(write(e.call->filter.front(), here), "FILTER").sql);
}

typed translator::aggregate(const expression& e, const level& here) {
    if (!e.call->order.empty()) {
        return fail(e.location, fmt::format("SQLite has no ORDER BY inside {}()", e.name),
                    "Sort the rows in the program.");
    }
    typed v{oid::int8, -1, {}, binding::primary, e.location};
    const std::string filter = write_filter(e, here);
    if (e.call->star) {
        v.sql = "count(*)" + filter;
        v.not_null = true;
        record_aggregate(v, nullptr);
        return v;
    }
    std::vector<typed> arguments;
    for (const expression& each : e.inner) arguments.push_back(write(each, here));
    if (failed_) return {};
    const std::size_t wanted = e.name == "string_agg" ? 2 : 1;
    const bool own = is_own_aggregate(e.name);
    if (!own && arguments.size() != wanted) {
        return fail(e.location, fmt::format("function {} does not exist", described(e, arguments)),
                    "Check its arguments.", "42883");
    }
    for (typed& each : arguments) {
        const bool infers_nothing = e.name == "count" && each.parameter > 0;  // it takes any type
        if (!infers_nothing) each = settle(std::move(each));
    }
    if (failed_) return {};
    if (!own && (e.name == "sum" || e.name == "avg")) return sum_of(e, std::move(arguments.front()), filter);
    if (!own && (e.name == "min" || e.name == "max")) return extreme_of(e, std::move(arguments.front()), filter);
    for (typed& each : arguments) each = as_kept(std::move(each));
    const typed& first = arguments.front();
    std::string name = e.name;
    if (own) {
        v.type = 0;
        v.is_own = true;
    } else if (e.name == "bool_and" || e.name == "every" || e.name == "bool_or") {
        if (first.type != oid::boolean) return no_aggregate(e, first);
        v.type = oid::boolean;
        name = e.name == "bool_or" ? "max" : "min";
    } else if (e.name == "string_agg") {
        if (!is_text(first.type)) return no_aggregate(e, first);
        for (typed& each : arguments) {
            if (each.type == oid::bpchar) each = as_text(std::move(each));
        }
        v.type = oid::text;
        name = "group_concat";
        if (e.call->distinct)
            return fail(e.location, "SQLite has no string_agg(DISTINCT …)", "Select distinct rows in a sub-query.");
    } else {
        v.not_null = true;  // count
    }
    if (e.call->distinct) arguments.front() = as_sorted(std::move(arguments.front()));
    std::vector<std::string> parts;
    for (const typed& each : arguments) parts.push_back(each.sql);
    v.sql = fmt::format("{}({}{}){}", name, e.call->distinct ? "DISTINCT " : "", joined(parts), filter);
    record_aggregate(v, &first);
    return v;
}

typed translator::no_aggregate(const expression& e, const typed& argument) {
    const bool sums =
        (e.name == "sum" || e.name == "avg") && (argument.type == oid::interval || argument.type == oid::time);
    if (sums) {
        return fail(e.location,
                    fmt::format("the function {} is not available over SQLite databases", described(e, {argument})),
                    "Add up extract(epoch from …), which gives seconds.");
    }
    if (e.name == "string_agg" && argument.type == oid::bytea) {
        return fail(e.location,
                    fmt::format("the function {} is not available over SQLite databases", described(e, {argument})),
                    "Put the values together in the program.");
    }
    return fail(e.location, fmt::format("function {} does not exist", described(e, {argument})),
                "Cast the argument, for example CAST(… AS numeric).", "42883");
}

// SQLite's own sum() and avg() add doubles, where exact numbers must be added exactly.
typed translator::sum_of(const expression& e, typed of, const std::string& filter) {
    typed v{0, -1, {}, binding::primary, e.location};
    const bool is_sum = e.name == "sum";
    const bool whole = is_integer(of.type);
    if (of.is_own) {
        v.is_own = true;
    } else if (category_of(of.type) != category::number) {
        return no_aggregate(e, of);
    } else if (is_float(of.type)) {
        v.type = oid::float8;
    } else {
        v.type = is_sum && whole && of.type != oid::int8 ? oid::int8 : oid::numeric;
        v.scale = !is_sum ? -1 : whole ? 0 : of.scale;
    }
    std::string name = e.name, scale;
    if (v.type == oid::numeric) {
        name = "ashlar_" + e.name;
        v.is_decimal = true;
        // SQLite takes DISTINCT with one argument only
        if (!e.call->distinct) scale = fmt::format(", {}", whole ? 0 : of.scale);
    }
    if (e.call->distinct) of = as_kept(std::move(of));
    v.sql = fmt::format("{}({}{}{}){}", name, e.call->distinct ? "DISTINCT " : "", of.sql, scale, filter);
    record_aggregate(v, &of);
    if (v.is_decimal && e.call->distinct && v.scale > 0) v.sql = fmt::format("pg_decimal({}, {})", v.sql, v.scale);
    return v;
}

typed translator::extreme_of(const expression& e, typed of, const std::string& filter) {
    if (!of.is_own && (of.type == oid::boolean || of.type == oid::uuid || of.type == oid::json ||
                       of.type == oid::bytea || of.type == 0)) {
        return no_aggregate(e, of);
    }
    typed v{of.type, -1, {}, binding::primary, e.location};
    if (v.type == oid::varchar) v.type = oid::text;
    if (v.type == oid::numeric) v.modifier = of.modifier;
    v.scale = of.scale;
    v.is_own = of.is_own;
    v.is_decimal = of.is_decimal;
    of = as_sorted(std::move(of));
    v.sql = fmt::format("{}({}{}){}", e.name, e.call->distinct ? "DISTINCT " : "", of.sql, filter);
    record_aggregate(v, &of);
    return v;
}

void translator::record_aggregate(const typed& call, const typed* argument) {
    if (!recording_) return;
    aggregate_types types;
    types.result = as_shown(call);
    if (argument != nullptr) types.argument = as_shown(*argument);
    const auto [at, is_new] = aggregates_.emplace(call.sql, types);
    if (is_new || !at->second) return;
    if (at->second->result != types.result || at->second->argument != types.argument) at->second.reset();
}

std::string translator::write_over(const expression& e, const level& here) {
    const sql::call_facts& c = *e.call;
    if (!c.window_name.empty()) {
        (void)fail(e.location, "SQLite databases take no named windows here", "Write the window in OVER (…).");
        return {};
    }
    std::vector<std::string> parts, items;
    for (std::size_t i = 0; i < c.partition_count; ++i) {
        typed v = settle(write(c.window[i], here));
        items.push_back(as_key(std::move(v)).sql);
    }
    if (!items.empty()) parts.push_back("PARTITION BY " + joined(items));
    items.clear();
    for (const sql::sort_item& each : c.window_order) {
        const typed v = settle(write(each.value, here));
        items.push_back(sorted_by(as_sorted(v), each));
    }
    if (!items.empty()) parts.push_back("ORDER BY " + joined(items));
    std::string frame = c.frame;
    std::size_t bound = c.window.size() - c.bound_count;
    for (std::size_t at = frame.find('?'); at != frame.npos; at = frame.find('?', at + 1)) {
        const typed n = resolve(write(c.window.at(bound++), here), {oid::int8, -1});
        if (!is_integer(n.type)) {
            (void)fail(e.location,
                       "a window frame over a distance other than an integer is not available over SQLite databases",
                       "Use ROWS with an integer.");
            return {};
        }
        frame.replace(at, 1, n.sql);
    }
    if (!frame.empty()) parts.push_back(frame);
    return fmt::format(" OVER ({})", joined(parts, " "));
}

typed translator::window_call(const expression& e, const level& here) {
    typed v;
    if (!is_window_function(e.name)) {
        if (e.call->distinct) {
            return fail(e.location, "DISTINCT is not implemented for window functions", "Leave it out.");
        }
        const bool recording = std::exchange(recording_, false);  // it is no aggregate of the query
        v = aggregate(e, here);
        recording_ = recording;
    } else {
        std::vector<typed> arguments;
        for (const expression& each : e.inner) arguments.push_back(write(each, here));
        if (failed_) return {};
        v = typed{oid::int8, -1, {}, binding::primary, e.location};
        const bool moves = e.name == "lag" || e.name == "lead";
        const bool picks = moves || e.name == "first_value" || e.name == "last_value" || e.name == "nth_value";
        if (picks && !arguments.empty()) {
            std::vector<typed> values{arguments.front()};
            if (moves && arguments.size() == 3) values.push_back(arguments[2]);
            unify(values, e.name, e.location);
            if (failed_) return {};
            if (arguments.size() > 1) arguments[1] = resolve(std::move(arguments[1]), {oid::int4, -1});
            arguments.front() = values.front();
            if (values.size() > 1) arguments[2] = values[1];
            v.type = values.front().type;
            v.scale = values.front().scale;
            v.is_decimal = values.front().is_decimal;
            v.is_own = values.front().is_own;
        } else if (e.name == "ntile") {
            for (typed& each : arguments) each = resolve(std::move(each), {oid::int4, -1});
            v.type = oid::int4;
        } else if (e.name == "percent_rank" || e.name == "cume_dist") {
            v.type = oid::float8;
        }
        std::vector<std::string> parts;
        for (const typed& each : arguments) parts.push_back(each.sql);
        v.sql = fmt::format("{}({})", e.name, joined(parts));
    }
    v.sql += write_over(e, here);
    v.not_null = false;
    return v;
}

// --- scalar functions -------------------------------------------------------------------------------------------------

typed translator::scalar_call(const expression& e, std::vector<typed> arguments) {
    typed v{0, -1, {}, binding::primary, e.location};
    if (e.name == "version" && arguments.empty()) {
        v.type = oid::text;
        v.sql = "'PostgreSQL 15.0 (Ashlar over SQLite)'";
        return v;
    }
    if (e.name == "current_database" && arguments.empty())
        return session_value(session_name::database, oid::name, e.location);
    if (e.name == "current_schema" && arguments.empty()) {
        v.type = oid::name;
        v.sql = "'public'";
        return v;
    }
    if (e.name == "concat" && !arguments.empty()) {
        std::vector<std::string> parts;
        for (typed& each : arguments) {
            // as its output function writes it, where a cast would say true
            if (each.type == oid::boolean && !each.is_null) {
                each.sql = fmt::format("substr(pg_boolean_text({}), 1, 1)", each.sql);
                each.type = oid::text;
                each.holds = binding::primary;
            }
            if (each.type != oid::bpchar) each = as_text(std::move(each));  // which keeps its blanks here
            parts.push_back(each.not_null ? wrap(each, binding::primary) : fmt::format("ifnull({}, '')", each.sql));
        }
        v.type = oid::text;
        v.not_null = true;
        v.sql = fmt::format("({})", joined(parts, " || "));
        if (parts.size() == 1) v.sql = parts.front();
        return v;
    }
    if (e.name == "octet_length" && arguments.size() == 1 && arguments.front().type == oid::bpchar) {
        v.type = oid::int4;
        v.sql = fmt::format("length(CAST({} AS BLOB))", arguments.front().sql);
        v.not_null = arguments.front().not_null;
        return v;
    }
    const auto all = signatures();
    const signature* best = nullptr;
    int best_fit = -1;
    bool ambiguous = false;
    bool known_name = false;
    for (const signature& each : all) {
        if (each.name != e.name) continue;
        known_name = true;
        if (each.arguments.size() != arguments.size()) continue;
        const int fit = fitness(each, arguments);
        ambiguous = fit >= 0 && (fit == best_fit || (ambiguous && fit < best_fit));
        if (fit > best_fit) {
            best = &each;
            best_fit = fit;
        }
    }
    const bool date_of_text = e.name == "date" && (arguments.size() != 1 || arguments.front().type == oid::unknown ||
                                                   is_text(arguments.front().type));
    if ((best == nullptr || date_of_text) && is_own_function(e.name, arguments.size()))
        return own_call(e, std::move(arguments));
    const bool untyped = !arguments.empty() && std::all_of(arguments.begin(), arguments.end(), is_untyped);
    const bool undecided = best != nullptr && std::any_of(arguments.begin(), arguments.end(), is_untyped) &&
                           is_undecided(e.name, arguments);
    if (best != nullptr && ((ambiguous && untyped) || undecided)) {
        return fail(e.location, fmt::format("function {} is not unique", described(e, arguments)), "Cast an argument.",
                    "42725");
    }
    if (best != nullptr && !best->written.empty()) {
        int scale = -1;
        for (std::size_t i = 0; i < arguments.size(); ++i) {
            const std::uint32_t wanted = type_of_letter(best->arguments[i]);
            arguments[i] = resolve(std::move(arguments[i]), {wanted, -1});
            if (failed_) return {};
            if (i == 1 && best->result == 'n' && arguments[i].literal) {
                (void)std::from_chars(arguments[i].literal->data(),
                                      arguments[i].literal->data() + arguments[i].literal->size(), scale);
            }
            if (!arguments[i].is_own) arguments[i] = implicit(std::move(arguments[i]), wanted);
            if (wanted == oid::numeric) arguments[i] = as_decimal(std::move(arguments[i]));
        }
        v.type = type_of_letter(best->result);
        v.is_decimal = v.type == oid::numeric;
        if (v.is_decimal) {
            const bool keeps = e.name == "abs" || e.name == "mod";
            v.scale = keeps ? arguments.front().scale : e.name == "round" || e.name == "trunc" ? std::max(scale, 0) : 0;
            if (e.name == "extract" || (keeps && arguments.size() > 1)) v.scale = -1;
            if ((e.name == "round" || e.name == "trunc") && arguments.size() == 2 && scale < 0) v.scale = -1;
        }
        v.not_null = std::all_of(arguments.begin(), arguments.end(), [](const typed& a) { return a.not_null; });
        v.sql = filled(best->written, arguments);
        if (e.name == "abs" || e.name == "floor") v.literal.reset();
        return v;
    }
    catalogue of_postgres;
    const bool exists = facts_of_function(of_postgres, "", e.name, arguments.size()).how != behaviour::unknown;
    if (exists || (best != nullptr && known_name)) {
        if (known_name && best == nullptr) {
            return fail(e.location,
                        fmt::format("function {} does not exist, or is not available over SQLite databases",
                                    described(e, arguments)),
                        "Cast the arguments to the types that it takes.", "42883");
        }
        return fail(e.location,
                    fmt::format("the function {} is not available over SQLite databases", described(e, arguments)),
                    "Compute it in the program, or with functions that SQLite has.");
    }
    return fail(e.location, fmt::format("function {} does not exist", described(e, arguments)),
                "Check the name; SQLite has no functions of users.", "42883");
}

typed translator::own_call(const expression& e, std::vector<typed> arguments) {
    typed v{0, -1, {}, binding::primary, e.location};
    v.is_own = true;
    std::vector<std::string> parts;
    for (typed& each : arguments) {
        each = as_kept(settle(std::move(each)));
        parts.push_back(each.sql);
    }
    v.sql = fmt::format("{}({})", e.name, joined(parts));
    return v;
}

}  // namespace ashlar::route::sqlite
