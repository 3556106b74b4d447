#include "route/planning.hpp"

#include "route/hindering.hpp"
#include "route/own_numbers.hpp"
#include "route/refusal.hpp"
#include "route/types.hpp"
#include "sql/parse.hpp"
#include "sql/table_command.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::route {

std::unique_ptr<prepared_plan::inside> fresh(const question& q) {
    auto out = std::make_unique<prepared_plan::inside>();
    out->kind = q.said.kind;
    out->sql = std::string{q.text};
    out->parameter_count = static_cast<std::size_t>(q.said.parameter_count);
    out->session = q.said.session;
    out->copy = q.said.copy;
    out->map = q.known.shards;
    return out;
}

std::optional<error> refuse_mixture(const question& q, const analysis& tables) {
    if (!tables.obstacle().empty()) {
        return refusal(q.text, tables.obstacle_location(), tables.obstacle(),
                       "Rewrite it without this construct, or on tables that are not sharded.");
    }
    if (tables.touches_unsharded()) {
        return refusal(
            q.text, tables.first_unsharded_location(),
            fmt::format("the table {}, which lives on another database than the sharded and reference tables,",
                        tables.first_unsharded()),
            "Make it a reference table in the configuration, or ask in two statements.");
    }
    if (tables.touches_system()) {
        return refusal(q.text, -1, "the system catalogue beside sharded tables", "Ask in two statements.");
    }
    return std::nullopt;
}

std::optional<error> refuse_oids_on_shards(const question& q, const analysis& tables, contents& inside) {
    if (q.known.shows_catalogue_of_the_shards()) return std::nullopt;
    return refuse_own_numbers(q, tables, inside);
}

std::optional<error> refuse_on_shards(const question& q, const analysis& tables, contents& inside) {
    if (auto no = refuse_mixture(q, tables)) return no;
    if (auto no = refuse_on_one_shard(inside, q.text)) return no;
    return refuse_oids_on_shards(q, tables, inside);
}

error refuse_touching(std::string_view text, const contents& inside) {
    return refusal(text, inside.touching->location,
                   fmt::format("the function {}(), which {},", inside.touching->name, inside.why_touching),
                   "Write what it does as separate statements.");
}

made_plan plan_elsewhere(const question& q, const analysis& tables, contents& inside) {
    if (const auto at = tables.postgres_catalogue(); at && q.known.dialect == dialect::sqlite) {
        return refusal(q.text, *at, "PostgreSQL's catalogue over SQLite databases",
                       "They have none; select name, sql from sqlite_master lists the tables of one.");
    }
    if (inside.session_lock) {
        return refusal(q.text, inside.session_lock->location,
                       fmt::format("{}(), whose lock only one connection could keep,", inside.session_lock->name),
                       "Use pg_advisory_xact_lock(), which ends with the transaction.");
    }
    const bool on_any_shard = inside.touching && inside.any_shard && q.known.shards && !tables.touches_unsharded() &&
                              !tables.touches_system() && q.said.kind == statement_kind::select && !inside.into &&
                              !inside.sequence && !inside.lock && !inside.unknown;
    if (inside.touching && !on_any_shard) return refuse_touching(q.text, inside);
    auto out = fresh(q);
    out->unknown_names = tables.unknown_names();
    out->unknown_names.insert(out->unknown_names.end(), inside.unknown_names.begin(), inside.unknown_names.end());
    out->may_change_session = inside.may_change_session();
    out->may_change_reading = inside.reading.has_value();
    const bool is_write = out->writes || q.said.kind != statement_kind::select || tables.writes_in_with();
    out->writes = is_write || inside.may_write();
    out->writes_on_replicas = is_write || inside.may_write_though_stable();
    const bool declares_object = std::any_of(q.declared.begin(), q.declared.end(),
                                             [](std::uint32_t type) { return !object_type_name(type).empty(); });
    out->reads_catalogue = tables.touches_system() || inside.local || inside.object_name || declares_object;
    const auto go_unsharded = [&](std::string database, routed_because why) {
        out->way = way::unsharded;
        out->where = target::unsharded;
        out->because = why;
        out->database = std::move(database);
    };
    if (tables.touches_unsharded()) {
        const std::string& database =
            tables.unsharded_database().empty() ? q.known.unsharded_database : tables.unsharded_database();
        if (database.empty()) {
            return refusal_of(errc::table_unknown, q.text, tables.first_unsharded_location(),
                              fmt::format("relation \"{}\" is not known", tables.first_unsharded()),
                              "Name it in [tables] of ashlar.toml, or configure a database for unsharded tables.");
        }
        if (inside.lock && database != q.known.unsharded_database) {
            return refusal(q.text, inside.lock->location,
                           fmt::format("the advisory lock of {}() beside a table of {}", inside.lock->name, database),
                           "Take the lock in a statement without tables.");
        }
        if (q.known.dialect == dialect::postgres && !q.known.shows_catalogue_of(database)) {
            if (auto no = refuse_own_numbers(q, tables, inside)) return std::move(*no);
            out->looked_up = inside.looked_up;
        }
        go_unsharded(database, routed_because::unsharded_table);
        return out;
    }
    if (!q.known.shards || (out->reads_catalogue && q.known.unsharded_database_has_all)) {
        go_unsharded(q.known.unsharded_database, routed_because::no_table);
        return out;
    }
    if (inside.lock && tables.touches_system() && !q.known.unsharded_database.empty()) {
        return refusal(q.text, inside.lock->location,
                       fmt::format("the advisory lock of {}() beside the system catalogue", inside.lock->name),
                       "Take the lock in a statement without tables.");
    }
    // Functions that may read or number anything go where the unsharded tables live, if there is such a place.
    // Advisory locks too: they are one space, which those beside unsharded tables share.
    const bool homeless = inside.unknown_function || (inside.own_function && !on_any_shard) || inside.sequence ||
                          inside.unknown || inside.into || inside.lock || q.said.kind != statement_kind::select;
    if (homeless && !tables.touches_system()) {
        if (!q.known.unsharded_database.empty()) {
            go_unsharded(q.known.unsharded_database, routed_because::no_table);
            return out;
        }
        const bool only_locks = inside.lock && !inside.unknown_function && !inside.sequence && !inside.unknown &&
                                !inside.into && q.said.kind == statement_kind::select;
        if (auto no = only_locks ? std::nullopt : refuse_on_one_shard(inside, q.text)) return std::move(*no);
    }
    out->way = way::any_shard;
    out->where = target::one_shard;
    out->because = routed_because::no_table;
    out->fixed = keyspace::shard_id{0};
    return out;
}

void take_pins(const analysis& tables, prepared_plan::inside& into) {
    bool listed = false;
    for (const occurrence& o : tables.sharded()) {
        const key_set* keys = o.where.values_of(o.key);
        if (!keys) {
            into.unpinned = true;
            continue;
        }
        listed = listed || keys->listed || keys->values.size() > 1;
        // the places in the text do not matter for the shard
        key_set plain = *keys;
        for (key_source& s : plain.values) s.location = -1;
        const bool seen =
            std::any_of(into.pins.begin(), into.pins.end(), [&](const pin& p) { return p.keys == plain; });
        if (!seen) into.pins.push_back({std::move(plain)});
    }
    const spread& rows = tables.outermost();
    if (rows.how == spreading::sharded && rows.key) {
        if (const key_set* keys = tables.outermost_environment().values_of(*rows.key)) into.drive = *keys;
    }
    into.because = !into.unpinned ? (listed ? routed_because::key_in_list : routed_because::key_equals)
                   : into.drive   ? (into.drive->listed ? routed_because::key_in_list : routed_because::key_equals)
                                  : routed_because::no_key;
    if (into.unpinned || into.pins.size() != 1) return;
    const key_set& only = into.pins.front().keys;
    if (only.values.size() != 1 || only.values.front().array) return;
    into.single = only.values.front();
    if (into.single->constant) {
        if (auto shard = into.map->shard_of(*into.single->constant)) into.fixed = *shard;
    }
}

namespace {

// What stands in the way may be inside a view, which the client sees by its name alone: then that is where the error points.
error by_views(error why, std::string_view text, const analysis& tables) {
    for (const analysis::touch& view : tables.views()) {
        const std::string& name = view.table->name;
        if (view.location < 0 || why.position() != refusal(text, view.location, "", "").position()) continue;
        if (why.message().find(' ' + name + ',') != std::string::npos) return why;  // it is named already
        error out{why.code(), fmt::format("the view {}: {}", name, why.message())};
        return std::move(out).hint(why.hint()).at(why.position()).sqlstate(std::string{why.sqlstate()});
    }
    return why;
}

made_plan plan_select_over(const question& q, const analysis& tables, contents& inside) {
    if (auto no = refuse_hindered(q, tables)) return std::move(*no);
    if (!tables.touches_shards()) return plan_elsewhere(q, tables, inside);
    if (!q.known.shards) return error{errc::internal, "sharded tables without shards"};
    if (auto no = refuse_on_shards(q, tables, inside)) return std::move(*no);
    if (tables.writes_in_with()) return plan_changes_in_with(q, tables, inside);

    auto out = fresh(q);
    out->looked_up = inside.looked_up;
    out->writes = out->writes_on_replicas = inside.may_write();
    out->may_change_session = inside.may_change_session();
    out->may_change_reading = inside.reading.has_value();
    if (tables.sharded().empty()) {
        if (inside.row_locks) {
            return refusal(q.text, inside.row_locks->location, "FOR UPDATE or FOR SHARE on a reference table",
                           "Its rows are on every shard: lock a row of a sharded table instead.");
        }
        out->way = way::any_shard;
        out->where = target::one_shard;
        out->because = routed_because::reference_read;
        out->fixed = keyspace::shard_id{0};
        return out;
    }
    take_pins(tables, *out);
    out->way = out->unpinned && !out->drive ? way::every : way::by_key;
    out->where = out->way == way::every          ? target::all_shards
                 : out->unpinned || !out->single ? target::some_shards
                                                 : target::one_shard;
    if (out->fixed && !out->unpinned) return out;  // by a parameter, it may turn out to be no key: then everywhere

    const select_question several{q.text, *q.said.body, tables, inside, q.known, out->parameter_count, q.types};
    result<several_plan> made = q.one_only ? result<several_plan>{*q.one_only} : plan_several(several);
    if (made) {
        out->several = std::move(*made);
    } else if (out->unpinned && out->map->size() > 1) {
        return std::move(made).error();
    } else {
        out->why_one = by_views(std::move(made).error(), q.text, tables);
    }
    return out;
}

}  // namespace

namespace {

made_plan plan_as_select(const question& q) {
    analysis tables{q.known, q.options.search_path, q.declared};
    if (status s = tables.look_at(q.said); !s) return std::move(s).error();
    contents inside = contents_of(q.said, q.known, tables);
    made_plan made = plan_select_over(q, tables, inside);
    return made ? std::move(made) : by_views(std::move(made).error(), q.text, tables);
}

bool starts_with_star(const sql::statement& s) {
    return s.body && s.body->items.size() == 1 && s.body->items.front().value.is(sql::expression_kind::star);
}

}  // namespace

made_plan plan_select(const question& q) {
    const auto written = starts_with_star(q.said) ? sql::table_as_select(q.text) : std::nullopt;
    if (!written) return plan_as_select(q);
    sql::parse_limits limits;
    limits.length_max = q.options.length_max + written->longer;
    limits.depth_max = q.options.depth_max;
    limits.standard_conforming_strings = q.options.standard_conforming_strings;
    const auto said = sql::parse(written->text, limits);
    if (!said) return said.error();
    made_plan made = plan_as_select({written->text, *said, q.known, q.options, q.declared, q.one_only, q.types});
    if (made) {
        (*made)->sql = std::string{q.text};
        return made;
    }
    error why = std::move(made).error();
    const int begin = static_cast<int>(written->begin), longer = static_cast<int>(written->longer);
    const int position = why.position();
    if (position > begin + longer) why.at(position - longer);
    return why;
}

}  // namespace ashlar::route
