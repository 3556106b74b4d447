#include "route/plan.hpp"

#include "route/planning.hpp"
#include "route/refusal.hpp"
#include "sql/parse.hpp"
#include "sql/sqlite_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ashlar::route {

std::string_view name_of(routed_because why) noexcept {
    switch (why) {
        case routed_because::key_equals:
            return "key_equals";
        case routed_because::key_in_list:
            return "key_in_list";
        case routed_because::key_is_null:
            return "key_is_null";
        case routed_because::insert_key:
            return "insert_key";
        case routed_because::no_key:
            return "no_key";
        case routed_because::reference_read:
            return "reference_read";
        case routed_because::reference_write:
            return "reference_write";
        case routed_because::unsharded_table:
            return "unsharded_table";
        case routed_because::no_table:
            return "no_table";
        case routed_because::session_statement:
            return "session_statement";
    }
    return "?";
}

std::string_view name_of(target where) noexcept {
    switch (where) {
        case target::one_shard:
            return "one shard";
        case target::some_shards:
            return "some shards";
        case target::all_shards:
            return "all shards";
        case target::unsharded:
            return "unsharded";
        case target::session:
            return "session";
    }
    return "?";
}

prepared_plan::prepared_plan(std::unique_ptr<const inside> what) : inside_(std::move(what)) {}
prepared_plan::~prepared_plan() = default;

statement_kind prepared_plan::kind() const noexcept {
    return inside_->kind;
}
bool prepared_plan::writes() const noexcept {
    return inside_->writes;
}
bool prepared_plan::may_read_on_replicas() const noexcept {
    return !inside_->writes || !inside_->writes_on_replicas;
}
bool prepared_plan::may_change_session() const noexcept {
    return inside_->may_change_session;
}
bool prepared_plan::reads_catalogue() const noexcept {
    return inside_->reads_catalogue;
}
target prepared_plan::where() const noexcept {
    return inside_->where;
}
routed_because prepared_plan::because() const noexcept {
    return inside_->because;
}
std::size_t prepared_plan::parameter_count() const noexcept {
    return inside_->parameter_count;
}
std::string_view prepared_plan::sql() const noexcept {
    return inside_->sql;
}
bool prepared_plan::may_change_schema() const noexcept {
    return inside_->may_change_schema || inside_->kind == statement_kind::ddl;
}
const std::vector<std::string>& prepared_plan::unknown_names() const noexcept {
    return inside_->unknown_names;
}
const sql::session_facts& prepared_plan::session() const noexcept {
    return inside_->session;
}
const sql::copy_facts* prepared_plan::copy() const noexcept {
    return inside_->copy ? &*inside_->copy : nullptr;
}
const table_facts* prepared_plan::table() const noexcept {
    return inside_->table ? &*inside_->table : nullptr;
}
std::shared_ptr<const prepared_plan> prepared_plan::explained() const noexcept {
    return inside_->explained;
}
const recipe* prepared_plan::merge() const noexcept {
    return inside_->several ? inside_->several->merge.get() : nullptr;
}
bool prepared_plan::single_step_unchanged() const noexcept {
    const bool one =
        inside_->way == way::unsharded || inside_->way == way::any_shard || inside_->fixed || inside_->single;
    return one && inside_->one_sql.empty();
}

namespace {

made_plan plan_session(const question& q) {
    auto out = fresh(q);
    out->where = target::session;
    out->because = routed_because::session_statement;
    return out;
}

made_plan plan_inner(const question& q);

// EXPLAIN runs on one server, whose answer is about that server alone.
made_plan plan_explain(const question& q) {
    const error no = refusal(q.text, q.said.location, "EXPLAIN of a statement for several shards",
                             "Use explain (ashlar), or fix the shard key to one value.");
    made_plan made = plan_inner({q.text, *q.said.inner, q.known, q.options, q.declared, &no});
    if (!made) return made;
    prepared_plan::inside& in = **made;
    if (in.way == way::nowhere) {
        return error{errc::unsupported, "EXPLAIN EXECUTE is not supported"}.hint("Explain the statement itself.");
    }
    in.kind = statement_kind::explain;
    in.session = q.said.session;
    in.parameter_count = static_cast<std::size_t>(q.said.parameter_count);
    in.writes = in.writes && q.said.analyzes;
    in.shows.reset();  // the answer's columns are EXPLAIN's own
    in.one_sql.clear();
    if (in.way == way::every && in.map->size() > 1) return no;
    in.several.reset();
    return made;
}

made_plan plan_explain_ashlar(const question& q) {
    if (q.said.options.size() != 1) {
        return refusal(q.text, q.said.location, "explain (ashlar) with other options", "Write explain (ashlar) alone.");
    }
    const std::string& text = q.said.session.inner_sql;
    auto inner = plan_statement(text, q.known, q.options, q.declared);
    if (!inner) {
        // a position within the statement inside → within the whole
        error why = std::move(inner).error();
        const auto before = static_cast<int>(q.text.size() - text.size());
        if (why.position() > 0) why.at(why.position() + sql::position_of(q.text, before) - 1);
        return why;
    }
    made_plan made = plan_session(q);
    (*made)->explained = std::move(*inner);
    return made;
}

made_plan plan_inner(const question& q) {
    switch (q.said.kind) {
        case statement_kind::select:
            return plan_select(q);
        case statement_kind::insert:
            return plan_insert(q);
        case statement_kind::update:
        case statement_kind::delete_:
            return plan_change(q);
        case statement_kind::copy:
            return plan_copy(q);
        case statement_kind::ddl:
        case statement_kind::utility:
            return plan_definition(q);
        case statement_kind::explain:
            return plan_explain(q);
        case statement_kind::explain_ashlar:
            return plan_explain_ashlar(q);
        case statement_kind::begin:
        case statement_kind::commit:
        case statement_kind::rollback:
        case statement_kind::savepoint:
        case statement_kind::release:
        case statement_kind::rollback_to:
        case statement_kind::set:
        case statement_kind::reset:
        case statement_kind::show:
        case statement_kind::discard:
        case statement_kind::prepare:
        case statement_kind::execute:
        case statement_kind::deallocate:
        case statement_kind::empty:
            return plan_session(q);
    }
    return error{errc::internal, "a statement of no kind"};
}

}  // namespace

result<std::shared_ptr<const prepared_plan>> plan_statement(std::string_view text, const catalogue& known,
                                                            const planning_options& options,
                                                            std::span<const std::uint32_t> parameter_types) {
    sql::parse_limits limits;
    limits.length_max = options.length_max;
    limits.depth_max = options.depth_max;
    limits.standard_conforming_strings = options.standard_conforming_strings;
    auto said = sql::parse(text, limits);
    if (!said) return std::move(said).error();
    std::string adapted;
    if (known.dialect == dialect::sqlite) {
        auto made = sql::to_sqlite(text, *said);
        if (!made) return std::move(made).error();
        adapted = std::move(*made);
    }
    const bool changed = known.dialect == dialect::sqlite && adapted != text;
    if (changed) {
        // planned as SQLite will read it; the places in it are not the client's
        said = sql::parse(adapted, limits);
        if (!said) return std::move(said).error();
    }
    made_plan made = plan_inner({changed ? adapted : text, *said, known, options, parameter_types});
    if (!made) return changed ? std::move(made).error().at(0) : std::move(made).error();
    if (changed) {
        std::string read = std::exchange((*made)->sql, std::string{text});
        if ((*made)->one_sql.empty()) (*made)->one_sql = std::move(read);
    }
    return std::make_shared<const prepared_plan>(std::move(*made));
}

}  // namespace ashlar::route
