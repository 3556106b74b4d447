// world_catalogue.cpp: what tables the databases have: all are asked at once, and the catalogue is made of what those say that
// answer. Who has never answered is looked at when somebody asks for a connection to it.
#include "core/io/task_group.hpp"
#include "topology/questions.hpp"
#include "topology/schema_token.hpp"
#include "topology/world_inside.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace ashlar::topology {

namespace {

// Named databases that are not needed to know the tables are not waited for long.
constexpr seconds patience_with_others{2};
// For the answer, beyond the time that connecting may take.
constexpr seconds patience_with_answer{5};
constexpr seconds pause_between_readings{1};
// After a database could not be looked at, those who ask for it are refused at once for so long.
constexpr milliseconds pause_after_failure{250};

// The server is not there now, and may be soon; anything else is for a person to mend.
bool may_pass_by_itself(const error& why) {
    switch (why.code()) {
        case errc::connect_failed:
        case errc::connection_lost:
        case errc::peer_closed:
        case errc::deadline_passed:
        case errc::io_failure:
        case errc::pool_timeout:
        case errc::pool_queue_full:
        case errc::shard_unavailable:
        case errc::database_locked:
            return true;
        default:
            return false;
    }
}

error cannot_be_used(const std::string& database, const error& why) {
    if (!may_pass_by_itself(why)) return why;
    error out{errc::shard_unavailable, fmt::format("{} has not answered since the start: {}", database, told_by(why))};
    return out.hint("It is tried again when it is asked for; `ashlar status` shows how the servers stand.");
}

}  // namespace

std::vector<const member*> world::inside::read_whole() const {
    std::vector<const member*> out;
    const config::database* primary = description.primary();
    const bool planned = primary != nullptr && primary->primary.engine != config::engine::mysql;
    if (planned) out.push_back(find(primary->name));
    for (const member& each : shards) out.push_back(&each);
    return out;
}

bool world::inside::is_essential(const member& of) const {
    return number_of_shard(of) < shards.size() || of.described == description.primary();
}

std::deque<world::inside::look> world::inside::looks_at_all_databases() const {
    std::deque<look> out;
    const std::vector<const member*> whole = read_whole();
    for (const member* each : whole) out.push_back({each});
    for (const member& each : databases) {
        if (std::ranges::find(whole, &each) != whole.end()) continue;
        switch (each.described->primary.engine) {
            case config::engine::postgres:
                out.push_back({&each, asked::own_types});
                break;
            case config::engine::mysql:
                out.push_back({&each, asked::presence});
                break;
            case config::engine::sqlite:
                break;  // a file is opened when it is asked for
        }
    }
    return out;
}

status world::inside::verdict_on(const std::deque<look>& looks) const {
    const auto essential = [this](const look& each) { return is_essential(*each.of); };
    const bool any_essential = std::ranges::any_of(looks, essential);
    const look* away = nullptr;
    bool answered = false;
    for (const look& each : looks) {
        if (each.never_answered && !may_pass_by_itself(*each.failed)) return *each.failed;
        if (any_essential && !essential(each)) continue;
        if (!each.never_answered)
            answered = true;
        else if (away == nullptr)
            away = &each;
    }
    if (answered || away == nullptr) return {};
    return *away->failed;
}

task<status> world::inside::ask_for(driver::connection& from, look& into, deadline until) const {
    if (into.what == asked::presence) co_return co_await from.ping(until);
    if (into.what == asked::own_types) {
        auto found = co_await read_oids(from, until);
        if (!found) co_return std::move(found).error();
        into.numbers = std::move(*found);
        co_return status{};
    }
    auto token = co_await read_schema_token(from, until);
    if (!token) co_return std::move(token).error();
    into.token = std::move(*token);
    auto found = co_await read_schema(from, until);
    if (!found) co_return std::move(found).error();
    into.schema = std::move(*found);
    if (number_of_shard(*into.of) < shards.size()) co_return co_await look_at_mark(from, into, until);
    co_return status{};
}

task<void> world::inside::look_at(io::loop& on, look& into, deadline until) const {
    const member& of = *into.of;
    const milliseconds limit = is_essential(of) ? of.described->pool.connect_timeout + patience_with_answer
                                                : milliseconds{patience_with_others};
    const deadline soon{std::min(until.at(), steady_clock::now() + limit)};
    if (into.through != nullptr) {
        status read = co_await ask_for(*into.through, into, soon);
        if (!read) into.failed = std::move(read).error().on(of.name);
        co_return;
    }
    auto lent = co_await of.servers->lend_to_look(on, soon);
    if (!lent) {
        into.failed = std::move(lent).error().on(of.name);
        co_return;
    }
    status read = co_await ask_for(*lent->lease, into, soon);
    if (read) {
        of.servers->well(lent->server);
        co_return;
    }
    of.servers->failed(lent->server, read.error());
    into.failed = std::move(read).error().on(of.name);
}

task<void> world::inside::look_at_all(io::loop& on, std::deque<look>& all, deadline until) const {
    io::cancel_scope* const outer = co_await io::this_scope{};
    io::task_group<void> looks{on, outer};
    std::exception_ptr thrown;
    try {
        for (look& each : all) {
            // Files one after the other: two that were left with the journals of one transaction cannot both be recovered
            // at the same moment, for each looks at what the other removes.
            if (each.of->described->primary.engine == config::engine::sqlite) {
                co_await look_at(on, each, until);
            } else {
                looks.start(look_at(on, each, until));
            }
        }
        for (bool more = true; more;) {
            auto ended = co_await looks.next();
            more = ended.has_value();
        }
    } catch (...) {
        thrown = std::current_exception();
    }
    if (thrown) {
        co_await looks.cancel_and_join();
        std::rethrow_exception(thrown);
    }
}

void world::inside::note_how_texts_are_read(route::catalogue& in) const {
    const auto told = sessions->known();
    if (told == nullptr) return;
    if (const driver::session_value* path = driver::find(*told, "search_path"))
        in.search_path = driver::schemas_in(path->value);
    if (const driver::session_value* strings = driver::find(*told, "standard_conforming_strings"))
        in.standard_conforming_strings = strings->value != "off";
}

// Success: all that was said stands in the catalogue, and the gates of those who answered are open.
status world::inside::take_in(std::deque<look>& looks, instant began) {
    std::lock_guard build{building};
    readings next = said;
    std::vector<const look*> taken;
    for (look& each : looks) {
        const std::string& name = each.of->name;
        if (const auto at = read_at.find(name); at != read_at.end() && at->second > began) continue;  // newer is known
        if (each.failed) {
            const bool is_new = !next.schemas.contains(name) && !next.numbers.contains(name) && !present.contains(name);
            each.never_answered = is_new || each.refused;
            const bool has_own = each.of->described->primary.engine == config::engine::postgres;
            if (is_new && has_own) next.silent.insert(name);
            if (each.refused) each.of->servers->close_gate();
            continue;
        }
        taken.push_back(&each);
        next.silent.erase(name);
        if (each.what == asked::tables) next.schemas.insert_or_assign(name, std::move(each.schema));
        if (each.what == asked::own_types) next.numbers.insert_or_assign(name, std::move(each.numbers));
    }
    if (!was_built || next != said) {
        auto made = build_catalogue(description, map, next);
        if (!made) return std::move(made).error();
        said = std::move(next);
        was_built = true;
        std::lock_guard hold{guard};
        for (const look* each : taken) read_at[each->of->name] = began;
        keep_what_was_learnt(*made->catalogue);
        note_how_texts_are_read(*made->catalogue);
        made->catalogue->version = catalogue->version + 1;
        catalogue = std::move(made->catalogue);
        catalogue_version.store(catalogue->version, std::memory_order_release);
        differences = std::move(made->differences);
    }
    std::lock_guard hold{guard};
    for (const look& each : looks) {
        if (each.what == asked::tables && each.failed && (each.refused || !said.schemas.contains(each.of->name)))
            unread.insert_or_assign(each.of->name, *each.failed);
    }
    for (const look* each : taken) {
        read_at[each->of->name] = began;
        if (each->what == asked::tables) tokens[each->of->name] = each->token;
        if (each->what == asked::presence) present.insert(each->of->name);
        if (unread.erase(each->of->name) > 0)
            spdlog::info("{} has answered, and takes part from now on", each->of->name);
        each->of->servers->open_gate();
    }
    return {};
}

task<status> world::read_catalogue(io::loop& loop, deadline until) {
    inside& all = *inside_;
    const instant began = steady_clock::now();
    all.began_at.store(began.time_since_epoch().count(), std::memory_order_relaxed);
    std::deque<inside::look> looks = all.looks_at_all_databases();
    co_await all.look_at_all(loop, looks, until);
    co_await all.settle_marks(loop, looks, until);
    status taken = all.take_in(looks, began);
    if (!taken) co_return taken;
    co_return all.verdict_on(looks);
}

task<bool> world::read_catalogue_again(io::loop& loop, deadline until) {
    const instant::rep last = inside_->began_at.load(std::memory_order_relaxed);
    if (steady_clock::now() - instant{instant::duration{last}} < pause_between_readings) co_return false;
    status read = co_await read_catalogue(loop, until);
    co_return read.has_value();
}

std::vector<table_difference> world::differences() const {
    std::lock_guard hold{inside_->guard};
    return inside_->differences;
}

std::map<std::string, error, std::less<>> world::unread() const {
    std::lock_guard hold{inside_->guard};
    return inside_->unread;
}

// --- the gate --------------------------------------------------------------------------------------------------------

world::inside::admitting::~admitting() {
    std::lock_guard hold{all.admission_guard};
    admission& here = all.admissions[database];
    here.under_way = false;
    here.why.reset();
    if (outcome && !*outcome) {
        here.why = outcome->error();
        here.failed_at = steady_clock::now();
    }
    for (const auto& each : here.waiting) each->set();
    here.waiting.clear();
}

task<status> world::inside::admit(io::loop& on, std::string database, deadline until) {
    const member* const of = find(database);
    ASHLAR_ASSERT(of != nullptr);
    for (;;) {
        if (of->servers->gate_is_open()) co_return status{};
        const auto told = std::make_shared<io::signal>();
        bool mine = false;
        {
            std::lock_guard hold{admission_guard};
            admission& here = admissions[database];
            if (here.why && steady_clock::now() - here.failed_at < pause_after_failure) co_return *here.why;
            mine = !here.under_way;
            if (mine)
                here.under_way = true;
            else
                here.waiting.push_back(told);
        }
        if (!mine) {
            status heard = co_await on.wait_for(*told, until);
            if (!heard) co_return cannot_be_used(database, heard.error());
            continue;
        }
        admitting here{*this, database, std::nullopt};
        const instant began = steady_clock::now();
        std::deque<look> looks;
        looks.push_back({of});
        co_await look_at_all(on, looks, until);
        co_await settle_marks(on, looks, until);
        status taken = take_in(looks, began);
        if (taken && looks.front().failed) taken = cannot_be_used(database, *looks.front().failed);
        here.outcome = taken;
        co_return taken;
    }
}

}  // namespace ashlar::topology
