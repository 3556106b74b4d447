// The numbers of one database's own types and relations, read again when an answer holds one that nobody knows.
#include "topology/catalogue_reader.hpp"
#include "topology/type_books.hpp"
#include "topology/world_inside.hpp"

#include <algorithm>

namespace ashlar::topology {

// Precondition: `guard` is held. What began to be learnt after the reading at hand is newer, unless other numbers are shown now.
void world::inside::keep_what_was_learnt(route::catalogue& in) {
    const bool same = in.oids != nullptr && catalogue->oids != nullptr &&
                      in.unsharded_database_has_all == catalogue->unsharded_database_has_all;
    std::erase_if(learnt, [&](const auto& each) {
        const auto read = read_at.find(each.first);
        return !same || (read != read_at.end() && each.second < read->second);
    });
    if (learnt.empty()) return;
    auto maps = std::make_shared<oid_maps>(*in.oids);
    for (const auto& [database, when] : learnt) (*maps)[database] = catalogue->oids->at(database);
    in.oids = std::move(maps);
}

bool world::inside::knows(const std::string& database, const missing_oids& what) const {
    std::lock_guard hold{guard};
    if (catalogue->oids == nullptr) return true;
    const auto of = catalogue->oids->find(database);
    return of == catalogue->oids->end() || of->second->knows(what);
}

task<bool> world::inside::read_oids_again(io::loop& on_loop, const member& from, deadline until) {
    const instant began = steady_clock::now();
    std::shared_ptr<const route::catalogue> known;
    {
        std::lock_guard hold{guard};
        known = catalogue;
    }
    const std::string shown = database_shown(*known, description);
    const member* const central = find(shown);
    // One that has a map itself is not the one that maps were made for: the catalogue has not been read yet.
    if (central == nullptr || known->oids == nullptr || known->oids->contains(shown)) co_return false;
    own_oids found[2];
    const member* const both[] = {central, &from};
    for (std::size_t i = 0; i < 2; ++i) {
        const server_set& among = *both[i]->servers;
        const server& writer = among.servers()[among.writer_now().value_or(0)];
        auto made = co_await writer.pool->server().connect(on_loop, until);
        if (!made) co_return false;
        const std::unique_ptr<driver::connection> on = std::move(*made);
        auto read = co_await read_oids(*on, until);
        if (!read) co_return false;
        found[i] = std::move(*read);
    }
    auto fresh = oid_map::make(from.name, found[1], found[0]);
    type_book types = book_of(found[0]);
    std::lock_guard hold{guard};
    auto next = std::make_shared<route::catalogue>(*catalogue);
    if (next->oids == nullptr || next->oids->contains(shown)) co_return false;
    auto maps = std::make_shared<oid_maps>(*next->oids);
    (*maps)[from.name] = std::move(fresh);
    next->oids = std::move(maps);
    if (next->types != nullptr) types.differences = next->types->differences;
    note_differences(types, from.name, found[1]);
    next->types = std::make_shared<const type_book>(std::move(types));
    ++next->version;
    learnt[from.name] = began;
    catalogue = std::move(next);
    catalogue_version.store(catalogue->version, std::memory_order_release);
    co_return true;
}

world::inside::reading::~reading() {
    const bool found = all.knows(database, what);
    std::lock_guard hold{all.learning_guard};
    learning& here = all.learnings[database];
    here.rules.ended(steady_clock::now(), what.all(), found);
    for (const auto& each : here.waiting) each->set();
    here.waiting.clear();
}

std::shared_ptr<const oid_map> world::oids_of(const std::string& database) const {
    const std::shared_ptr<const oid_maps> all = catalogue()->oids;
    if (all == nullptr) return nullptr;
    const auto at = all->find(database);
    return at == all->end() ? nullptr : at->second;
}

std::shared_ptr<const type_book> world::own_types() const {
    return catalogue()->types;
}

task<bool> world::learn_oids(io::loop& loop, std::string database, missing_oids what, deadline until) {
    using verdict = learning_rules::verdict;
    inside& all = *inside_;
    const member* const from = find(database);
    const std::vector<std::uint32_t> numbers = what.all();
    for (;;) {
        if (from == nullptr || all.knows(database, what)) co_return from != nullptr;  // perhaps since the caller looked
        const instant now = steady_clock::now();
        if (until.passed(now)) co_return false;
        const auto told = std::make_shared<io::signal>();
        verdict may = verdict::leave;
        instant rested;
        {
            std::lock_guard hold{all.learning_guard};
            inside::learning& here = all.learnings[database];
            may = here.rules.ask(now, numbers);
            rested = here.rules.rested_at();
            if (may == verdict::wait) here.waiting.push_back(told);
        }
        switch (may) {
            case verdict::leave:
                co_return false;
            case verdict::wait:
                (void)co_await loop.wait_for(*told, until);
                continue;
            case verdict::rest: {
                const deadline next{std::min(rested, until.at())};
                (void)co_await loop.sleep_until(next);
                continue;
            }
            case verdict::read:
                break;
        }
        const inside::reading reads{all, database, what};
        (void)co_await all.read_oids_again(loop, *from, until);
        co_return all.knows(database, what);
    }
}

}  // namespace ashlar::topology
