// result_rows.hpp: the columns of an answer, the places where libmariadb puts a row's values, and the row as cells in
// PostgreSQL's text form. One object serves all statements of a connection in turn, so that its memory is used again.
#pragma once

#include "core/rows.hpp"
#include "driver/mysql/types.hpp"

#include <ashlar/result.hpp>

#include <mysql.h>

#include <string>
#include <vector>

namespace ashlar::driver::mysql {

class result_rows {
public:
    // The answer that has begun. `told`: of each column, or empty.
    void expect(const MYSQL_FIELD* fields, unsigned count, const std::vector<told_column>& told);
    columns shape() const;
    bool has(reading how) const noexcept;
    // For mysql_stmt_bind_result; valid until the next expect().
    MYSQL_BIND* binds() noexcept { return binds_.data(); }

    // Appends the row that mysql_stmt_fetch has put into the places. Fails with bad_value, naming the column.
    status add(row_batch& into, MYSQL_STMT* from);
    // … or a row of the text protocol.
    status add_text(row_batch& into, MYSQL_ROW row, const unsigned long* lengths);

private:
    struct place {
        field_type type;
        union number {
            std::int64_t integer;
            std::uint64_t natural;
            float float4;
            double float8;
        } value{};
        MYSQL_TIME moment{};
        std::vector<char> bytes;
        unsigned long length = 0;
        my_bool is_null = 0;
        my_bool is_cut = 0;
    };

    void bind(place& to, MYSQL_BIND& as, std::size_t size_at_most);
    result<std::string_view> bytes_of(place& of, MYSQL_STMT* from, std::size_t index);
    status add_cell(row_batch& into, place& of, MYSQL_STMT* from, std::size_t index);

    std::vector<place> places_;
    std::vector<MYSQL_BIND> binds_;
    std::string cell_;  // in the making
    std::string long_;  // a value that did not fit its place
};

}  // namespace ashlar::driver::mysql
