#include "cluster/runners.hpp"
#include "cluster/wait_here.hpp"
#include "cluster/work.hpp"
#include "core/io/task_group.hpp"

#include <ashlar/scope.hpp>

#include <algorithm>

namespace ashlar {

scope::scope(std::shared_ptr<detail::runner> on) : statements(std::move(on)) {}

scope::scope(std::shared_ptr<detail::runner> on, std::shared_ptr<detail::cluster_inside> inside,
             std::shared_ptr<const detail::view> seen, std::string name)
    : statements(std::move(on)), inside_(std::move(inside)), view_(std::move(seen)), name_(std::move(name)) {}

const std::string& scope::name() const noexcept {
    return name_;
}

namespace {

// Why a scope without a cluster behind it has none.
error without_database(const detail::runner& on) {
    if (const auto* failed = dynamic_cast<const detail::failed_runner*>(&on)) return failed->why();
    return error{errc::transaction_state, "this scope belongs to a transaction, which has only statements"};
}

}  // namespace

status scope::is_there() const {
    return inside_ ? status{} : status{without_database(*on())};
}

status scope::run_script(std::string_view sql) const {
    if (!inside_) return without_database(*on());
    auto where = detail::place_named(*inside_, name_);
    if (!where) return std::move(where).error();
    if (view_->reads) return detail::only_reads();
    status done = detail::wait_here(
        detail::run_script_on(detail::loop_of_this_thread(), *inside_, *where->member, std::string{sql}, *view_));
    if (!done) return done;
    return inside_->read_catalogue();
}

result<ashlar::transaction> scope::begin(transaction_options options) const {
    if (!inside_) return without_database(*on());
    auto where = detail::place_named(*inside_, name_);
    if (!where) return std::move(where).error();
    return ashlar::transaction{std::make_shared<detail::transaction_runner>(inside_, options, *where, view_)};
}

namespace {

std::shared_ptr<detail::runner> runner_of_all(const std::shared_ptr<detail::cluster_inside>& inside,
                                              const std::shared_ptr<const detail::view>& seen) {
    if (!inside->world().shards().empty()) return std::make_shared<detail::cluster_runner>(inside, seen);
    return std::make_shared<detail::failed_runner>(
        error{errc::unsupported, "the configuration has no shards"}.hint("Ask the cluster itself, or a database."));
}

}  // namespace

all_shards::all_shards(std::shared_ptr<detail::cluster_inside> inside, std::shared_ptr<const detail::view> seen)
    : statements(runner_of_all(inside, seen)), inside_(std::move(inside)), view_(std::move(seen)) {}

std::size_t all_shards::size() const noexcept {
    return inside_->world().shards().size();
}

scope all_shards::operator[](std::size_t number) const {
    const auto id = static_cast<keyspace::shard_id>(number);
    const detail::place where = detail::place_of(*inside_, id);
    return scope{std::make_shared<detail::database_runner>(inside_, where, view_), inside_, view_, where.member->name};
}

namespace {

// What the workers of one each_at_once share.
struct each_state {
    const std::function<void(std::size_t)>& work;
    std::size_t count;
    std::size_t next = 0;
    std::vector<std::exception_ptr> thrown;
};

io::task<void> work_off(each_state& all) {
    while (all.next < all.count) {
        const std::size_t number = all.next++;
        detail::fiber one{[&all, number] {
            try {
                all.work(number);
            } catch (...) {
                all.thrown[number] = std::current_exception();
            }
        }};
        co_await one.drive();
    }
}

// join(), not next(): a fiber must run to its end whatever becomes of the others.
io::task<void> run_all(io::loop& loop, each_state& all, std::size_t at_once) {
    io::task_group<void> workers{loop};
    for (std::size_t i = 0; i < std::min(at_once, all.count); ++i) workers.start(work_off(all));
    co_await workers.join();
}

}  // namespace

void all_shards::each_at_once(const std::function<void(scope&, std::size_t)>& work) const {
    const std::function<void(std::size_t)> on_shard = [&](std::size_t number) {
        scope one = (*this)[number];
        work(one, number);
    };
    each_state all{on_shard, size(), 0, std::vector<std::exception_ptr>(size())};
    detail::wait_here(
        run_all(detail::loop_of_this_thread(), all, std::max<std::size_t>(1, inside_->options().fan_out_max)));
    for (std::exception_ptr& each : all.thrown) {
        if (each) std::rethrow_exception(std::move(each));
    }
}

status all_shards::run_script(std::string_view sql) const {
    auto one = [&](scope& each) -> status {
        const detail::place where = *detail::place_named(*inside_, each.name());
        return detail::wait_here(
            detail::run_script_on(detail::loop_of_this_thread(), *inside_, *where.member, std::string{sql}, *view_));
    };
    if (view_->reads) return detail::only_reads();
    if (status done = map(one); !done) return done;
    return inside_->read_catalogue();
}

}  // namespace ashlar
