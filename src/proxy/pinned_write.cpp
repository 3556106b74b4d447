#include "proxy/pinned_write.hpp"

#include "sql/parse.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::proxy {

namespace {

using route::statement_kind;
using route::table_facts;
using route::table_kind;

constexpr const char* without_hint = "Leave the hint out: the statement then goes where its rows belong.";

class judge {
public:
    judge(std::string_view text, const route::catalogue& known, const route::planning_options& options,
          std::span<const std::uint32_t> types)
        : text_(text), known_(known), options_(options), types_(types) {}

    pinned_write take() { return std::move(out_); }

    // `outermost`: not in WITH, so that its rows can be looked at by planning the whole.
    void look_at(const sql::statement& s, bool outermost) {
        if (s.body) look_at(*s.body);
        for (const sql::common_table& each : s.with) look_at(*each.body, false);
        const bool alone = s.kind != statement_kind::explain && s.kind != statement_kind::prepare;
        if (s.inner) look_at(*s.inner, outermost && alone);
        switch (s.kind) {
            case statement_kind::insert:
                insert(s, outermost);
                break;
            case statement_kind::update:
            case statement_kind::delete_:
                change(s);
                break;
            case statement_kind::copy:
                if (s.copy && s.copy->from) into(s.target.table, s.tables, "COPY into", false);
                break;
            case statement_kind::ddl:
            case statement_kind::utility:
                if (s.session.command == "TRUNCATE" || s.session.command == "TRUNCATE TABLE")
                    into({}, s.tables, "TRUNCATE of", true);
                if (s.session.command == "MERGE") into({}, s.tables, "MERGE into", false);
                break;
            default:
                break;
        }
    }

private:
    void look_at(const sql::query& q) {
        for (const sql::common_table& each : q.with) look_at(*each.body, false);
        if (q.left) look_at(*q.left);
        if (q.right) look_at(*q.right);
    }

    const table_facts* find(const sql::table_name& name) const {
        if (!name.schema.empty()) return known_.find(name.schema, name.name);
        for (const std::string& schema : options_.search_path) {
            if (const table_facts* found = known_.find(schema, name.name)) return found;
        }
        return nullptr;
    }

    void refuse(int location, std::string what) {
        if (out_.refused) return;
        error why{errc::unsupported, fmt::format("{} is not done on one database by a hint", what)};
        why.at(sql::position_of(text_, location)).hint(without_hint);
        out_.refused = std::move(why);
    }

    void reference(const table_facts& table, int location) {
        refuse(location,
               fmt::format("a write to the reference table {}, which is the same on every shard,", table.name));
    }

    void insert(const sql::statement& s, bool outermost) {
        const table_facts* table = find(s.target.table);
        if (table == nullptr) return;
        if (table->kind == table_kind::reference) return reference(*table, s.target.location);
        if (table->kind == table_kind::unsharded) return only_on(*table);
        if (!outermost)
            return refuse(s.target.location, fmt::format("an INSERT into {} within another statement", table->name));
        auto planned = route::plan_statement(text_, known_, options_, types_);
        if (planned)
            out_.rows = std::move(*planned);
        else if (!out_.refused)
            out_.refused = std::move(planned).error();
    }

    void change(const sql::statement& s) {
        const table_facts* table = find(s.target.table);
        if (table == nullptr) return;
        if (table->kind == table_kind::reference) return reference(*table, s.target.location);
        if (table->kind == table_kind::unsharded) return only_on(*table);
        out_.on_shards_only = true;
        for (const sql::assignment& each : s.set) {
            if (each.column == table->shard_key) refuse(each.location, "a change of the shard key");
        }
    }

    void into(const sql::table_name& one, const std::vector<sql::table_name>& more, std::string_view verb,
              bool only_takes_away) {
        std::vector<sql::table_name> all = more;
        if (!one.name.empty()) all.push_back(one);
        for (const sql::table_name& name : all) {
            const table_facts* table = find(name);
            if (table == nullptr) continue;
            if (table->kind == table_kind::reference) {
                reference(*table, name.location);
            } else if (table->kind == table_kind::unsharded) {
                only_on(*table);
            } else if (only_takes_away) {
                out_.on_shards_only = true;
            } else {
                refuse(name.location,
                       fmt::format("{} the sharded table {}, whose rows cannot be looked at,", verb, table->name));
            }
        }
    }

    void only_on(const table_facts& table) {
        out_.only = table.database.empty() ? known_.unsharded_database : table.database;
    }

    std::string_view text_;
    const route::catalogue& known_;
    const route::planning_options& options_;
    std::span<const std::uint32_t> types_;
    pinned_write out_;
};

// What PostgreSQL's typing over a file needs, and no more.
route::table_facts columns_alone(route::table_facts of) {
    route::table_facts out;
    out.schema = std::move(of.schema);
    out.name = std::move(of.name);
    out.columns = std::move(of.columns);
    out.unique_keys = std::move(of.unique_keys);
    out.is_view = of.is_view;
    return out;
}

}  // namespace

pinned_write judge_pinned(std::string_view sql, const route::catalogue& known, const route::planning_options& options,
                          std::span<const std::uint32_t> types) {
    sql::parse_limits limits;
    limits.length_max = options.length_max;
    limits.depth_max = options.depth_max;
    limits.standard_conforming_strings = options.standard_conforming_strings;
    auto said = sql::parse(sql, limits);
    if (!said) return {};
    judge all{sql, known, options, types};
    all.look_at(*said, true);
    return all.take();
}

std::optional<error> against_place(const pinned_write& what, const pinned_target& where,
                                   std::span<const route::bound_parameter> values) {
    if (what.refused) return *what.refused;
    const auto no = [&](std::string why) {
        error out{errc::unsupported, std::move(why)};
        out.hint(without_hint);
        return out;
    };
    if (what.only && *what.only != where.name) {
        return no(fmt::format("cannot write on {} to a table that lives on {}", where.name, *what.only));
    }
    const bool on_shard = where.number < where.shards;
    if ((what.on_shards_only || what.rows != nullptr) && !on_shard) {
        return no(fmt::format("cannot write on {} to a table that lives on the shards", where.name));
    }
    if (what.rows == nullptr) return std::nullopt;
    auto bound = what.rows->bind(values);
    if (!bound) return std::move(bound).error();
    for (const route::step& each : bound->steps) {
        if (bound->where != route::target::unsharded && keyspace::index_of(each.shard) == where.number) continue;
        return no(fmt::format("cannot store a row on {} whose shard key belongs elsewhere", where.name));
    }
    return std::nullopt;
}

route::catalogue without_tables(const route::catalogue& known) {
    route::catalogue out = known;
    out.shards.reset();
    if (out.dialect == route::dialect::sqlite) {
        for (auto& [name, each] : out.tables) each = columns_alone(std::move(each));
    } else {
        out.tables.clear();
    }
    out.oids.reset();
    out.own_functions.clear();
    out.touching_operators.clear();
    out.touching_types.clear();
    out.unsharded_database_has_copies = false;
    out.on_definitions.clear();
    out.unsharded_database = "as it is";
    return out;
}

}  // namespace ashlar::proxy
