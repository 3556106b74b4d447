#include "execute/executor.hpp"

#include "execute/engine_words.hpp"
#include "execute/steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace ashlar::execute {

namespace {

using driver::completion;
using driver::connection;
using driver::fetched;

// One step, streamed through untouched.
class one_step_answer final : public answer {
public:
    one_step_answer(std::unique_ptr<lender> from, connection& on, columns shape, std::string where)
        : lender_(std::move(from)), on_(&on), shape_(std::move(shape)), where_(std::move(where)) {
        look_for_end();
    }

    const columns& shape() const noexcept override { return shape_; }
    task<result<fetched>> fetch(row_batch& into, deadline until) override {
        if (on_ == nullptr) co_return fetched::ended;
        auto got = co_await on_->fetch(into, until);
        if (!got) {
            let_go();
            co_return std::move(got).error().on(where_);
        }
        look_for_end();
        if (*got == fetched::ended && on_ != nullptr) end();
        co_return got;
    }
    const completion& completed() const noexcept override { return completed_; }
    task<void> abandon() override {
        if (on_ == nullptr) co_return;
        on_->cancel();
        co_await drain(*on_, deadline::in(drain_time));
        let_go();
    }

private:
    // Its connection may be used for the next statement before the end is asked for.
    void look_for_end() {
        if (on_->at_end()) end();
    }
    void end() {
        completed_ = on_->completed();
        let_go();
    }
    void let_go() noexcept { lender_->ended(*std::exchange(on_, nullptr)); }

    std::unique_ptr<lender> lender_;
    connection* on_;  // nullptr: the statement has ended
    columns shape_;
    std::string where_;
    completion completed_;
};

// What the statement's text and its caller's parameters say is never taken on trust.
status may_run(const route::bound_plan& plan, std::size_t parameters) {
    if (plan.steps.empty() || (plan.merge == nullptr && plan.steps.size() != 1)) {
        return error{errc::unsupported, "the statement cannot be run on a database by itself"};
    }
    for (const route::step& s : plan.steps) {
        for (const std::size_t index : s.parameters) {
            if (index < parameters) continue;
            return error{errc::invalid_argument,
                         fmt::format("the statement names ${}, but only {} parameters came", index + 1, parameters)}
                .sqlstate("08P01");
        }
    }
    return {};
}

task<result<std::unique_ptr<answer>>> refused(error why) {
    co_return why;
}

task<result<std::unique_ptr<answer>>> run_one(route::bound_plan plan, std::vector<driver::parameter> parameters,
                                              std::unique_ptr<lender> from, result_formats results, limits within,
                                              deadline until) {
    const route::step& step = plan.steps.front();
    std::string where = where_of(plan, step);
    auto lent = co_await from->lend(step);
    if (!lent) co_return std::move(lent).error().on(where);
    connection& on = **lent;
    if (auto misread = misread_by(on, step.sql)) {
        from->ended(on);
        co_return std::move(misread->on(where));
    }
    driver::statement what = statement_of(plan, step, parameters, results, within.account);
    auto shape = co_await on.start(std::move(what), until);
    if (!shape) {
        error why = in_our_words(std::move(shape).error(), on, plan.steps.front().sql);
        from->ended(on);
        co_return std::move(why).on(where);
    }
    co_return std::make_unique<one_step_answer>(std::move(from), on, std::move(*shape), std::move(where));
}

}  // namespace

std::string combine_tags(const std::vector<std::string>& tags, bool once) {
    if (tags.empty()) return {};
    const std::string& first = tags.front();
    const std::size_t blank = first.rfind(' ');
    if (once || blank == std::string::npos) return first;
    std::uint64_t sum = 0;
    for (const std::string& tag : tags) {
        const char* begin = tag.data() + std::min(tag.size(), tag.rfind(' ') + 1);
        std::uint64_t n = 0;
        const auto read = std::from_chars(begin, tag.data() + tag.size(), n);
        if (read.ec != std::errc{} || read.ptr != tag.data() + tag.size()) return first;  // a tag without a count
        sum += n;
    }
    return first.substr(0, blank + 1) + std::to_string(sum);
}

task<result<std::unique_ptr<answer>>> run(io::loop& loop, route::bound_plan plan,
                                          std::vector<driver::parameter> parameters, std::unique_ptr<lender> from,
                                          result_formats results, limits within, deadline until) {
    if (plan.types) {
        status typed = type_parameters(*plan.types, plan.merge == nullptr, within.names, parameters);
        if (!typed) return refused(std::move(typed).error());
    }
    if (status s = may_run(plan, parameters.size()); !s) return refused(std::move(s).error());
    if (plan.merge != nullptr) {
        return begin_merged(loop, std::move(plan), std::move(parameters), std::move(from), results, within, until);
    }
    return run_one(std::move(plan), std::move(parameters), std::move(from), results, within, until);
}

task<result<driver::completion>> run_to_end(io::loop& loop, route::bound_plan plan,
                                            std::vector<driver::parameter> parameters, std::unique_ptr<lender> from,
                                            limits within, deadline until) {
    auto begun =
        co_await run(loop, std::move(plan), std::move(parameters), std::move(from), cell_format::text, within, until);
    if (!begun) co_return std::move(begun).error();
    std::unique_ptr<answer> all = std::move(*begun);
    row_batch dropped;
    for (;;) {
        dropped.clear();
        auto got = co_await all->fetch(dropped, until);
        if (!got) co_return std::move(got).error();
        if (*got == driver::fetched::ended) co_return all->completed();
    }
}

}  // namespace ashlar::execute
