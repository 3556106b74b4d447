// Changes of data inside WITH: all parts of such a statement run at one moment, each on what was there before it. So it goes to one
// shard as it is, when all rows that it reads, changes and makes live there.
#include "route/defaults.hpp"
#include "route/key_column.hpp"
#include "route/new_rows.hpp"
#include "route/planning.hpp"
#include "route/refusal.hpp"

#include <algorithm>

namespace ashlar::route {

namespace {

constexpr auto one_key_hint = "Fix the shard key of each table to one value, in each part of the statement.";

const table_facts* table_changed_by(const sql::statement& part, const analysis& tables) {
    const auto by_it = [&](const analysis::touch& each) { return each.by == &part; };
    const auto at = std::find_if(tables.touched().begin(), tables.touched().end(), by_it);
    return at == tables.touched().end() ? nullptr : at->table;
}

// One INSERT, UPDATE or DELETE of the statement. Adds its new rows.
std::optional<error> take_part(const question& q, const analysis& tables, prepared_plan::inside& into) {
    const bool is_top = tables.written_in_with().empty() ||
                        std::none_of(tables.written_in_with().begin(), tables.written_in_with().end(),
                                     [&](const sql::common_table* each) { return each->body.get() == &q.said; });
    const table_facts* const table = table_changed_by(q.said, tables);
    if (table == nullptr) {
        return refusal(q.text, q.said.target.location, "a change inside WITH of a table that is not known",
                       "Wait until the catalogue has been read.");
    }
    if (table->kind == table_kind::reference) {
        return refusal(q.text, q.said.target.location,
                       "a change of a reference table in a statement with changes inside WITH",
                       "Change the reference table in a separate statement.");
    }
    if (auto no = refuse_sequences(q, *table, into)) return no;
    for (const sql::assignment& a : q.said.set) {
        if (a.column == table->shard_key)
            return refusal(q.text, a.location, "a change of the shard key", "Delete the row and insert it anew.");
    }
    if (q.said.kind != sql::statement_kind::insert) return std::nullopt;
    if (auto no = refuse_insert(q, *table)) return no;
    const std::optional<std::size_t> length_max = key_length_max(*table);
    if (!into.rows.empty() && into.key_length_max != length_max) {
        return refusal(q.text, q.said.target.location, "new rows of tables whose shard keys have different lengths",
                       "Insert them in separate statements.");
    }
    into.key_length_max = length_max;
    prepared_plan::inside made;
    made.map = into.map;
    if (auto no = take_new_rows(q, is_top ? &tables : nullptr, *table, made)) return no;
    for (insert_row& row : made.rows) into.rows.push_back({std::move(row.key), {}});
    return std::nullopt;
}

}  // namespace

made_plan plan_changes_in_with(const question& q, const analysis& tables, contents& inside) {
    const int at = tables.written_in_with().front()->location;
    if (q.known.dialect != dialect::postgres)
        return refusal(q.text, at, "a statement that changes data inside WITH", "Run the parts one by one.");
    auto out = fresh(q);
    out->writes = out->writes_on_replicas = true;
    out->may_change_session = inside.may_change_session();
    out->may_change_reading = inside.reading.has_value();
    out->looked_up = inside.looked_up;
    std::vector<const sql::statement*> parts;
    for (const sql::common_table* each : tables.written_in_with()) parts.push_back(each->body.get());
    if (q.said.kind != sql::statement_kind::select) parts.push_back(&q.said);
    for (const sql::statement* part : parts) {
        const question of_part{q.text, *part, q.known, q.options, q.declared, q.one_only, q.types};
        if (auto no = take_part(of_part, tables, *out)) return std::move(*no);
    }
    take_pins(tables, *out);
    if (out->unpinned)
        return refusal(q.text, at, "a statement that changes data inside WITH, over rows of several shards,",
                       one_key_hint);
    out->why_one = refusal(q.text, at, "a statement that changes data inside WITH, whose keys live on several shards,",
                           one_key_hint);
    out->drive.reset();
    out->where = target::one_shard;
    out->way = way::by_key;
    if (!out->rows.empty()) {
        out->way = way::by_rows;
        out->because = routed_because::insert_key;
        out->fixed.reset();
        out->single.reset();
    }
    return out;
}

}  // namespace ashlar::route
