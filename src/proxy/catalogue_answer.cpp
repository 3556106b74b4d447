#include "proxy/catalogue_answer.hpp"

#include "sql/catalogue_text.hpp"

#include <functional>

namespace ashlar::proxy {

namespace {

class held_answer final : public execute::answer {
public:
    explicit held_answer(driver::sqlite::scratch_answer all) : all_(std::move(all)) {
        completed_.rows_affected = all_.rows.rows();
        completed_.tag = "SELECT " + std::to_string(completed_.rows_affected);
    }
    const columns& shape() const noexcept override { return all_.shape; }
    task<result<driver::fetched>> fetch(row_batch& into, deadline) override {
        if (given_ || all_.rows.empty()) co_return driver::fetched::ended;
        given_ = true;
        std::swap(into, all_.rows);
        co_return driver::fetched::rows;
    }
    const driver::completion& completed() const noexcept override { return completed_; }
    task<void> abandon() override {
        given_ = true;
        co_return;
    }

private:
    driver::sqlite::scratch_answer all_;
    driver::completion completed_;
    bool given_ = false;
};

}  // namespace

task<result<std::unique_ptr<execute::answer>>> answer_from_catalogue(io::loop& loop,
                                                                     std::shared_ptr<const route::catalogue> known,
                                                                     topology::catalogue_reader_names names,
                                                                     std::string sql,
                                                                     std::vector<driver::parameter> parameters) {
    result<driver::sqlite::scratch_answer> got{error{errc::internal}};
    auto work = [&] {
        const auto catalogue = topology::pg_catalogue_of(*known, names);
        got = driver::sqlite::ask_scratch(catalogue, sql::for_scratch_catalogue(sql), parameters);
    };
    if (loop.runs_in_place()) {
        work();
    } else {
        co_await loop.run_blocking(std::ref(work));
    }
    if (!got) co_return std::move(got).error();
    co_return std::unique_ptr<execute::answer>{std::make_unique<held_answer>(std::move(*got))};
}

}  // namespace ashlar::proxy
