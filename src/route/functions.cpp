#include "route/functions.hpp"

#include "route/hindering.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace ashlar::route {
namespace {

struct builtin {
    std::string_view name;
    char volatility, kind;
    bool returns_set;
    std::uint32_t result;
};

constexpr auto builtins = std::to_array<builtin>({
#define BUILTIN(name, volatility, kind, returns_set, result) builtin{name, volatility, kind, returns_set, result},
#include "route/builtin_functions.inc"
#undef BUILTIN
});

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

// Stable functions whose answer hangs on the session's settings alone, which are the same on every shard.
constexpr auto stable_pure = std::to_array<std::string_view>({
    "array_to_json",
    "array_to_string",
    "concat",
    "concat_ws",
    "convert",
    "convert_from",
    "convert_to",
    "date_part",
    "date_trunc",
    "date_bin",
    "extract",
    "format",
    "generate_series",
    "json_build_array",
    "json_build_object",
    "jsonb_build_array",
    "jsonb_build_object",
    "length",
    "make_timestamptz",
    "overlaps",
    "quote_literal",
    "quote_nullable",
    "row_to_json",
    "timezone",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_timestamp",
    "to_tsvector",
    "to_tsquery",
    "plainto_tsquery",
    "phraseto_tsquery",
    "websearch_to_tsquery",
    "pg_typeof",
    "json_agg",
    "jsonb_agg",
    "json_object_agg",
    "jsonb_object_agg",
    "string_agg",
    "array_agg",
    "enum_first",
    "enum_last",
    "enum_range",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "numeric",
});

constexpr auto clocks = std::to_array<std::string_view>({
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "clock_timestamp",
    "timeofday",
    "age",
});
constexpr auto randoms = std::to_array<std::string_view>({
    "random",
    "gen_random_uuid",
    "pg_sleep",
    "pg_sleep_for",
    "pg_sleep_until",
    "clock_timestamp",
    "timeofday",
});
constexpr auto sequences = std::to_array<std::string_view>({"nextval", "setval", "currval", "lastval"});
constexpr auto sessions = std::to_array<std::string_view>({"set_config", "setseed"});
// Built-in functions that run a query or read a table by its name.
constexpr auto readers = std::to_array<std::string_view>({
    "query_to_xml",
    "query_to_xmlschema",
    "query_to_xml_and_xmlschema",
    "table_to_xml",
    "table_to_xmlschema",
    "table_to_xml_and_xmlschema",
    "schema_to_xml",
    "schema_to_xmlschema",
    "schema_to_xml_and_xmlschema",
    "database_to_xml",
    "database_to_xmlschema",
    "database_to_xml_and_xmlschema",
    "cursor_to_xml",
    "cursor_to_xmlschema",
    "ts_stat",
    "ts_rewrite",
});

constexpr auto sqlite_aggregates = std::to_array<std::string_view>(
    {"count", "sum", "min", "max", "avg", "total", "group_concat", "json_group_array", "json_group_object",
     "ashlar_sum", "ashlar_avg", "string_agg", "bool_and", "bool_or", "every"});
constexpr auto sqlite_pure = std::to_array<std::string_view>({
    "abs",          "char",        "coalesce",   "format",     "glob",       "hex",
    "ifnull",       "iif",         "instr",      "json",       "json_array", "json_array_length",
    "json_extract", "json_object", "json_type",  "json_valid", "length",     "like",
    "likelihood",   "likely",      "lower",      "ltrim",      "max",        "min",
    "nullif",       "printf",      "quote",      "replace",    "round",      "rtrim",
    "sign",         "substr",      "substring",  "trim",       "btrim",      "typeof",
    "unicode",      "unlikely",    "upper",      "acos",       "acosh",      "asin",
    "asinh",        "atan",        "atan2",      "atanh",      "ceil",       "ceiling",
    "cos",          "cosh",        "degrees",    "exp",        "floor",      "ln",
    "log",          "log10",       "log2",       "mod",        "pi",         "pow",
    "power",        "radians",     "sin",        "sinh",       "sqrt",       "tan",
    "tanh",         "trunc",       "date_trunc",
});
constexpr auto sqlite_clock =
    std::to_array<std::string_view>({"date", "time", "datetime", "julianday", "strftime", "unixepoch", "now"});
constexpr auto sqlite_local = std::to_array<std::string_view>(
    {"changes", "total_changes", "last_insert_rowid", "sqlite_version", "sqlite_source_id", "version",
     "current_database", "current_schema", "current_setting", "pg_backend_pid"});

behaviour behaviour_of(const builtin& f) {
    if (among(readers, f.name)) return behaviour::unknown;
    if (among(sequences, f.name)) return behaviour::sequence;
    if (among(sessions, f.name)) return behaviour::session;
    // Drivers send it with a connection back to their pool; no session here has any lock to let go of.
    if (f.name == "pg_advisory_unlock_all") return behaviour::random;
    if (f.name.starts_with("pg_advisory") || f.name.starts_with("pg_try_advisory")) return behaviour::lock;
    if (f.volatility == 'v') return among(randoms, f.name) ? behaviour::random : behaviour::local;
    if (among(clocks, f.name)) return behaviour::clock;
    if (f.volatility == 'i' || among(stable_pure, f.name)) return behaviour::pure;
    return behaviour::local;
}

const builtin* find_builtin(std::string_view name) {
    const auto at = std::lower_bound(builtins.begin(), builtins.end(), name,
                                     [](const builtin& b, std::string_view n) { return b.name < n; });
    return at != builtins.end() && at->name == name ? &*at : nullptr;
}

function_facts sqlite_function(std::string_view name, std::size_t argument_count) {
    function_facts out;
    const bool scalar_extreme = (name == "min" || name == "max") && argument_count > 1;
    out.aggregate = among(sqlite_aggregates, name) && !scalar_extreme;
    // the driver's own, which the translation of the statement writes
    const bool own = name.starts_with("json_") || name == "zeroblob" || name == "ifnull";
    const bool written =
        name.starts_with("pg_") && name != "pg_random" && name != "pg_clock" && name != "pg_backend_pid";
    if (out.aggregate || written || own || among(sqlite_pure, name)) {
        out.how = behaviour::pure;
    } else if (among(sqlite_clock, name)) {
        out.how = behaviour::clock;
    } else if (among(sqlite_local, name)) {
        out.how = behaviour::local;
    } else if (name == "random" || name == "randomblob" || name == "pg_random" || name == "pg_clock" ||
               name == "gen_random_uuid") {
        out.how = behaviour::random;
    } else if (const builtin* const as_said = find_builtin(name)) {  // in the client's text, where a refusal names it
        out.how = behaviour_of(*as_said);
    }
    out.window = name == "row_number" || name == "rank" || name == "dense_rank" || name == "lag" || name == "lead" ||
                 name == "ntile" || name == "first_value" || name == "last_value" || name == "nth_value" ||
                 name == "percent_rank" || name == "cume_dist";
    if (out.window) out.how = behaviour::pure;
    return out;
}

// What the user's own functions of this name do decides where they may run.
void judge(const own_function& f, const catalogue& known, std::string_view name, function_facts& out) {
    out.known = true;
    out.why = in_the_way_on_shards(known, f.does);
    out.touches = in_the_way_on_unsharded(known, f.does);
    out.on_shards_only = !out.touches.empty() && out.why.empty();
    if (!out.why.empty()) {
        out.how = behaviour::unknown;
    } else {
        const bool reads = !f.does.relations.empty();
        out.how = known.immutable_functions.contains(name) && !reads ? behaviour::pure : behaviour::own;
    }
}

}  // namespace

std::optional<behaviour> behaviour_of_builtin(std::string_view name) {
    const builtin* const found = find_builtin(name);
    return found ? std::optional{behaviour_of(*found)} : std::nullopt;
}

function_facts facts_of_function(const catalogue& known, std::string_view schema, std::string_view name,
                                 std::size_t argument_count) {
    if (known.dialect == dialect::sqlite) return sqlite_function(name, argument_count);
    function_facts out;
    const auto own = known.own_functions.find(name);
    const builtin* const found = schema.empty() || schema == "pg_catalog" ? find_builtin(name) : nullptr;
    if (found) {
        out.how = behaviour_of(*found);
        out.aggregate = found->kind == 'a' || found->kind == 'm';  // rank() and its kin: also over a window
        out.window = found->kind == 'w';
        out.returns_set = found->returns_set;
        out.immutable = found->volatility == 'i';
        out.result = found->result;
        out.known = true;
        if (found->kind == 'p') out.how = behaviour::unknown;
        if (out.how == behaviour::unknown && !out.aggregate && !out.window && known.unsharded_database_has_copies) {
            out.touches = "reads what its arguments name";
        }
        if (own == known.own_functions.end() || schema == "pg_catalog") return out;
        // one of the same name, which the types of the arguments may choose
        function_facts other;
        judge(own->second, known, name, other);
        if (other.how == behaviour::unknown || !other.touches.empty()) {
            other.aggregate = out.aggregate;
            return other;
        }
        return out;
    }
    out.stable = known.stable_functions.contains(name);
    if (own != known.own_functions.end()) {
        judge(own->second, known, name, out);
        return out;
    }
    if (known.immutable_functions.contains(name)) out.how = behaviour::pure;
    out.known = out.stable || out.how == behaviour::pure;
    return out;
}

bool is_builtin_operator(std::string_view name) {
    static constexpr auto names = std::to_array<std::string_view>({
        "=",   "<>", "!=",  "<",  ">",  "<=", ">=", "+",  "-",   "*",   "/",    "%",  "^",   "|/",  "||/", "@",
        "&",   "|",  "#",   "~",  "<<", ">>", "||", "~~", "!~~", "~~*", "!~~*", "!~", "~*",  "!~*", "^@",  "->",
        "->>", "#>", "#>>", "@>", "<@", "?",  "?|", "?&", "#-",  "@?",  "@@",   "&&", "-|-", "&<",  "&>",  "!!",
    });
    return among(names, name);
}

}  // namespace ashlar::route
