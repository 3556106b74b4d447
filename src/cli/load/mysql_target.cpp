// Rows into MariaDB and MySQL: the driver's bulk writer, a transaction a batch.

#include "cli/load/copy_row.hpp"
#include "cli/load/driver_target.hpp"
#include "driver/bulk.hpp"

#include <fmt/format.h>

#include <charconv>

namespace ashlar::cli::load {

namespace {

// Values, constraints, and what a trigger signalled: the row's fault. Everything else is the server's.
bool row_is_at_fault(std::string_view sqlstate) {
    return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("45") ||
           sqlstate.starts_with("P0");
}

// The bulk writer's "line 3: …" → 3.
std::optional<std::size_t> line_of(const error& why) {
    constexpr std::string_view word = "line ";
    const std::string_view detail = why.detail();
    if (!detail.starts_with(word)) return std::nullopt;
    std::size_t line = 0;
    const auto [end, failed] = std::from_chars(detail.data() + word.size(), detail.data() + detail.size(), line);
    if (failed != std::errc{} || line == 0) return std::nullopt;
    return line;
}

class mysql_target final : public driver_target {
public:
    using driver_target::driver_target;

private:
    // Rows are stored as they are: a 0 in an AUTO_INCREMENT column is not the next number, and zero dates are those of the server's
    // own mode. Case matters to the names of loads.
    std::string opening_script() const override {
        return fmt::format(
            "set sql_mode = concat_ws(',', replace(replace(@@sql_mode, 'NO_ZERO_IN_DATE', ''), 'NO_ZERO_DATE', ''), "
            "if(find_in_set('NO_ZERO_DATE', @@global.sql_mode) > 0, 'NO_ZERO_DATE', null), "
            "if(find_in_set('NO_ZERO_IN_DATE', @@global.sql_mode) > 0, 'NO_ZERO_IN_DATE', null), "
            "'NO_AUTO_VALUE_ON_ZERO'); "
            "create table if not exists {} (load_id varchar(64) character set utf8mb4 collate utf8mb4_bin primary key, "
            "at_byte bigint not null, at_line bigint not null, prefix_hash varchar(32) not null) engine = InnoDB",
            progress_table);
    }

    std::string progress_statement() const override {
        return fmt::format(
            "insert into {} (load_id, at_byte, at_line, prefix_hash) values ($1, $2, $3, $4) on duplicate key update "
            "at_byte = values(at_byte), at_line = values(at_line), prefix_hash = values(prefix_hash)",
            progress_table);
    }

    task<result<std::optional<refused_row>>> insert_rows(const batch& rows) override {
        if (rows.rows.empty()) co_return std::optional<refused_row>{};
        const std::unique_ptr<driver::bulk_writer> writer = connection().bulk();
        driver::bulk_target into;
        into.schema = what().schema;
        into.table = what().table;
        into.columns = what().columns;
        status done = co_await writer->start(std::move(into), deadline::never());
        std::string text;
        record row;
        for (std::size_t i = 0; done && i < rows.rows.size(); ++i) {
            record_reader reader = reader_of(rows.rows[i]);
            reader.next(row);
            append_copy_row(text, row);
            if (text.size() < send_size && i + 1 < rows.rows.size()) continue;
            done = co_await writer->write(std::move(text), deadline::never());
            text.clear();
        }
        if (!done) co_return std::move(done).error();
        auto written = co_await writer->finish(deadline::never());
        if (written) co_return std::optional<refused_row>{};
        error why = std::move(written).error();
        const auto line = line_of(why);
        if (!line || *line > rows.rows.size()) co_return std::move(why);
        if (row_is_at_fault(why.sqlstate()))
            co_return std::optional<refused_row>{{*line - 1, reason_of(why, what().columns)}};
        co_return std::move(why.detail(fmt::format("line {} of the file", rows.rows[*line - 1].line)));
    }
};

}  // namespace

std::unique_ptr<target> make_mysql_target(const plan& what, const config::database& where) {
    return std::make_unique<mysql_target>(what, where);
}

}  // namespace ashlar::cli::load
