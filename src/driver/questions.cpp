#include "driver/questions.hpp"

namespace ashlar::driver {

namespace {

task<result<text_rows>> all_rows(connection& from, statement what, deadline until) {
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
        if (*got == fetched::ended) co_return all;
    }
}

}  // namespace

task<result<text_rows>> ask(connection& from, std::string sql, deadline until) {
    statement what;
    what.sql = std::move(sql);
    what.prepare = false;
    return all_rows(from, std::move(what), until);
}

task<result<text_rows>> ask_with(connection& from, std::string sql, std::vector<std::string> parameters,
                                 deadline until) {
    statement what;
    what.sql = std::move(sql);
    what.prepare = false;
    for (std::string& each : parameters) what.parameters.emplace_back().bytes = std::move(each);
    return all_rows(from, std::move(what), until);
}

}  // namespace ashlar::driver
