#include "route/code.hpp"

#include "core/letter_case.hpp"

#include <algorithm>
#include <array>

namespace ashlar::route {
namespace {

using sql::token;
using sql::token_kind;

template <std::size_t N>
bool among(const std::array<std::string_view, N>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

// After these, and a comma or a parenthesis behind them, relations are named.
constexpr auto openers =
    std::to_array<std::string_view>({"from", "join", "into", "update", "using", "table", "truncate", "lock", "copy",
                                     "only", "lateral", "cluster", "analyze"});
// These end such a list.
constexpr auto closers = std::to_array<std::string_view>(
    {"select", "where", "group", "having", "order", "limit", "offset", "fetch", "window", "returning", "set", "values",
     "union", "intersect", "except", "loop", "then", "begin", "return"});
constexpr auto writers = std::to_array<std::string_view>({"insert", "update", "delete", "merge", "truncate", "copy"});
constexpr auto definers =
    std::to_array<std::string_view>({"create", "alter", "drop", "grant", "revoke", "comment", "refresh", "reindex",
                                     "cluster", "vacuum", "analyze", "reassign", "import", "security"});
constexpr auto varying = std::to_array<std::string_view>({"current_timestamp", "current_date", "current_time",
                                                          "localtime", "localtimestamp", "current_user", "session_user",
                                                          "user", "current_role", "current_catalog", "current_schema"});
constexpr auto of_session = std::to_array<std::string_view>({"set", "reset", "listen", "unlisten", "discard", "load"});
// A statement of PL/pgSQL or SQL can begin after these.
constexpr auto before_statement = std::to_array<std::string_view>({"begin", "then", "else", "loop", "atomic"});

constexpr std::string_view operator_bytes = "+-*/<>=~!@#%^&|`?";

class code_reader {
public:
    code_reader(std::string_view text, code_language language)
        : text_(text), language_(language), all_(sql::tokens(text)) {}

    code_facts run() {
        look_for_definitions();
        for (at_ = 0; at_ < all_.size(); ++at_) {
            const token& t = all_[at_];
            if (t.kind == token_kind::broken) unknown("has a text that cannot be read");
            if (t.kind == token_kind::symbol) symbol();
            if (t.kind == token_kind::string && language_ == code_language::sqlite && t.end - t.begin > 2) {
                // which SQLite takes for a name where it finds one
                out_.relations.push_back({"", std::string{text_.substr(t.begin + 1, t.end - t.begin - 2)}});
            }
            if (t.kind == token_kind::word || t.kind == token_kind::quoted_word) identifier();
        }
        return std::move(out_);
    }

private:
    void unknown(std::string_view why) {
        if (out_.unknown.empty()) out_.unknown = why;
    }

    std::string_view of(std::size_t i) const {
        return i < all_.size() ? text_.substr(all_[i].begin, all_[i].end - all_[i].begin) : std::string_view{};
    }
    bool is_symbol(std::size_t i, std::string_view s) const {
        return i < all_.size() && all_[i].kind == token_kind::symbol && of(i) == s;
    }
    bool is_word(std::size_t i, std::string_view lower) const {
        return i < all_.size() && sql::is_word(text_, all_[i], lower);
    }
    bool is_string(std::size_t i) const { return i < all_.size() && all_[i].kind == token_kind::string; }
    std::string keyword(std::size_t i) const {
        return i < all_.size() && all_[i].kind == token_kind::word ? identifier_of(text_, all_[i]) : std::string{};
    }

    // A definition names relations in places of its own.
    void look_for_definitions() {
        everywhere_ = language_ == code_language::sqlite;
        for (std::size_t i = 0; i < all_.size(); ++i) {
            if (all_[i].kind == token_kind::word && among(definers, keyword(i)) && begins_statement(i))
                everywhere_ = true;
        }
    }

    bool begins_statement(std::size_t i) const {
        return i == 0 || is_symbol(i - 1, ";") || is_symbol(i - 1, ">") || among(before_statement, keyword(i - 1));
    }

    char& listing() {
        const std::size_t depth = all_[at_].depth;
        if (listing_.size() <= depth) listing_.resize(depth + 1, 0);
        return listing_[depth];
    }

    void symbol() {
        const std::string_view s = of(at_);
        if (s == ";") std::fill(listing_.begin(), listing_.end(), 0);
        if (s == "(") {
            // in a list of relations it holds some, unless it belongs to a function
            const std::size_t depth = all_[at_].depth + 1;
            if (listing_.size() <= depth) listing_.resize(depth + 1, 0);
            const bool holds = listing() != 0 && at_ > 0 &&
                               (among(openers, keyword(at_ - 1)) || is_symbol(at_ - 1, ",") || is_symbol(at_ - 1, "("));
            listing_[depth] = holds ? 1 : 0;
        }
        if (operator_bytes.find(s.front()) != s.npos) {
            const bool goes_on = at_ > 0 && all_[at_ - 1].kind == token_kind::symbol &&
                                 all_[at_ - 1].end == all_[at_].begin &&
                                 operator_bytes.find(of(at_ - 1).front()) != s.npos;
            if (goes_on)
                out_.operators.back().append(s);
            else
                out_.operators.emplace_back(s);
        }
    }

    void identifier() {
        const bool after_point = is_symbol(at_ - 1, ".") && at_ > 0;
        if (all_[at_].kind == token_kind::word && !after_point) obey(keyword(at_));
        if (all_[at_].kind == token_kind::quoted_word && of(at_).front() != '"') {
            unknown("has a name in escapes (U&\"…\")");
            return;
        }
        if (is_symbol(at_ + 1, ".")) return;
        code_facts::mention found{"", identifier_of(text_, all_[at_])};
        std::size_t first = at_;  // of the qualified name
        if (after_point && at_ >= 2) {
            first = at_ - 2;
            found.schema = identifier_of(text_, all_[first]);
            if (is_symbol(first - 1, ".") && first >= 2) first -= 2;
        }
        const bool type_of = is_symbol(at_ + 1, "%") && (is_word(at_ + 2, "rowtype") || is_word(at_ + 2, "type"));
        const bool may_be_relation =
            !type_of && (everywhere_ || (listing() && first > 0 && may_precede_relation(first - 1)));
        if (may_be_relation) out_.relations.push_back(found);
        if (is_symbol(at_ + 1, "("))
            out_.calls.push_back(std::move(found));
        else
            out_.words.push_back(std::move(found));
    }

    bool may_precede_relation(std::size_t i) const {
        return is_symbol(i, ",") || is_symbol(i, "(") || among(openers, keyword(i)) || is_word(i, "exists");
    }

    void obey(const std::string& word) {
        if (among(openers, word)) listing() = 1;
        if (among(closers, word)) listing() = 0;
        if (among(writers, word) || (among(definers, word) && begins_statement(at_))) out_.writes = true;
        if (among(varying, word)) out_.varies = true;
        if (among(of_session, word) && begins_statement(at_)) out_.session = true;
        if (word == "execute") execute();
        if (word == "prepare" && begins_statement(at_)) unknown("prepares statements");
        if (word == "do" && is_string(at_ + 1)) inner(at_ + 1, code_language::plpgsql);
    }

    // EXECUTE 'text', with nothing added to the text, can be read as well.
    void execute() {
        if (is_word(at_ + 1, "function") || is_word(at_ + 1, "procedure")) return;
        const bool whole =
            is_string(at_ + 1) && (is_symbol(at_ + 2, ";") || is_word(at_ + 2, "using") || is_word(at_ + 2, "into") ||
                                   is_word(at_ + 2, "loop") || at_ + 2 == all_.size());
        if (!whole) return unknown("runs SQL that it makes itself (EXECUTE)");
        inner(at_ + 1, code_language::sql);
    }

    // A string that is code, without its quotes; one with escapes is not read.
    void inner(std::size_t i, code_language language) {
        std::string_view quoted = of(i);
        std::string text;
        if (quoted.front() == '$') {
            const std::size_t tag = quoted.find('$', 1) + 1;
            if (quoted.size() >= 2 * tag) text = quoted.substr(tag, quoted.size() - 2 * tag);
        } else if (quoted.front() == '\'') {
            quoted = quoted.substr(1, quoted.size() - 2);
            for (std::size_t c = 0; c < quoted.size(); ++c) {
                text += quoted[c];
                if (quoted[c] == '\'') ++c;
            }
        } else {
            return unknown("runs SQL that it makes itself (EXECUTE)");
        }
        code_facts found = read_code(text, language);
        const auto move_all = [](auto& from, auto& to) {
            to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
        };
        move_all(found.relations, out_.relations);
        move_all(found.calls, out_.calls);
        move_all(found.words, out_.words);
        move_all(found.operators, out_.operators);
        if (!found.unknown.empty()) unknown(found.unknown);
        out_.writes |= found.writes;
        out_.session |= found.session;
        out_.varies |= found.varies;
    }

    std::string_view text_;
    code_language language_;
    std::vector<token> all_;
    std::size_t at_ = 0;
    bool everywhere_ = false;    // any word may be a relation
    std::vector<char> listing_;  // by depth of parentheses: a list of relations is being read
    code_facts out_;
};

}  // namespace

std::string identifier_of(std::string_view text, const token& t) {
    std::string_view raw = text.substr(t.begin, t.end - t.begin);
    std::string out;
    if (t.kind == token_kind::quoted_word) {
        raw = raw.substr(1, raw.size() - 2);
        for (std::size_t i = 0; i < raw.size(); ++i) {
            out += raw[i];
            if (raw[i] == '"') ++i;
        }
        return out;
    }
    return lowered(raw);
}

code_facts read_code(std::string_view text, code_language language) {
    return code_reader{text, language}.run();
}

}  // namespace ashlar::route
