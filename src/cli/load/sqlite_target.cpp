// Rows into SQLite: one prepared insert, a transaction a batch. Values go through the driver, which stores them as every
// other face does (UUIDs in lower case, instants as UTC …), else a routed query would not find them.

#include "cli/load/driver_target.hpp"
#include "core/quoting.hpp"

#include <fmt/format.h>

namespace ashlar::cli::load {

namespace {

bool is_of_a_row(const error& why) {
    return why == errc::constraint_violated || why == errc::bad_value || why.sqlstate().starts_with("22") ||
           why.sqlstate().starts_with("23");
}

class sqlite_target final : public driver_target {
public:
    using driver_target::driver_target;

private:
    std::string opening_script() const override {
        return fmt::format(
            "create table if not exists {} (load_id text primary key, at_byte integer not null, "
            "at_line integer not null, prefix_hash text not null)",
            progress_table);
    }

    std::string progress_statement() const override {
        return fmt::format(
            "insert into {} (load_id, at_byte, at_line, prefix_hash) values ($1, $2, $3, $4) on conflict (load_id) "
            "do update set at_byte = excluded.at_byte, at_line = excluded.at_line, prefix_hash = excluded.prefix_hash",
            progress_table);
    }

    std::string insert_sql() const {
        std::string names, marks;
        for (std::size_t i = 0; i < what().columns.size(); ++i) {
            names += (i == 0 ? "" : ", ") + quoted_name(what().columns[i]);
            marks += fmt::format("{}${}", i == 0 ? "" : ", ", i + 1);
        }
        return fmt::format("insert into {} ({}) values ({})", quoted_name(what().table), names, marks);
    }

    task<result<std::optional<refused_row>>> insert_rows(const batch& rows) override {
        const std::string sql = insert_sql();
        record row;
        for (std::size_t i = 0; i < rows.rows.size(); ++i) {
            record_reader reader = reader_of(rows.rows[i]);
            reader.next(row);
            driver::statement insert;
            insert.sql = sql;
            insert.parameters.resize(row.fields.size());
            for (std::size_t c = 0; c < row.fields.size(); ++c) {
                insert.parameters[c].type = what().types[c];
                if (row.fields[c]) insert.parameters[c].bytes.emplace(*row.fields[c]);
            }
            status done = co_await run_to_end(connection(), std::move(insert), deadline::never());
            if (done) continue;
            if (!is_of_a_row(done.error())) co_return std::move(done).error();
            refused_row refused;
            refused.index = i;
            refused.reason = reason_of(done.error(), what().columns);
            co_return std::optional<refused_row>{std::move(refused)};
        }
        co_return std::optional<refused_row>{};
    }
};

}  // namespace

std::unique_ptr<target> make_sqlite_target(const plan& what, const config::database& where) {
    return std::make_unique<sqlite_target>(what, where);
}

}  // namespace ashlar::cli::load
