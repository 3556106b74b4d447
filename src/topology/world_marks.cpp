// world_marks.cpp: the shards' marks: held against the configuration before a shard is used, and written where there is none.
//
// A cluster's id is born on its first shard: whoever stores a mark there first has chosen it, and all others take it over. So
// processes that start at the same time agree; while the first shard is away, a new cluster is not marked at all.
#include "topology/questions.hpp"
#include "topology/world_inside.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace ashlar::topology {

namespace {

// Of each table of a shard without a mark.
constexpr std::uint64_t rows_sampled = 1'000;

error rows_do_not_fit(const std::string& shard, const std::string& misfit) {
    return error{errc::config_invalid,
                 fmt::format("the rows on {} are not spread as the shards are configured: {}", shard, misfit)}
        .on(shard)
        .hint(
            "Put function, key_type, number and order of the shards as they were when the rows were stored, or move "
            "the "
            "rows. `ashlar check --deep` reports what it finds on all shards.");
}

}  // namespace

std::size_t world::inside::number_of_shard(const member& of) const {
    const bool is_one = !shards.empty() && &of >= shards.data() && &of < shards.data() + shards.size();
    return is_one ? static_cast<std::size_t>(&of - shards.data()) : shards.size();
}

std::string world::inside::mark_name(const member& of) const {
    return mark_name_of(*description.shards_, *of.described);
}

task<status> world::inside::look_at_mark(driver::connection& from, look& into, deadline until) const {
    const std::size_t number = number_of_shard(*into.of);
    std::string name = mark_name(*into.of);
    auto found = co_await read_mark(from, std::move(name), until);
    if (!found) co_return std::move(found).error();
    into.mark = std::move(*found);
    bool known = into.mark->mark.has_value();
    {
        std::lock_guard hold{guard};
        known = known || adopted[number];
    }
    if (known) co_return status{};
    std::vector<sharded_table> tables = sharded_tables_of(description);
    schema_snapshot has = into.schema;
    keyspace::shard_map by = *map;
    auto sampled = co_await sample_rows(from, std::move(has), std::move(tables), std::move(by),
                                        static_cast<keyspace::shard_id>(number), rows_sampled, until);
    if (!sampled) co_return std::move(sampled).error();
    into.samples = std::move(*sampled);
    co_return status{};
}

// True: there was something wrong.
bool world::inside::refuse_wrong_marks(std::deque<look>& looks) {
    std::lock_guard build{building};
    for (const look& each : looks) {
        const std::size_t number = number_of_shard(*each.of);
        if (number == shards.size() || each.failed || !each.mark) continue;
        shard_standing& here = standings[number];
        here.answered = true;
        here.mark = each.mark->mark;
        here.may_have_mark = !each.mark->unreadable.empty();
        if (here.mark) unmarked[number].clear();
        if (here.may_have_mark) unmarked[number] = each.mark->unreadable;
    }
    const mark_verdict verdict = judge_marks(configured, standings, cluster_id);
    if (verdict.is_good()) return false;
    const error why = map_does_not_fit(standings, verdict);
    for (look& each : looks) {
        const std::size_t number = number_of_shard(*each.of);
        if (number == shards.size() || verdict.wrong[number].empty() || each.failed) continue;
        each.failed = why;
        each.refused = true;
    }
    return true;
}

bool world::inside::refuse_misfits(std::deque<look>& looks) const {
    bool any = false;
    for (look& each : looks) {
        const std::string misfit = each.failed ? std::string{} : misfit_of(each.samples);
        if (misfit.empty()) continue;
        each.failed = rows_do_not_fit(each.of->name, misfit);
        each.refused = true;
        any = true;
    }
    return any;
}

task<void> world::inside::read_missing_marks_again(io::loop& on, std::deque<look>& looks, deadline until) const {
    const auto says_all = [](const look& each) {
        return !each.failed && each.mark && each.mark->mark && each.mark->mark->complete;
    };
    if (std::ranges::none_of(looks, says_all)) co_return;
    for (look& each : looks) {
        const bool lacks = !each.failed && each.mark && !each.mark->mark && each.mark->unreadable.empty();
        if (!lacks || number_of_shard(*each.of) == shards.size()) continue;
        auto lent = co_await each.of->servers->lend_to_look(on, until);
        if (!lent) continue;
        std::string name = mark_name(*each.of);
        auto found = co_await read_mark(*lent->lease, std::move(name), until);
        if (found) each.mark = std::move(*found);
    }
}

task<void> world::inside::settle_marks(io::loop& on, std::deque<look>& looks, deadline until) {
    if (!description.shards_) co_return;
    co_await read_missing_marks_again(on, looks, until);
    if (refuse_wrong_marks(looks) || refuse_misfits(looks)) co_return;
    {
        std::lock_guard hold{guard};
        for (const look& each : looks) {
            const std::size_t number = number_of_shard(*each.of);
            if (number < shards.size() && !each.failed && each.mark && !each.mark->mark) adopted[number] = true;
        }
    }
    co_await write_marks(on, looks, until);
    if (refuse_wrong_marks(looks)) co_return;
    {
        std::lock_guard build{building};
        cluster_id = judge_marks(configured, standings, cluster_id).cluster;
    }
    co_await note_all_marked(on, looks, until);
}

task<void> world::inside::write_marks(io::loop& on, std::deque<look>& looks, deadline until) {
    std::string cluster;
    std::uint64_t epoch = 1;
    {
        std::lock_guard build{building};
        const mark_verdict verdict = judge_marks(configured, standings, cluster_id);
        cluster = verdict.cluster;
        epoch = verdict.epoch;
    }
    for (look& each : looks) {
        const std::size_t number = number_of_shard(*each.of);
        if (number == shards.size() || each.failed || !each.mark || each.mark->mark) continue;
        if (!each.mark->unreadable.empty()) continue;
        if (cluster.empty() && number != 0) break;  // none is born yet
        std::string id = cluster.empty() ? uuid::random().to_string() : cluster;
        co_await mark_one(on, each, std::move(id), epoch, until);
        if (cluster.empty() && each.mark->mark) cluster = each.mark->mark->cluster;
    }
}

// Afterwards the look has the mark that stands there, ours or that of who was first.
task<void> world::inside::mark_one(io::loop& on, look& at, std::string cluster, std::uint64_t epoch, deadline until) {
    const std::size_t number = number_of_shard(*at.of);
    shard_mark made;
    made.cluster = std::move(cluster);
    made.shard = at.of->name;
    made.number = static_cast<std::uint32_t>(number + 1);
    made.map = configured;
    made.epoch = epoch;
    made.state = shard_mark::serving;
    const std::string name = mark_name(*at.of);
    auto lent = co_await at.of->servers->lend_writer(on, until);
    status done;
    if (!lent) {
        done = std::move(lent).error();
    } else {
        std::string here = name;
        done = co_await write_mark(*lent->lease, std::move(here), std::move(made), until);
        // Also when it was not stored: another process that was storing one may be the reason.
        std::string again = name;
        auto read = co_await read_mark(*lent->lease, std::move(again), until);
        if (read) {
            at.mark = std::move(*read);
            if (at.mark->mark) done = status{};
        } else if (done) {
            done = std::move(read).error();
        }
    }
    std::lock_guard build{building};
    if (done) {
        unmarked[number].clear();
        co_return;
    }
    const bool is_new = unmarked[number].empty();
    unmarked[number] = told_by(done.error());
    if (!is_new) co_return;
    spdlog::warn("{} gets no mark, so that its rows are sampled at each start: {}", at.of->name, unmarked[number]);
}

task<void> world::inside::note_all_marked(io::loop& on, std::deque<look>& looks, deadline until) {
    {
        std::lock_guard build{building};
        const auto has_one = [](const shard_standing& each) { return each.mark.has_value(); };
        if (!std::ranges::all_of(standings, has_one)) co_return;
    }
    for (look& each : looks) {
        if (each.failed || !each.mark || !each.mark->mark || each.mark->mark->complete) continue;
        auto lent = co_await each.of->servers->lend_writer(on, until);
        if (!lent) continue;
        std::string name = mark_name(*each.of);
        std::string cluster = each.mark->mark->cluster;
        // Who may not write it leaves it to others: a shard that is replaced is then noticed by its rows only.
        (void)co_await note_complete(*lent->lease, std::move(name), std::move(cluster), until);
    }
}

std::map<std::string, std::string, std::less<>> world::unmarked() const {
    std::map<std::string, std::string, std::less<>> out;
    std::lock_guard build{inside_->building};
    for (std::size_t i = 0; i < inside_->shards.size(); ++i) {
        if (!inside_->unmarked[i].empty()) out.emplace(inside_->shards[i].name, inside_->unmarked[i]);
    }
    return out;
}

}  // namespace ashlar::topology
