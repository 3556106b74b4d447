// driver_calls.hpp: a connection driven from a test as plain calls, on any loop.
#pragma once

#include "core/io/loop.hpp"
#include "driver/connection.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ashlar::test {

struct answered {
    columns shape;
    std::vector<std::vector<std::optional<std::string>>> rows;
    driver::completion done;
    std::string cell(std::size_t row = 0, std::size_t column = 0) const {
        return rows.at(row).at(column).value_or("NULL");
    }
};

class driver_calls {
public:
    explicit driver_calls(io::loop& on) : loop_(on) {}

    std::unique_ptr<driver::connection> connect(driver::driver& to) {
        return loop_.run(to.connect(loop_, soon())).value();
    }
    static deadline soon() { return deadline::in(seconds{60}); }

    // One statement with all its rows.
    static task<result<answered>> query(driver::connection& on, driver::statement what, deadline until) {
        answered a;
        auto shape = co_await on.start(std::move(what), until);
        if (!shape) co_return std::move(shape).error();
        a.shape = std::move(*shape);
        row_batch batch;
        for (;;) {
            batch.clear();
            auto f = co_await on.fetch(batch, until);
            if (!f) co_return std::move(f).error();
            if (*f == driver::fetched::ended) break;
            for (std::size_t r = 0; r < batch.rows(); ++r) {
                auto& row = a.rows.emplace_back();
                for (std::size_t c = 0; c < batch.width(); ++c) {
                    const cell v = batch.at(r, c);
                    row.push_back(v ? std::optional<std::string>{*v} : std::nullopt);
                }
            }
        }
        a.done = on.completed();
        co_return a;
    }
    result<answered> run(driver::connection& on, driver::statement what, deadline until = soon()) {
        return loop_.run(query(on, std::move(what), until));
    }
    result<answered> run(driver::connection& on, std::string sql, std::vector<value> values = {},
                         deadline until = soon()) {
        driver::statement s;
        s.sql = std::move(sql);
        for (const value& v : values) s.parameters.push_back(driver::to_parameter(v));
        return run(on, std::move(s), until);
    }
    status begin(driver::connection& on, driver::transaction_options how = {}) {
        return loop_.run(on.begin(how, soon()));
    }
    status commit(driver::connection& on) { return loop_.run(on.commit(soon())); }
    status rollback(driver::connection& on) { return loop_.run(on.rollback(soon())); }
    io::loop& loop() { return loop_; }

private:
    io::loop& loop_;
};

}  // namespace ashlar::test
