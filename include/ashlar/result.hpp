// result.hpp: a value, or the error that stood in its way.
//
// What can be expected to go wrong arrives as result<T>; a throw is a bug of ours, or the caller's own value().
//
//     result<int> parsed = parse(text);
//     if (!parsed) return std::move(parsed).error();
//     use(*parsed);
#pragma once

#include <ashlar/error.hpp>

#include <concepts>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <variant>

namespace ashlar {

// Thrown by result::value() when there is an error instead of a value.
class bad_result : public std::runtime_error {
public:
    explicit bad_result(ashlar::error why) : std::runtime_error(why.to_string()), why_(std::move(why)) {}
    const ashlar::error& why() const noexcept { return why_; }

private:
    ashlar::error why_;
};

template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    // The constraint keeps it from hiding the copy and move constructors, which the lint cannot see.
    template <class U = T>
    requires(std::convertible_to<U, T> && !std::same_as<std::remove_cvref_t<U>, result> &&
             !std::same_as<std::remove_cvref_t<U>, ashlar::error>)
        result(U&& value)  // NOLINT: see above; implicit by design
        : state_(std::in_place_index<0>, std::forward<U>(value)) {}
    result(ashlar::error why) : state_(std::in_place_index<1>, std::move(why)) {}  // NOLINT: implicit by design

    bool has_value() const noexcept { return state_.index() == 0; }
    explicit operator bool() const noexcept { return has_value(); }

    // Precondition: has_value().
    T& operator*() & noexcept { return *std::get_if<0>(&state_); }
    const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
    T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
    T* operator->() noexcept { return std::get_if<0>(&state_); }
    const T* operator->() const noexcept { return std::get_if<0>(&state_); }

    // The value; throws bad_result when there is none.
    T& value() & { return need(), **this; }
    const T& value() const& { return need(), **this; }
    // By value, so that `for (auto& each : list().value())` loops over something that lives.
    T value() && { return need(), std::move(**this); }

    template <class U>
    T value_or(U&& other) && {
        return has_value() ? std::move(**this) : static_cast<T>(std::forward<U>(other));
    }

    // Precondition: !has_value().
    ashlar::error& error() & noexcept { return *std::get_if<1>(&state_); }
    const ashlar::error& error() const& noexcept { return *std::get_if<1>(&state_); }
    ashlar::error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

private:
    void need() const {
        if (!has_value()) throw bad_result(error());
    }
    std::variant<T, ashlar::error> state_;
};

template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result() noexcept = default;
    result(ashlar::error why) : why_(std::move(why)), failed_(true) {}  // NOLINT: implicit by design

    bool has_value() const noexcept { return !failed_; }
    explicit operator bool() const noexcept { return has_value(); }
    void value() const {
        if (failed_) throw bad_result(why_);
    }
    ashlar::error& error() & noexcept { return why_; }
    const ashlar::error& error() const& noexcept { return why_; }
    ashlar::error&& error() && noexcept { return std::move(why_); }

private:
    ashlar::error why_{};
    bool failed_ = false;
};

using status = result<void>;

}  // namespace ashlar
