// row.hpp: rows that came back, decoded on demand.
//
// rows is an immutable value: copying it is cheap and shares the bytes. A row and the text views taken from it live as
// long as some copy of their rows. Thread-safe as any const value.
//
//     for (ashlar::row each : shop.query("select id, total from orders").value())
//         use(each.get<ashlar::uuid>("id").value(), each.get<std::optional<ashlar::decimal>>("total").value());
//
// Types     bool, integers, float, double, std::string, uuid, decimal, timestamp, date, bytes, json, and std::optional
//           of each, the only ones that take NULL. Reading never rounds or cuts: what does not fit is errc::bad_value.
#pragma once

#include <ashlar/types.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace ashlar {

namespace detail {

struct rows_inside;

// A cell's text as a value. False when it is none of this type.
bool read_text(std::string_view text, bool& into);
bool read_text(std::string_view text, std::int64_t& into);
bool read_text(std::string_view text, std::uint64_t& into);
bool read_text(std::string_view text, double& into);
bool read_text(std::string_view text, std::string& into);
bool read_text(std::string_view text, uuid& into);
bool read_text(std::string_view text, decimal& into);
bool read_text(std::string_view text, timestamp& into);
bool read_text(std::string_view text, date& into);
bool read_text(std::string_view text, bytes& into);
bool read_text(std::string_view text, json& into);

inline bool read_text(std::string_view text, float& into) {
    double wide = 0;
    if (!read_text(text, wide)) return false;
    into = static_cast<float>(wide);
    return true;
}

template <std::integral T>
requires(!std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
         !std::same_as<T, char16_t> && !std::same_as<T, char32_t> && !std::same_as<T, std::int64_t> &&
         !std::same_as<T, std::uint64_t>) bool read_text(std::string_view text, T& into) {
    std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t> wide = 0;
    if (!read_text(text, wide)) return false;
    if (wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max()) return false;
    into = static_cast<T>(wide);
    return true;
}

template <class T>
concept readable = requires(std::string_view text, T& into) {
    { read_text(text, into) } -> std::same_as<bool>;
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

}  // namespace detail

class rows;

// One row: a view of its rows.
class row {
public:
    std::size_t width() const noexcept;
    // PostgreSQL's text form, nullopt for NULL. Precondition: column < width().
    std::optional<std::string_view> text(std::size_t column) const noexcept;

    // Fails with bad_value (another type, NULL into a type that is not std::optional), column_unknown.
    template <class T>
    result<T> get(std::size_t column) const;
    template <class T>
    result<T> get(std::string_view column) const;

private:
    friend class rows;
    row(const detail::rows_inside* of, std::size_t index) noexcept : of_(of), index_(index) {}
    error unreadable(std::size_t column) const;
    result<std::size_t> find(std::string_view column) const;
    const detail::rows_inside* of_;
    std::size_t index_;
};

class rows {
public:
    rows();  // no rows and no columns
    explicit rows(std::shared_ptr<const detail::rows_inside> inside) noexcept : inside_(std::move(inside)) {}

    std::size_t size() const noexcept;
    bool empty() const noexcept { return size() == 0; }
    std::size_t width() const noexcept;
    const std::string& name(std::size_t column) const noexcept;               // precondition: column < width()
    std::uint32_t type(std::size_t column) const noexcept;                    // PostgreSQL's oid; the same precondition
    std::optional<std::size_t> find(std::string_view column) const noexcept;  // the first of this name
    // Precondition: index < size().
    row operator[](std::size_t index) const noexcept { return row{inside_.get(), index}; }

    // PostgreSQL's command tag ("UPDATE 3") and its count: rows changed by a command, rows returned by a query.
    const std::string& tag() const noexcept;
    std::uint64_t rows_affected() const noexcept;

    // Every row's first and only column. Fails as row::get does, and with several_rows for more columns than one.
    template <class T>
    result<std::vector<T>> column() const;

    class iterator {
    public:
        using value_type = row;
        using difference_type = std::ptrdiff_t;
        iterator() = default;
        iterator(const rows* of, std::size_t index) noexcept : of_(of), index_(index) {}
        row operator*() const noexcept { return (*of_)[index_]; }
        iterator& operator++() noexcept { return ++index_, *this; }
        iterator operator++(int) noexcept { return iterator{of_, index_++}; }
        friend bool operator==(const iterator&, const iterator&) = default;

    private:
        const rows* of_ = nullptr;
        std::size_t index_ = 0;
    };
    iterator begin() const noexcept { return {this, 0}; }
    iterator end() const noexcept { return {this, size()}; }

private:
    std::shared_ptr<const detail::rows_inside> inside_;  // shared: copies of immutable rows are the same rows
};

// ------------------------------------------------------------------------------------------------------------------

template <class T>
result<T> row::get(std::size_t column) const {
    if (column >= width()) return error{errc::column_unknown, "the rows have no column " + std::to_string(column)};
    const std::optional<std::string_view> found = text(column);
    if constexpr (detail::is_optional<T>) {
        if (!found) return T{};
        typename T::value_type inner{};
        if (!detail::read_text(*found, inner)) return unreadable(column);
        return T{std::move(inner)};
    } else {
        static_assert(detail::readable<T>, "row::get<T>: T is not one of the types that row.hpp lists");
        T into{};
        if (!found || !detail::read_text(*found, into)) return unreadable(column);
        return into;
    }
}

template <class T>
result<T> row::get(std::string_view column) const {
    auto at = find(column);
    if (!at) return std::move(at).error();
    return get<T>(*at);
}

template <class T>
result<std::vector<T>> rows::column() const {
    if (width() != 1)
        return error{errc::several_rows, "the rows have " + std::to_string(width()) + " columns, not one"};
    std::vector<T> all;
    all.reserve(size());
    for (row each : *this) {
        auto found = each.get<T>(std::size_t{0});
        if (!found) return std::move(found).error();
        all.push_back(std::move(*found));
    }
    return all;
}

}  // namespace ashlar
