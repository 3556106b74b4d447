// value.hpp: one SQL value of any type, NULL among them.
//
// Used for parameters and for shard keys. What C++ would turn into something else by itself (a pointer into a bool, an enum
// into a number) does not compile: say which value is meant. A text with a zero byte is refused where it is sent. Rows that come back are read through row.hpp, which decodes on demand.
// Regular and thread-safe as any value.
#pragma once

#include <ashlar/types.hpp>

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace ashlar {

struct null_t {
    friend bool operator==(null_t, null_t) = default;
};
inline constexpr null_t null{};

namespace detail {

template <class T>
concept other_character =
    std::same_as<T, wchar_t> || std::same_as<T, char8_t> || std::same_as<T, char16_t> || std::same_as<T, char32_t>;
template <class T>
concept truth = std::same_as<T, bool> || std::same_as<T, std::vector<bool>::reference>;
template <class T>
concept number = !std::same_as<T, bool> && !std::same_as<T, char> && !other_character<T>;

}  // namespace detail

class value {
public:
    using held =
        std::variant<null_t, bool, std::int64_t, double, decimal, std::string, bytes, uuid, timestamp, date, json>;

    value() noexcept = default;        // NULL
    value(null_t) noexcept {}          // NOLINT: implicit by design, here and below
    value(std::nullptr_t) noexcept {}  // NOLINT
    template <detail::truth B>
    value(B v) : held_(static_cast<bool>(v)) {}  // NOLINT
    template <std::signed_integral I>
    requires detail::number<I> value(I v) : held_(static_cast<std::int64_t>(v)) {}  // NOLINT
    // An unsigned 64-bit value beyond int64's range becomes a decimal.
    template <std::unsigned_integral U>
    requires detail::number<U> value(U v) {  // NOLINT
        if (v <= static_cast<std::uint64_t>(INT64_MAX)) {
            held_ = static_cast<std::int64_t>(v);
        } else {
            held_ = decimal::parse(std::to_string(v)).value();
        }
    }
    value(float v) : held_(static_cast<double>(v)) {}     // NOLINT
    value(double v) : held_(v) {}                         // NOLINT
    value(decimal v) : held_(std::move(v)) {}             // NOLINT
    value(std::string v) : held_(std::move(v)) {}         // NOLINT
    value(std::string_view v) : held_(std::string{v}) {}  // NOLINT
    // A null pointer is NULL.
    value(const char* v) {  // NOLINT
        if (v != nullptr) held_ = std::string{v};
    }
    value(char v) : held_(std::string(1, v)) {}  // NOLINT: a text of one character
    value(bytes v) : held_(std::move(v)) {}      // NOLINT
    value(uuid v) : held_(v) {}                  // NOLINT
    value(timestamp v) : held_(v) {}             // NOLINT
    value(date v) : held_(v) {}                  // NOLINT
    value(json v) : held_(std::move(v)) {}       // NOLINT
    template <class T>
    requires std::constructible_from<value, T> value(const std::optional<T>& v) {  // NOLINT
        if (v) *this = value(*v);
    }
    // Other pointers (unsigned char*, char8_t*, objects) would be taken for a bool, and wide characters for numbers.
    template <class T>
    requires(std::is_pointer_v<T> && !std::same_as<std::remove_cv_t<std::remove_pointer_t<T>>, char>) value(T)
    = delete;
    template <detail::other_character C>
    value(C) = delete;
    template <class E>
    requires std::is_enum_v<E> value(E)
    = delete;
    value(long double) = delete;

    bool is_null() const noexcept { return held_.index() == 0; }
    const held& get() const noexcept { return held_; }

    // PostgreSQL's text form; nullopt for NULL.
    std::optional<std::string> to_text() const;

    friend bool operator==(const value&, const value&) = default;

private:
    held held_;
};

}  // namespace ashlar
