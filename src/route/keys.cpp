#include "route/keys.hpp"

#include "core/array_value.hpp"
#include "core/codec.hpp"
#include "route/types.hpp"

#include <fmt/format.h>

namespace ashlar::route {
namespace {

using sql::expression;
using sql::expression_kind;
using sql::literal_kind;

// A cast that leaves a key's value as it is: to a type of the key's own family, without modifiers that could cut it.
bool keeps_value(const sql::type_name& type, keyspace::key_type key) {
    if (type.has_modifiers) return false;
    const collation bytewise{collation_kind::bytes, {}};
    return carries_key(type_named(type), bytewise, key);
}

bool may_carry(std::uint32_t declared, keyspace::key_type key) {
    if (declared == 0 || declared == oid::unknown) return true;
    const collation bytewise{collation_kind::bytes, {}};
    return declared == oid::text || declared == oid::varchar || carries_key(declared, bytewise, key);
}

std::optional<keyspace::key> key_of_literal(const expression& literal, keyspace::key_type type) {
    const auto read = [&](std::string_view text) -> std::optional<keyspace::key> {
        auto key = keyspace::key::from_text(text, type);
        if (!key) return std::nullopt;
        return std::move(*key);
    };
    switch (literal.literal) {
        case literal_kind::string:
            return read(literal.name);
        case literal_kind::integer:
        case literal_kind::number:  // 7.0 equals 7; a number with a true fraction equals no integer
            return type == keyspace::key_type::integer ? read(literal.name) : std::nullopt;
        default:
            return std::nullopt;
    }
}

error bad_array() {
    return error{errc::key_invalid, "an array of shard keys cannot be read"}.hint(
        "Send an array of the key's type, and no other text.");
}

status add_binary_array(std::string_view bytes, keyspace::key_type type, std::vector<keyspace::key>& into) {
    const auto elements = array_elements_in_binary(bytes);
    if (!elements || !may_carry(elements->type, type)) return bad_array();
    for (const auto& each : elements->values) {
        if (!each) continue;
        auto key = keyspace::key::from_binary(*each, elements->type, type);
        if (!key) return std::move(key).error();
        into.push_back(std::move(*key));
    }
    return {};
}

}  // namespace

const expression* without_casts(const expression& value, keyspace::key_type type) {
    const expression* at = &value;
    while (at->is(expression_kind::cast)) {
        if (!keeps_value(*at->type, type)) return nullptr;
        at = &at->inner.front();
    }
    return at;
}

std::optional<key_set> key_of(const expression& value, keyspace::key_type type,
                              std::span<const std::uint32_t> declared) {
    const expression* bare = without_casts(value, type);
    if (!bare) return std::nullopt;
    const bool cast = bare != &value;
    key_source source;
    source.location = bare->location;
    if (bare->is(expression_kind::constant)) {
        if (bare->literal == literal_kind::null) return key_set{};
        // 7.0::int is 7 and 7.6::int would be 8: only what is spelled as the type itself keeps its value under a cast
        if (cast && bare->literal == literal_kind::number && bare->name.find('.') != std::string::npos) {
            return std::nullopt;
        }
        if (cast && bare->literal == literal_kind::integer && type != keyspace::key_type::integer) return std::nullopt;
        source.constant = key_of_literal(*bare, type);
        if (!source.constant) return std::nullopt;
        return key_set{{std::move(source)}, false};
    }
    if (bare->is(expression_kind::parameter) && bare->number > 0) {
        source.parameter = static_cast<std::size_t>(bare->number - 1);
        if (source.parameter < declared.size() && !may_carry(declared[source.parameter], type)) return std::nullopt;
        return key_set{{std::move(source)}, false};
    }
    return std::nullopt;
}

std::optional<key_set> keys_of_array(const expression& array, keyspace::key_type type,
                                     std::span<const std::uint32_t> declared) {
    key_set out;
    out.listed = true;
    const expression* bare = &array;
    while (bare->is(expression_kind::cast)) {
        sql::type_name element = *bare->type;
        if (!element.is_array) return std::nullopt;
        element.is_array = false;
        if (!keeps_value(element, type)) return std::nullopt;
        bare = &bare->inner.front();
    }
    if (bare->is(expression_kind::array)) {
        for (const expression& e : bare->inner) {
            auto one = key_of(e, type, declared);
            if (!one) return std::nullopt;
            for (key_source& s : one->values) out.values.push_back(std::move(s));
        }
        return out;
    }
    if (bare->is(expression_kind::constant)) {
        if (bare->literal == literal_kind::null) return out;
        if (bare->literal != literal_kind::string) return std::nullopt;
        const auto elements = array_elements(bare->name);
        if (!elements) return std::nullopt;
        for (const auto& e : *elements) {
            if (!e) continue;
            auto key = keyspace::key::from_text(*e, type);
            if (!key) return std::nullopt;
            key_source source;
            source.constant = std::move(*key);
            out.values.push_back(std::move(source));
        }
        return out;
    }
    if (bare->is(expression_kind::parameter) && bare->number > 0) {
        key_source source;
        source.parameter = static_cast<std::size_t>(bare->number - 1);
        source.array = true;
        source.location = bare->location;
        out.values.push_back(std::move(source));
        return out;
    }
    return std::nullopt;
}

result<std::optional<keyspace::key>> one_key(const key_source& source, std::span<const bound_parameter> parameters,
                                             keyspace::key_type type) {
    using found = std::optional<keyspace::key>;
    if (source.constant) return found{*source.constant};
    if (source.parameter >= parameters.size()) {
        return error{errc::invalid_argument, fmt::format("parameter ${} has no value", source.parameter + 1)};
    }
    const bound_parameter& given = parameters[source.parameter];
    if (!given.bytes) return found{};
    if (!may_carry(given.type, type)) {
        return error{errc::key_invalid,
                     fmt::format("parameter ${} is of type {}, whose equality is not the shard key's",
                                 source.parameter + 1, codec::type_name(given.type))}
            .sqlstate("0A000")
            .hint(fmt::format("Send it as {}, or cast the column on purpose.", keyspace::name_of(type)));
    }
    auto key = given.format == cell_format::binary ? keyspace::key::from_binary(*given.bytes, given.type, type)
                                                   : keyspace::key::from_text(*given.bytes, type);
    if (!key) return std::move(key).error();
    return found{std::move(*key)};
}

status add_keys(const key_source& source, std::span<const bound_parameter> parameters, keyspace::key_type type,
                std::vector<keyspace::key>& into) {
    if (!source.array) {
        auto key = one_key(source, parameters, type);
        if (!key) return std::move(key).error();
        if (*key) into.push_back(std::move(**key));
        return {};
    }
    if (source.parameter >= parameters.size()) {
        return error{errc::invalid_argument, fmt::format("parameter ${} has no value", source.parameter + 1)};
    }
    const bound_parameter& given = parameters[source.parameter];
    if (!given.bytes) return {};
    if (given.format == cell_format::binary) return add_binary_array(*given.bytes, type, into);
    const auto elements = array_elements(*given.bytes);
    if (!elements) return bad_array();
    for (const auto& e : *elements) {
        if (!e) continue;
        auto key = keyspace::key::from_text(*e, type);
        if (!key) return std::move(key).error();
        into.push_back(std::move(*key));
    }
    return {};
}

}  // namespace ashlar::route
