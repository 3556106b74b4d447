#include "sql/catalogue_text.hpp"

#include "core/ascii.hpp"
#include "sql/lexer.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace ashlar::sql {

namespace {

// A piece of the text on its way: a token, or what took its place.
struct piece {
    token_kind kind = token_kind::symbol;
    std::string text;
};

bool is(const piece& p, std::string_view lower) {
    return p.kind == token_kind::word && equals_ignoring_case(p.text, lower);
}
bool is_symbol(const piece& p, std::string_view s) {
    return p.kind == token_kind::symbol && p.text == s;
}

// E'…' without its escapes.
std::string plain_string(std::string_view escaped) {
    std::string out = "'";
    for (std::size_t i = 2; i + 1 < escaped.size(); ++i) {
        char c = escaped[i];
        if (c == '\\' && i + 2 < escaped.size()) {
            c = escaped[++i];
            if (c == 'n') c = '\n';
            if (c == 't') c = '\t';
            if (c == '\'') out += '\'';
        }
        out += c;
    }
    return out + "'";
}

class rewriter {
public:
    explicit rewriter(std::string_view text) {
        std::vector<token> all = tokens(text);
        for (std::size_t i = 0; i < all.size(); ++i) {
            piece p{all[i].kind, std::string{text.substr(all[i].begin, all[i].end - all[i].begin)}};
            // operators of several bytes come one by one
            const bool operators = p.kind == token_kind::symbol && !in_.empty() &&
                                   in_.back().kind == token_kind::symbol && i > 0 && all[i - 1].end == all[i].begin;
            if (operators && joins(in_.back().text, p.text)) {
                in_.back().text += p.text;
                continue;
            }
            in_.push_back(std::move(p));
        }
    }

    std::string run() {
        for (at_ = 0; at_ < in_.size();) step();
        std::string out;
        for (const piece& p : out_) {
            if (!out.empty()) out += ' ';
            out += p.text;
        }
        return out;
    }

private:
    static bool joins(const std::string& before, const std::string& next) {
        static constexpr std::string_view operators = "<>=!~*|";
        const bool both =
            operators.find(before.back()) != operators.npos && operators.find(next.front()) != operators.npos;
        return both && before != "*" && next != "::";
    }
    const piece& peek(std::size_t ahead = 0) const {
        static const piece end{token_kind::symbol, ""};
        return at_ + ahead < in_.size() ? in_[at_ + ahead] : end;
    }
    void put(std::string text, token_kind kind = token_kind::symbol) { out_.push_back({kind, std::move(text)}); }

    void step() {
        const piece& p = peek();
        if (is(p, "pg_catalog") && is_symbol(peek(1), ".")) {
            at_ += 2;
            return;
        }
        if (expanding_ && depth_ <= expanded_at_ &&
            (is_symbol(p, ")") || is(p, "where") || is(p, "order") || is(p, "group"))) {
            join_expanded();
        }
        if (is(p, "information_schema") && is(peek(2), "_pg_expandarray") && is_symbol(peek(3), "("))
            return expand_with_places();
        if (is(p, "pg_partition_ancestors") && is_symbol(peek(1), "(")) return no_ancestors();
        if (is(p, "information_schema") && is_symbol(peek(1), ".")) {
            put("information_schema_" + peek(2).text, token_kind::word);
            at_ += 3;
            return;
        }
        if (is(p, "operator") && is_symbol(peek(1), "(")) return operator_of();
        if (is(p, "collate")) return collate();
        if (is_symbol(p, "::")) return cast();
        if (p.kind == token_kind::string && p.text.size() > 2 && (p.text[0] | 0x20) == 'e' && p.text[1] == '\'') {
            put(plain_string(p.text), token_kind::string);
            ++at_;
            return;
        }
        if (is_symbol(p, "~") || is_symbol(p, "!~") || is_symbol(p, "~~") || is_symbol(p, "!~~")) {
            put(p.text == "~" ? "REGEXP" : p.text == "!~" ? "NOT REGEXP" : p.text == "~~" ? "LIKE" : "NOT LIKE");
            ++at_;
            return;
        }
        const bool equal = is_symbol(p, "="), differs = is_symbol(p, "<>") || is_symbol(p, "!=");
        if ((equal && is(peek(1), "any") && is_symbol(peek(2), "(")) ||
            (differs && is(peek(1), "all") && is_symbol(peek(2), "("))) {
            return any_of(equal);
        }
        if (is(p, "array") && is_symbol(peek(1), "(")) {
            // of a sub-query: its text form, {} where it is empty
            const std::size_t close = closing(at_ + 1);
            put("ifnull");
            put("(");
            at_ += 1;
            while (at_ <= close && at_ < in_.size()) step();
            put(",");
            put("'{}'", token_kind::string);
            put(")");
            return;
        }
        if (is(p, "generate_series") && is_symbol(peek(1), "(")) return series("pg_series");
        if (is(p, "unnest") && is_symbol(peek(1), "(")) {
            if (clause_ == clause::select) return expand();
            return series("pg_array");
        }
        if (is(p, "generate_subscripts") && is_symbol(peek(1), "(")) {
            return subscripts();
        }
        if (is(p, "array_agg") && is_symbol(peek(1), "(")) return array_agg();
        if (is(p, "json_build_object")) return keyword("json_object");
        if (is(p, "bool_and") && is_symbol(peek(1), "(")) return keyword("min");
        if (is(p, "bool_or") && is_symbol(peek(1), "(")) return keyword("max");
        if (is(p, "trim") && is_symbol(peek(1), "(") && is(peek(2), "both") && is(peek(4), "from")) return trim();
        if (is_symbol(p, "[") && !out_.empty() &&
            ((out_.back().kind == token_kind::word && !is(out_.back(), "array")) ||
             out_.back().kind == token_kind::quoted_word || is_symbol(out_.back(), ")"))) {
            return subscript();
        }
        // (composite).x: of the arrays that were expanded, which are their elements here
        if (is_symbol(p, ".") && is(peek(1), "x") && !out_.empty() && is_symbol(out_.back(), ")")) {
            at_ += 2;
            return;
        }
        // the table that a row of the catalogue is in, for descriptions, of which there are none
        if (is(p, "tableoid") && out_.size() >= 2 && is_symbol(out_.back(), ".")) {
            out_.pop_back();
            out_.back() = {token_kind::number, "0"};
            ++at_;
            return;
        }
        if (is(p, "string_agg")) return keyword("group_concat");
        if (is(p, "current_user") || is(p, "session_user") || is(p, "current_role"))
            return keyword("pg_session_user()");
        if (is(p, "current_catalog")) return keyword("current_database()");
        if (is(p, "current_schema") && !is_symbol(peek(1), "(")) return keyword("current_schema()");
        if (is_symbol(p, "(")) {
            ++depth_;
            around_.push_back(clause_);
            clause_ = clause_ == clause::from ? clause::from : clause::other;
        }
        if (is_symbol(p, ")")) {
            --depth_;
            clause_ = around_.empty() ? clause::other : around_.back();
            if (!around_.empty()) around_.pop_back();
        }
        if (is(p, "select")) clause_ = clause::select;
        if (is(p, "from")) clause_ = clause::from;
        if (is(p, "where") || is(p, "group") || is(p, "order")) clause_ = clause::other;
        out_.push_back(p);
        ++at_;
    }

    // pg_partition_ancestors(x) WITH ORDINALITY: no table is a partition there.
    void no_ancestors() {
        at_ += 1;
        const std::string argument = written(closing(at_));
        const bool numbered = is(peek(), "with") && is(peek(1), "ordinality");
        if (!numbered) return put("pg_partition_ancestors" + argument);
        at_ += 2;
        put("(select null as relid, null as depth where false)");
        if (is(peek(), "as") && is_symbol(peek(2), "(")) {
            ++at_;
            put(peek().text, token_kind::word);
            ++at_;
            (void)written(closing(at_));
        }
    }

    // information_schema._pg_expandarray(a): a row for each element, with .x, the element, and .n, its place.
    void expand_with_places() {
        at_ += 3;
        const std::string argument = written(closing(at_));
        const bool in_brackets =
            !out_.empty() && is_symbol(out_.back(), "(") && is_symbol(peek(), ")") && is_symbol(peek(1), ".");
        const bool place = in_brackets && is(peek(2), "n");
        if (in_brackets) {
            out_.pop_back();
            --depth_;
            at_ += 3;
        }
        put(place ? "(pg_expanded.key + 1)" : "pg_expanded.value");
        expanding_ = argument;
        expanded_at_ = depth_;
    }
    // unnest(a) in a select list: a row for each element. Several go in step, by their places.
    void expand() {
        at_ += 1;
        const std::string argument = written(closing(at_));
        if (!expanding_) {
            expanding_ = argument;
            expanded_at_ = depth_;
        }
        put(argument == *expanding_ ? "pg_expanded.value" : "pg_element(" + argument + ", " + place_in(argument) + ")");
    }

    // generate_subscripts(a, 1)
    void subscripts() {
        at_ += 1;
        std::string argument = written(closing(at_));
        argument = argument.substr(0, argument.rfind(',')) + ")";
        if (!expanding_) {
            expanding_ = argument;
            expanded_at_ = depth_;
        }
        put("(" + place_in(argument) + ")");
    }
    static std::string place_in(const std::string& array) { return "pg_expanded.key + pg_first_subscript" + array; }

    // array_agg(a ORDER BY b)
    void array_agg() {
        const std::size_t close = closing(at_ + 1);
        put("pg_array_agg(");
        at_ += 2;
        int depth = 0;
        bool sorted = false;
        while (at_ < close && at_ < in_.size()) {
            if (is_symbol(peek(), "(")) ++depth;
            if (is_symbol(peek(), ")")) --depth;
            if (depth == 0 && is(peek(), "order") && is(peek(1), "by")) {
                put(",");
                at_ += 2;
                sorted = true;
                continue;
            }
            step();
        }
        put(sorted ? ")" : ", NULL)");
        at_ = close + 1;
    }

    void join_expanded() {
        put(", json_each(pg_array" + *std::exchange(expanding_, std::nullopt) + ") AS pg_expanded");
    }

    // TRIM(BOTH c FROM a)
    void trim() {
        const std::size_t close = closing(at_ + 1);
        const piece characters = peek(3);
        put("trim(");
        at_ += 5;
        while (at_ < close && at_ < in_.size()) step();
        put(",");
        out_.push_back(characters);
        put(")");
        at_ = close + 1;
    }

    // What stands from here to the closing bracket, rewritten.
    std::string written(std::size_t close) {
        std::vector<piece> before = std::move(out_);
        out_.clear();
        while (at_ <= close && at_ < in_.size()) step();
        std::string text;
        for (const piece& p : out_) text += (text.empty() ? "" : " ") + p.text;
        out_ = std::move(before);
        return text;
    }

    void keyword(const char* call) {
        put(call, token_kind::word);
        ++at_;
    }

    // OPERATOR(pg_catalog.~)
    void operator_of() {
        const std::size_t close = closing(at_ + 1);
        std::string name;
        for (std::size_t i = at_ + 2; i < close && i < in_.size(); ++i) {
            if (in_[i].kind == token_kind::symbol && in_[i].text != ".") name += in_[i].text;
        }
        // "." may have grown together with nothing; the operator is what is left
        in_[close].text = name;
        at_ = close;
        in_[close].kind = token_kind::symbol;
    }

    void collate() {
        std::size_t skip = 1;
        if (is_symbol(peek(skip + 1), ".")) skip += 2;
        at_ += skip + 1;
    }

    void cast() {
        ++at_;
        if (is(peek(), "pg_catalog") && is_symbol(peek(1), ".")) at_ += 2;
        std::string type;
        for (const char c : peek().text) {
            if (c != '"') type += to_lower(c);
        }
        ++at_;
        if (type == "character" && is(peek(), "varying")) ++at_;
        if (type == "double" && is(peek(), "precision")) ++at_;
        if (is_symbol(peek(), "(")) at_ = closing(at_) + 1;
        while (is_symbol(peek(), "[") && is_symbol(peek(1), "]")) at_ += 2;
        const bool named = type == "regclass" || type == "regtype" || type == "regnamespace";
        if (!named) return;
        const std::size_t begin = operand_begin();
        if (is_number_among_values(begin)) {
            out_.back() = {token_kind::word, out_.back().text.substr(1, out_.back().text.size() - 2)};
            return;
        }
        out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(begin),
                    {{token_kind::word, "pg_" + type}, {token_kind::symbol, "("}});
        put(")");
    }

    // IN (… VALUES ('16385'::regclass)) compares numbers, where a name is what others show of it.
    bool is_number_among_values(std::size_t begin) const {
        if (begin < 2 || begin + 1 != out_.size() || out_.back().kind != token_kind::string) return false;
        const std::string_view text = out_.back().text;
        return is_symbol(out_[begin - 1], "(") && is(out_[begin - 2], "values") && text.size() > 2 &&
               text.find_first_not_of("0123456789", 1) == text.size() - 1;
    }

    // Where in what was written the operand begins that ends there.
    std::size_t operand_begin() const {
        if (out_.empty()) return 0;
        std::size_t i = out_.size() - 1;
        if (is_symbol(out_[i], ")")) {
            int depth = 0;
            for (;; --i) {
                if (is_symbol(out_[i], ")")) ++depth;
                if (is_symbol(out_[i], "(") && --depth == 0) break;
                if (i == 0) return 0;
            }
            if (i > 0 && out_[i - 1].kind == token_kind::word) --i;
            return i;
        }
        while (i >= 2 && is_symbol(out_[i - 1], ".")) i -= 2;
        return i;
    }

    void any_of(bool equal) {
        put(equal ? "IN" : "NOT IN");
        at_ += 2;
        const std::size_t close = closing(at_);
        const bool listed = is(peek(1), "array") && is_symbol(peek(2), "[");
        put("(");
        if (!listed && !is(peek(1), "select")) {
            put("SELECT value FROM json_each(pg_array" + written(close) + "))");
            return;
        }
        at_ += listed ? 3 : 1;
        while (at_ < close && at_ < in_.size()) {
            if (listed && is_symbol(peek(), "]")) {
                ++at_;
                // casts of the whole list
                while (at_ < close) ++at_;
                break;
            }
            step();
        }
        put(")");
        at_ = close + 1;
    }

    // generate_series(a, b) s, unnest(a) AS s (x): one column, under the alias if it has no name of its own.
    void series(const std::string& as_json) {
        std::string alias{peek().text};
        const std::size_t close = closing(at_ + 1);
        ++at_;
        const std::string arguments = written(close);
        if (is(peek(), "as")) ++at_;
        if (peek().kind == token_kind::word && !is(peek(), "where") && !is(peek(), "on") && !is(peek(), "join")) {
            alias = peek().text;
            ++at_;
        }
        std::string column = alias;
        if (is_symbol(peek(), "(") && is_symbol(peek(2), ")")) {
            column = peek(1).text;
            at_ += 3;
        }
        put("(SELECT value AS " + column + " FROM json_each(" + as_json + arguments + ")) AS " + alias);
    }

    void subscript() {
        const std::size_t begin = operand_begin();
        out_.insert(out_.begin() + static_cast<std::ptrdiff_t>(begin),
                    {{token_kind::word, "pg_element"}, {token_kind::symbol, "("}});
        put(",");
        ++at_;
        while (at_ < in_.size() && !is_symbol(peek(), "]")) step();
        ++at_;
        put(")");
    }

    // Of the bracket that opens at `open`; the last piece when it is not closed.
    std::size_t closing(std::size_t open) const {
        int depth = 0;
        for (std::size_t i = open; i < in_.size(); ++i) {
            if (is_symbol(in_[i], "(")) ++depth;
            if (is_symbol(in_[i], ")") && --depth == 0) return i;
        }
        return in_.empty() ? 0 : in_.size() - 1;
    }

    std::vector<piece> in_, out_;
    std::size_t at_ = 0;
    enum class clause : std::uint8_t { select, from, other };
    clause clause_ = clause::other;  // of the innermost query
    std::vector<clause> around_;
    int depth_ = 0;                         // of brackets in what was written
    std::optional<std::string> expanding_;  // an array, until its rows are joined at the end of FROM
    int expanded_at_ = 0;                   // the depth of its SELECT
};

}  // namespace

std::string for_scratch_catalogue(std::string_view text) {
    return rewriter{text}.run();
}

}  // namespace ashlar::sql
