// analysis.hpp: which tables a statement touches, and what its clauses prove about their shard keys.
//
// Every place where a sharded table stands (an *occurrence*) gets an environment: what must hold of its columns in the
// rows that can matter to the answer. It is made of the conjuncts of WHERE and of inner joins at its own level, of the
// ON of the outer join whose nullable side it is on, and of the same at every level outside. From that follow the two
// proofs the planner builds on:
//
//   pinned     every occurrence's key is fixed, and all the keys live on one shard: that shard's rows alone decide the
//              answer, so the text may be sent there as it is, whatever it computes.
//   spread     the rows of the outermost FROM are a disjoint union over the shards (sharded tables joined with each other
//              by their keys, reference tables joined where they cannot multiply), and every occurrence in a sub-query is
//              tied to the same key: each shard can answer for its own rows.
//
// What is not proved is not assumed: a column that cannot be resolved for certain fixes nothing.
#pragma once

#include "route/catalogue.hpp"
#include "route/environment.hpp"
#include "sql/facts.hpp"

#include <ashlar/result.hpp>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::route {

// Something in a FROM that has columns.
struct relation {
    std::string name;                    // what its columns are qualified with
    const table_facts* table = nullptr;  // nullptr: a sub-query, a view, a function, a common table, an unknown table
    const table_facts* view = nullptr;   // the types of what it computes
    bool renamed = false;                // t(a, b): its columns' names are not the table's
    bool columns_known = false;          // `columns` are all there are
    bool nullable = false;               // on the nullable side of an outer join of its level
    struct column {
        std::string name;
        std::optional<column_id> origin;  // a sub-query's: the plain column that it passes on
    };
    std::vector<column> columns;
    int location = -1;
};

// The relations that a clause can see, innermost level first.
struct scope {
    const scope* outer = nullptr;
    std::vector<std::size_t> relations;
    struct merged_column {
        std::string name;
        std::size_t left = 0, right = 0;  // the relations whose columns USING made one
    };
    std::vector<merged_column> merged;
};

enum class spreading : std::uint8_t {
    replicated,  // the same rows on every shard
    sharded,     // disjoint over the shards, by `key`
    broken,      // neither: rows of several shards would have to meet
};

struct spread {
    spreading how = spreading::replicated;
    std::optional<column_id> key;
    std::string why;  // broken: what is in the way
    std::string hint;
    int location = -1;
};

struct occurrence {
    std::size_t relation = 0;
    column_id key;
    environment where;
    bool outermost = false;  // in the FROM of the statement itself, where joins have been looked at
    int location = -1;
};

class analysis {
public:
    analysis(const catalogue& known, std::span<const std::string> search_path, std::span<const std::uint32_t> declared);

    // Looks at a whole statement: select, insert, update or delete. Call it once.
    status look_at(const sql::statement& s);

    // A known relation and what the statement does with it.
    struct touch {
        const table_facts* table = nullptr;
        verb how = verb::read;
        int location = -1;
        const sql::statement* by = nullptr;  // insert, update, delete
    };
    const std::vector<touch>& touched() const noexcept { return touched_; }
    // Views over sharded or reference tables, which were looked into.
    const std::vector<touch>& views() const noexcept { return views_; }
    // Relations that the catalogue does not know.
    const std::vector<std::string>& unknown_names() const noexcept { return unknown_names_; }

    const std::vector<relation>& relations() const noexcept { return relations_; }
    const std::vector<occurrence>& sharded() const noexcept { return occurrences_; }
    // Sharded or reference tables, read or written.
    bool touches_shards() const noexcept { return !occurrences_.empty() || reference_ || inserts_; }
    bool touches_unsharded() const noexcept { return unsharded_; }
    bool touches_system() const noexcept { return system_; }  // pg_catalog, information_schema
    // Where it names a table of PostgreSQL's own catalogue first.
    std::optional<int> postgres_catalogue() const noexcept { return postgres_catalogue_; }
    const std::string& unsharded_database() const noexcept { return database_; }
    const std::string& first_unsharded() const noexcept { return first_unsharded_; }
    int first_unsharded_location() const noexcept { return first_unsharded_location_; }
    bool writes_in_with() const noexcept { return !written_in_with_.empty(); }
    // The statements inside WITH that change data.
    const std::vector<const sql::common_table*>& written_in_with() const noexcept { return written_in_with_; }
    // A construct whose tables or columns could not be told: nothing may be proved then.
    const std::string& obstacle() const noexcept { return obstacle_; }
    int obstacle_location() const noexcept { return obstacle_location_; }

    // Of the outermost FROM, and what it can see.
    const spread& outermost() const noexcept { return outermost_; }
    const scope& outermost_scope() const noexcept { return outermost_scope_; }
    const environment& outermost_environment() const noexcept { return outermost_environment_; }
    // The target of INSERT, UPDATE, DELETE.
    const table_facts* target() const noexcept { return target_; }

    // A column as a clause of the outermost level means it; nullopt when that is not certain.
    std::optional<column_id> resolve(const sql::expression& column) const;
    const column_facts* facts_of(const column_id& column) const;
    bool is_shard_key(const column_id& column) const;
    bool has_table(std::string_view name) const;

private:
    struct seen_query {
        relation columns;  // what a FROM around it sees
        spread rows;
        environment facts;                // what holds of every row that comes out
        bool simple = false;              // may be flattened: rows out are rows in
        bool by_key = false;              // each row out is made of rows of one shard key, which it passes on or not
        std::size_t first = 0, last = 0;  // its occurrences
    };
    struct common_table {
        std::string name;
        relation columns;
        bool sharded = false;
        environment facts = {};  // of every row that a change inside WITH returns
    };
    // One level's FROM while it is looked at.
    struct from_state {
        scope* level = nullptr;
        bool chain = false;  // part of the statement's outermost FROM
        struct entered {
            std::size_t begin = 0, end = 0;  // places in level->relations
            std::optional<seen_query> query;
            std::optional<std::size_t> occurrence;
        };
        std::map<const sql::from_item*, entered> items;
        scope visible_in(const sql::from_item& item) const;  // what the ON of a join sees
    };

    // `chain`: q stands in the outermost FROM, itself or by sub-queries in FROM; `top`: it is the statement itself.
    seen_query look(const sql::query& q, const scope* outer, bool chain, bool top);
    seen_query look_at_select(const sql::query& q, const scope* outer, bool chain, bool top);
    void look_at_common(const std::vector<sql::common_table>& with, bool recursive, const scope* outer);
    struct returned {  // RETURNING's columns, and what holds of the rows
        relation columns;
        environment facts;
    };
    returned look_at_change(const sql::statement& s, const scope* outer, bool top);
    void look_at_insert(const sql::statement& s, const scope* outer, bool top);
    relation columns_returned(const sql::statement& s, const scope& level, const environment& facts) const;
    void enter(const sql::from_item& item, from_state& state);
    void enter_table(const sql::from_item& item, from_state& state);
    void enter_join(const sql::from_item& item, from_state& state);
    bool enter_common(const sql::from_item& item, from_state& state);
    void enter_view(const sql::from_item& item, const table_facts& view, from_state& state);
    void gather(const sql::from_item& item, const from_state& state, environment& facts);
    spread settle(const sql::from_item& item, const from_state& state, const environment& facts, bool nullable);
    spread settle_join(const sql::from_item& item, const from_state& state, const environment& facts, bool nullable);
    spread join_spreads(spread left, spread right, const environment& facts, int location) const;
    void add_join_facts(const sql::from_item& item, const from_state& state, environment& facts);
    void look_at_subqueries(const sql::expression& e, const scope& level, const environment& facts);
    void look_at_subqueries(const std::vector<sql::expression>& list, const scope& level, const environment& facts);
    void look_at_clauses(const sql::query& q, const scope& level, const environment& facts);
    relation columns_out(const sql::query& q, const scope& level, bool& simple) const;
    bool stays_by_key(const sql::query& q, const scope& level, const seen_query& rows) const;
    void star_columns(const sql::expression& star, const scope& level, bool grouped, relation& out) const;

    void add_facts(const sql::expression& e, const scope& level, environment& facts) const;
    void add_equality(const sql::expression& a, const sql::expression& b, const scope& level, environment& facts) const;
    void add_list(const sql::expression& e, const scope& level, environment& facts) const;
    void add_alternatives(const sql::expression& e, const scope& level, environment& facts) const;
    bool may_hold_key(const column_id& column) const;
    std::optional<column_id> resolve_in(const sql::expression& column, const scope& level) const;
    std::optional<column_id> column_of(std::size_t relation, const std::string& name) const;
    enum class has { no, maybe, yes };
    has has_column(const relation& r, const std::string& name) const;
    void obstacle(std::string what, int location);
    const table_facts* find_table(const sql::table_name& name) const;
    // What INSERT, UPDATE and DELETE write: a table, also for a view through which one is written.
    const table_facts* find_target(const sql::table_name& name) const;

    const catalogue& known_;
    std::span<const std::string> search_path_;
    std::span<const std::uint32_t> declared_;
    std::vector<relation> relations_;
    std::vector<occurrence> occurrences_;
    std::vector<common_table> common_;  // visible ones, innermost last
    std::vector<touch> touched_, views_;
    std::size_t inside_views_ = 0;
    std::vector<std::string> unknown_names_;
    std::optional<int> postgres_catalogue_;
    bool inserts_ = false;  // into a sharded table
    bool reference_ = false, unsharded_ = false, system_ = false;
    std::vector<const sql::common_table*> written_in_with_;
    std::string database_, first_unsharded_, obstacle_;
    int obstacle_location_ = -1, first_unsharded_location_ = -1;
    spread outermost_;
    scope outermost_scope_;
    environment outermost_environment_;
    const table_facts* target_ = nullptr;
    const sql::from_item* changed_ = nullptr;    // the target of an UPDATE or DELETE while it is entered
    std::optional<sql::table_name> own_target_;  // a change of Ashlar's own table
};

}  // namespace ashlar::route
