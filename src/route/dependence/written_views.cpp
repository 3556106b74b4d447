// Views through which PostgreSQL writes: one table, plain columns, nothing that makes one row of several. The statement goes to the
// shards as it is, which see to the view's WHERE and to WITH CHECK OPTION; here only its key and its columns are told.
#include "route/dependence/steps.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

namespace ashlar::route {
namespace {

using object = schema_objects;

// No column of a view has it: a column of the table that the view lacks.
std::string lacking(const std::string& column) {
    return std::string{'\0'} + column;
}

bool is_plain(const sql::query& q) {
    if (q.operation != sql::set_operation::none || !q.values.empty() || !q.with.empty()) return false;
    if (q.distinct || !q.distinct_on.empty() || !q.group_by.empty() || !q.having.empty() || q.windows) return false;
    if (!q.limit.empty() || !q.offset.empty() || q.locks || q.into || q.from.size() != 1) return false;
    const sql::from_item& from = q.from.front();
    if (from.what != sql::from_item::kind::table || from.sampled || !from.column_aliases.empty()) return false;
    bool plain = true;
    const auto look = [&](const sql::expression& e) {
        plain = plain && !e.is(sql::expression_kind::subquery) && !e.is(sql::expression_kind::unknown);
    };
    sql::visit(q, look);
    return plain;
}

// The column of the table that an item of the select list is; "" = it is computed.
std::string plain_column(const sql::expression& e, const table_facts& table) {
    const bool is_column = e.is(sql::expression_kind::column) && !e.path.empty() && table.find(e.path.back());
    return is_column ? e.path.back() : std::string{};
}

class written_view {
public:
    written_view(const table_facts& view, const table_facts& under) : under_(under) {
        out_ = view;
        out_.kind = under.kind;
        out_.differs = under.differs;
        out_.view_of = nullptr;
        out_.is_view = false;
        out_.hindrances.clear();
        out_.shard_key.clear();
    }

    std::optional<table_facts> made(const sql::query& q) {
        if (q.items.size() != out_.columns.size() || under_.columns.empty()) return std::nullopt;
        for (std::size_t i = 0; i < q.items.size(); ++i) {
            const std::string column = plain_column(q.items[i].value, under_);
            if (column.empty()) continue;
            column_facts facts = *under_.find(column);
            facts.name = out_.columns[i].name;
            if (column == under_.shard_key && !out_.shard_key.empty()) return std::nullopt;  // twice
            if (column == under_.shard_key) out_.shard_key = facts.name;
            names_.emplace(column, facts.name);
            out_.columns[i] = std::move(facts);
        }
        for (const auto& key : under_.unique_keys) out_.unique_keys.push_back(renamed(key));
        for (const hindrance& h : under_.hindrances) take(h);
        for (const column_facts& c : under_.columns) {
            if (!names_.contains(c.name)) look_at_lacking(c);
        }
        return std::move(out_);
    }

private:
    std::string over() const { return fmt::format("a view over {}", described(under_)); }

    std::vector<std::string> renamed(const std::vector<std::string>& columns) const {
        std::vector<std::string> out;
        for (const std::string& c : columns) out.push_back(names_.contains(c) ? names_.at(c) : lacking(c));
        return out;
    }

    void take(hindrance h) {
        h.columns = renamed(h.columns);
        h.what = fmt::format("{}, {}", over(), h.what);
        out_.hindrances.push_back(std::move(h));
    }

    // Each new row leaves it to its default.
    void look_at_lacking(const column_facts& c) {
        const auto no_insert = [&](hindrance::when applies, std::string_view why) {
            out_.hindrances.push_back({static_cast<verbs>(verb::insert),
                                       applies,
                                       {},
                                       fmt::format("{}, which lacks the column {}, {},", over(), c.name, why),
                                       "Insert into the table itself."});
        };
        if (c.name == under_.shard_key) return no_insert(hindrance::when::always, "its shard key");
        if (c.default_is_sequence)
            return no_insert(hindrance::when::always, "left to a sequence, of which each shard has its own");
        if (!c.has_volatile_default) return;
        no_insert(out_.kind == table_kind::reference ? hindrance::when::always : hindrance::when::several,
                  "left to a default that differs from shard to shard");
    }

    const table_facts& under_;
    table_facts out_;
    std::map<std::string, std::string> names_;  // the table's column → the view's
};

// Rules, INSTEAD OF triggers and defaults of its own change what a write does.
bool has_own_ways(const dependents& of, const object::view& v) {
    const auto is_its = [&](const auto& each) { return each.schema == v.schema && each.table == v.name; };
    const auto any = [&](const auto& list) { return std::any_of(list.begin(), list.end(), is_its); };
    return any(of.all.rules) || any(of.all.triggers) || any(of.all.expressions);
}

bool add_written_view(dependents& of, const object::view& v) {
    const std::string name = full_name(v.schema, v.name);
    const table_facts* view = of.find(name);
    if (view == nullptr || !view->view_of || view->written_as || !view->view_of->body) return false;
    const sql::query& q = *view->view_of->body;
    if (!is_plain(q) || has_own_ways(of, v)) return false;
    const table_facts* under = of.find(full_name(q.from.front().table.schema, q.from.front().table.name));
    if (under != nullptr && under->view_of) under = under->written_as.get();
    if (under == nullptr || under->kind == table_kind::unsharded) return false;
    auto made = written_view{*view, *under}.made(q);
    if (!made) return false;
    const auto as_table = std::make_shared<const table_facts>(std::move(*made));
    of.find(name)->written_as = as_table;
    if (v.schema == "public") of.find(v.name)->written_as = as_table;
    return true;
}

}  // namespace

void add_written_views(dependents& of) {
    if (of.known.dialect == dialect::sqlite) return;  // which has no such views
    for (bool changed = true; changed;) {
        changed = false;
        for (const auto& v : of.all.views) changed = add_written_view(of, v) || changed;
    }
}

}  // namespace ashlar::route
