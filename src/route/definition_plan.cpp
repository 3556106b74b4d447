// COPY, and everything that is neither a query nor a session's own business: definitions and commands.
#include "route/code.hpp"
#include "route/hindering.hpp"
#include "route/loose_code.hpp"
#include "route/own_tables.hpp"
#include "route/planning.hpp"
#include "route/refusal.hpp"
#include "route/types.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace ashlar::route {

using sql::expression;

namespace {

struct named_tables {
    const table_facts* configured = nullptr;  // the first sharded or reference one
    const table_facts* elsewhere = nullptr;
    const sql::table_name* own = nullptr;  // Ashlar's
    std::vector<std::string> unknown;
    int location = -1;
};

const table_facts* find_table(const question& q, const sql::table_name& name) {
    if (!name.schema.empty()) return q.known.find(name.schema, name.name);
    for (const std::string& schema : q.options.search_path) {
        if (const table_facts* found = q.known.find(schema, name.name)) return found;
    }
    return nullptr;
}

named_tables look_up(const question& q) {
    named_tables out;
    for (const sql::table_name& name : q.said.tables) {
        if (is_own_table(name, q.known.dialect, q.options.search_path)) out.own = &name;
        const table_facts* t = find_table(q, name);
        if (t && t->kind != table_kind::unsharded) {
            if (!out.configured) out.configured = t;
        } else {
            if (!t) out.unknown.push_back(name.name);
            out.elsewhere = t;
            if (!t) out.elsewhere = nullptr;
        }
        if (out.location < 0) out.location = name.location;
    }
    return out;
}

bool mixes(const question& q) {
    std::size_t configured = 0;
    for (const sql::table_name& name : q.said.tables) {
        const table_facts* t = find_table(q, name);
        configured += t && t->kind != table_kind::unsharded ? 1 : 0;
    }
    return configured != 0 && configured != q.said.tables.size();
}

void send_to_all(prepared_plan::inside& out, const catalogue& known) {
    out.way = way::every;
    out.where = target::all_shards;
    out.because = routed_because::no_key;
    several_plan several;
    several.sql = out.text_for_one();
    auto merge = std::make_shared<recipe>();
    merge->dialect = known.dialect;
    merge->count_once = true;
    several.merge = std::move(merge);
    out.several = std::move(several);
}

made_plan send_elsewhere(const question& q, std::unique_ptr<prepared_plan::inside> out, std::string database,
                         int location) {
    if (database.empty()) database = q.known.unsharded_database;
    if (database.empty()) {
        return refusal(q.text, location, q.said.session.command.empty() ? "this command" : q.said.session.command,
                       "There is no database for unsharded tables: run it on each shard itself.");
    }
    out->way = way::unsharded;
    out->where = target::unsharded;
    out->because = routed_because::unsharded_table;
    out->database = std::move(database);
    return out;
}

std::optional<error> refuse_hindered_copy(const question& q) {
    const table_facts* t = find_table(q, q.said.target.table);
    if (t == nullptr) return std::nullopt;
    const verb how = q.said.copy->from ? verb::insert : verb::read;
    columns_written columns{q.said.copy->columns, q.said.copy->columns};
    if (columns.named.empty()) {
        for (const column_facts& c : t->columns) columns.named.push_back(c.name);
        columns.filled = columns.named;
    }
    if (const hindrance* h = first_hindrance(*t, how, &columns, t->kind != table_kind::unsharded))
        return refuse_hindered(q.text, *t, *h, how, q.said.target.location);
    if (!q.said.copy->from || t->kind == table_kind::unsharded) return std::nullopt;
    for (const column_facts& c : t->columns) {
        const bool given = std::find(columns.named.begin(), columns.named.end(), c.name) != columns.named.end();
        if (!c.default_is_sequence || given) continue;
        return refusal(
            q.text, q.said.target.location,
            fmt::format("COPY into {} without column {}, which a sequence numbers on each shard,", t->name, c.name),
            "Send the column, with a number for each row.");
    }
    return std::nullopt;
}

// What dependent objects forbid about the tables named, and about what the command would set up.
std::optional<error> refuse_hindered_definition(const question& q) {
    const std::string& command = q.said.session.command;
    std::vector<verb> how{verb::define};
    if (command == "TRUNCATE") how.insert(how.end(), {verb::delete_, verb::truncate});
    if (command == "MERGE") how = {verb::insert, verb::update, verb::delete_};
    for (const sql::table_name& name : q.said.tables) {
        const table_facts* t = find_table(q, name);
        if (t == nullptr) continue;
        for (const verb each : how) {
            if (const hindrance* h = first_hindrance(*t, each, nullptr)) {
                return refusal(q.text, name.location, fmt::format("{} of {}, {},", command, t->name, h->what), h->hint);
            }
        }
    }
    return std::nullopt;
}

bool is_shard_key_pair(const sql::foreign_key& key, const table_facts& of, const table_facts& to) {
    std::vector<std::string> to_columns = key.to_columns;
    if (to_columns.empty() && !to.unique_keys.empty()) to_columns = to.unique_keys.front();
    for (std::size_t i = 0; i < std::min(key.columns.size(), to_columns.size()); ++i) {
        if (key.columns[i] == of.shard_key && to_columns[i] == to.shard_key) return true;
    }
    return false;
}

// A foreign key between rows that live apart.
std::optional<error> refuse_foreign_keys(const question& q) {
    if (q.said.foreign_keys.empty() || q.said.tables.empty()) return std::nullopt;
    const table_facts* of = find_table(q, q.said.tables.front());
    const auto kind_of = [](const table_facts* t) { return t == nullptr ? table_kind::unsharded : t->kind; };
    const auto word = [](table_kind k) {
        return k == table_kind::sharded ? "sharded" : k == table_kind::reference ? "reference" : "unsharded";
    };
    for (const sql::foreign_key& key : q.said.foreign_keys) {
        const table_facts* to = find_table(q, key.to);
        const table_kind from_kind = kind_of(of), to_kind = kind_of(to);
        const bool same_table = key.to.name == q.said.tables.front().name;
        if (from_kind == table_kind::unsharded && (to_kind == table_kind::unsharded || same_table)) continue;
        if (from_kind != table_kind::unsharded && to_kind == table_kind::reference) continue;
        const table_facts* target = same_table ? of : to;
        if (from_kind == table_kind::sharded && target != nullptr && kind_of(target) == table_kind::sharded &&
            is_shard_key_pair(key, *of, *target))
            continue;
        return refusal(q.text, key.location,
                       fmt::format("a foreign key from the {} table {} to the {} table {}, whose rows live apart,",
                                   word(from_kind), q.said.tables.front().name, word(to_kind), key.to.name),
                       from_kind == table_kind::sharded && to_kind == table_kind::sharded
                           ? "Make both shard keys part of the foreign key, or leave it out."
                           : "Leave the foreign key out, or make the table that it refers to a reference table.");
    }
    return std::nullopt;
}

// Code that the command runs on the database of unsharded tables.
std::optional<error> refuse_code(const question& q, prepared_plan::inside& into) {
    const std::string& command = q.said.session.command;
    code_verdict found;
    if (command == "DO") {
        const std::string& language = q.said.session.name;
        const bool readable = language.empty() || language == "plpgsql";
        into.may_change_schema = true;
        if (readable) {
            found = judge_on_unsharded(q.known, read_code(q.said.session.inner_sql, code_language::plpgsql));
        } else if (q.known.unsharded_database_has_copies) {
            found.why = fmt::format("is written in {}, which is not read here,", language);
        }
    } else {
        into.may_change_schema = q.said.kind == statement_kind::ddl || command == "CALL";
        code_facts code = read_code(q.text, code_language::sql);
        for (const expression& c : q.said.calls) code.calls.push_back({c.schema, c.name});
        found = judge_calls(q.known, code);
    }
    into.unknown_names.insert(into.unknown_names.end(), found.unknown_names.begin(), found.unknown_names.end());
    if (found.why.empty()) return std::nullopt;
    return refusal(q.text, q.said.location,
                   fmt::format("{}, which {},", command == "DO" ? "a DO block" : command, found.why),
                   "Write what it does as separate statements, or run it on each database directly.");
}

}  // namespace

made_plan plan_copy(const question& q) {
    if (q.said.inner) {
        const error no = refusal(q.text, q.said.location, "COPY of a query over several shards",
                                 "Run the SELECT, or fix the shard key to one value.");
        const question inner{q.text, *q.said.inner, q.known, q.options, q.declared, &no};
        made_plan made = q.said.inner->kind == statement_kind::select   ? plan_select(inner)
                         : q.said.inner->kind == statement_kind::insert ? plan_insert(inner)
                                                                        : plan_change(inner);
        if (!made) return made;
        if ((*made)->way == way::by_rows) {
            return refusal(q.text, q.said.location, "COPY of what an INSERT into a sharded table returns",
                           "Run the INSERT itself, with RETURNING.");
        }
        (*made)->kind = statement_kind::copy;
        (*made)->copy = q.said.copy;
        return made;
    }
    if (q.said.copy->program || !q.said.copy->file.empty()) {
        return refusal(q.text, q.said.location, "COPY with a file or program on the server",
                       "Use COPY … FROM STDIN or TO STDOUT.");
    }
    const named_tables named = look_up(q);
    if (named.own != nullptr && q.said.copy->from) return refuse_own_table(q.text, *named.own);
    if (auto no = refuse_hindered_copy(q)) return std::move(*no);
    auto out = fresh(q);
    out->writes = q.said.copy->from;
    out->unknown_names = named.unknown;
    if (!named.configured) {
        return send_elsewhere(q, std::move(out), named.elsewhere ? named.elsewhere->database : "", named.location);
    }
    if (named.configured->differs != nullptr) return refuse_differing(*named.configured);
    out->table = *named.configured;
    const auto holder = std::find_if(out->table->columns.begin(), out->table->columns.end(), holds_objects);
    if (q.said.copy->from && holder != out->table->columns.end() && !q.known.shows_catalogue_of_the_shards()) {
        return refusal(q.text, named.location, fmt::format("COPY into column {}, which holds oids,", holder->name),
                       "Insert the rows, with names in that column.");
    }
    if (named.configured->kind == table_kind::reference && !q.said.copy->from) {
        out->way = way::any_shard;
        out->where = target::one_shard;
        out->because = routed_because::reference_read;
        out->fixed = keyspace::shard_id{0};
        return out;
    }
    send_to_all(*out, q.known);
    if (named.configured->kind == table_kind::reference) out->because = routed_because::reference_write;
    return out;
}

namespace {

// A cursor lives on one server; what is fetched from it is passed on untouched.
made_plan plan_cursor(const question& q) {
    const error no = refusal(q.text, q.said.location, "a cursor over several shards",
                             "Run the SELECT itself, in parts if it is long, or fix the shard key to one value.");
    const question inner{q.text, *q.said.inner, q.known, q.options, q.declared, &no};
    made_plan made = plan_select(inner);
    if (!made) return made;
    prepared_plan::inside& in = **made;
    in.kind = statement_kind::utility;
    in.session = q.said.session;
    in.parameter_count = static_cast<std::size_t>(q.said.parameter_count);
    in.may_change_session = true;
    in.several.reset();
    if (in.way == way::every && in.map->size() > 1) return no;
    return made;
}

}  // namespace

made_plan plan_definition(const question& q) {
    auto out = fresh(q);
    out->writes = true;
    const std::string& command = q.said.session.command;
    const named_tables named = look_up(q);
    const bool only_reads = command == "LOCK" && q.said.session.name == "ACCESS SHARE";  // pg_dump
    if (named.own != nullptr && !only_reads) return refuse_own_table(q.text, *named.own);
    static constexpr auto sessions = std::to_array<std::string_view>(
        {"LISTEN", "UNLISTEN", "DO", "CALL", "LOAD", "DECLARE CURSOR", "SET CONSTRAINTS"});
    out->may_change_session =
        q.said.temporary || std::find(sessions.begin(), sessions.end(), command) != sessions.end();
    out->may_change_reading = command == "DO" || command == "CALL";
    if (q.said.inner && command == "DECLARE CURSOR" && q.known.dialect == dialect::postgres) return plan_cursor(q);
    if (!q.known.shards)
        return send_elsewhere(q, std::move(out), named.elsewhere ? named.elsewhere->database : "", named.location);
    out->unknown_names = named.unknown;
    if (auto no = refuse_hindered_definition(q)) return std::move(*no);
    if (auto no = refuse_foreign_keys(q)) return std::move(*no);

    // A query inside must not read what lives on the shards.
    if (q.said.inner) {
        analysis tables{q.known, q.options.search_path, q.declared};
        if (status s = tables.look_at(*q.said.inner); !s) return std::move(s).error();
        if (tables.touches_shards()) {
            return refusal(q.text, q.said.location, fmt::format("{} over sharded or reference tables", command),
                           "Run the SELECT alone, or define it on each shard.");
        }
        if (auto no = refuse_hindered(q, tables)) return std::move(*no);
    }
    if (mixes(q)) {
        return refusal(q.text, named.location, fmt::format("{} of tables that live apart", command),
                       "Name them one by one.");
    }
    if (named.configured) {
        if (q.said.temporary) {
            return refusal(q.text, named.location,
                           fmt::format("a temporary table that hides the configured table {}", named.configured->name),
                           "Give it another name.");
        }
        if (q.said.kind == statement_kind::ddl || command == "VACUUM" || command == "ANALYZE" || command == "REINDEX" ||
            command == "CLUSTER") {
            out->table = *named.configured;
            send_to_all(*out, q.known);
            return out;
        }
        return refusal(q.text, named.location, fmt::format("{} on a sharded or reference table", command),
                       "Run it on each shard itself.");
    }
    if (command == "PREPARE TRANSACTION" || command == "COMMIT PREPARED" || command == "ROLLBACK PREPARED") {
        return refusal(q.text, q.said.location, command,
                       "Use COMMIT: Ashlar prepares and commits by itself where it must.");
    }
    if (q.said.tables.empty() && q.said.kind == statement_kind::ddl) {
        return refusal(
            q.text, q.said.location,
            command == "this command" ? "this definition" : fmt::format("{} of something that is not a table", command),
            "It would have to be done on the shards and on the unsharded database: run it on each of them.");
    }
    if (q.said.tables.empty() && (command == "VACUUM" || command == "ANALYZE" || command == "REINDEX" ||
                                  command == "CHECKPOINT" || command == "CLUSTER")) {
        return refusal(q.text, q.said.location, fmt::format("{} of everything", command),
                       "Name a table, or run it on each database itself.");
    }
    if (auto no = refuse_code(q, *out)) return std::move(*no);
    if (q.said.kind == statement_kind::ddl && !q.known.on_definitions.empty()) {
        const hindrance& h = q.known.on_definitions.front();
        return refusal(q.text, q.said.location, fmt::format("{} on a database {},", command, h.what), h.hint);
    }
    return send_elsewhere(q, std::move(out), named.elsewhere ? named.elsewhere->database : "", named.location);
}

}  // namespace ashlar::route
