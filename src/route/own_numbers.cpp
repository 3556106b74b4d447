#include "route/own_numbers.hpp"

#include "core/oid_map.hpp"
#include "route/functions.hpp"
#include "route/refusal.hpp"
#include "route/types.hpp"
#include "sql/names.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace ashlar::route {
namespace {

using sql::expression;
using sql::expression_kind;
using sql::literal_kind;
using sql::type_name;

struct oid_arguments {
    std::string_view name;
    std::size_t count;
    std::uint32_t always, some;  // bit 0: the first argument
};
constexpr auto oid_functions = std::to_array<oid_arguments>({
#define OID_FUNCTION(name, count, always, some) oid_arguments{name, count, always, some},
#include "route/oid_functions.inc"
#undef OID_FUNCTION
});

bool is_among(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_of_catalogue(std::string_view schema) {
    return schema.empty() || schema == "pg_catalog";
}

bool is_text(const type_name& type) {
    return is_of_catalogue(type.schema) && is_among(type.name, {"text", "varchar", "name", "bpchar"});
}

bool is_oid(const type_name& type) {
    return is_of_catalogue(type.schema) && type.name == "oid";
}

bool is_integer(const type_name& type) {
    return is_oid(type) || is_among(type.name, {"int2", "int4", "int8", "numeric"});
}

std::optional<std::uint64_t> number_in(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    std::uint64_t n = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
    if (text.empty() || end != text.data() + text.size()) return std::nullopt;
    return failed == std::errc{} ? n : UINT64_MAX;
}

bool is_own_number(std::string_view text) {
    const auto n = number_in(text);
    return n && *n >= oid_map::first_own;
}

// '{orders,16403}', '(orders,1)': is any part such a number?
bool holds_own_number(std::string_view text) {
    constexpr std::string_view marks = "{}(),\"[]";
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find_first_of(marks, at), text.size());
        if (is_own_number(text.substr(at, end - at))) return true;
        at = end + 1;
    }
    return false;
}

// '…'::regtype, for the plainest spellings.
type_name spelled(std::string name) {
    static constexpr auto words = std::to_array<std::pair<std::string_view, std::string_view>>({
        {"integer", "int4"},
        {"int", "int4"},
        {"bigint", "int8"},
        {"smallint", "int2"},
        {"boolean", "bool"},
        {"real", "float4"},
        {"double precision", "float8"},
        {"decimal", "numeric"},
    });
    type_name out;
    const auto at = std::find_if(words.begin(), words.end(), [&](const auto& w) { return w.first == name; });
    out.name = at == words.end() ? std::move(name) : std::string{at->second};
    return out;
}

bool is_string(const expression& e) {
    return e.is(expression_kind::constant) && e.literal == literal_kind::string;
}

const expression& without_text_casts(const expression& e) {
    const expression* at = &e;
    while (at->is(expression_kind::cast) && is_text(*at->type) && !at->type->is_array) at = &at->inner.front();
    return *at;
}

enum class nature : std::uint8_t {
    plain,
    same,  // may be an oid, but one that is the same on all servers, or NULL
    oid,   // a number of the server's own
    name,  // likewise, shown as a name: regclass and its kin
};

struct value {
    nature what = nature::plain;
    std::string kind{};  // what it numbers: "regclass"; "" = not told
    std::string said{};  // for messages: "tableoid"
    int location = -1;

    bool is_own() const noexcept { return what == nature::oid || what == nature::name; }
};

// Where a query's rows go.
enum class rows : std::uint8_t {
    to_client,
    inside,  // to the query around it
    nowhere,
};

class looker {
public:
    looker(const question& q, const analysis& tables, contents& inside) : q_(q), tables_(tables), inside_(inside) {
        for (const relation& r : tables.relations()) {
            if (r.table) learn(*r.table);
        }
    }

    std::optional<error> run() {
        look(q_.said, rows::to_client);
        return std::move(refused_);
    }

private:
    // Columns count by their names, wherever they come from: through a sub-query, or as a field of a whole row.
    void learn(const table_facts& table) {
        if (q_.known.dialect == dialect::sqlite) {
            for (const char* each : {"rowid", "oid", "_rowid_"}) {
                if (table.find(each) == nullptr) columns_.emplace(each, value{nature::oid, "", each, -1});
            }
            return;
        }
        columns_.emplace("tableoid", value{nature::oid, "regclass", "tableoid", -1});
        for (const column_facts& c : table.columns) {
            const bool names = holds_objects(c);
            // what a view computes is not known
            if (!names && !(table.is_view && c.type == oid::oid)) continue;
            std::string kind{object_type_name(c.type)};
            const auto [at, fresh] =
                columns_.emplace(c.name, value{names ? nature::name : nature::oid, kind, "column " + c.name, -1});
            if (!fresh && at->second.kind != kind) at->second.kind.clear();
            if (!fresh && !names) at->second.what = nature::oid;
            stored_ = true;
        }
    }

    // Refusals. The first one counts.

    void refuse(int location, std::string_view what, std::string hint) {
        if (!refused_) refused_ = refusal(q_.text, location, what, std::move(hint));
    }

    std::string named(const value& v) const {
        if (q_.known.dialect == dialect::sqlite) return "Name a column of the table's own, such as its primary key.";
        if (v.said == "tableoid") return "Ask for the name: tableoid::regclass::text.";
        if (v.what == nature::name) return "Cast it to text: names are the same on every server.";
        if (v.kind.empty()) return "Ask the server itself.";
        return "Cast it to its name instead, as tableoid::regclass::text does.";
    }

    std::string_view apart() const { return q_.known.dialect == dialect::sqlite ? "file to file" : "server to server"; }

    void refuse_number(const value& v) {
        refuse(v.location, fmt::format("the number of {}, which differs from {},", v.said, apart()), named(v));
    }

    value plain_only(const expression& e) {
        const value v = look(e);
        if (v.is_own()) refuse_number(v);
        return {};
    }
    void plain_only(const std::vector<expression>& list) {
        for (const expression& e : list) plain_only(e);
    }

    void refuse_lookup(const expression& e, std::string_view as) {
        const bool number = e.is(expression_kind::constant);
        refuse(e.location,
               number ? fmt::format("a number taken for {}, which is another one on each server,",
                                    as == "oid" ? std::string{"an object"} : fmt::format("a {}", as))
                      : fmt::format("{} that may be named by its number, which differs from server to server,",
                                    as == "oid" ? std::string{"an object"} : fmt::format("a {}", as)),
               fmt::format("Write its name as a literal, or send it as the text of a parameter: $1::{}.",
                           as == "oid" ? "regclass" : as));
    }

    // Values.

    value look(const expression& e) {
        switch (e.kind) {
            case expression_kind::column:
                return column(e);
            case expression_kind::constant:
                return constant(e);
            case expression_kind::parameter:
                return parameter(e);
            case expression_kind::cast:
                return cast(e);
            case expression_kind::function:
                return function(e);
            case expression_kind::operation:
            case expression_kind::any_of:
            case expression_kind::all_of:
                if (e.inner.size() == 2 && is_of_catalogue(e.schema) && is_among(e.name, {"=", "<>", "!="})) {
                    return compare(e);
                }
                break;
            case expression_kind::in_list:
            case expression_kind::distinct_from:
                return compare(e);
            case expression_kind::null_test:
            case expression_kind::grouping:
                for (const expression& i : e.inner) look(i);
                return {};
            case expression_kind::array:
            case expression_kind::coalesce:
                return one_of(e);
            case expression_kind::indirection:
                return part(e);
            case expression_kind::subquery:
                plain_only(e.inner);
                if (e.sub) look(*e.sub, e.name == "exists" ? rows::nowhere : rows::inside);
                return {};
            default:
                break;
        }
        plain_only(e.inner);
        return {};
    }

    value column(const expression& e) const {
        if (e.path.empty()) return {};
        const auto at = columns_.find(e.path.back());
        if (at == columns_.end()) return {};
        value out = at->second;
        out.location = e.location;
        return out;
    }

    static value constant(const expression& e) {
        value out;
        out.location = e.location;
        const bool number = e.literal == literal_kind::integer || e.literal == literal_kind::string;
        if (e.literal == literal_kind::null || (number && number_in(e.name) && !is_own_number(e.name)))
            out.what = nature::same;
        return out;
    }

    // Declared as a regclass, it is read as one.
    value parameter(const expression& e) {
        const auto at = static_cast<std::size_t>(e.number) - 1;
        const std::uint32_t type = at < q_.declared.size() ? q_.declared[at] : 0;
        const std::string_view kind = object_type_name(type);
        if (kind.empty()) return {};
        return looked_up(e, kind, is_object_array(type));
    }

    // What `e` finds when it is read as a regclass, or whatever `kind` is.
    value looked_up(const expression& of, std::string_view kind, bool is_array) {
        const expression& e = without_text_casts(of);
        value found{nature::name, std::string{kind}, fmt::format("a {}", kind), of.location};
        switch (e.kind) {
            case expression_kind::constant: {
                value v = constant(e);
                if (v.what == nature::same) return v;
                if (!is_string(e) || holds_own_number(e.name)) break;
                if (kind == "regtype" && is_builtin_type(spelled(e.name))) return {nature::same, "", "", of.location};
                return found;
            }
            case expression_kind::parameter:
                if (is_array) break;
                inside_.looked_up.push_back(static_cast<std::size_t>(e.number) - 1);
                return found;
            case expression_kind::array:
                if (!is_array) break;
                [[fallthrough]];
            case expression_kind::coalesce:
                for (const expression& i : e.inner) looked_up(i, kind, is_array && e.is(expression_kind::coalesce));
                return found;
            case expression_kind::case_: {
                std::size_t at = 0;
                if (e.number == 1) plain_only(e.inner[at++]);
                for (; at + 1 < e.inner.size(); at += 2) {
                    plain_only(e.inner[at]);
                    looked_up(e.inner[at + 1], kind, is_array);
                }
                if (at < e.inner.size()) looked_up(e.inner[at], kind, is_array);
                return found;
            }
            default: {
                value v = look(e);
                if (v.what == nature::same) return v;
                if (v.is_own() && v.kind == kind) return found;
                break;
            }
        }
        refuse_lookup(e, kind);
        return found;
    }

    value cast(const expression& e) {
        const type_name& to = *e.type;
        if (is_object_type(to)) return looked_up(e.inner.front(), to.name, to.is_array);
        value v = look(e.inner.front());
        if (!v.is_own()) return {v.what, "", "", e.location};
        if (v.what == nature::name && is_text(to)) return {};
        if (is_oid(to)) {
            v.what = nature::oid;
            return v;
        }
        refuse_number(v);
        return {};
    }

    // Equal or not: of one server's own numbers only among themselves.
    value compare(const expression& e) {
        std::vector<value> all;
        for (const expression& i : e.inner) all.push_back(look(i));
        const auto own = std::find_if(all.begin(), all.end(), [](const value& v) { return v.is_own(); });
        if (own == all.end()) return {};
        const bool fits = std::all_of(all.begin(), all.end(), [&](const value& v) {
            return v.what == nature::same || (v.is_own() && !v.kind.empty() && v.kind == own->kind);
        });
        if (fits) return {};
        refuse(own->location,
               fmt::format("a comparison of {} with a number, which differs from {},", own->said, apart()),
               q_.known.dialect == dialect::sqlite ? named(*own)
                                                   : "Compare it with a name: tableoid = 'orders'::regclass.");
        return {};
    }

    value one_of(const expression& e) {
        std::vector<value> all;
        for (const expression& i : e.inner) all.push_back(look(i));
        const auto own = std::find_if(all.begin(), all.end(), [](const value& v) { return v.is_own(); });
        if (own == all.end()) {
            const bool same =
                std::all_of(all.begin(), all.end(), [](const value& v) { return v.what == nature::same; });
            return {same ? nature::same : nature::plain, "", "", e.location};
        }
        const bool alike = std::all_of(all.begin(), all.end(), [&](const value& v) {
            return v.what == nature::same || (v.what == own->what && v.kind == own->kind);
        });
        if (!alike) refuse_number(*own);
        return *own;
    }

    // (x).field, x[1]
    value part(const expression& e) {
        value whole = look(e.inner.front());
        for (std::size_t i = 1; i < e.inner.size(); ++i) plain_only(e.inner[i]);
        for (const std::string& step : e.path) {
            if (step == ".*" && stored_) return {nature::name, "", "a row's field", e.location};
            if (!step.starts_with('.')) continue;
            const auto at = columns_.find(step.substr(1));
            if (at != columns_.end()) return {at->second.what, "", at->second.said, e.location};
            if (whole.is_own()) return {nature::name, "", "the field " + step.substr(1), e.location};
        }
        return whole;
    }

    value function(const expression& e) {
        plain_only(e.call->filter);
        plain_only(e.call->window);
        for (const sql::sort_item& s : e.call->order) ordered(look(s.value));
        const value made{nature::name, "", e.name + "()", e.location};
        const auto of_kind = [&](std::string_view kind) {
            value out = made;
            out.kind = kind;
            return out;
        };
        const function_facts f = facts_of_function(q_.known, e.schema, e.name, e.inner.size());
        if (q_.known.dialect == dialect::sqlite || f.how == behaviour::unknown || f.how == behaviour::own ||
            !is_of_catalogue(e.schema)) {
            if (e.name != "count") plain_only(e.inner);
            return {};
        }
        if (e.name == "pg_typeof" || e.name == "count") {
            for (const expression& i : e.inner) look(i);
            return e.name == "count" ? value{} : of_kind("regtype");
        }
        if (e.name.starts_with("to_reg") && e.inner.size() == 1) {
            looked_up(e.inner.front(), e.name.substr(3), false);
            return of_kind(e.name.substr(3));
        }
        if (e.name == "regclass" && e.inner.size() == 1) return looked_up(e.inner.front(), e.name, false);
        arguments(e, f);
        if (is_among(e.name, {"oid", "oidin", "oidlarger", "oidsmaller"})) return {};
        if (const std::string_view kind = object_type_name(f.result); !kind.empty()) {
            if (e.name.starts_with("reg")) refuse_lookup(e, kind);  // regclassin() and the like
            return of_kind(kind);
        }
        if (f.result == oid::oid || e.name == "pg_relation_filepath") {
            value out = made;
            out.what = nature::oid;
            return out;
        }
        return {};
    }

    // A function that looks things up may be given what the same server found. One that computes would tell the number.
    void arguments(const expression& e, const function_facts& f) {
        const bool looks_up = !f.immutable || is_among(e.name, {"satisfies_hash_partition", "pg_partition_root"});
        const auto takes = std::lower_bound(
            oid_functions.begin(), oid_functions.end(), e, [](const oid_arguments& a, const auto& call) {
                return a.name != call.name ? a.name < call.name : a.count < call.inner.size();
            });
        const bool known = takes != oid_functions.end() && takes->name == e.name && takes->count == e.inner.size();
        if (!looks_up || !known || e.call->variadic) return plain_only(e.inner);
        for (std::size_t i = 0; i < e.inner.size(); ++i) {
            const bool always = (takes->always >> i & 1U) != 0, some = (takes->some >> i & 1U) != 0;
            if (always || some)
                object_argument(e.inner[i], always);
            else
                plain_only(e.inner[i]);
        }
    }

    // `always`: no overload takes a text there.
    void object_argument(const expression& given, bool always) {
        const expression& e = without_text_casts(given);
        const value v = look(e);
        if (v.what != nature::plain || (is_string(e) && !is_own_number(e.name))) return;
        if (e.is(expression_kind::function) && e.name == "pg_get_serial_sequence") return;  // a name
        if (e.is(expression_kind::parameter) && always) {
            inside_.looked_up.push_back(static_cast<std::size_t>(e.number) - 1);
            return;
        }
        const bool number = e.is(expression_kind::constant) || (e.is(expression_kind::cast) && is_integer(*e.type)) ||
                            is_number_column(e) || is_number_parameter(e);
        if (always || number) refuse_lookup(e, "oid");
    }

    bool is_number_parameter(const expression& e) const {
        const auto at = static_cast<std::size_t>(e.number) - 1;
        if (!e.is(expression_kind::parameter) || at >= q_.declared.size()) return false;
        return q_.declared[at] == oid::oid || is_number(q_.declared[at]);
    }

    bool is_number_column(const expression& e) const {
        const auto column = e.is(expression_kind::column) ? tables_.resolve(e) : std::nullopt;
        const column_facts* c = column ? tables_.facts_of(*column) : nullptr;
        return c && (c->type == oid::oid || is_number(c->type));
    }

    // Queries.

    void ordered(const value& v) {
        if (!v.is_own()) return;
        refuse(v.location, fmt::format("an order by the number of {}, which differs from {},", v.said, apart()),
               named(v));
    }

    void grouped(const value& v, int location) {
        if (v.is_own() && !inside_.own_group) inside_.own_group = place{v.said, location};
    }

    void look(const sql::query& q, rows to) {
        for (const sql::common_table& c : q.with) look(*c.body, rows::inside);
        const rows of_parts = to == rows::nowhere ? to : rows::inside;
        if (q.left) look(*q.left, of_parts);
        if (q.right) look(*q.right, of_parts);
        for (const auto& row : q.values) plain_only(row);
        for (const expression& e : q.distinct_on) grouped(look(e), e.location);
        const std::vector<value> out = outputs(q.items, to);
        for (std::size_t i = 0; q.distinct && i < out.size(); ++i) {
            const bool any = stored_ && q.items[i].value.is(expression_kind::star);
            grouped(any ? value{nature::name, "", "columns that hold oids", -1} : out[i], q.items[i].location);
        }
        for (const sql::from_item& f : q.from) look(f);
        plain_only(q.where);
        for (const expression& e : q.group_by) grouped(sorted_by(e, q, out), e.location);
        plain_only(q.having);
        plain_only(q.window_parts);
        for (const sql::sort_item& s : q.order) ordered(sorted_by(s.value, q, out));
        plain_only(q.limit);
        plain_only(q.offset);
    }

    std::vector<value> outputs(const std::vector<sql::select_item>& items, rows to) {
        std::vector<value> out;
        for (const sql::select_item& i : items) {
            if (i.value.is(expression_kind::star) && stored_ && to == rows::inside) {
                refuse(i.location, "* of a sub-query over columns that hold oids", "Name the columns.");
            }
            value v = look(i.value);
            if (v.what == nature::oid && to != rows::nowhere) refuse_number(v);
            if (v.what == nature::name && to == rows::inside) {
                refuse(v.location, fmt::format("{} as a column of a sub-query", v.said),
                       "Cast it to text there: it holds a number, which differs from server to server.");
            }
            out.push_back(std::move(v));
        }
        return out;
    }

    // In GROUP BY and ORDER BY: by position, by an output's name, or for itself.
    value sorted_by(const expression& e, const sql::query& q, const std::vector<value>& out) {
        const bool stars = std::any_of(q.items.begin(), q.items.end(),
                                       [](const auto& i) { return i.value.is(expression_kind::star); });
        if (e.is(expression_kind::constant) && e.literal == literal_kind::integer) {
            if (stars && stored_) return {nature::name, "", "a column that may hold oids", e.location};
            const auto at = number_in(e.name).value_or(0);
            if (at == 0 || at > out.size()) return {};
            value found = out[at - 1];
            found.location = e.location;
            return found;
        }
        if (e.is(expression_kind::column) && e.path.size() == 1) {
            for (std::size_t i = 0; i < out.size(); ++i) {
                if (out[i].is_own() && sql::output_name(q.items[i]) == e.path[0]) {
                    value found = out[i];
                    found.location = e.location;
                    return found;
                }
            }
        }
        return look(e);
    }

    void look(const sql::from_item& f) {
        plain_only(f.functions);
        plain_only(f.on);
        for (const sql::from_item& s : f.sides) look(s);
        if (f.sub) look(*f.sub, rows::inside);
        const auto by = std::find_if(f.using_columns.begin(), f.using_columns.end(),
                                     [&](const std::string& c) { return columns_.contains(c); });
        if (by != f.using_columns.end() || (f.natural && stored_)) {
            refuse(f.location, "a join that compares columns which hold oids without naming both",
                   "Write the join's condition with ON.");
        }
    }

    // Statements.

    void look(const sql::statement& s, rows to) {
        for (const sql::common_table& c : s.with) look(*c.body, rows::inside);
        const table_facts* table = target(s);
        if (s.kind == sql::statement_kind::insert) {
            if (s.body && !s.body->values.empty()) {
                for (const auto& row : s.body->values) {
                    for (std::size_t i = 0; i < row.size(); ++i) assigned(column_at(s, table, i), row[i]);
                }
            } else if (s.body) {
                look(*s.body, rows::inside);
                const std::size_t filled = table == nullptr ? 0 : std::max(s.columns.size(), table->columns.size());
                for (std::size_t i = 0; i < filled; ++i) {
                    const column_facts* c = column_at(s, table, i);
                    if (c == nullptr || !holds_objects(*c) || (!s.columns.empty() && i >= s.columns.size())) continue;
                    refuse(s.target.location, fmt::format("INSERT … SELECT into column {}, which holds oids,", c->name),
                           "Insert its values as literals or parameters.");
                }
            }
        } else if (s.body) {
            look(*s.body, to);
        }
        const auto assign = [&](const std::vector<sql::assignment>& list) {
            for (const sql::assignment& a : list) assigned(table == nullptr ? nullptr : table->find(a.column), a.value);
        };
        assign(s.set);
        if (s.conflict) {
            assign(s.conflict->set);
            plain_only(s.conflict->where);
        }
        for (const sql::from_item& f : s.from) look(f);
        plain_only(s.where);
        outputs(s.returning, to);
        if (s.inner) look(*s.inner, to);
    }

    const table_facts* target(const sql::statement& s) const {
        for (const relation& r : tables_.relations()) {
            const bool it = r.table && r.table->name == s.target.table.name &&
                            (s.target.table.schema.empty() || r.table->schema == s.target.table.schema);
            if (it) return r.table;
        }
        return nullptr;
    }

    static const column_facts* column_at(const sql::statement& s, const table_facts* table, std::size_t i) {
        if (table == nullptr) return nullptr;
        if (!s.columns.empty()) return i < s.columns.size() ? table->find(s.columns[i].name) : nullptr;
        return i < table->columns.size() ? &table->columns[i] : nullptr;
    }

    void assigned(const column_facts* to, const expression& e) {
        if (e.is(expression_kind::default_)) return;
        if (to == nullptr || !holds_objects(*to)) {
            plain_only(e);
            return;
        }
        const std::string_view kind = object_type_name(to->type);
        if (kind.empty()) {  // a type that holds some
            if (is_string(e) && holds_own_number(e.name)) refuse_lookup(e, "regclass");
            if (const value v = look(e); v.what == nature::plain && !is_string(e)) refuse_lookup(e, "regclass");
            return;
        }
        looked_up(e, kind, is_object_array(to->type));
    }

    const question& q_;
    const analysis& tables_;
    contents& inside_;
    std::map<std::string, value, std::less<>> columns_;
    bool stored_ = false;  // some columns hold numbers of the server's own
    std::optional<error> refused_;
};

}  // namespace

std::optional<error> refuse_own_numbers(const question& q, const analysis& tables, contents& inside) {
    return looker{q, tables, inside}.run();
}

status must_be_name(std::size_t parameter, const bound_parameter& value) {
    if (!value.bytes) return {};
    const bool text = value.format == cell_format::text || is_text_like(value.type);
    if (text && !is_own_number(*value.bytes)) return {};
    return error{
        errc::unsupported,
        fmt::format("parameter ${} names an object by its number, which differs from server to server", parameter + 1)}
        .hint("Send the name as text.");
}

}  // namespace ashlar::route
