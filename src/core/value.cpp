#include <ashlar/value.hpp>

#include "core/float_text.hpp"

namespace ashlar {

namespace {

struct text_of {
    std::optional<std::string> operator()(null_t) const { return std::nullopt; }
    std::optional<std::string> operator()(bool v) const { return v ? "t" : "f"; }
    std::optional<std::string> operator()(std::int64_t v) const { return std::to_string(v); }
    std::optional<std::string> operator()(double v) const { return float_text(v); }
    std::optional<std::string> operator()(const decimal& v) const { return v.to_string(); }
    std::optional<std::string> operator()(const std::string& v) const { return v; }
    std::optional<std::string> operator()(const bytes& v) const { return to_string(v); }
    std::optional<std::string> operator()(const uuid& v) const { return v.to_string(); }
    std::optional<std::string> operator()(timestamp v) const { return to_string(v); }
    std::optional<std::string> operator()(date v) const { return to_string(v); }
    std::optional<std::string> operator()(const json& v) const { return v.text; }
};

}  // namespace

std::optional<std::string> value::to_text() const {
    return std::visit(text_of{}, held_);
}

}  // namespace ashlar
