#include "route/contents.hpp"

#include "core/ascii.hpp"
#include "route/analysis.hpp"
#include "route/refusal.hpp"
#include "route/types.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ashlar::route {
namespace {

using sql::expression;
using sql::expression_kind;

constexpr auto system_columns = std::to_array<std::string_view>({"ctid", "xmin", "xmax", "cmin", "cmax"});
constexpr auto sqlite_columns = std::to_array<std::string_view>({"rowid", "oid", "_rowid_"});

bool is_clock_word(std::string_view text) {
    static constexpr auto words = std::to_array<std::string_view>({"now", "today", "tomorrow", "yesterday"});
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view w) { return equals_ignoring_case(trim(text), w); });
}

struct collector {
    const catalogue& known;
    const sql::query* top;
    contents out;
    std::optional<int> within = std::nullopt;  // where a view is named whose text is looked at

    void note(std::optional<place>& at, std::string_view name, int location) const {
        location = within.value_or(location);
        if (!at) at = place{std::string{name}, location};
    }

    void operator()(const sql::query& q) {
        if (q.locks) note(out.row_locks, "FOR UPDATE or FOR SHARE", q.location);
        const bool cut = !q.limit.empty() || !q.offset.empty();
        if (cut && q.order.empty() && &q != top) note(out.arbitrary, "LIMIT", q.location);
        if (q.into) note(out.into, "SELECT INTO", q.location);
    }

    void operator()(const expression& e) {
        switch (e.kind) {
            case expression_kind::unknown:
                return note(out.unknown, e.name, e.location);
            case expression_kind::current_of:
                return note(out.unknown, "WHERE CURRENT OF", e.location);
            case expression_kind::value_keyword:
                if (!is_one_on_all_shards(e.name)) note(out.keyword, e.name, e.location);
                return;
            case expression_kind::function:
                return function(e);
            case expression_kind::operation:
            case expression_kind::any_of:
            case expression_kind::all_of:
                if (!e.schema.empty() || !is_builtin_operator(e.name)) own_operator(e.name, e.location);
                return;
            case expression_kind::subquery:
                if (!e.path.empty() && (!e.schema.empty() || !is_builtin_operator(e.path.front()))) {
                    own_operator(e.path.front(), e.location);
                }
                return;
            case expression_kind::cast:
                if (known.dialect == dialect::postgres && !is_builtin_type(*e.type))
                    note(out.object_name, e.type->name, e.location);
                if (const auto at = known.touching_types.find(e.type->name); at != known.touching_types.end())
                    through(at->second, e.location);
                return;
            case expression_kind::column:
                return column(e);
            case expression_kind::constant:
                if (e.literal == sql::literal_kind::string && is_clock_word(e.name)) {
                    note(out.clock_word, "'" + e.name + "'", e.location);
                }
                return;
            default:
                return;
        }
    }

    void own_operator(const std::string& name, int location) {
        note(out.own_operator, name, location);
        if (const auto at = known.touching_operators.find(name); at != known.touching_operators.end())
            through(at->second, location);
    }

    // A function that is called by another name.
    void through(const std::string& function, int location) {
        take(facts_of_function(known, "", function, 1), function, location);
    }

    void column(const expression& e) {
        if (e.path.empty()) return;
        if (e.path.size() > 1) {
            // row.function
            const auto at = known.own_functions.find(e.path.back());
            if (at != known.own_functions.end() && at->second.takes_row) {
                const function_facts f = facts_of_function(known, "", e.path.back(), 1);
                if (f.how == behaviour::unknown || !f.touches.empty()) take(f, e.path.back(), e.location);
            }
        }
        const auto is_it = [&](const auto& list) {
            return std::find(list.begin(), list.end(), e.path.back()) != list.end();
        };
        const bool system = known.dialect == dialect::sqlite ? is_it(sqlite_columns) : is_it(system_columns);
        if (system) note(out.system_column, e.path.back(), e.location);
    }

    void function(const expression& e) {
        const function_facts f = facts_of_function(known, e.schema, e.name, e.inner.size());
        if (e.call->over || f.window) note(out.window, e.name, e.location);
        if (!object_type_name(f.result).empty()) note(out.object_name, e.name, e.location);
        if (const table_facts* copy = measured_copy(e)) {
            if (!out.touching) out.why_touching = "would measure an empty copy of " + copy->name;
            note(out.touching, e.name, e.location);
            out.any_shard = false;
        }
        if (sets_reading(e)) note(out.reading, e.name, e.location);
        take(f, e.name, e.location);
    }

    // pg_table_size('orders') and its kin, of a table that is elsewhere.
    const table_facts* measured_copy(const expression& e) const {
        static constexpr auto sizes = std::to_array<std::string_view>(
            {"pg_relation_size", "pg_table_size", "pg_total_relation_size", "pg_indexes_size"});
        if (!known.unsharded_database_has_copies || e.inner.empty()) return nullptr;
        if (std::find(sizes.begin(), sizes.end(), e.name) == sizes.end()) return nullptr;
        const expression* of = &e.inner.front();
        while (of->is(expression_kind::cast)) of = &of->inner.front();
        if (!of->is(expression_kind::constant) || of->literal != sql::literal_kind::string) return nullptr;
        const table_facts* const found = known.find("", of->name);
        return found != nullptr && found->kind != table_kind::unsharded ? found : nullptr;
    }

    // Does it perhaps set search_path, or how strings are written?
    bool sets_reading(const expression& e) const {
        if (e.name == "set_config") {
            const bool told = !e.inner.empty() && e.inner.front().is(expression_kind::constant);
            return !told || e.inner.front().name == "search_path" ||
                   e.inner.front().name == "standard_conforming_strings";
        }
        const auto own = known.own_functions.find(e.name);
        return own != known.own_functions.end() && (own->second.does.session || !own->second.does.unknown.empty());
    }

    // Over SQLite the session's names and the moment of the statement are sent along with it.
    bool is_one_on_all_shards(std::string_view name) const {
        static constexpr auto sent =
            std::to_array<std::string_view>({"now", "transaction_timestamp", "statement_timestamp", "current_timestamp",
                                             "localtimestamp", "current_date", "age", "current_user", "session_user",
                                             "user", "current_role", "current_catalog", "current_schema"});
        return known.dialect == dialect::sqlite && std::find(sent.begin(), sent.end(), name) != sent.end();
    }

    void take(const function_facts& f, const std::string& name, int location) {
        if (!f.known && known.dialect == dialect::postgres) out.unknown_names.push_back(name);
        if (!f.touches.empty()) {
            if (!out.touching) out.why_touching = f.touches;
            note(out.touching, name, location);
            out.any_shard = out.any_shard && f.on_shards_only;
        }
        switch (f.how) {
            case behaviour::pure:
                return;
            case behaviour::clock:
                if (!is_one_on_all_shards(name)) note(out.clock, name, location);
                return;
            case behaviour::local:
                return note(out.local, name, location);
            case behaviour::random:
                return note(out.random, name, location);
            case behaviour::sequence:
                return note(out.sequence, name, location);
            case behaviour::lock:
                if (name.find("_xact_") == std::string::npos) note(out.session_lock, name, location);
                return note(out.lock, name, location);
            case behaviour::session:
                return note(out.session, name, location);
            case behaviour::own:
                if (!f.stable) note(out.volatile_function, name, location);
                return note(out.own_function, name, location);
            case behaviour::unknown:
                if (!f.stable) note(out.volatile_function, name, location);
                if (!out.unknown_function) out.why_unknown = f.why;
                return note(out.unknown_function, name, location);
        }
    }
};

}  // namespace

contents contents_of(const sql::statement& s, const catalogue& known) {
    collector collect{known, s.body.get(), {}};
    collect.out.over_sqlite = known.dialect == dialect::sqlite;
    sql::visit(s, collect);
    return std::move(collect.out);
}

contents contents_of(const sql::statement& s, const catalogue& known, const analysis& tables) {
    collector collect{known, s.body.get(), {}};
    collect.out.over_sqlite = known.dialect == dialect::sqlite;
    sql::visit(s, collect);
    for (const auto& view : tables.views()) {
        if (view.location >= 0) collect.within = view.location;  // those inside it follow
        sql::visit(*view.table->view_of, collect);
    }
    return std::move(collect.out);
}

std::optional<error> refuse_on_one_shard(const contents& c, std::string_view text) {
    if (c.unknown) return refusal(text, c.unknown->location, c.unknown->name, "Rewrite it without this construct.");
    if (c.into)
        return refusal(text, c.into->location, "SELECT INTO from a sharded table",
                       "Create the table first, then insert.");
    if (c.unknown_function && !c.why_unknown.empty()) {
        return refusal(text, c.unknown_function->location,
                       fmt::format("the function {}(), which {},", c.unknown_function->name, c.why_unknown),
                       "Write what it does as separate statements.");
    }
    if (c.unknown_function) {
        return refusal(text, c.unknown_function->location,
                       fmt::format("the function {}(), of which it is not known what it reads or changes,",
                                   c.unknown_function->name),
                       c.over_sqlite ? "Compute it in the program, or call it on one database by its name."
                                     : "Declare it IMMUTABLE if it is, or call it on one database by its name.");
    }
    if (c.sequence) {
        return refusal(
            text, c.sequence->location, fmt::format("{}() beside a sharded or reference table", c.sequence->name),
            "Each shard has its own sequence: make the number first in a separate statement, or use a UUID.");
    }
    if (c.lock) {
        return refusal(text, c.lock->location,
                       fmt::format("the advisory lock of {}() beside a sharded table", c.lock->name),
                       "Take the lock in a statement without tables.");
    }
    if (c.session) {
        return refusal(text, c.session->location, fmt::format("{}() beside a sharded table", c.session->name),
                       "Call it in a statement without tables.");
    }
    return std::nullopt;
}

std::optional<error> refuse_on_several(const contents& c, std::string_view text) {
    constexpr auto fix_key = "Fix the shard key to one value in WHERE.";
    if (auto no = refuse_on_one_shard(c, text)) return no;
    const auto differs = [&](const place& p, std::string_view what) {
        return refusal(text, p.location, fmt::format("{}{}, which differs from shard to shard,", p.name, what),
                       "Send the value as a parameter, or fix the shard key to one value in WHERE.");
    };
    if (c.clock) return differs(*c.clock, "()");
    if (c.random) return differs(*c.random, "()");
    if (c.local) return differs(*c.local, "()");
    if (c.keyword) return differs(*c.keyword, "");
    if (c.clock_word) return differs(*c.clock_word, " as a moment");
    if (c.system_column) return differs(*c.system_column, "");
    if (c.own_group) {
        return refusal(text, c.own_group->location,
                       fmt::format("a grouping by {}, which is another number on each server,", c.own_group->name),
                       "Group by its name: cast it to text.");
    }
    if (c.own_function) {
        return refusal(text, c.own_function->location,
                       fmt::format("the function {}(), which may differ from shard to shard,", c.own_function->name),
                       "Declare it IMMUTABLE if it is, or fix the shard key to one value in WHERE.");
    }
    if (c.own_operator) {
        return refusal(text, c.own_operator->location,
                       fmt::format("the operator {}, which is not PostgreSQL's own,", c.own_operator->name), fix_key);
    }
    if (c.arbitrary) {
        return refusal(text, c.arbitrary->location, "a sub-query with LIMIT but without ORDER BY", "Add ORDER BY.");
    }
    if (c.window) return refusal(text, c.window->location, "a window function over rows of several shards", fix_key);
    if (c.row_locks)
        return refusal(text, c.row_locks->location, "FOR UPDATE or FOR SHARE over several shards", fix_key);
    return std::nullopt;
}

}  // namespace ashlar::route
