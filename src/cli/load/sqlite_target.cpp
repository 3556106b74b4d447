// Rows into SQLite: one prepared insert, a transaction a batch. Values go through the driver, which stores them as every
// other face does (UUIDs in lower case, instants as UTC …), else a routed query would not find them.

#include "cli/direct.hpp"
#include "cli/load/target.hpp"
#include "core/quoting.hpp"

#include <fmt/format.h>

#include <cstdlib>

namespace ashlar::cli::load {

namespace {

bool is_of_a_row(const error& why) {
    return why == errc::constraint_violated || why == errc::bad_value || why.sqlstate().starts_with("22") ||
           why.sqlstate().starts_with("23");
}

task<status> run_to_end(driver::connection& on, driver::statement what, deadline until) {
    auto started = co_await on.start(std::move(what), until);
    if (!started) co_return std::move(started).error();
    row_batch none;
    for (;;) {
        auto got = co_await on.fetch(none, until);
        if (!got) co_return std::move(got).error();
        if (*got == driver::fetched::ended) co_return status{};
        none.clear();
    }
}

class sqlite_target final : public target {
public:
    sqlite_target(const plan& what, const config::database& where)
        : plan_(what), where_(where), loop_(io::make_poll_loop()) {}

    status open() override {
        connection_.reset();
        auto opened = connect_to(*loop_, where_);
        if (!opened) return std::move(opened).error();
        connection_ = std::move(*opened);
        return loop_->run(connection_->run_script(
            fmt::format("create table if not exists {} (load_id text primary key, at_byte integer not null, "
                        "at_line integer not null, prefix_hash text not null)",
                        progress_table),
            deadline::never()));
    }

    // Precondition: open() succeeded.
    result<std::optional<checkpoint>> reached() override { return loop_->run(read_reached()); }

    result<std::optional<refused_row>> write(const batch& what) override { return loop_->run(write_all(what)); }

    status forget(const std::string& id) override {
        driver::statement what;
        what.sql = fmt::format("delete from {} where load_id = $1", progress_table);
        what.parameters.push_back(text_parameter(id, oid::text));
        return loop_->run(run_to_end(*connection_, std::move(what), deadline::never()));
    }

private:
    static driver::parameter text_parameter(std::string text, std::uint32_t type) {
        driver::parameter p;
        p.bytes = std::move(text);
        p.type = type;
        return p;
    }

    driver::statement with_id(std::string sql) const {
        driver::statement what;
        what.sql = std::move(sql);
        what.parameters.push_back(text_parameter(plan_.id, oid::text));
        return what;
    }

    task<result<std::optional<checkpoint>>> read_reached() {
        driver::statement what =
            with_id(fmt::format("select at_byte, at_line, prefix_hash from {} where load_id = $1", progress_table));
        auto started = co_await connection_->start(std::move(what), deadline::never());
        if (!started) co_return std::move(started).error();
        std::optional<checkpoint> found;
        row_batch rows;
        for (;;) {
            auto got = co_await connection_->fetch(rows, deadline::never());
            if (!got) co_return std::move(got).error();
            if (*got == driver::fetched::ended) break;
            if (rows.empty()) continue;
            found.emplace();
            found->offset = std::strtoull(std::string{rows.at(0, 0).value_or("")}.c_str(), nullptr, 10);
            found->line = std::strtoull(std::string{rows.at(0, 1).value_or("")}.c_str(), nullptr, 10);
            found->prefix = std::strtoull(std::string{rows.at(0, 2).value_or("")}.c_str(), nullptr, 16);
            rows.clear();
        }
        co_return found;
    }

    std::string insert_sql() const {
        std::string names, marks;
        for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
            names += (i == 0 ? "" : ", ") + quoted_name(plan_.columns[i]);
            marks += fmt::format("{}${}", i == 0 ? "" : ", ", i + 1);
        }
        return fmt::format("insert into {} ({}) values ({})", quoted_name(plan_.table), names, marks);
    }

    task<result<std::optional<refused_row>>> write_all(const batch& what) {
        if (!connection_)
            co_return error{errc::connection_lost, "there is no connection to " + where_.primary.display()};
        driver::transaction_options how;
        status begun = co_await connection_->begin(how, deadline::never());
        if (!begun) co_return std::move(begun).error();
        auto refused = co_await insert_rows(what);
        if (!refused || *refused) {
            (void)co_await connection_->rollback(deadline::never());
            co_return refused;
        }
        driver::statement progress = note(what.up_to);
        status noted = co_await run_to_end(*connection_, std::move(progress), deadline::never());
        if (noted) noted = co_await connection_->commit(deadline::never());
        if (!noted) {
            (void)co_await connection_->rollback(deadline::never());
            co_return std::move(noted).error();
        }
        co_return std::optional<refused_row>{};
    }

    task<result<std::optional<refused_row>>> insert_rows(const batch& what) {
        const std::string sql = insert_sql();
        record row;
        for (std::size_t i = 0; i < what.rows.size(); ++i) {
            const place& p = what.rows[i];
            record_reader reader{plan_.file.substr(0, p.end), plan_.style, p.begin, p.line};
            reader.next(row);
            driver::statement insert;
            insert.sql = sql;
            insert.parameters.resize(row.fields.size());
            for (std::size_t c = 0; c < row.fields.size(); ++c) {
                insert.parameters[c].type = plan_.types[c];
                if (row.fields[c]) insert.parameters[c].bytes.emplace(*row.fields[c]);
            }
            status done = co_await run_to_end(*connection_, std::move(insert), deadline::never());
            if (done) continue;
            if (!is_of_a_row(done.error())) co_return std::move(done).error();
            refused_row refused;
            refused.index = i;
            const server_report* said = done.error().server();
            refused.reason = said != nullptr && !said->message.empty() ? said->message : done.error().message();
            co_return std::optional<refused_row>{std::move(refused)};
        }
        co_return std::optional<refused_row>{};
    }

    driver::statement note(const checkpoint& c) const {
        driver::statement what = with_id(fmt::format(
            "insert into {} (load_id, at_byte, at_line, prefix_hash) values ($1, $2, $3, $4) on conflict (load_id) "
            "do update set at_byte = excluded.at_byte, at_line = excluded.at_line, prefix_hash = excluded.prefix_hash",
            progress_table));
        what.parameters.push_back(text_parameter(std::to_string(c.offset), oid::int8));
        what.parameters.push_back(text_parameter(std::to_string(c.line), oid::int8));
        what.parameters.push_back(text_parameter(fmt::format("{:x}", c.prefix), oid::text));
        return what;
    }

    const plan& plan_;
    const config::database& where_;
    std::unique_ptr<io::loop> loop_;
    std::unique_ptr<driver::connection> connection_;
};

}  // namespace

std::unique_ptr<target> make_sqlite_target(const plan& what, const config::database& where) {
    return std::make_unique<sqlite_target>(what, where);
}

}  // namespace ashlar::cli::load
