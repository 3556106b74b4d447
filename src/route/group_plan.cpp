#include "route/group_plan.hpp"

#include "core/quoting.hpp"
#include "route/functions.hpp"
#include "route/refusal.hpp"
#include "route/row_plan.hpp"
#include "route/types.hpp"
#include "sql/names.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace ashlar::route {

using sql::expression;
using sql::expression_kind;

const expression& group_expression(const select_question& q, const select_parts& parts, const expression& e) {
    if (const auto position = position_in(e)) {
        if (*position >= 1 && *position <= q.query.items.size()) return q.query.items[*position - 1].value;
        return e;
    }
    // a bare name is a column of FROM first, an output column second: the opposite of ORDER BY
    if (e.is(expression_kind::column) && e.path.size() == 1 && !q.tables.resolve(e)) {
        const auto named = parts.items_named(e.path[0]);
        if (named.size() == 1) return q.query.items[named.front()].value;
    }
    return e;
}

namespace {

constexpr auto fix_key =
    "Select the aggregates themselves and compute with them afterwards, or group by the shard key too.";

// What the translation to SQLite calls the sums that it computes exactly.
std::string exact_name(std::string_view aggregate) {
    return fmt::format("ashlar_{}", aggregate);
}
std::string_view plain_name(std::string_view name) {
    if (name == exact_name("sum") || name == exact_name("avg")) name.remove_prefix(exact_name("").size());
    return name;
}

std::optional<combine> combine_named(std::string_view name, dialect engine) {
    static constexpr auto names = std::to_array<std::pair<std::string_view, combine>>({
        {"count", combine::count},
        {"sum", combine::sum},
        {"min", combine::min},
        {"max", combine::max},
        {"avg", combine::avg},
    });
    static constexpr auto postgres = std::to_array<std::pair<std::string_view, combine>>({
        {"bool_and", combine::bool_and},
        {"every", combine::bool_and},
        {"bool_or", combine::bool_or},
        {"bit_and", combine::bit_and},
        {"bit_or", combine::bit_or},
    });
    for (const auto& [n, c] : names) {
        if (n == name || (engine == dialect::sqlite && name == exact_name(n))) return c;
    }
    for (const auto& [n, c] : postgres) {
        if (n == name && engine == dialect::postgres) return c;
    }
    return std::nullopt;
}

class group_planner {
public:
    group_planner(const select_question& q, const select_parts& parts, select_text text)
        : q_(q), parts_(parts), text_(std::move(text)) {}

    result<several_plan> run() {
        out_.dialect = q_.known.dialect;
        out_.types = q_.known.types;
        out_.database_text = q_.known.default_collation;
        out_.grouped = true;
        out_.visible_columns = q_.query.items.size();
        if (parts_.has_star())
            return refusal(q_.text, q_.query.location, "* beside aggregates or GROUP BY", "Name the columns.");
        if (q_.types != nullptr) text_.show(q_.types->columns);
        if (status s = plan_keys(); !s) return std::move(s).error();
        for (std::size_t i = 0; i < q_.query.items.size(); ++i) {
            if (status s = plan_item(i); !s) return std::move(s).error();
        }
        if (!q_.query.having.empty()) {
            if (status s = plan_having(); !s) return std::move(s).error();
        }
        if (q_.query.distinct) {
            for (const sql::select_item& i : q_.query.items) {
                if (auto no = parts_.refuse_equality(i.value, "DISTINCT", i.location)) return std::move(*no);
            }
            out_.distinct = true;
            text_.drop_distinct();
        }
        for (std::size_t i = 0; i < q_.query.order.size(); ++i) {
            if (status s = plan_order(i); !s) return std::move(s).error();
        }
        text_.drop_order();
        auto limit = read_count(q_, q_.query.limit, "LIMIT");
        if (!limit) return std::move(limit).error();
        auto offset = read_count(q_, q_.query.offset, "OFFSET");
        if (!offset) return std::move(offset).error();
        out_.limit = *limit;
        out_.offset = *offset;
        text_.drop_limits();
        return text_.finish(std::move(out_));
    }

private:
    status plan_keys() {
        for (std::size_t i = 0; i < q_.query.group_by.size(); ++i) {
            const expression& written = q_.query.group_by[i];
            const expression& key = group_expression(q_, parts_, written);
            if (&key == &written && written.is(expression_kind::constant)) {
                return refusal(q_.text, written.location, "GROUP BY a constant", "Leave it out.");
            }
            // a name that may be a column of a table whose columns are not known, or a select item's
            if (&key != &written && written.is(expression_kind::column) && columns_unknown()) {
                return refusal(q_.text, written.location, "GROUP BY a name that cannot be resolved",
                               "Qualify the column with its table.");
            }
            if (parts_.has_aggregate(key))
                return refusal(q_.text, written.location, "GROUP BY an aggregate", "Group by a column.");
            if (auto no = parts_.refuse_equality(key, "GROUP BY", written.location)) return std::move(*no);
            std::size_t column = q_.query.items.size();
            for (std::size_t at = 0; at < q_.query.items.size(); ++at) {
                if (&q_.query.items[at].value == &key ||
                    sql::same(parts_.bare(q_.query.items[at].value), parts_.bare(key))) {
                    column = at;
                    break;
                }
            }
            if (column == q_.query.items.size()) {
                column += text_.add_helper(fmt::format("({})", text_.of(text_.group_item(i))), type_of_group(i));
            }
            keys_.push_back({&key, column, type_of_group(i).type});
            out_.group_keys.push_back(column);
            out_.group_key_text.push_back(parts_.text_of(key));
        }
        return {};
    }

    shown_type type_of_group(std::size_t i) const {
        return q_.types != nullptr && i < q_.types->groups.size() ? q_.types->groups[i] : shown_type{};
    }

    bool columns_unknown() const {
        const auto& scope = q_.tables.outermost_scope().relations;
        return std::any_of(scope.begin(), scope.end(), [&](std::size_t at) {
            const relation& r = q_.tables.relations()[at];
            return r.renamed || (r.table ? r.table->columns.empty() : !r.columns_known);
        });
    }

    std::optional<std::size_t> key_column(const expression& e) const {
        const group_key* const found = key_of(e);
        return found != nullptr ? std::optional{found->column} : std::nullopt;
    }

    struct group_key {
        const expression* value;
        std::size_t column;
        std::uint32_t type;  // 0 = not told
    };
    const group_key* key_of(const expression& e) const {
        for (const group_key& key : keys_) {
            if (key.value == &e || sql::same(*key.value, e) || sql::same(parts_.bare(*key.value), parts_.bare(e)))
                return &key;
        }
        return nullptr;
    }

    // The same for every row of a group: made of the group's keys and constants alone.
    bool is_of_group(const expression& e) const {
        if (key_column(e)) return true;
        switch (e.kind) {
            case expression_kind::constant:
            case expression_kind::parameter:
                return true;
            case expression_kind::column:
            case expression_kind::star:
            case expression_kind::subquery:
            case expression_kind::grouping:
            case expression_kind::unknown:
            case expression_kind::default_:
            case expression_kind::current_of:
                return false;
            case expression_kind::function:
                if (parts_.is_aggregate(e) || e.call->over || !e.call->filter.empty() || !e.call->order.empty() ||
                    facts_of_function(q_.known, e.schema, e.name, e.inner.size()).returns_set) {
                    return false;
                }
                break;
            default:
                break;
        }
        return std::all_of(e.inner.begin(), e.inner.end(), [&](const expression& i) { return is_of_group(i); });
    }

    error refuse_mixed(const expression& e, int location) const {
        if (parts_.has_aggregate(e)) {
            return refusal(q_.text, location, "an expression over aggregates", fix_key);
        }
        return refusal(q_.text, location, "a value that is neither an aggregate nor in GROUP BY",
                       "Add it to GROUP BY.");
    }

    status refuse_call(const expression& e) const {
        const auto no = [&](std::string_view what) -> status { return refusal(q_.text, e.location, what, fix_key); };
        const auto how = e.schema.empty() ? combine_named(e.name, q_.known.dialect) : std::nullopt;
        const std::string_view name = plain_name(e.name);
        if (!how) return no(fmt::format("the aggregate {}() over several shards", name));
        if (e.call->within_group || !e.call->order.empty() || e.call->variadic) {
            return no(fmt::format("ORDER BY or VARIADIC inside {}()", name));
        }
        const std::size_t wanted = e.call->star ? 0 : name != e.name && !e.call->distinct ? 2 : 1;
        if (e.inner.size() != wanted) return no(fmt::format("{}() with these arguments", name));
        if (e.call->distinct && *how != combine::min && *how != combine::max) {
            // values of the shard key live on one shard each, so that their counts add up
            const bool adds_up =
                *how == combine::count && parts_.is_whole_key(e.inner.front()) && e.call->filter.empty();
            if (!adds_up) return no(fmt::format("{}(DISTINCT …) over several shards", name));
        }
        if (e.inner.empty()) return {};
        const expression& of = e.inner.front();
        if (parts_.has_aggregate(of)) return no("an aggregate of an aggregate");
        if (q_.types != nullptr && types_of(e) == nullptr) {
            return no(fmt::format("{}() of a literal that has several types", name));
        }
        if (*how == combine::min || *how == combine::max) {
            if (auto why = parts_.refuse_order(of, fmt::format("{}()", e.name), e.location)) return std::move(*why);
        }
        if (q_.types == nullptr && (*how == combine::sum || *how == combine::avg)) {
            const std::uint32_t type = parts_.type_of(of);
            if (parts_.is_foreign_type(of) || (type != 0 && !is_number(type)))
                return no(fmt::format("{}() of this type", e.name));
            // four bytes round so early that the order of the rows shows: the shards' sums would come out differently
            if (*how == combine::sum && type == oid::float4) {
                return refusal(q_.text, e.location, "sum() over real", "Write sum(CAST(… AS double precision)).");
            }
        }
        return {};
    }

    shown_type shown_count() const {
        shown_type t;
        if (is_sqlite()) t.type = oid::int8;
        return t;
    }

    output output_of(const expression& call, std::size_t column, std::size_t count_column) const {
        output out;
        out.how = *combine_named(call.name, q_.known.dialect);
        out.column = column;
        out.count_column = count_column;
        const aggregate_types* const told = types_of(call);
        if (told != nullptr) {
            out.type = told->result.type;
            out.argument_type = told->argument.type;
        } else if (!is_sqlite()) {
            out.type = parts_.type_of(call);
        }
        if (!call.inner.empty()) {
            if (!is_sqlite()) out.argument_type = parts_.type_of(call.inner.front());
            out.text = parts_.text_of(call.inner.front());
        }
        return out;
    }

    bool is_sqlite() const noexcept { return q_.known.dialect == dialect::sqlite; }

    // SQLite: as the translation told them; nullptr: it did not.
    const aggregate_types* types_of(const expression& call) const {
        if (q_.types == nullptr) return nullptr;
        const auto at = text_.call(call);
        if (!at) return nullptr;
        const auto found = q_.types->aggregates.find(text_.of(at->whole));
        return found != q_.types->aggregates.end() && found->second ? &*found->second : nullptr;
    }

    // What the shards send in place of the aggregate: for avg() the sum.
    std::string partial_of(const expression& call, const sql::call_parts& at) const {
        if (call.name == exact_name("avg")) {
            return exact_name("sum") + std::string{q_.text.substr(at.name.end, at.whole.end - at.name.end)};
        }
        if (call.name == "avg") return sum_for_avg(call, at);
        return std::string{text_.of(at.whole)};
    }
    // Its values, counted: without the scale that stands behind them in an exact mean.
    std::string count_for_avg(const expression& call, const sql::call_parts& at) const {
        std::size_t end = at.arguments.end;
        if (call.inner.size() > 1) end = q_.text.rfind(',', static_cast<std::size_t>(call.inner[1].location));
        return fmt::format("count({}{}", q_.text.substr(at.arguments.begin, end - at.arguments.begin),
                           q_.text.substr(at.arguments.end, at.whole.end - at.arguments.end));
    }
    shown_type shown_partial(const expression& call) const {
        const aggregate_types* const told = types_of(call);
        if (told == nullptr) return {};
        shown_type shown = told->result;
        if (plain_name(call.name) == "avg" && shown.type == oid::numeric) shown.scale = told->argument.scale;
        return shown;
    }

    // sum(float4) would round to four bytes where avg(float4) keeps eight. Of values whose type is not known, SQLite's avg()
    // adds doubles.
    std::string sum_for_avg(const expression& call, const sql::call_parts& at) const {
        const std::string_view rest = q_.text.substr(at.arguments.end, at.whole.end - at.arguments.end);
        std::string argument{text_.of(at.arguments)};
        if (!is_sqlite() && parts_.type_of(call.inner.front()) == oid::float4) {
            argument = fmt::format("CAST({} AS float8)", argument);
        }
        const aggregate_types* const told = types_of(call);
        const bool untyped = is_sqlite() && (told == nullptr || !told->argument.is_known());
        return fmt::format("{}({}{}", untyped ? "total" : "sum", argument, rest);
    }

    status plan_item(std::size_t i) {
        const sql::select_item& item = q_.query.items[i];
        if (!parts_.is_aggregate(item.value)) {
            if (!is_of_group(item.value)) return refuse_mixed(item.value, item.location);
            output o;
            o.column = i;
            o.text = parts_.text_of(item.value);
            out_.outputs.push_back(std::move(o));
            return {};
        }
        if (status s = refuse_call(item.value); !s) return s;
        std::size_t count_column = 0;
        if (q_.types != nullptr) text_.show_item(i, shown_partial(item.value));
        if (plain_name(item.value.name) == "avg") {
            auto at = text_.call(item.value);
            if (!at) return std::move(at).error();
            text_.replace(at->whole, partial_of(item.value, *at));
            if (item.alias.empty()) text_.insert(text_.item(i).end, " AS \"avg\"");
            count_column = q_.query.items.size() + text_.add_helper(count_for_avg(item.value, *at), shown_count());
        }
        out_.outputs.push_back(output_of(item.value, i, count_column));
        return {};
    }

    // The output that holds a value which ORDER BY or HAVING asks for; a new one behind the visible ones if there is none.
    result<std::size_t> output_for(const expression& given, std::string_view own_text, shown_type own,
                                   std::string_view clause) {
        const expression& e = parts_.bare(given);
        for (std::size_t i = 0; i < q_.query.items.size(); ++i) {
            if (sql::same(q_.query.items[i].value, e)) return i;
        }
        for (const auto& [made, at] : extra_) {
            if (sql::same(*made, e)) return at;
        }
        const std::size_t first = q_.query.items.size();
        output o;
        if (parts_.is_aggregate(e)) {
            if (status s = refuse_call(e); !s) return std::move(s).error();
            auto at = text_.call(e);
            if (!at) return std::move(at).error();
            const bool avg = plain_name(e.name) == "avg";
            const std::size_t column = first + text_.add_helper(partial_of(e, *at), shown_partial(e));
            o = output_of(e, column, avg ? first + text_.add_helper(count_for_avg(e, *at), shown_count()) : 0);
        } else if (const auto column = key_column(e)) {
            o.column = *column;
            o.text = parts_.text_of(e);
        } else if (is_of_group(e) && !own_text.empty()) {
            o.column = first + text_.add_helper(fmt::format("({})", own_text), own);
            o.text = parts_.text_of(e);
        } else {
            if (parts_.has_aggregate(e))
                return refusal(q_.text, e.location, fmt::format("an expression over aggregates in {}", clause),
                               fix_key);
            return refusal(q_.text, e.location,
                           fmt::format("a value in {} that is neither an aggregate nor in GROUP BY", clause),
                           "Add it to GROUP BY.");
        }
        out_.outputs.push_back(std::move(o));
        extra_.emplace_back(&e, out_.outputs.size() - 1);
        return out_.outputs.size() - 1;
    }

    status plan_order(std::size_t i) {
        const sql::sort_item& item = q_.query.order[i];
        if (item.uses_operator) return refusal(q_.text, item.value.location, "ORDER BY … USING", "Use ASC or DESC.");
        sort_key key = direction_of(item, q_.known.dialect);
        const expression* value = &item.value;
        std::optional<std::size_t> column;
        if (const auto position = position_in(item.value)) {
            if (*position == 0 || *position > q_.query.items.size()) {
                return refusal_of(errc::invalid_argument, q_.text, item.value.location,
                                  fmt::format("ORDER BY position {} is not in the select list", item.value.name), "")
                    .sqlstate("42P10");
            }
            column = *position - 1;
        } else if (item.value.is(expression_kind::constant)) {
            return refusal(q_.text, item.value.location, "ORDER BY a constant", "Leave it out.");
        } else if (item.value.is(expression_kind::column) && item.value.path.size() == 1) {
            const auto named = parts_.items_named(item.value.path[0]);
            for (const std::size_t n : named) {
                if (!sql::same(q_.query.items[n].value, q_.query.items[named.front()].value)) {
                    return refusal_of(errc::bad_value, q_.text, item.value.location,
                                      fmt::format("ORDER BY \"{}\" is ambiguous", item.value.path[0]),
                                      "Two output columns have this name: sort by the column's position.")
                        .sqlstate("42702");
                }
            }
            if (!named.empty()) column = named.front();
        }
        if (column) {
            value = &q_.query.items[*column].value;
        } else {
            if (auto no = refuse_alias_inside(q_, parts_, item.value)) return std::move(*no);
            const bool told = q_.types != nullptr && i < q_.types->orders.size();
            const shown_type own = told ? q_.types->orders[i] : shown_type{};
            auto found = output_for(item.value, text_.of(text_.order_item(i)), own, "ORDER BY");
            if (!found) return std::move(found).error();
            if (q_.query.distinct && *found >= q_.query.items.size()) {
                return refusal(q_.text, item.value.location,
                               "SELECT DISTINCT with ORDER BY an expression that is not selected",
                               "Select the expression too.");
            }
            column = *found;
        }
        value = &parts_.bare(*value);
        const bool extreme =
            parts_.is_aggregate(*value) && (value->name == "min" || value->name == "max") && !value->inner.empty();
        const expression& ordered = extreme ? value->inner.front() : *value;
        if (auto no = parts_.refuse_order(ordered, "ORDER BY", item.value.location)) return std::move(*no);
        key.column = *column;
        key.text = parts_.text_of(ordered);
        out_.order.push_back(std::move(key));
        return {};
    }

    // HAVING without aggregates speaks of whole groups' keys, and each shard may apply it to its part of them.
    status plan_having() {
        const expression& all = q_.query.having.front();
        if (!parts_.has_aggregate(all)) {
            if (is_of_group(all) && !out_.group_keys.empty()) return {};
            return refusal(q_.text, all.location, "HAVING over values that are not in GROUP BY",
                           "Use WHERE, or add them to GROUP BY.");
        }
        auto made = condition_of(all);
        if (!made) return std::move(made).error();
        out_.having = std::move(*made);
        text_.drop_having();
        return {};
    }

    error refuse_having(const expression& e) const {
        return refusal(q_.text, e.location, "HAVING by this condition",
                       "Compare aggregates and group keys with constants or parameters, joined by AND, OR and NOT.");
    }

    static condition of(condition::kind what, std::vector<condition> inner) {
        condition out;
        out.what = what;
        out.inner = std::move(inner);
        return out;
    }

    result<condition> compared(condition::kind what, const expression& a, const expression& b) {
        const std::uint32_t x = comparable_type(a), y = comparable_type(b);
        const bool equality = what == condition::kind::eq || what == condition::kind::ne;
        const std::uint32_t known = x != 0 ? x : y;
        // text is only compared for equality, and nothing is compared whose type is not known
        if (known == 0 || (is_text_like(known) && !equality)) return refuse_having(a);
        if (x != 0 && y != 0 && x != y && !(is_number(x) && is_number(y))) return refuse_having(a);
        auto left = operand(a);
        if (!left) return left;
        auto right = operand(b);
        if (!right) return right;
        std::vector<condition> both;
        both.push_back(std::move(*left));
        both.push_back(std::move(*right));
        return of(what, std::move(both));
    }

    // Of an operand: constants in quotes and parameters take the other side's type, and give 0.
    std::uint32_t comparable_type(const expression& given) const {
        const expression& e = parts_.bare(given);
        if (e.is(expression_kind::parameter)) return 0;
        if (e.is(expression_kind::constant)) {
            const bool number = e.literal == sql::literal_kind::integer || e.literal == sql::literal_kind::number;
            return number ? std::uint32_t{oid::numeric} : 0;
        }
        if (q_.types != nullptr) {
            if (const aggregate_types* told = parts_.is_aggregate(e) ? types_of(e) : nullptr) return told->result.type;
            const group_key* const key = key_of(e);
            return key != nullptr ? key->type : 0;
        }
        if (parts_.is_aggregate(e)) {
            if (e.name == "count") return oid::int8;
            if (e.name == "sum" || e.name == "avg") {
                const std::uint32_t type = parts_.type_of(e);
                return type != 0 ? type : std::uint32_t{oid::numeric};
            }
        }
        return parts_.type_of(e);
    }

    result<condition> operand(const expression& given) {
        const expression& e = parts_.bare(given);
        condition out;
        if (e.is(expression_kind::parameter) && e.number > 0) {
            out.what = condition::kind::parameter;
            out.parameter = static_cast<std::size_t>(e.number - 1);
            return out;
        }
        if (e.is(expression_kind::constant) && e.literal != sql::literal_kind::null &&
            e.literal != sql::literal_kind::bits) {
            out.what = condition::kind::constant;
            out.constant = e.name;
            const bool number = e.literal == sql::literal_kind::integer || e.literal == sql::literal_kind::number;
            out.type = number ? oid::numeric : e.literal == sql::literal_kind::boolean ? oid::boolean : oid::unknown;
            return out;
        }
        if (!parts_.is_aggregate(e) && !key_column(e)) return refuse_having(e);
        auto at = output_for(e, {}, {}, "HAVING");
        if (!at) return std::move(at).error();
        out.what = condition::kind::column;
        out.column = *at;
        return out;
    }

    result<condition> condition_of(const expression& e) {
        using kind = condition::kind;
        switch (e.kind) {
            case expression_kind::and_:
            case expression_kind::or_:
            case expression_kind::not_: {
                std::vector<condition> inner;
                for (const expression& i : e.inner) {
                    auto made = condition_of(i);
                    if (!made) return made;
                    inner.push_back(std::move(*made));
                }
                return of(e.is(expression_kind::and_)  ? kind::and_
                          : e.is(expression_kind::or_) ? kind::or_
                                                       : kind::not_,
                          std::move(inner));
            }
            case expression_kind::null_test: {
                auto inner = operand(e.inner.front());
                if (!inner) return inner;
                std::vector<condition> one;
                one.push_back(std::move(*inner));
                return of(e.negated ? kind::is_not_null : kind::is_null, std::move(one));
            }
            case expression_kind::operation: {
                static constexpr auto operators = std::to_array<std::pair<std::string_view, kind>>({
                    {"=", kind::eq},
                    {"<>", kind::ne},
                    {"<", kind::lt},
                    {"<=", kind::le},
                    {">", kind::gt},
                    {">=", kind::ge},
                });
                for (const auto& [name, what] : operators) {
                    if (name == e.name && e.schema.empty() && e.inner.size() == 2)
                        return compared(what, e.inner[0], e.inner[1]);
                }
                return refuse_having(e);
            }
            case expression_kind::between: {
                if (!e.name.empty() || e.inner.size() != 3) return refuse_having(e);
                auto low = compared(kind::ge, e.inner[0], e.inner[1]);
                if (!low) return low;
                auto high = compared(kind::le, e.inner[0], e.inner[2]);
                if (!high) return high;
                std::vector<condition> both;
                both.push_back(std::move(*low));
                both.push_back(std::move(*high));
                condition range = of(kind::and_, std::move(both));
                if (!e.negated) return range;
                std::vector<condition> one;
                one.push_back(std::move(range));
                return of(kind::not_, std::move(one));
            }
            default:
                return refuse_having(e);
        }
    }

    const select_question& q_;
    const select_parts& parts_;
    select_text text_;
    recipe out_;
    std::vector<group_key> keys_;
    std::vector<std::pair<const expression*, std::size_t>> extra_;
};

}  // namespace

result<several_plan> plan_groups(const select_question& q, const select_parts& parts, select_text text) {
    return group_planner{q, parts, std::move(text)}.run();
}

}  // namespace ashlar::route
