// value.hpp: one SQL value of any type, NULL among them.
//
// Used for parameters and for shard keys. Rows that come back are read through row.hpp, which decodes on demand.
// Regular and thread-safe as any value.
#pragma once

#include <ashlar/types.hpp>

#include <optional>
#include <variant>

namespace ashlar {

struct null_t {
    friend bool operator==(null_t, null_t) = default;
};
inline constexpr null_t null{};

class value {
public:
    using held =
        std::variant<null_t, bool, std::int64_t, double, decimal, std::string, bytes, uuid, timestamp, date, json>;

    value() noexcept = default;  // NULL
    value(null_t) noexcept {}    // NOLINT: implicit by design, here and below
    value(bool v) : held_(v) {}  // NOLINT
    template <std::signed_integral I>
    value(I v) : held_(static_cast<std::int64_t>(v)) {}  // NOLINT
    // An unsigned 64-bit value beyond int64's range becomes a decimal.
    template <std::unsigned_integral U>
    requires(!std::same_as<U, bool>) value(U v) {  // NOLINT
        if (v <= static_cast<std::uint64_t>(INT64_MAX)) {
            held_ = static_cast<std::int64_t>(v);
        } else {
            held_ = decimal::parse(std::to_string(v)).value();
        }
    }
    value(double v) : held_(v) {}                         // NOLINT
    value(decimal v) : held_(std::move(v)) {}             // NOLINT
    value(std::string v) : held_(std::move(v)) {}         // NOLINT
    value(std::string_view v) : held_(std::string{v}) {}  // NOLINT
    value(const char* v) : held_(std::string{v}) {}       // NOLINT
    value(bytes v) : held_(std::move(v)) {}               // NOLINT
    value(uuid v) : held_(v) {}                           // NOLINT
    value(timestamp v) : held_(v) {}                      // NOLINT
    value(date v) : held_(v) {}                           // NOLINT
    value(json v) : held_(std::move(v)) {}                // NOLINT
    template <class T>
    requires std::constructible_from<value, T> value(const std::optional<T>& v) {  // NOLINT
        if (v) *this = value(*v);
    }

    bool is_null() const noexcept { return held_.index() == 0; }
    const held& get() const noexcept { return held_; }

    // PostgreSQL's text form; nullopt for NULL.
    std::optional<std::string> to_text() const;

    friend bool operator==(const value&, const value&) = default;

private:
    held held_;
};

}  // namespace ashlar
