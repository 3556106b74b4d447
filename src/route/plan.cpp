#include "route/plan.hpp"

#include "route/planning.hpp"
#include "route/refusal.hpp"
#include "route/sqlite/catalogue_question.hpp"
#include "route/sqlite/lacking.hpp"
#include "route/sqlite/translate.hpp"
#include "sql/parse.hpp"
#include "sql/sqlite_text.hpp"
#include "sql/visit.hpp"

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
bool prepared_plan::may_change_reading() const noexcept {
    return inside_->may_change_reading;
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
    return inside_->parameter_count - (inside_->types ? inside_->types->session_names.size() : 0);
}
const std::string& prepared_plan::text_for_one() const noexcept {
    return inside_->text_for_one();
}
bool prepared_plan::asks_for_catalogue() const noexcept {
    return inside_->asks_for_catalogue;
}
const typed_statement* prepared_plan::types() const noexcept {
    return inside_->types.get();
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

// What SQLite gets, and the types that it does not know.
struct adapted {
    std::string sql;
    std::shared_ptr<const typed_statement> types;
};

bool is_typed(statement_kind kind) {
    return kind == statement_kind::select || kind == statement_kind::insert || kind == statement_kind::update ||
           kind == statement_kind::delete_;
}

bool is_elsewhere(const sql::from_item& from, const catalogue& known) {
    const table_facts* const table = from.table.name.empty() ? nullptr : known.find(from.table.schema, from.table.name);
    if (table != nullptr && !table->database.empty() && table->columns.empty()) return true;
    return std::any_of(from.sides.begin(), from.sides.end(),
                       [&](const auto& side) { return is_elsewhere(side, known); });
}

// Does it name a table of another database, whose columns are not read? That database knows its types, whatever its engine.
bool names_a_table_elsewhere(const sql::statement& said, const catalogue& known) {
    const auto any = [&](const std::vector<sql::from_item>& list) {
        return std::any_of(list.begin(), list.end(), [&](const auto& each) { return is_elsewhere(each, known); });
    };
    bool found = is_elsewhere(said.target, known) || any(said.from);
    const auto look = [&](const auto& part) {
        if constexpr (std::is_same_v<std::decay_t<decltype(part)>, sql::query>) found = found || any(part.from);
    };
    sql::visit(said, look);
    return found;
}

result<adapted> adapt(std::string_view text, const sql::statement& said, const catalogue& known,
                      const planning_options& options, std::span<const std::uint32_t> declared) {
    const bool explains = said.kind == statement_kind::explain && said.inner && is_typed(said.inner->kind);
    if ((!is_typed(said.kind) && !explains) || names_a_table_elsewhere(said, known)) {
        auto made = sql::to_sqlite(text, said);
        if (!made) return std::move(made).error();
        return adapted{std::move(*made), nullptr};
    }
    if (explains && !said.options.empty()) {
        return refusal_of(errc::unsupported, text, said.location,
                          fmt::format("SQLite has no EXPLAIN with {}", said.options.front()), "Write EXPLAIN alone.");
    }
    const std::string_view inner = explains ? std::string_view{said.session.inner_sql} : text;
    auto made = sqlite::translate(inner, explains ? *said.inner : said, known, options.search_path, declared);
    if (!made) return std::move(made).error();
    if (explains) return adapted{"EXPLAIN " + made->sql, nullptr};
    return adapted{std::move(made->sql), std::make_shared<const typed_statement>(std::move(made->types))};
}

// Planned as SQLite will read it. A refusal is told of the client's own text, where that is refused for the same reason.
result<std::shared_ptr<const prepared_plan>> plan_for_sqlite(std::string_view text, sql::statement said,
                                                             const catalogue& known, const planning_options& options,
                                                             const sql::parse_limits& limits,
                                                             std::span<const std::uint32_t> declared) {
    const auto told_of_the_text = [&](error why) {
        made_plan plain = plan_inner({text, said, known, options, declared});
        return plain ? std::move(why).at(0) : std::move(plain).error();
    };
    if (sqlite::asks_for_catalogue(said, known)) {
        made_plan question = plan_session({text, said, known, options, declared});
        (*question)->asks_for_catalogue = (*question)->reads_catalogue = true;
        return std::make_shared<const prepared_plan>(std::move(*question));
    }
    const bool adapts = is_typed(said.kind) || said.kind == statement_kind::explain ||
                        said.kind == statement_kind::ddl || said.kind == statement_kind::utility ||
                        said.kind == statement_kind::copy;
    if (!adapts) {
        made_plan plain = plan_inner({text, said, known, options, declared});
        if (!plain) return std::move(plain).error();
        return std::make_shared<const prepared_plan>(std::move(*plain));
    }
    auto made = adapt(text, said, known, options, declared);
    if (!made) {
        if (said.kind == statement_kind::ddl || said.kind == statement_kind::utility) {
            if (auto no = sqlite::lacking(text)) return std::move(*no);
        }
        const bool unknown_table = made.error() == errc::table_unknown;
        return unknown_table ? told_of_the_text(std::move(made).error()) : std::move(made).error();
    }
    const bool changed = made->sql != text;
    const result<sql::statement> again = changed ? sql::parse(made->sql, limits) : result<sql::statement>{said};
    if (!again) return again.error();
    made_plan planned = plan_inner(
        {changed ? std::string_view{made->sql} : text, *again, known, options, declared, nullptr, made->types.get()});
    const bool elsewhere = planned && (*planned)->where == target::unsharded;  // maybe on another engine
    if (!elsewhere && (said.kind == statement_kind::ddl || said.kind == statement_kind::utility)) {
        if (auto no = sqlite::lacking(text)) return std::move(*no);
    }
    if (!planned) return changed ? told_of_the_text(std::move(planned).error()) : std::move(planned).error();
    prepared_plan::inside& in = **planned;
    if (changed) {
        std::string read = std::exchange(in.sql, std::string{text});
        if (in.one_sql.empty()) in.one_sql = std::move(read);
    }
    in.types = std::move(made->types);
    if (in.types) in.shows = std::make_shared<const std::vector<shown_type>>(in.types->columns);
    if (in.types) in.parameter_count = in.types->parameters.size() + in.types->session_names.size();
    return std::make_shared<const prepared_plan>(std::move(*planned));
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
    if (known.dialect == dialect::sqlite)
        return plan_for_sqlite(text, std::move(*said), known, options, limits, parameter_types);
    made_plan made = plan_inner({text, *said, known, options, parameter_types});
    if (!made) return std::move(made).error();
    return std::make_shared<const prepared_plan>(std::move(*made));
}

}  // namespace ashlar::route
