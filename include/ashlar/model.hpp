// model.hpp: a struct as a row of a table.
//
//     struct order { ashlar::uuid id, user_id; std::string status; ashlar::decimal total; };
//     ASHLAR_MODEL(order, "orders", id, user_id, status, total)
//
// Stands in the struct's own namespace, after the struct. The fields are named as their columns; the first is the primary
// key, by which find, update and remove look. Any default-constructible struct will do, with fields of the types that
// row.hpp lists. Fields that are not named are neither read nor written. At most 64 fields.
//
//     ASHLAR_MODEL_IN(visit, "analytics", "visits", id, page)
//
// says where the model lives, too: what a cluster or a transaction is asked about it goes to that database, as it is written
// and whatever [tables] says. A scope is asked itself.
#pragma once

#include <ashlar/row.hpp>
#include <ashlar/value.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace ashlar {

namespace detail {

template <class Struct, class Field>
struct model_field {
    std::string_view column;
    Field Struct::*place;
};
template <class Struct, class Field>
model_field(const char*, Field Struct::*) -> model_field<Struct, Field>;

template <class... Field>
struct model_facts {
    std::string_view database;  // empty: where the configuration says
    std::string_view table;
    std::array<std::string_view, sizeof...(Field)> columns;
    std::tuple<Field...> fields;

    constexpr model_facts(std::string_view where, std::string_view name, Field... each)
        : database(where), table(name), columns{each.column...}, fields(each...) {}
};

}  // namespace detail

// A struct that ASHLAR_MODEL has described.
template <class T>
concept model = requires {
    ashlar_model_of(static_cast<const T*>(nullptr));
};

namespace detail {

template <model T>
inline constexpr auto facts_of_model = ashlar_model_of(static_cast<const T*>(nullptr));

// What the untemplated half needs to know of a model.
struct model_view {
    std::string_view database;  // empty: where the configuration says
    std::string_view table;
    const std::string_view* columns;  // the first is the primary key
    std::size_t width;
};

template <model T>
constexpr model_view view_of() {
    const auto& facts = facts_of_model<T>;
    return {facts.database, facts.table, facts.columns.data(), facts.columns.size()};
}

// The fields in the order of the columns.
template <model T>
std::vector<value> values_of(const T& object) {
    return std::apply([&](const auto&... each) { return std::vector<value>{value(object.*(each.place))...}; },
                      facts_of_model<T>.fields);
}

template <model T>
status read_fields(const row& from, const std::vector<std::size_t>& places, T& into) {
    status outcome;
    std::size_t next = 0;
    auto read = [&](const auto& each) {
        using type = std::remove_cvref_t<decltype(into.*(each.place))>;
        auto found = from.get<type>(places[next++]);
        if (!found) {
            outcome = std::move(found).error();
            return false;
        }
        into.*(each.place) = std::move(*found);
        return true;
    };
    std::apply([&](const auto&... each) { (void)(read(each) && ...); }, facts_of_model<T>.fields);
    return outcome;
}

// Where the model's columns stand among the rows'. Fails with column_unknown.
result<std::vector<std::size_t>> places_of(const rows& all, const model_view& what);

}  // namespace detail

// Rows as structs. Columns are found by name; those that the model does not name are ignored.
template <model T>
result<std::vector<T>> as(const rows& all) {
    auto places = detail::places_of(all, detail::view_of<T>());
    if (!places) return std::move(places).error();
    std::vector<T> objects;
    objects.reserve(all.size());
    for (row each : all) {
        if (status read = detail::read_fields(each, *places, objects.emplace_back()); !read)
            return std::move(read).error();
    }
    return objects;
}

}  // namespace ashlar

// --- the macro: one detail::model_field for each name ---------------------------------------------------------------

#define ASHLAR_DETAIL_EXPAND(...) ASHLAR_DETAIL_EXPAND3(ASHLAR_DETAIL_EXPAND3(ASHLAR_DETAIL_EXPAND3(__VA_ARGS__)))
#define ASHLAR_DETAIL_EXPAND3(...) ASHLAR_DETAIL_EXPAND2(ASHLAR_DETAIL_EXPAND2(ASHLAR_DETAIL_EXPAND2(__VA_ARGS__)))
#define ASHLAR_DETAIL_EXPAND2(...) ASHLAR_DETAIL_EXPAND1(ASHLAR_DETAIL_EXPAND1(ASHLAR_DETAIL_EXPAND1(__VA_ARGS__)))
#define ASHLAR_DETAIL_EXPAND1(...) ASHLAR_DETAIL_EXPAND0(ASHLAR_DETAIL_EXPAND0(ASHLAR_DETAIL_EXPAND0(__VA_ARGS__)))
#define ASHLAR_DETAIL_EXPAND0(...) __VA_ARGS__
#define ASHLAR_DETAIL_PARENS ()
#define ASHLAR_DETAIL_FIELDS_AGAIN() ASHLAR_DETAIL_FIELDS
#define ASHLAR_DETAIL_FIELDS(type, field, ...) \
    , ::ashlar::detail::model_field{           \
          #field, &type::field} __VA_OPT__(ASHLAR_DETAIL_FIELDS_AGAIN ASHLAR_DETAIL_PARENS(type, __VA_ARGS__))

#define ASHLAR_MODEL(type, table, ...) ASHLAR_MODEL_IN(type, "", table, __VA_ARGS__)
#define ASHLAR_MODEL_IN(type, database, table, ...)                                                                \
    [[maybe_unused]] constexpr auto ashlar_model_of(const type*) noexcept {                                        \
        return ::ashlar::detail::model_facts{database,                                                             \
                                             table ASHLAR_DETAIL_EXPAND(ASHLAR_DETAIL_FIELDS(type, __VA_ARGS__))}; \
    }
