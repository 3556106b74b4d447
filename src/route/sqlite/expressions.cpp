// Expressions, typed as PostgreSQL types them and written so that SQLite computes the same.
#include "core/letter_case.hpp"
#include "route/sqlite/translator.hpp"

#include <ashlar/types.hpp>

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace ashlar::route::sqlite {

using sql::expression;
using sql::expression_kind;
using sql::literal_kind;

typed translator::write(const expression& e, const level& here) {
    constexpr int depth_max = 200;  // a level takes some kilobytes of stack
    if (failed_) return {};
    if (depth_ >= depth_max) {
        return fail(error{errc::statement_too_complex, "the expression is nested too deeply for SQLite databases"},
                    e.location);
    }
    ++depth_;
    typed v = write_one(e, here);
    --depth_;
    return v;
}

typed translator::write_one(const expression& e, const level& here) {
    switch (e.kind) {
        case expression_kind::column:
            return column(e, here);
        case expression_kind::constant:
            return constant(e);
        case expression_kind::parameter:
            return parameter(e);
        case expression_kind::operation:
            return operation(e, here);
        case expression_kind::in_list:
            return in_list(e, here);
        case expression_kind::between:
            return between(e, here);
        case expression_kind::like:
            return like(e, here);
        case expression_kind::distinct_from: {
            typed v = compare(write(e.inner[0], here), e.negated ? "IS NOT DISTINCT FROM" : "IS DISTINCT FROM",
                              write(e.inner[1], here), e.location);
            v.not_null = true;
            return v;
        }
        case expression_kind::null_if:
            return null_if(e, here);
        case expression_kind::and_:
        case expression_kind::or_:
        case expression_kind::not_:
            return logic(e, here);
        case expression_kind::null_test: {
            if (e.inner.front().is(expression_kind::row)) {
                return fail(e.location, "IS NULL of a row is not available over SQLite databases",
                            "Test each column by itself.");
            }
            typed v = write(e.inner.front(), here);
            if (v.parameter == 0) v = settle(std::move(v));  // PostgreSQL infers nothing from IS NULL
            v.sql = fmt::format("{} IS {}NULL", wrap(v, binding::additive), e.negated ? "NOT " : "");
            return {oid::boolean, -1, std::move(v.sql), binding::comparison, e.location, {}, 0, false, true};
        }
        case expression_kind::boolean_test: {
            std::string name = uppered(e.name);
            typed v = boolean(write(e.inner.front(), here), name);
            if (name == "IS UNKNOWN") name = "IS NULL";
            if (name == "IS NOT UNKNOWN") name = "IS NOT NULL";
            v.sql = fmt::format("{} {}", wrap(v, binding::additive), name);
            return {oid::boolean, -1, std::move(v.sql), binding::comparison, e.location, {}, 0, false, true};
        }
        case expression_kind::function:
            return call(e, here);
        case expression_kind::cast:
            return cast(e, here);
        case expression_kind::case_:
            return case_of(e, here);
        case expression_kind::coalesce:
            return choice(e, here, "COALESCE");
        case expression_kind::greatest:
            return choice(e, here, "GREATEST");
        case expression_kind::least:
            return choice(e, here, "LEAST");
        case expression_kind::collate:
            return collate(e, here);
        case expression_kind::subquery:
            return subquery(e, here);
        case expression_kind::value_keyword:
            return keyword(e);
        case expression_kind::any_of:
        case expression_kind::all_of:
            return any_of_array(e, here);
        case expression_kind::array:
            return fail(e.location, "SQLite has no arrays", "Write IN (…), or several columns.");
        case expression_kind::row:
            return fail(e.location, "a row as a value is not available over SQLite databases", "Name its columns.");
        case expression_kind::star:
            return fail(e.location, "a row as a value is not available over SQLite databases", "Name its columns.");
        case expression_kind::indirection:
            return fail(e.location, "SQLite has no fields or subscripts of a value", "Use separate columns.");
        case expression_kind::default_:
            return fail(e.location, "DEFAULT as a value is not available over SQLite databases",
                        "Leave the column out of the list of columns.");
        case expression_kind::grouping:
            return fail(e.location, "SQLite has no GROUPING", "Group in separate statements.");
        case expression_kind::current_of:
            return fail(e.location, "SQLite has no WHERE CURRENT OF", "Name the row by its key.");
        case expression_kind::unknown:
            break;
    }
    return fail(e.location, fmt::format("{} is not available over SQLite databases", e.name.empty() ? "this" : e.name),
                "Rewrite it without this construct.");
}

// --- leaves -----------------------------------------------------------------------------------------------------------

typed translator::constant(const expression& e) {
    typed v;
    v.location = e.location;
    v.not_null = true;
    switch (e.literal) {
        case literal_kind::null:
            v.type = oid::unknown;
            v.sql = "NULL";
            v.is_null = true;
            v.not_null = false;
            return v;
        case literal_kind::boolean:
            v.type = oid::boolean;
            v.sql = e.name == "t" ? "TRUE" : "FALSE";
            return v;
        case literal_kind::string:
            v.type = oid::unknown;
            v.literal = e.name;
            v.sql = literal_of({storage::text, 0, 0, e.name});
            return v;
        case literal_kind::bits:
            return fail(e.location, "SQLite has no bit strings", "Write a number, or bytea as '\\x…'.");
        case literal_kind::integer:
            v.type = oid::int4;
            break;
        case literal_kind::number: {
            std::int64_t whole = 0;
            const auto end = std::from_chars(e.name.data(), e.name.data() + e.name.size(), whole);
            v.type = end.ec == std::errc{} && end.ptr == e.name.data() + e.name.size() ? oid::int8 : oid::numeric;
            if (v.type == oid::int8 && whole == std::numeric_limits<std::int32_t>::min()) v.type = oid::int4;
            break;
        }
    }
    v.sql = e.name;
    v.literal = e.name;
    v.holds = e.name.starts_with('-') ? binding::multiplicative : binding::primary;
    if (v.type != oid::numeric) return v;
    const auto read = decimal::parse(e.name);
    if (!read) return fail(e.location, "a number of this form is not available", "Write it without an exponent.");
    v.scale = read->scale();
    stored_value kept;
    if (!keeps_numeric(read->to_string(), kept)) return as_decimal(std::move(v));
    return v;
}

typed translator::parameter(const expression& e) {
    typed v;
    v.location = e.location;
    v.sql = fmt::format("${}", e.number);
    v.parameter = e.number;
    v.type = oid::unknown;
    if (e.number < 1 || static_cast<std::size_t>(e.number) > parameters_.size()) return v;
    const value_type known = parameters_[static_cast<std::size_t>(e.number) - 1];
    if (known.type == 0 || known.type == oid::unknown) return v;
    if (!is_supported(known.type) && known.type != oid::interval) {
        return fail(e.location,
                    fmt::format("parameter ${} has {}, which is not available over SQLite databases", e.number,
                                sql_name_of_type(known.type)),
                    "Send it as text, a number, a date, a boolean or a uuid.");
    }
    v.type = known.type;
    v.parameter = 0;
    return v;
}

typed translator::session_value(session_name which, std::uint32_t type, int location) {
    session_names_.push_back(which);
    typed v;
    v.type = type;
    v.location = location;
    v.not_null = true;
    v.sql = fmt::format("${}", client_parameters_ + static_cast<int>(session_names_.size()));
    return v;
}

typed translator::keyword(const expression& e) {
    typed v;
    v.location = e.location;
    v.not_null = true;
    if (e.name == "current_timestamp" || e.name == "localtimestamp") {
        v.type = e.name == "localtimestamp" ? oid::timestamp : oid::timestamptz;
        v.sql = "now()";
        return v;
    }
    if (e.name == "current_date") {
        v.type = oid::date;
        v.sql = "pg_today()";
        return v;
    }
    if (e.name == "current_user" || e.name == "user" || e.name == "session_user" || e.name == "current_role") {
        return session_value(session_name::user, oid::name, e.location);
    }
    if (e.name == "current_catalog") return session_value(session_name::database, oid::name, e.location);
    if (e.name == "current_schema") {
        v.type = oid::name;
        v.sql = "'public'";
        return v;
    }
    return fail(e.location, fmt::format("{} is not available over SQLite databases", e.name),
                "Send it as a parameter.");
}

typed translator::logic(const expression& e, const level& here) {
    typed v{oid::boolean, -1, {}, binding::not_, e.location};
    if (e.is(expression_kind::not_)) {
        const typed inner = boolean(write(e.inner.front(), here), "NOT");
        v.sql = fmt::format("NOT {}", wrap(inner, binding::comparison));
        v.not_null = inner.not_null;
        return v;
    }
    const bool is_and = e.is(expression_kind::and_);
    v.holds = is_and ? binding::and_ : binding::or_;
    std::vector<std::string> parts;
    v.not_null = true;
    for (const expression& each : e.inner) {
        const typed one = boolean(write(each, here), is_and ? "AND" : "OR");
        if (failed_) return {};
        parts.push_back(wrap(one, is_and ? binding::not_ : binding::and_));
        v.not_null = v.not_null && one.not_null;
    }
    v.sql = joined(parts, is_and ? " AND " : " OR ");
    return v;
}

typed translator::collate(const expression& e, const level& here) {
    typed v = settle(write(e.inner.front(), here));
    if (failed_) return {};
    const bool bytes =
        e.name == "C" || e.name == "POSIX" || e.name == "ucs_basic" || e.name == "binary" || e.name == "default";
    const bool own = e.name == "nocase" || e.name == "rtrim";
    if (!e.schema.empty() || (!bytes && !own)) {
        return fail(e.location, fmt::format("the collation \"{}\" is not available over SQLite databases", e.name),
                    "Text is ordered by its bytes there, as by COLLATE \"C\".");
    }
    if (!is_text(v.type) && !v.is_own) {
        return fail(e.location, fmt::format("collations are not supported by type {}", sql_name_of_type(v.type)),
                    "Leave COLLATE out.", "42804");
    }
    v.sql = fmt::format("{} COLLATE {}", wrap(v, binding::primary), bytes ? "\"binary\"" : e.name);
    v.holds = binding::multiplicative;
    return v;
}

}  // namespace ashlar::route::sqlite
