#include "health/probe.hpp"

#include <fmt/format.h>

#include <charconv>

namespace ashlar::health {

namespace {

using row = std::vector<std::string>;

// Every name is qualified, whatever search_path the login has (CVE-2025-12819).
constexpr const char* postgres_sql =
    "select r, "
    "(case when r then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_insert_lsn() end "
    "operator(pg_catalog.-) '0/0'::pg_catalog.pg_lsn)::pg_catalog.text, "
    "case when r then (select pg_catalog.max(t)::pg_catalog.text from (select received_tli from "
    "pg_catalog.pg_stat_get_wal_receiver() union all select min_recovery_end_timeline from "
    "pg_catalog.pg_control_recovery()) as known(t)) "
    "else (('x' operator(pg_catalog.||) "
    "pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8))::pg_catalog.bit(32)"
    "::pg_catalog.int4)::pg_catalog.text end, "
    "case when r then pg_catalog.pg_is_wal_replay_paused() else false end, "
    "(select setting from pg_catalog.pg_settings where name operator(pg_catalog.=) 'wal_segment_size') "
    "from (select pg_catalog.pg_is_in_recovery()) as it(r)";

task<result<std::vector<row>>> ask(driver::connection& on, std::string sql, std::vector<std::string>* names,
                                   deadline until) {
    driver::statement what;
    what.sql = std::move(sql);
    auto shape = co_await on.start(std::move(what), until);
    if (!shape) co_return std::move(shape).error();
    if (names != nullptr) {
        for (const column& each : *shape) names->push_back(each.name);
    }
    std::vector<row> rows;
    row_batch batch;
    for (;;) {
        batch.clear();
        auto got = co_await on.fetch(batch, until);
        if (!got) co_return std::move(got).error();
        for (std::size_t r = 0; r < batch.rows(); ++r) {
            row& made = rows.emplace_back();
            for (std::size_t c = 0; c < batch.width(); ++c) made.emplace_back(batch.at(r, c).value_or(""));
        }
        if (*got == driver::fetched::ended || on.at_end()) co_return rows;
    }
}

error cannot_read(const driver::connection& on) {
    return error{errc::bad_value, fmt::format("{} reports no log position that can be compared", on.describe())};
}

template <class Number>
std::optional<Number> number(const std::string& text) {
    Number n{};
    const auto read = std::from_chars(text.data(), text.data() + text.size(), n);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size()) return std::nullopt;
    return n;
}

task<result<finding>> ask_postgres(driver::connection& on, deadline until) {
    auto rows = co_await ask(on, postgres_sql, nullptr, until);
    if (!rows) co_return std::move(rows).error();
    if (rows->size() != 1 || rows->front().size() != 5) co_return cannot_read(on);
    const row& said = rows->front();
    finding out;
    out.writable = said[0] == "f";
    out.timeline = number<std::uint32_t>(said[2]).value_or(0);
    if (said[3] == "t") out.not_applying = "its replay is paused";
    const auto lsn = number<std::uint64_t>(said[1]);
    const auto segment = number<std::uint64_t>(said[4]);
    if (!lsn || !segment) {
        if (out.writable) co_return cannot_read(on);
        out.not_applying = "it has replayed nothing yet";
        co_return out;
    }
    out.position.timeline = out.timeline;
    out.position.streams[0] = out.writable ? end_of_last_record(*lsn, *segment) : *lsn;
    co_return out;
}

std::string named(const std::vector<std::string>& names, const row& in, std::string_view name) {
    for (std::size_t i = 0; i < names.size() && i < in.size(); ++i) {
        if (names[i] == name) return in[i];
    }
    return {};
}

task<result<finding>> ask_mariadb(driver::connection& on, deadline until) {
    auto rows = co_await ask(on, "select @@global.gtid_binlog_pos, @@global.gtid_slave_pos, @@global.read_only",
                             nullptr, until);
    if (!rows) {
        if (rows.error() == errc::connection_lost || rows.error() == errc::deadline_passed) {
            co_return std::move(rows).error();
        }
        co_return cannot_read(on);  // MySQL has no such variables
    }
    if (rows->size() != 1 || rows->front().size() != 3) co_return cannot_read(on);
    const row said = rows->front();
    finding out;
    out.writable = said[2] == "0" || said[2] == "OFF";
    std::vector<std::string> names;
    auto channels = co_await ask(on, "show all slaves status", &names, until);
    if (channels) {
        for (const row& each : *channels) {
            out.writable = false;
            const std::string error_text = named(names, each, "Last_SQL_Error");
            if (named(names, each, "Slave_SQL_Running") != "Yes") {
                out.not_applying =
                    error_text.empty() ? "its SQL thread is stopped" : "its SQL thread stopped: " + error_text;
            }
        }
    } else if (channels.error() == errc::connection_lost || channels.error() == errc::deadline_passed) {
        co_return std::move(channels).error();
    }
    auto position = read_gtid_position(out.writable ? said[0] : said[1]);
    if (!position) co_return std::move(position).error();
    out.position = std::move(*position);
    co_return out;
}

}  // namespace

task<result<finding>> ask_server(driver::connection& on, deadline until) {
    switch (on.speaks()) {
        case driver::dialect::postgres:
            return ask_postgres(on, until);
        case driver::dialect::mysql:
            return ask_mariadb(on, until);
        case driver::dialect::sqlite:
            break;
    }
    return [](driver::connection& file, deadline limit) -> task<result<finding>> {
        status there = co_await file.ping(limit);
        if (!there) co_return std::move(there).error();
        finding out;
        out.writable = true;
        co_return out;
    }(on, until);
}

}  // namespace ashlar::health
