// world_catalogue.cpp: what tables the databases have, read from them as a whole; and the numbers of one of them, read again when an
// answer holds one that nobody knows.
#include "topology/catalogue_reader.hpp"
#include "topology/world_inside.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace ashlar::topology {

namespace {

route::table_kind kind_of(config::table_kind kind) {
    switch (kind) {
        case config::table_kind::sharded:
            return route::table_kind::sharded;
        case config::table_kind::reference:
            return route::table_kind::reference;
        case config::table_kind::unsharded:
            return route::table_kind::unsharded;
    }
    return route::table_kind::unsharded;
}

std::string schema_of(const config::table& t) {
    return t.schema.empty() ? "public" : t.schema;
}

// A table stands in the catalogue under its full name, and under the bare one when it is in the schema `public`.
void enter(route::catalogue& into, const route::table_facts& table) {
    into.tables[table.schema + "." + table.name] = table;
    if (table.schema == "public") into.tables[table.name] = table;
}

// What `read` finds on a database, on a connection of its pool.
template <class Found>
task<result<Found>> read_from(io::loop& loop, const member& from, deadline until,
                              task<result<Found>> (*read)(driver::connection&, deadline)) {
    auto lent = co_await from.servers->lend_to_write(loop, until);
    if (!lent) co_return std::move(lent).error().on(from.name);
    auto found = co_await read(*lent->lease, until);
    if (!found) {
        from.servers->failed(lent->server, found.error());
        co_return std::move(found).error().on(from.name);
    }
    from.servers->well(lent->server);
    co_return found;
}

// Named databases that are not needed to know the tables are not waited for long.
constexpr seconds patience_with_others{2};

std::shared_ptr<const oid_maps> compare(const std::map<std::string, own_oids>& numbers, const std::string& known) {
    oid_maps made;
    for (const auto& [name, there] : numbers) {
        if (name == known) continue;
        made.emplace(name, oid_map::make(name, there, numbers.at(known)));
    }
    if (made.empty()) return nullptr;
    return std::make_shared<const oid_maps>(std::move(made));
}

}  // namespace

std::shared_ptr<route::catalogue> world::inside::bare_catalogue() const {
    auto c = std::make_shared<route::catalogue>();
    c->shards = map;
    const config::database* any = description.primary();
    if (description.shards_ && !description.shards_->list.empty()) any = &description.shards_->list.front();
    if (any != nullptr && any->primary.engine == config::engine::sqlite) c->dialect = route::dialect::sqlite;
    if (description.primary() == nullptr) c->unsharded_database.clear();
    // Until they have been asked, nobody knows what the databases' own numbers mean to each other.
    if (c->dialect == route::dialect::postgres && shards.size() + databases.size() > 1) {
        auto none_known = std::make_shared<oid_maps>();
        for (const auto* list : {&shards, &databases}) {
            for (const member& each : *list) none_known->emplace(each.name, oid_map::blind(each.name));
        }
        c->oids = std::move(none_known);
    }
    c->default_collation.kind = route::collation_kind::nondeterministic;  // until the databases have been asked
    for (const config::table& each : description.tables) {
        route::table_facts t;
        t.schema = schema_of(each);
        t.name = each.name;
        t.kind = kind_of(each.kind);
        t.shard_key = each.shard_key;
        t.database = each.database.empty() ? "primary" : each.database;
        enter(*c, t);
    }
    return c;
}

task<status> world::read_catalogue(io::loop& loop, deadline until) {
    const instant began = steady_clock::now();
    std::shared_ptr<route::catalogue> fresh = inside_->bare_catalogue();
    std::vector<std::string> spread;  // the tables that every shard must have alike
    for (const config::table& each : inside_->description.tables) {
        if (each.kind != config::table_kind::unsharded) spread.push_back(schema_of(each) + "." + each.name);
    }

    std::map<std::string, own_oids> numbers;  // by database
    std::optional<schema_snapshot> central;
    std::set<std::string, std::less<>> unsharded_immutable;
    // Unsharded tables first, so that what the shards hold wins for tables that are configured.
    if (const member* primary = find(fresh->unsharded_database);
        primary != nullptr && !fresh->unsharded_database.empty() && primary != takes_everything()) {
        auto read = co_await read_from(loop, *primary, until, &read_schema);
        if (!read) co_return std::move(read).error();
        fresh->default_collation = read->default_collation;
        fresh->any_column_collation_differs = read->any_column_collation_differs;
        unsharded_immutable = read->immutable_functions;
        fresh->immutable_functions = std::move(read->immutable_functions);
        fresh->stable_functions = std::move(read->stable_functions);
        for (const auto& [name, table] : read->tables) {
            const route::table_facts* configured = fresh->find(table.schema, table.name);
            if (configured != nullptr && configured->kind != route::table_kind::unsharded) continue;
            route::table_facts own = table;
            own.kind = route::table_kind::unsharded;
            own.database = configured != nullptr ? configured->database : fresh->unsharded_database;
            enter(*fresh, own);
        }
        numbers[primary->name] = std::move(read->oids);
        central = std::move(*read);
    }

    std::optional<schema_snapshot> first;
    for (const member& each : inside_->shards) {
        auto read = co_await read_from(loop, each, until, &read_schema);
        if (!read) co_return std::move(read).error();
        numbers[each.name] = std::move(read->oids);
        if (first) {
            if (std::string differs = first_difference(*first, *read, spread); !differs.empty()) {
                co_return error{errc::shards_disagree, fmt::format("{} and {} do not have the same tables", each.name,
                                                                   inside_->shards.front().name)}
                    .detail(fmt::format("On {}: {}.", each.name, differs))
                    .hint("Bring the shards to one schema, then start again.");
            }
            continue;
        }
        first = std::move(*read);
    }
    if (first) {
        fresh->unsharded_database_has_all = central && first_difference(*first, *central, spread).empty();
        fresh->default_collation = first->default_collation;
        fresh->any_column_collation_differs |= first->any_column_collation_differs;
        fresh->immutable_functions = first->immutable_functions;
        // What stands beside sharded tables calls none of them: those of the other database are meant, its immutable ones too.
        if (central)
            fresh->stable_functions.insert(unsharded_immutable.begin(), unsharded_immutable.end());
        else
            fresh->stable_functions = first->stable_functions;
        for (const config::table& each : inside_->description.tables) {
            if (each.kind == config::table_kind::unsharded) continue;
            const auto found = first->tables.find(schema_of(each) + "." + each.name);
            if (found == first->tables.end()) continue;  // configured before it was created: known without columns
            route::table_facts table = found->second;
            table.kind = kind_of(each.kind);
            table.shard_key = each.shard_key;
            if (table.kind == route::table_kind::sharded && table.find(table.shard_key) == nullptr) {
                co_return error{errc::config_invalid, fmt::format("table {} has no column {}, its configured shard key",
                                                                  each.name, each.shard_key)}
                    .hint("Name one of its columns as shard_key under [tables].");
            }
            enter(*fresh, table);
        }
    }

    std::vector<std::string> silent;
    for (const member& each : inside_->databases) {
        if (numbers.contains(each.name) || each.described->primary.engine != config::engine::postgres) continue;
        const deadline soon{std::min(until.at(), steady_clock::now() + patience_with_others)};
        auto read = co_await read_from(loop, each, soon, &read_oids);
        if (read)
            numbers[each.name] = std::move(*read);
        else
            silent.push_back(each.name);
    }
    const bool ask_shard = first && !fresh->unsharded_database_has_all;
    const std::string known = ask_shard ? inside_->shards.front().name : fresh->unsharded_database;
    if (fresh->dialect == route::dialect::postgres && numbers.contains(known)) {
        fresh->oids = compare(numbers, known);
        if (!silent.empty()) {
            oid_maps more = fresh->oids == nullptr ? oid_maps{} : *fresh->oids;
            for (const std::string& name : silent) more.emplace(name, oid_map::blind(name));
            fresh->oids = std::make_shared<const oid_maps>(std::move(more));
        }
    }

    std::lock_guard hold{inside_->guard};
    if (inside_->catalogue_began > began) co_return status{};  // somebody else has read it since
    inside_->catalogue_began = began;
    inside_->keep_what_was_learnt(*fresh);
    fresh->version = inside_->catalogue->version + 1;
    inside_->catalogue = std::move(fresh);
    co_return status{};
}

// Precondition: `guard` is held. What began to be learnt after the reading at hand is newer, unless other numbers are shown now.
void world::inside::keep_what_was_learnt(route::catalogue& in) {
    const bool same = in.oids != nullptr && catalogue->oids != nullptr &&
                      in.unsharded_database_has_all == catalogue->unsharded_database_has_all;
    std::erase_if(learnt, [&](const auto& each) { return !same || each.second < catalogue_began; });
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
    const bool ask_shard = known->shards && !known->unsharded_database_has_all;
    const std::string& shown = ask_shard ? shards.front().name : known->unsharded_database;
    const auto is_shown = [&](const member& each) { return each.name == shown; };
    const auto* list = ask_shard ? &shards : &databases;
    const auto central = std::find_if(list->begin(), list->end(), is_shown);
    // One that has a map itself is not the one that maps were made for: the catalogue has not been read yet.
    if (central == list->end() || known->oids == nullptr || known->oids->contains(shown)) co_return false;
    own_oids found[2];
    const member* const both[] = {&*central, &from};
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
    std::lock_guard hold{guard};
    auto next = std::make_shared<route::catalogue>(*catalogue);
    if (next->oids == nullptr || next->oids->contains(shown)) co_return false;
    auto maps = std::make_shared<oid_maps>(*next->oids);
    (*maps)[from.name] = std::move(fresh);
    next->oids = std::move(maps);
    ++next->version;
    learnt[from.name] = began;
    catalogue = std::move(next);
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
