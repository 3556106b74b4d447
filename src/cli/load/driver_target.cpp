#include "cli/load/driver_target.hpp"

#include "cli/direct.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

namespace ashlar::cli::load {

namespace {

driver::parameter text_parameter(std::string text, std::uint32_t type) {
    driver::parameter p;
    p.bytes = std::move(text);
    p.type = type;
    return p;
}

driver::statement with_id(std::string sql, const std::string& id) {
    driver::statement what;
    what.sql = std::move(sql);
    what.parameters.push_back(text_parameter(id, oid::text));
    return what;
}

std::uint64_t number_of(const row_batch& rows, std::size_t column, int base) {
    return std::strtoull(std::string{rows.at(0, column).value_or("")}.c_str(), nullptr, base);
}

}  // namespace

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

std::string reason_of(const error& why, const std::vector<std::string>& columns) {
    const server_report* said = why.server();
    if (said != nullptr && !said->message.empty()) return said->message;
    constexpr std::string_view words = "parameter $";
    const std::string& message = why.message();
    if (!message.starts_with(words)) return message;
    std::size_t number = 0;
    const char* const end = message.data() + message.size();
    const auto [rest, failed] = std::from_chars(message.data() + words.size(), end, number);
    if (failed != std::errc{} || number == 0 || number > columns.size()) return message;
    return fmt::format("column \"{}\"{}", columns[number - 1],
                       std::string_view{rest, static_cast<std::size_t>(end - rest)});
}

driver_target::driver_target(const plan& what, const config::database& where)
    : plan_(what), where_(where), loop_(io::make_poll_loop()) {}

status driver_target::open() {
    connection_.reset();
    auto opened = connect_to(*loop_, where_);
    if (!opened) return std::move(opened).error();
    connection_ = std::move(*opened);
    return loop_->run(connection_->run_script(opening_script(), deadline::never()));
}

status driver_target::forget(const std::string& id) {
    driver::statement gone = with_id(fmt::format("delete from {} where load_id = $1", progress_table), id);
    return loop_->run(run_to_end(*connection_, std::move(gone), deadline::never()));
}

record_reader driver_target::reader_of(const place& one) const {
    return {plan_.file.substr(0, one.end), plan_.style, one.begin, one.line};
}

task<result<std::optional<checkpoint>>> driver_target::read_reached() {
    driver::statement question = with_id(
        fmt::format("select at_byte, at_line, prefix_hash from {} where load_id = $1", progress_table), plan_.id);
    auto started = co_await connection_->start(std::move(question), deadline::never());
    if (!started) co_return std::move(started).error();
    std::optional<checkpoint> found;
    row_batch rows;
    for (;;) {
        auto got = co_await connection_->fetch(rows, deadline::never());
        if (!got) co_return std::move(got).error();
        if (*got == driver::fetched::ended) break;
        if (rows.empty()) continue;
        found.emplace();
        found->offset = number_of(rows, 0, 10);
        found->line = number_of(rows, 1, 10);
        found->prefix = number_of(rows, 2, 16);
        rows.clear();
    }
    co_return found;
}

task<result<std::optional<refused_row>>> driver_target::write_all(const batch& rows) {
    if (!connection_) co_return error{errc::connection_lost, "there is no connection to " + where_.primary.display()};
    const driver::transaction_options how;
    status begun = co_await connection_->begin(how, deadline::never());
    if (!begun) co_return std::move(begun).error();
    auto refused = co_await insert_rows(rows);
    if (!refused || *refused) {
        (void)co_await connection_->rollback(deadline::never());
        co_return refused;
    }
    status done = co_await note(rows.up_to);
    if (done) done = co_await connection_->commit(deadline::never());
    if (!done) {
        (void)co_await connection_->rollback(deadline::never());
        co_return std::move(done).error();
    }
    co_return std::optional<refused_row>{};
}

task<status> driver_target::note(checkpoint up_to) {
    driver::statement progress = with_id(progress_statement(), plan_.id);
    progress.parameters.push_back(text_parameter(std::to_string(up_to.offset), oid::int8));
    progress.parameters.push_back(text_parameter(std::to_string(up_to.line), oid::int8));
    progress.parameters.push_back(text_parameter(fmt::format("{:x}", up_to.prefix), oid::text));
    co_return co_await run_to_end(*connection_, std::move(progress), deadline::never());
}

}  // namespace ashlar::cli::load
