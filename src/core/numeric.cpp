#include "core/numeric.hpp"

#include "core/assert.hpp"
#include "core/bad_value.hpp"
#include "core/codec.hpp"

#include <ashlar/types.hpp>

#include <algorithm>
#include <charconv>

namespace ashlar {

namespace {

constexpr int digits_per_group = 4;  // DEC_DIGITS
constexpr int min_significant_digits = 16;
constexpr int display_scale_max = 1000;
constexpr int wire_scale_max = 16'383;

constexpr std::uint16_t sign_negative = 0x4000, sign_nan = 0xC000, sign_infinity = 0xD000, sign_minus_infinity = 0xF000;

mpz_class power_of_ten(std::int64_t exponent) {
    ASHLAR_ASSERT(exponent >= 0);
    mpz_class p;
    mpz_ui_pow_ui(p.get_mpz_t(), 10, static_cast<unsigned long>(exponent));
    return p;
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
}

// a / b, rounded half away from zero.
mpz_class rounded_quotient(const mpz_class& a, const mpz_class& b) {
    mpz_class quotient, rest;
    mpz_tdiv_qr(quotient.get_mpz_t(), rest.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
    if (mpz_class twice = abs(rest) * 2; twice >= abs(b)) quotient += sgn(a) * sgn(b);
    return quotient;
}

// Where a number stands: -Infinity < finite < Infinity < NaN.
int rank(numeric::kind k) {
    switch (k) {
        case numeric::kind::minus_infinity:
            return -1;
        case numeric::kind::finite:
            return 0;
        case numeric::kind::infinity:
            return 1;
        case numeric::kind::nan:
            return 2;
    }
    return 2;
}

}  // namespace

numeric::numeric(std::int64_t whole) : coefficient_(static_cast<long>(whole)) {}

result<numeric> numeric::from_text(std::string_view text) {
    auto parsed = decimal::parse(text);
    if (!parsed) return std::move(parsed).error();
    std::string digits = parsed->to_string();
    if (digits == "NaN") return numeric{kind::nan};
    if (digits == "Infinity") return numeric{kind::infinity};
    if (digits == "-Infinity") return numeric{kind::minus_infinity};
    numeric n;
    n.scale_ = parsed->scale();
    std::erase(digits, '.');
    n.coefficient_.set_str(digits, 10);
    return n;
}

result<numeric> numeric::from_binary(std::string_view bytes) {
    const auto malformed = [] { return error{errc::bad_value, "invalid numeric in binary format"}; };
    if (bytes.size() < 8) return malformed();
    const auto groups = static_cast<std::int16_t>(wire::read16(bytes));
    const auto weight = static_cast<std::int16_t>(wire::read16(bytes.substr(2)));
    const std::uint16_t sign = wire::read16(bytes.substr(4));
    const std::uint16_t scale = wire::read16(bytes.substr(6));
    bytes.remove_prefix(8);
    if (groups < 0 || bytes.size() != static_cast<std::size_t>(groups) * 2 || scale > wire_scale_max)
        return malformed();
    if (sign == sign_nan) return numeric{kind::nan};
    if (sign == sign_infinity) return numeric{kind::infinity};
    if (sign == sign_minus_infinity) return numeric{kind::minus_infinity};
    if (sign != 0 && sign != sign_negative) return malformed();

    numeric n;
    for (int i = 0; i < groups; ++i) {
        const std::uint16_t group = wire::read16(bytes.substr(static_cast<std::size_t>(i) * 2));
        if (group > 9999) return malformed();
        n.coefficient_ = n.coefficient_ * 10'000 + group;
    }
    n.scale_ = scale;
    const std::int64_t shift = static_cast<std::int64_t>(digits_per_group) * (weight - groups + 1) + scale;
    if (shift >= 0) {
        n.coefficient_ *= power_of_ten(shift);
    } else {
        n.coefficient_ /= power_of_ten(-shift);  // digits beyond the scale are cut off, as numeric_recv() does
    }
    if (sign == sign_negative) n.coefficient_ = -n.coefficient_;
    return n;
}

std::string numeric::to_text() const {
    switch (kind_) {
        case kind::nan:
            return "NaN";
        case kind::infinity:
            return "Infinity";
        case kind::minus_infinity:
            return "-Infinity";
        case kind::finite:
            break;
    }
    std::string digits = mpz_class{abs(coefficient_)}.get_str();
    const auto scale = static_cast<std::size_t>(scale_);
    if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
    if (scale > 0) digits.insert(digits.size() - scale, 1, '.');
    if (sgn(coefficient_) < 0) digits.insert(digits.begin(), '-');
    return digits;
}

std::string numeric::to_binary() const {
    std::string out;
    const auto head = [&out](std::int64_t groups, std::int64_t weight, std::uint16_t sign, int scale) {
        wire::append16(out, static_cast<std::uint16_t>(groups));
        wire::append16(out, static_cast<std::uint16_t>(weight));
        wire::append16(out, sign);
        wire::append16(out, static_cast<std::uint16_t>(scale));
    };
    if (kind_ != kind::finite) {
        // numeric_send() gives infinities a scale of 32, which means nothing.
        if (kind_ == kind::nan) {
            head(0, 0, sign_nan, 0);
        } else {
            head(0, 0, kind_ == kind::infinity ? sign_infinity : sign_minus_infinity, 32);
        }
        return out;
    }
    // Decimal digits, filled up so that groups of four begin at the point.
    const int fill = (digits_per_group - scale_ % digits_per_group) % digits_per_group;
    std::string digits = mpz_class{abs(coefficient_) * power_of_ten(fill)}.get_str();
    digits.insert(0, (digits_per_group - digits.size() % digits_per_group) % digits_per_group, '0');
    std::vector<std::uint16_t> groups;
    for (std::size_t i = 0; i < digits.size(); i += digits_per_group) {
        std::uint16_t group = 0;
        std::from_chars(digits.data() + i, digits.data() + i + digits_per_group, group);
        groups.push_back(group);
    }
    std::int64_t weight = static_cast<std::int64_t>(groups.size()) - (scale_ + fill) / digits_per_group - 1;
    const auto first = std::find_if(groups.begin(), groups.end(), [](std::uint16_t g) { return g != 0; });
    weight -= first - groups.begin();
    groups.erase(groups.begin(), first);
    while (!groups.empty() && groups.back() == 0) groups.pop_back();
    if (groups.empty()) weight = 0;
    head(static_cast<std::int64_t>(groups.size()), weight, sgn(coefficient_) < 0 ? sign_negative : 0, scale_);
    for (const std::uint16_t group : groups) wire::append16(out, group);
    return out;
}

double numeric::to_double() const {
    return decimal::parse(to_text()).value().to_double();
}

std::optional<std::int64_t> numeric::to_int64() const {
    if (kind_ != kind::finite) return std::nullopt;
    const mpz_class whole = rounded_quotient(coefficient_, power_of_ten(scale_));
    if (!whole.fits_slong_p()) return std::nullopt;
    return whole.get_si();
}

numeric& numeric::operator+=(const numeric& other) {
    if (kind_ != kind::finite || other.kind_ != kind::finite) {
        // Infinities of both signs make NaN; an infinity swallows what is finite.
        if (other.kind_ == kind::finite || kind_ == other.kind_ || kind_ == kind::nan) return *this;
        return *this = numeric{kind_ == kind::finite ? other.kind_ : kind::nan};
    }
    if (scale_ < other.scale_) {
        coefficient_ *= power_of_ten(other.scale_ - scale_);
        scale_ = other.scale_;
    }
    if (scale_ == other.scale_) {
        coefficient_ += other.coefficient_;
    } else {
        coefficient_ += other.coefficient_ * power_of_ten(scale_ - other.scale_);
    }
    return *this;
}

numeric operator*(const numeric& a, const numeric& b) {
    using kind = numeric::kind;
    const auto sign = [](const numeric& n) {
        return n.kind_ == kind::infinity ? 1 : n.kind_ == kind::minus_infinity ? -1 : sgn(n.coefficient_);
    };
    if (a.kind_ == kind::nan || b.kind_ == kind::nan) return numeric{kind::nan};
    if (a.kind_ != kind::finite || b.kind_ != kind::finite) {
        const int s = sign(a) * sign(b);
        return numeric{s == 0 ? kind::nan : s > 0 ? kind::infinity : kind::minus_infinity};
    }
    numeric product;
    product.coefficient_ = a.coefficient_ * b.coefficient_;
    product.scale_ = a.scale_ + b.scale_;
    return product;
}

numeric::leading numeric::leading_digit() const {
    if (coefficient_ == 0) return {};
    std::string digits = mpz_class{abs(coefficient_)}.get_str();
    const std::int64_t above_point = static_cast<std::int64_t>(digits.size()) - scale_ - 1;  // of the first digit
    leading l;
    l.weight = floor_div(above_point, digits_per_group);
    const auto in_group = static_cast<std::size_t>(above_point - l.weight * digits_per_group + 1);
    digits.resize(std::max(digits.size(), in_group), '0');
    std::from_chars(digits.data(), digits.data() + in_group, l.first_digit);
    return l;
}

numeric divide(const numeric& what, const numeric& by) {
    ASHLAR_ASSERT(by.kind_ == numeric::kind::finite && by.coefficient_ != 0);
    if (what.kind_ == numeric::kind::nan) return what;
    if (what.kind_ != numeric::kind::finite) {
        const bool positive = (what.kind_ == numeric::kind::infinity) == (sgn(by.coefficient_) > 0);
        return numeric{positive ? numeric::kind::infinity : numeric::kind::minus_infinity};
    }
    const auto a = what.leading_digit(), b = by.leading_digit();
    const std::int64_t quotient_weight = a.weight - b.weight - (a.first_digit <= b.first_digit ? 1 : 0);
    std::int64_t scale = min_significant_digits - quotient_weight * digits_per_group;
    scale = std::max<std::int64_t>({scale, what.scale_, by.scale_, 0});
    scale = std::min<std::int64_t>(scale, display_scale_max);

    numeric q;
    q.scale_ = static_cast<int>(scale);
    const std::int64_t shift = scale - what.scale_ + by.scale_;
    q.coefficient_ = shift >= 0 ? rounded_quotient(what.coefficient_ * power_of_ten(shift), by.coefficient_)
                                : rounded_quotient(what.coefficient_, by.coefficient_ * power_of_ten(-shift));
    return q;
}

std::weak_ordering operator<=>(const numeric& a, const numeric& b) {
    const int ra = rank(a.kind_), rb = rank(b.kind_);
    if (ra != 0 || rb != 0) return ra <=> rb;
    if (a.scale_ == b.scale_) return cmp(a.coefficient_, b.coefficient_) <=> 0;
    if (a.scale_ < b.scale_) return cmp(a.coefficient_ * power_of_ten(b.scale_ - a.scale_), b.coefficient_) <=> 0;
    return cmp(a.coefficient_, b.coefficient_ * power_of_ten(a.scale_ - b.scale_)) <=> 0;
}

std::size_t numeric::byte_size() const noexcept {
    return sizeof *this + mpz_size(coefficient_.get_mpz_t()) * sizeof(mp_limb_t);
}

}  // namespace ashlar
