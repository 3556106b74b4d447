#include "topology/questions.hpp"

namespace ashlar::topology {

namespace {

task<result<text_rows>> run(driver::connection& from, driver::statement what, deadline until) {
    auto shape = co_await from.start(std::move(what), until);
    if (!shape) co_return std::move(shape).error();
    text_rows all;
    row_batch batch;
    for (;;) {
        batch.clear();
        auto got = co_await from.fetch(batch, until);
        if (!got) co_return std::move(got).error();
        for (std::size_t r = 0; r < batch.rows(); ++r) {
            std::vector<std::string>& row = all.emplace_back();
            for (std::size_t c = 0; c < batch.width(); ++c) row.emplace_back(batch.at(r, c).value_or(""));
        }
        if (*got == driver::fetched::ended) co_return all;
    }
}

}  // namespace

task<result<text_rows>> ask(driver::connection& from, std::string sql, deadline until) {
    driver::statement what;
    what.sql = std::move(sql);
    what.prepare = false;
    return run(from, std::move(what), until);
}

task<result<text_rows>> ask_with(driver::connection& from, std::string sql, std::vector<std::string> parameters,
                                 deadline until) {
    driver::statement what;
    what.sql = std::move(sql);
    what.prepare = false;
    for (std::string& each : parameters) what.parameters.emplace_back().bytes = std::move(each);
    return run(from, std::move(what), until);
}

bool is_true(std::string_view text) {
    return text == "t" || text == "true" || text == "1";
}

std::string told_by(const error& why) {
    const server_report* said = why.server();
    return said != nullptr && !said->message.empty() ? said->message : why.message();
}

}  // namespace ashlar::topology
