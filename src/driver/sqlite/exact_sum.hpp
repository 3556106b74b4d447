// exact_sum.hpp: the sum of decimal numbers that SQLite keeps as integers and doubles, exact to the last digit. SQLite's own
// sum() adds doubles, which loses cents; this adds the decimals that the doubles stand for. Pure.
#pragma once

#include "core/numeric.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar::driver::sqlite {

class exact_sum {
public:
    // `scale`: of the argument's type, -1 = not fixed. The sum has at least so many digits after the point.
    explicit exact_sum(int scale) noexcept : scale_(scale) {}

    void add(std::int64_t v);
    void add(double v);
    // False where it is no number.
    bool add(std::string_view decimal);
    // The same for a value that leaves a window's frame. The sum keeps the digits that it had.
    void remove(std::int64_t v);
    void remove(double v);
    bool remove(std::string_view decimal);

    std::int64_t count() const noexcept { return count_; }
    numeric total() const;

private:
    __extension__ using wide = __int128;
    void add_units(wide mantissa, int power_of_ten, std::string_view as_text);
    void add_number(const numeric& v);

    // Millionths: what almost all values are whole numbers of. The rest is kept as a number of any size.
    static constexpr int unit_scale = 6;
    wide units_ = 0;
    std::optional<numeric> rest_;
    int scale_;
    std::int64_t count_ = 0;
};

}  // namespace ashlar::driver::sqlite
