#include "driver/mysql/statement_facts.hpp"

#include "core/letter_case.hpp"

#include <algorithm>
#include <array>

namespace ashlar::driver::mysql {

namespace {

// Sorted. Words that may stand before "(" without being a function that does anything: keywords, types, and built-in
// functions that neither write nor touch the session.
constexpr std::string_view harmless[] = {
    "abs",
    "acos",
    "adddate",
    "addtime",
    "against",
    "all",
    "and",
    "any",
    "as",
    "ascii",
    "asin",
    "atan",
    "atan2",
    "avg",
    "between",
    "bin",
    "binary",
    "bit_and",
    "bit_count",
    "bit_length",
    "bit_or",
    "bit_xor",
    "by",
    "case",
    "cast",
    "ceil",
    "ceiling",
    "char",
    "char_length",
    "character_length",
    "chr",
    "coalesce",
    "concat",
    "concat_ws",
    "connection_id",
    "conv",
    "convert",
    "convert_tz",
    "cos",
    "cot",
    "count",
    "crc32",
    "cume_dist",
    "curdate",
    "current_date",
    "current_time",
    "current_timestamp",
    "curtime",
    "database",
    "date",
    "date_add",
    "date_format",
    "date_sub",
    "datediff",
    "datetime",
    "day",
    "dayname",
    "dayofmonth",
    "dayofweek",
    "dayofyear",
    "decimal",
    "default",
    "degrees",
    "dense_rank",
    "distinct",
    "else",
    "elt",
    "except",
    "exists",
    "exp",
    "extract",
    "field",
    "find_in_set",
    "first_value",
    "floor",
    "format",
    "from",
    "from_base64",
    "from_days",
    "from_unixtime",
    "greatest",
    "group_concat",
    "having",
    "hex",
    "hour",
    "if",
    "ifnull",
    "in",
    "index",
    "inet6_aton",
    "inet6_ntoa",
    "inet_aton",
    "inet_ntoa",
    "instr",
    "intersect",
    "interval",
    "isnull",
    "join",
    "json_array",
    "json_arrayagg",
    "json_contains",
    "json_contains_path",
    "json_depth",
    "json_exists",
    "json_extract",
    "json_keys",
    "json_length",
    "json_merge_patch",
    "json_merge_preserve",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_search",
    "json_set",
    "json_table",
    "json_type",
    "json_unquote",
    "json_valid",
    "json_value",
    "key",
    "lag",
    "last_day",
    "last_value",
    "lcase",
    "lead",
    "least",
    "left",
    "length",
    "like",
    "limit",
    "ln",
    "localtime",
    "localtimestamp",
    "locate",
    "log",
    "log10",
    "log2",
    "lower",
    "lpad",
    "ltrim",
    "makedate",
    "maketime",
    "match",
    "max",
    "md5",
    "median",
    "microsecond",
    "mid",
    "min",
    "minute",
    "mod",
    "month",
    "monthname",
    "not",
    "now",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "offset",
    "on",
    "or",
    "ord",
    "over",
    "partition",
    "percent_rank",
    "pi",
    "position",
    "pow",
    "power",
    "quarter",
    "quote",
    "radians",
    "rand",
    "rank",
    "regexp_instr",
    "regexp_replace",
    "regexp_substr",
    "repeat",
    "replace",
    "returning",
    "reverse",
    "right",
    "round",
    "row",
    "row_number",
    "rpad",
    "rtrim",
    "sec_to_time",
    "second",
    "select",
    "separator",
    "set",
    "sha",
    "sha1",
    "sha2",
    "sign",
    "signed",
    "sin",
    "sleep",
    "some",
    "sqrt",
    "std",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "str_to_date",
    "strcmp",
    "subdate",
    "substr",
    "substring",
    "substring_index",
    "subtime",
    "sum",
    "sysdate",
    "tan",
    "then",
    "time",
    "time_format",
    "time_to_sec",
    "timediff",
    "timestamp",
    "timestampadd",
    "timestampdiff",
    "to_base64",
    "to_days",
    "to_seconds",
    "trim",
    "truncate",
    "ucase",
    "unhex",
    "union",
    "unix_timestamp",
    "unsigned",
    "upper",
    "user",
    "using",
    "utc_date",
    "utc_time",
    "utc_timestamp",
    "uuid",
    "value",
    "values",
    "var_pop",
    "var_samp",
    "varchar",
    "variance",
    "version",
    "week",
    "weekday",
    "weekofyear",
    "when",
    "where",
    "with",
    "year",
    "yearweek",
};
static_assert(std::ranges::is_sorted(harmless));

struct verb_word {
    std::string_view word;
    verb what;
    std::string_view tag;
};
constexpr std::array verb_words{
    verb_word{"select", verb::select, "SELECT"},      verb_word{"values", verb::select, "SELECT"},
    verb_word{"show", verb::select, "SHOW"},          verb_word{"explain", verb::select, "EXPLAIN"},
    verb_word{"describe", verb::select, "EXPLAIN"},   verb_word{"desc", verb::select, "EXPLAIN"},
    verb_word{"insert", verb::insert, "INSERT 0"},    verb_word{"replace", verb::insert, "INSERT 0"},
    verb_word{"update", verb::update, "UPDATE"},      verb_word{"delete", verb::remove, "DELETE"},
    verb_word{"create", verb::define, "CREATE"},      verb_word{"drop", verb::define, "DROP"},
    verb_word{"alter", verb::define, "ALTER"},        verb_word{"truncate", verb::define, "TRUNCATE TABLE"},
    verb_word{"rename", verb::define, "ALTER TABLE"}, verb_word{"grant", verb::define, "GRANT"},
    verb_word{"revoke", verb::define, "REVOKE"},      verb_word{"analyze", verb::define, "ANALYZE"},
    verb_word{"optimize", verb::define, "OPTIMIZE"},  verb_word{"repair", verb::define, "REPAIR"},
    verb_word{"check", verb::define, "CHECK"},        verb_word{"cache", verb::define, "CACHE"},
    verb_word{"flush", verb::define, "FLUSH"},        verb_word{"reset", verb::define, "RESET"},
    verb_word{"install", verb::define, "INSTALL"},    verb_word{"uninstall", verb::define, "UNINSTALL"},
    verb_word{"commit", verb::commit, "COMMIT"},      verb_word{"savepoint", verb::savepoint, "SAVEPOINT"},
    verb_word{"release", verb::savepoint, "RELEASE"},
};

// In a SELECT. FOR UPDATE is taken for writing, too; INSERT and REPLACE may be functions there.
constexpr std::array writing_words{std::string_view{"update"}, std::string_view{"delete"}, std::string_view{"into"}};

// Verbs beside the table above before which MySQL commits.
constexpr std::array committing_words{std::string_view{"lock"}, std::string_view{"unlock"}, std::string_view{"change"},
                                      std::string_view{"stop"}};

// What follows the table and the columns of an INSERT.
constexpr std::array insert_bodies{std::string_view{"values"}, std::string_view{"value"}, std::string_view{"select"},
                                   std::string_view{"set"}, std::string_view{"with"}};

template <class Range>
bool among(const Range& words, const token& t) {
    return t.kind == token_kind::word && std::ranges::any_of(words, [&](std::string_view w) { return t.is(w); });
}

bool is_harmless(const token& t) {
    if (t.kind != token_kind::word || t.text.size() > 24) return false;
    std::string lower;
    for (const char c : t.text) lower += to_lower(c);
    return std::ranges::binary_search(harmless, std::string_view{lower});
}

class reader {
public:
    reader(std::string_view sql, quoting how) : sql_(sql), how_(how) {}
    statement_facts run();

private:
    void read_verb();
    void read_definition(std::string_view first);
    void read_rows();
    void read_other(const token& first);
    token next() { return at_ = all_.next(); }

    const std::string_view sql_;
    const quoting how_;
    tokens all_{sql_, how_};
    token at_;
    statement_facts f_;
};

statement_facts reader::run() {
    do {
        next();
    } while (at_.is_symbol('(') || at_.is_symbol(';'));
    if (at_.kind == token_kind::end) return f_;
    read_verb();
    return std::move(f_);
}

void reader::read_verb() {
    const token first = at_;
    if (first.is("with")) {
        // The verb is the first one outside of parentheses.
        f_.what = verb::select;
        f_.tag = "SELECT";
        int depth = 0;
        for (next(); at_.kind != token_kind::end; next()) {
            if (at_.is_symbol('(')) ++depth;
            if (at_.is_symbol(')')) --depth;
            const bool is_verb = at_.is("select") || at_.is("update") || at_.is("delete");
            if (depth != 0 || !is_verb) continue;
            if (at_.is("update")) f_.what = verb::update, f_.tag = "UPDATE";
            if (at_.is("delete")) f_.what = verb::remove, f_.tag = "DELETE";
            break;
        }
        return read_rows();
    }
    for (const verb_word& v : verb_words) {
        if (!first.is(v.word)) continue;
        f_.what = v.what;
        f_.tag = v.tag;
        if (v.what == verb::define) return read_definition(v.word);
        if (v.what == verb::select || changes_rows(v.what)) return read_rows();
        f_.only_reads = v.what == verb::savepoint;
        return;
    }
    read_other(first);
}

void reader::read_definition(std::string_view first) {
    f_.only_reads = false;
    f_.commits_by_the_way = true;
    f_.leaves_state = first == "flush";  // … TABLES WITH READ LOCK
    if (first != "create" && first != "drop" && first != "alter") return;
    for (next(); at_.kind == token_kind::word; next()) {
        if (at_.is("or") || at_.is("replace") || at_.is("unique") || at_.is("online") || at_.is("offline")) continue;
        if (at_.is("temporary")) {
            f_.leaves_state = true;
            f_.commits_by_the_way = false;
            continue;
        }
        f_.tag += ' ';
        f_.tag += uppered(at_.text);
        return;
    }
}

// SELECT and changes of rows: from the start again, for calls of functions and words that write or leave something.
void reader::read_rows() {
    f_.only_reads = f_.what == verb::select;
    bool in_head = f_.what == verb::insert;  // a parenthesis there holds columns
    const auto may_do_anything = [&] {
        f_.leaves_state = true;
        f_.only_reads = false;
    };
    tokens all{sql_, how_};
    token last;
    for (token t = all.next(); t.kind != token_kind::end; last = t, t = all.next()) {
        if (among(writing_words, t)) f_.only_reads = false;
        if (in_head && among(insert_bodies, t)) in_head = false;
        if (t.is_symbol('@')) {
            if (sql_.substr(t.offset).starts_with("@@")) {
                t = all.next();  // @@version: read, not set
            } else {
                may_do_anything();
            }
        }
        const bool calls = t.is_symbol('(') && (last.kind == token_kind::word || last.kind == token_kind::quoted_word);
        if (t.kind == token_kind::executable || (calls && !in_head && !is_harmless(last))) may_do_anything();
    }
}

void reader::read_other(const token& first) {
    f_.what = verb::other;
    f_.tag = uppered(first.text);
    f_.only_reads = false;
    f_.leaves_state = true;
    if (first.is("begin") || first.is("start")) {
        next();
        const bool starts_work = first.is("start") ? at_.is("transaction") : !at_.is("not");  // BEGIN NOT ATOMIC
        f_.commits_by_the_way = first.is("start");                                            // START SLAVE
        if (!starts_work) return;
        f_.commits_by_the_way = false;
        f_.what = verb::begin;
        f_.tag = first.is("begin") ? "BEGIN" : "START TRANSACTION";
        f_.only_reads = true;
        f_.leaves_state = false;
        return;
    }
    if (first.is("rollback")) {
        f_.what = verb::rollback;
        for (next(); at_.kind == token_kind::word; next()) {
            if (at_.is("to")) f_.what = verb::savepoint;
        }
        f_.only_reads = true;
        f_.leaves_state = false;
        return;
    }
    if (first.is("do")) {  // evaluates expressions: as a SELECT whose row nobody sees
        f_.leaves_state = false;
        read_rows();
        f_.only_reads = !f_.leaves_state;
        return;
    }
    f_.commits_by_the_way = among(committing_words, first);
    if (first.is("set")) {
        next();
        f_.commits_by_the_way = at_.is("password");
    }
}

}  // namespace

bool changes_rows(verb v) noexcept {
    return v == verb::insert || v == verb::update || v == verb::remove;
}

statement_facts facts_of(std::string_view sql, quoting how) {
    return reader{sql, how}.run();
}

}  // namespace ashlar::driver::mysql
