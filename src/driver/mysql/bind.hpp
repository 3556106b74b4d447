// bind.hpp: our parameters → the typed values that libmariadb sends. What a text means is told by its type: MySQL compares
// a text with an integer as floats, so a number bound as text would lose digits.
#pragma once

#include "driver/connection.hpp"

#include <mysql.h>

#include <string>
#include <vector>

namespace ashlar::driver::mysql {

class bound_parameters {
public:
    // `places`: which parameter each ? takes. Fails with bad_value, or invalid_argument where one is missing; with
    // unsupported for a binary format that is not known.
    // The bytes of `given` must stay until the statement has been sent.
    status take(const std::vector<parameter>& given, const std::vector<std::uint16_t>& places);
    MYSQL_BIND* binds() noexcept { return binds_.data(); }
    std::size_t count() const noexcept { return binds_.size(); }

private:
    struct value {
        std::int64_t integer = 0;
        float float4 = 0;
        double float8 = 0;
        MYSQL_TIME moment{};
        std::string text;
    };
    class binder;

    std::vector<MYSQL_BIND> binds_;
    std::vector<value> values_;
};

// Of PostgreSQL's types, those that MySQL has as DATE, DATETIME, TIMESTAMP and TIME.
bool is_moment(std::uint32_t type) noexcept;
// Is it one, as PostgreSQL writes it? MySQL's own reading is wider.
bool is_readable_moment(std::string_view text, std::uint32_t type);

}  // namespace ashlar::driver::mysql
