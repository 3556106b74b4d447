// plan_cache.hpp: statements that were seen before, with their plans, so that most are neither parsed nor planned
// again.
//
// Two levels. Exact: the very bytes (with the types declared for the parameters, and the environment that the text is
// read in: search_path, standard_conforming_strings, role …; TRAPS 8). Shape: for a simple query whose literals alone
// are new, the text with its literals turned into parameters is planned once; a later text of the same shape is routed
// by its own literals. A shape is only used when the parametrised statement goes to one shard unchanged, which
// PostgreSQL's own grammar and our planner have then shown for *any* values; everything else takes the full path. What
// goes to the server is always the client's own text.
//
// Bounds    entries_max and bytes_max in each level, the least recently used go first; texts beyond text_max are not kept.
// Threads   Belongs to one worker.
#pragma once

#include "proxy/comment_hints.hpp"
#include "proxy/interned.hpp"
#include "proxy/pinned_write.hpp"
#include "proxy/session_settings.hpp"
#include "route/plan.hpp"
#include "sql/lexer.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ashlar::proxy {

// An environment made once and shared by all sessions whose settings read texts alike.
using shared_environment = std::shared_ptr<const reading_environment>;

class statements;

// One statement as many sessions may use it. Kept alive by the cache and by the clients' prepared statements.
struct known_statement {
    std::string text;                  // as servers are to have it
    bool is_rewritten = false;         // … which is not as the client wrote it
    std::string written;               // as the client did, where that is another text
    std::vector<std::uint32_t> types;  // as declared
    shared_environment environment;
    std::shared_ptr<const route::prepared_plan> plan;  // nullptr: refused
    std::optional<error> refused;
    comment_hints hints;
    // Planned to go to one database as it is, since its comments or the session's settings name one: what it may store there.
    std::optional<pinned_write> pinned;
    std::string key;  // names it among all that servers may have prepared for us; renewed when plans go stale
    std::optional<std::vector<std::uint32_t>> described;     // the parameters' types, once a server was asked
    std::optional<std::vector<std::uint32_t>> result_types;  // the columns', likewise; both as clients know them
    bool types_unsure = false;                               // among both are some that were not known then: ask again
    mutable std::optional<std::size_t> place;                // of an unsharded one, once known
    bool accepted = false;                                   // some server has parsed it without complaint
    std::uint64_t catalogue_version = 0;
    std::vector<statements*> named_by;  // whose names stand for it; on the account of the first. Kept by statements.
};

class plan_cache {
public:
    static constexpr std::size_t entries_max = 5'000;
    static constexpr std::size_t text_max = 16 * 1024;
    static constexpr std::size_t bytes_max = 32u << 20;  // as cost_of() estimates

    // `worker`: part of the keys given to statements, so that no two workers give the same.
    // `shown_name`: what statements get for their database's name; "": what the servers say.
    explicit plan_cache(std::uint32_t worker, std::string shown_name = {})
        : worker_(worker), shown_name_(std::move(shown_name)) {}

    // The statement, planned against this catalogue; never null. A different version empties the cache first.
    std::shared_ptr<known_statement> find(std::string_view text, std::span<const std::uint32_t> types,
                                          const shared_environment& environment, const route::catalogue& known);

    // The same without planning: nullptr when it was not seen before.
    std::shared_ptr<known_statement> look_up(std::string_view text, std::span<const std::uint32_t> types,
                                             const shared_environment& environment, const route::catalogue& known);

    // For a simple query: the shard it goes to by its literals, when only they tell it from a text planned before.
    struct shortcut {
        std::shared_ptr<known_statement> shape;
        keyspace::shard_id shard{};
    };
    std::optional<shortcut> find_by_shape(std::string_view text, const shared_environment& environment,
                                          const route::catalogue& known);

    // Gives the statement another key, so that servers parse it anew.
    void renew(known_statement& what) {
        what.key = next_key();
        what.described.reset();
        what.result_types.reset();
        what.types_unsure = false;
    }

    // `pinned`: a hint of the session names the database that all go to.
    shared_environment environment(const settings& of, const driver::session_values* told, const settings& local,
                                   bool pinned);

    std::size_t size() const noexcept { return exact_.size() + shapes_.size(); }
    std::size_t bytes() const noexcept { return exact_.bytes + shapes_.bytes; }
    std::uint64_t hits() const noexcept { return hits_; }
    std::uint64_t misses() const noexcept { return misses_; }

private:
    struct slot {
        std::string key;
        std::shared_ptr<known_statement> what;  // nullptr in shapes: not eligible
    };
    struct level {
        std::list<slot> recent;  // the most recently used first
        std::unordered_map<std::string_view, std::list<slot>::iterator> by_key;
        std::size_t bytes = 0;
        slot* find(std::string_view key);
        void add(std::string key, std::shared_ptr<known_statement> what);
        void clear();
        std::size_t size() const noexcept { return by_key.size(); }
    };

    void follow(const route::catalogue& known);
    slot* look_up_slot(std::string_view text, std::span<const std::uint32_t> types,
                       const shared_environment& environment);
    std::shared_ptr<known_statement> plan(std::string_view text, std::span<const std::uint32_t> types,
                                          const shared_environment& environment, const route::catalogue& known);
    std::string next_key();

    const route::catalogue& bare(const route::catalogue& known);

    std::uint32_t worker_;
    std::string shown_name_;
    std::uint64_t next_ = 1;
    std::uint64_t version_ = 0;
    level exact_;
    level shapes_;
    interned<std::string, reading_environment> environments_;
    std::optional<route::catalogue> bare_;  // of version_, without tables
    std::string scratch_;
    // Of the text at hand: each literal's value, kept for their memory.
    sql::normalised shape_;
    std::vector<std::string> values_;
    std::vector<route::bound_parameter> bound_;
    std::uint64_t hits_ = 0, misses_ = 0;
};

}  // namespace ashlar::proxy
