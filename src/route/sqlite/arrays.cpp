// ANY and ALL over arrays. SQLite has none: a list in the text becomes one comparison for each element, and an array that comes
// as a parameter is read by pg_array() of the driver. The planner knows that form again (route/array_list.hpp).
#include "core/array_value.hpp"
#include "route/sqlite/translator.hpp"
#include "route/types.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route::sqlite {

using sql::expression;
using sql::expression_kind;
using sql::literal_kind;

namespace {

// The array itself, and the type of its elements where casts tell it.
struct given_array {
    const expression* bare = nullptr;
    std::uint32_t element = 0;
    bool is_cast = false;
};

given_array without_casts(const expression& e) {
    given_array out{&e, 0, false};
    while (out.bare->is(expression_kind::cast) && out.bare->type->is_array) {
        if (out.element == 0) {
            sql::type_name element = *out.bare->type;
            element.is_array = false;
            out.element = type_named(element);
        }
        out.is_cast = true;
        out.bare = &out.bare->inner.front();
    }
    return out;
}

expression text_constant(const std::optional<std::string>& text, int location) {
    expression e;
    e.kind = expression_kind::constant;
    e.literal = text ? literal_kind::string : literal_kind::null;
    e.name = text.value_or("");
    e.location = location;
    return e;
}

expression as_cast(expression of, const sql::type_name& array) {
    expression e;
    e.kind = expression_kind::cast;
    e.location = of.location;
    sql::type_name element = array;
    element.is_array = false;
    e.type = std::make_shared<const sql::type_name>(std::move(element));
    e.inner.push_back(std::move(of));
    return e;
}

}  // namespace

typed translator::any_of_array(const expression& e, const level& here) {
    const bool any = e.is(expression_kind::any_of);
    const given_array array = without_casts(e.inner[1]);
    if (array.is_cast && !is_supported(array.element) && array.element != oid::interval)
        return fail(e.location, "SQLite has no arrays of this type", "Write IN (…).");
    if (array.bare->is(expression_kind::parameter)) return any_of_parameter(e, *array.bare, array.element, here);
    std::vector<expression> elements;
    if (array.bare->is(expression_kind::array)) {
        elements = array.bare->inner;
    } else if (array.bare->is(expression_kind::constant) && array.bare->literal == literal_kind::string) {
        const auto read = array_elements(array.bare->name);
        if (!read) {
            return fail(array.bare->location, fmt::format("malformed array literal: \"{}\"", array.bare->name),
                        "Write the elements in braces: '{1,2}'.", "22P02");
        }
        for (const auto& each : *read) elements.push_back(text_constant(each, array.bare->location));
    } else {
        return fail(e.location, "SQLite has no ANY or ALL over an array that is computed",
                    "Send the array as a parameter, or write IN (…).");
    }
    if (array.is_cast) {
        for (expression& each : elements) each = as_cast(std::move(each), *e.inner[1].type);
    } else if (array.bare->is(expression_kind::array)) {
        std::vector<typed> values;
        for (const expression& each : elements) values.push_back(write(each, here));
        if (values.empty()) return fail(e.location, "cannot determine type of empty array", "Cast it.", "42P18");
        const bool untyped = std::all_of(values.begin(), values.end(), is_untyped);
        sql::type_name text;
        text.name = "text";
        if (untyped) {
            for (expression& each : elements) each = as_cast(std::move(each), text);
        }
    }
    if (failed_) return {};
    return each_element(e, any, std::move(elements), here);
}

// As a list, or as one comparison for each.
typed translator::each_element(const expression& e, bool any, std::vector<expression> elements, const level& here) {
    if (elements.empty()) {
        (void)write(e.inner.front(), here);
        return {oid::boolean, -1, any ? "FALSE" : "TRUE", binding::primary, e.location, {}, 0, false, true};
    }
    expression each;
    each.location = e.location;
    const bool pattern = e.name == "~~" || e.name == "~~*" || e.name == "!~~" || e.name == "!~~*";
    if ((any && e.name == "=") || (!any && e.name == "<>")) {
        each.kind = expression_kind::in_list;
        each.name = "=";
        each.negated = !any;
        each.inner.push_back(e.inner.front());
        for (expression& one : elements) each.inner.push_back(std::move(one));
        return in_list(each, here);
    }
    each.kind = pattern ? expression_kind::like : expression_kind::operation;
    each.name = e.name;
    each.schema = e.schema;
    each.inner = {e.inner.front(), {}};
    std::vector<std::string> parts;
    for (expression& one : elements) {
        each.inner[1] = std::move(one);
        const typed v = boolean(write(each, here), any ? "ANY" : "ALL");
        if (failed_) return {};
        parts.push_back(wrap(v, any ? binding::and_ : binding::not_));
    }
    typed v{oid::boolean, -1, joined(parts, any ? " OR " : " AND "), any ? binding::or_ : binding::and_, e.location};
    return v;
}

typed translator::any_of_parameter(const expression& e, const expression& array, std::uint32_t cast_to,
                                   const level& here) {
    const bool any = e.is(expression_kind::any_of);
    const bool list = e.schema.empty() && ((any && e.name == "=") || (!any && e.name == "<>"));
    if (!list || e.inner.front().is(expression_kind::row)) {
        return fail(
            e.location,
            fmt::format("{} {} over an array is not available over SQLite databases", e.name, any ? "ANY" : "ALL"),
            "Use = ANY or <> ALL, or write one comparison for each element.");
    }
    typed left = write(e.inner.front(), here);
    if (failed_) return {};
    parameter_use& use = parameters_.at(static_cast<std::size_t>(array.number) - 1);
    std::uint32_t element = cast_to;
    if (use.type != 0) element = element_type_of(use.type);
    if (element == 0) left = settle(std::move(left));
    if (element == 0 && use.type == 0) element = left.is_own || left.type == 0 ? oid::text : left.type;
    if (array_type_of(element) == 0 || element == oid::bytea || (use.type != 0 && element_type_of(use.type) == 0)) {
        return fail(
            array.location,
            fmt::format("ANY over an array of {} is not available over SQLite databases", sql_name_of_type(element)),
            "Write IN (…), or send an array of numbers, texts, dates, booleans or uuids.");
    }
    use.type = array_type_of(element);
    typed value{cast_to != 0 ? cast_to : element, -1, "value", binding::primary, array.location};
    if (value.type != element) value = this->cast_to(typed{element, -1, "value"}, {value.type, -1}, array.location);
    if (!align(left, value, "=", e.location)) return {};
    typed v{oid::boolean, -1, {}, binding::comparison, e.location};
    v.sql = fmt::format("{} {}IN (SELECT {} FROM json_each(pg_array(${}, {})))", wrap(left, binding::additive),
                        any ? "" : "NOT ", value.sql, array.number, element);
    return v;
}

}  // namespace ashlar::route::sqlite
