#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace ashlar::cli {

std::string json_number(double number) {
    if (!std::isfinite(number)) return "null";
    return nlohmann::json(number).dump();
}

json_object& json_object::add_raw(std::string_view name, std::string_view json) {
    if (!inside_.empty()) inside_ += ", ";
    inside_ += json_string(name);
    inside_ += ": ";
    inside_ += json;
    return *this;
}

json_array& json_array::add_raw(std::string_view json) {
    if (!inside_.empty()) inside_ += ", ";
    inside_ += json;
    return *this;
}

}  // namespace ashlar::cli
