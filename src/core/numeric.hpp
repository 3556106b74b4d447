// numeric.hpp: exact decimal arithmetic with PostgreSQL's own scales, for finishing sums and averages. Apart from
// ashlar::decimal, which users hold and which only compares: here a number is one big integer and a scale, ready to add.
// Pure; a regular value.
#pragma once

#include <ashlar/result.hpp>

#include <gmpxx.h>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar {

class numeric {
public:
    enum class kind : std::uint8_t { finite, nan, infinity, minus_infinity };

    numeric() = default;  // 0
    explicit numeric(std::int64_t whole);
    explicit numeric(kind special) : kind_(special) {}

    static result<numeric> from_text(std::string_view text);
    // The wire format of numeric_send(). Fails with bad_value when malformed.
    static result<numeric> from_binary(std::string_view bytes);

    std::string to_text() const;
    std::string to_binary() const;
    double to_double() const;
    kind what() const noexcept { return kind_; }
    bool is_zero() const noexcept { return kind_ == kind::finite && coefficient_ == 0; }
    int scale() const noexcept { return scale_; }

    // The scale of the result is the larger one of both, as numeric_add() has it.
    numeric& operator+=(const numeric& other);
    friend numeric operator*(const numeric& a, const numeric& b);
    // As numeric_div(): at least 16 significant digits by select_div_scale(), rounded half away from zero.
    // Precondition: `by` is finite and not zero.
    friend numeric divide(const numeric& what, const numeric& by);
    // Rounded half away from zero; nullopt when it is special or beyond bigint.
    std::optional<std::int64_t> to_int64() const;

    // By value; NaN equals itself and is greater than everything.
    friend std::weak_ordering operator<=>(const numeric& a, const numeric& b);
    friend bool operator==(const numeric& a, const numeric& b) { return (a <=> b) == 0; }

    // Bytes in use, for counting what is held.
    std::size_t byte_size() const noexcept;

private:
    struct leading {  // base 10000, as the server stores numbers
        std::int64_t weight = 0;
        int first_digit = 0;
    };
    leading leading_digit() const;

    kind kind_ = kind::finite;
    int scale_ = 0;          // digits after the point
    mpz_class coefficient_;  // the value times 10^scale
};

}  // namespace ashlar
