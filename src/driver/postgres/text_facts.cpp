#include "driver/postgres/text_facts.hpp"

#include "core/ascii.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace ashlar::driver::postgres {

namespace {

// Sorted. Words that may stand before "(" without being a function that does anything: keywords, types, and built-in
// functions that neither write nor touch the session.
constexpr std::string_view harmless[] = {
    "abs",
    "age",
    "all",
    "and",
    "any",
    "array",
    "array_agg",
    "array_length",
    "array_to_string",
    "as",
    "avg",
    "between",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "bpchar",
    "btrim",
    "by",
    "case",
    "cast",
    "ceil",
    "ceiling",
    "char",
    "char_length",
    "character",
    "coalesce",
    "concat",
    "concat_ws",
    "corr",
    "count",
    "cube",
    "date_part",
    "date_trunc",
    "decimal",
    "dense_rank",
    "distinct",
    "else",
    "every",
    "except",
    "exists",
    "exp",
    "extract",
    "filter",
    "first_value",
    "float",
    "floor",
    "format",
    "from",
    "gen_random_uuid",
    "generate_series",
    "greatest",
    "group",
    "grouping",
    "having",
    "in",
    "intersect",
    "interval",
    "join",
    "json_agg",
    "json_build_object",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_build_object",
    "jsonb_object_agg",
    "lag",
    "last_value",
    "lateral",
    "lead",
    "least",
    "left",
    "length",
    "limit",
    "ln",
    "log",
    "lower",
    "lpad",
    "ltrim",
    "max",
    "md5",
    "min",
    "mod",
    "not",
    "now",
    "ntile",
    "nullif",
    "numeric",
    "octet_length",
    "offset",
    "on",
    "or",
    "over",
    "overlay",
    "percent_rank",
    "position",
    "power",
    "random",
    "rank",
    "regexp_replace",
    "repeat",
    "replace",
    "returning",
    "right",
    "rollup",
    "round",
    "row",
    "row_number",
    "rpad",
    "rtrim",
    "select",
    "set",
    "sign",
    "some",
    "split_part",
    "sqrt",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "string_to_array",
    "strpos",
    "substr",
    "substring",
    "sum",
    "then",
    "time",
    "timestamp",
    "timestamptz",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_timestamp",
    "trim",
    "trunc",
    "union",
    "unnest",
    "upper",
    "using",
    "values",
    "var_pop",
    "var_samp",
    "varchar",
    "variance",
    "when",
    "where",
    "width_bucket",
    "with",
    "within",
};
static_assert(std::ranges::is_sorted(harmless));

constexpr std::array reading_verbs{std::string_view{"select"}, std::string_view{"values"}, std::string_view{"table"},
                                   std::string_view{"with"},   std::string_view{"show"},   std::string_view{"explain"}};
constexpr std::array plain_verbs{
    std::string_view{"insert"},   std::string_view{"update"},    std::string_view{"delete"},
    std::string_view{"merge"},    std::string_view{"begin"},     std::string_view{"start"},
    std::string_view{"commit"},   std::string_view{"end"},       std::string_view{"abort"},
    std::string_view{"rollback"}, std::string_view{"savepoint"}, std::string_view{"release"},
    std::string_view{"create"},   std::string_view{"alter"},     std::string_view{"drop"},
    std::string_view{"truncate"}, std::string_view{"copy"},      std::string_view{"vacuum"},
    std::string_view{"analyze"},  std::string_view{"lock"}};
constexpr std::array writing_words{std::string_view{"insert"}, std::string_view{"update"}, std::string_view{"delete"},
                                   std::string_view{"merge"},  std::string_view{"into"},   std::string_view{"analyze"}};
constexpr std::array lasting_words{std::string_view{"temp"}, std::string_view{"temporary"},
                                   std::string_view{"pg_temp"}};

template <class Range>
bool among(const Range& words, std::string_view word) {
    return std::ranges::find(words, word) != std::ranges::end(words);
}

// Words, lower case, and single symbols; quoted things and comments are passed over ('"' stands for a quoted name).
class scanner {
public:
    explicit scanner(std::string_view sql) : sql_(sql) {}
    // False at the end. word() is empty for a symbol.
    bool next();
    const std::string& word() const { return word_; }
    char symbol() const { return symbol_; }

private:
    void pass(std::string_view close);
    bool pass_quoted();
    std::string_view sql_;
    std::size_t at_ = 0;
    std::string word_;
    char symbol_ = 0;
};

void scanner::pass(std::string_view close) {
    const std::size_t end = sql_.find(close, at_);
    at_ = end == std::string_view::npos ? sql_.size() : end + close.size();
}

bool starts_word(char c) {
    return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '_' || (c & 0x80) != 0;
}

// Strings, dollar-quoted ones too, and comments. A backslash before a quote is not understood: the rest is then read as
// words, which errs to the safe side.
bool scanner::pass_quoted() {
    const std::string_view rest = sql_.substr(at_);
    if (rest.starts_with("--")) {
        pass("\n");
    } else if (rest.starts_with("/*")) {
        at_ += 2;
        pass("*/");
    } else if (rest.starts_with('\'')) {
        ++at_;
        pass("'");
    } else if (rest.starts_with('$') && rest.size() > 1 && !is_digit(rest[1])) {
        const std::size_t end = rest.find('$', 1);
        if (end == std::string_view::npos) return false;
        at_ += end + 1;
        pass(rest.substr(0, end + 1));
    } else {
        return false;
    }
    return true;
}

bool scanner::next() {
    word_.clear();
    symbol_ = 0;
    while (at_ < sql_.size() && (is_blank(sql_[at_]) || pass_quoted())) {
        if (at_ < sql_.size() && is_blank(sql_[at_])) ++at_;
    }
    if (at_ >= sql_.size()) return false;
    const char c = sql_[at_];
    if (starts_word(c)) {
        for (; at_ < sql_.size() && (starts_word(sql_[at_]) || is_digit(sql_[at_]) || sql_[at_] == '$'); ++at_) {
            word_ += to_lower(sql_[at_]);
        }
        return true;
    }
    symbol_ = c;
    ++at_;
    if (c == '"') pass("\"");
    return true;
}

}  // namespace

text_facts facts_of_text(std::string_view sql) {
    scanner s{sql};
    bool some = s.next();
    while (some && s.word().empty() && (s.symbol() == '(' || s.symbol() == ';')) some = s.next();
    if (!some) return {true, false};
    const std::string first = s.word();

    text_facts facts;
    facts.only_reads = among(reading_verbs, first);
    facts.leaves_state = !facts.only_reads && !among(plain_verbs, first);
    std::string before = first, word = first;
    char symbol_before = 0;
    while (s.next()) {
        if (!s.word().empty()) {
            before = word;
            word = s.word();
            symbol_before = 0;
            if (among(writing_words, word)) facts.only_reads = false;
            if (among(lasting_words, word) || (word == "into" && first == "select")) facts.leaves_state = true;
            // SET LOCAL and SET TRANSACTION end with the transaction.
            if (first == "set" && before == "set" && (word == "local" || word == "transaction"))
                facts.leaves_state = false;
            continue;
        }
        const bool names_a_table = before == "into" || before == "table" || before == "exists" || before == "on";
        const bool calls = s.symbol() == '(' && (symbol_before == 0 || symbol_before == '"') && !names_a_table;
        if (calls && (symbol_before == '"' || !std::ranges::binary_search(harmless, std::string_view{word}))) {
            facts.only_reads = false;
            facts.leaves_state = true;
        }
        symbol_before = s.symbol();
    }
    return facts;
}

}  // namespace ashlar::driver::postgres
