// json_text.hpp: JSON for programs that read what a command says: objects and arrays, written in order. Pure.
#pragma once

#include "core/json_text.hpp"

#include <concepts>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar::cli {

using ashlar::json_string;
std::string json_number(double number);  // null for NaN and infinities

class json_array;

class json_object {
public:
    json_object& add(std::string_view name, std::string_view text) { return add_raw(name, json_string(text)); }
    json_object& add(std::string_view name, const char* text) { return add(name, std::string_view{text}); }
    json_object& add_nullable(std::string_view name, const std::optional<std::string>& text) {
        return add_raw(name, text ? json_string(*text) : "null");
    }
    template <std::same_as<bool> B>
    json_object& add(std::string_view name, B flag) {
        return add_raw(name, flag ? "true" : "false");
    }
    template <std::integral I>
    requires(!std::same_as<I, bool>) json_object& add(std::string_view name, I number) {
        return add_raw(name, std::to_string(number));
    }
    json_object& add(std::string_view name, double number) { return add_raw(name, json_number(number)); }
    json_object& add_raw(std::string_view name, std::string_view json);  // JSON as it is
    std::string text() const { return "{" + inside_ + "}"; }

private:
    std::string inside_;
};

class json_array {
public:
    json_array& add_raw(std::string_view json);
    json_array& add(std::string_view text) { return add_raw(json_string(text)); }
    json_array& add(const json_object& object) { return add_raw(object.text()); }
    std::string text() const { return "[" + inside_ + "]"; }

private:
    std::string inside_;
};

}  // namespace ashlar::cli
