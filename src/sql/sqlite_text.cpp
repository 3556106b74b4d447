#include "sql/sqlite_text.hpp"

#include "sql/parse.hpp"
#include "sql/splice.hpp"
#include "sql/visit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace ashlar::sql {
namespace {

error refuse(std::string_view text, int location, std::string what, std::string hint) {
    error out{errc::unsupported, fmt::format("SQLite has no {}", what)};
    out.hint(std::move(hint));
    if (location >= 0) out.at(position_of(text, location));
    return out;
}

// What CAST AS makes of a type there; "" = nothing that keeps the meaning.
std::string_view sqlite_type(const type_name& type, const expression& of) {
    if (!type.schema.empty() || type.is_array || type.is_set || type.has_modifiers) return {};
    const std::string& n = type.name;
    if (n == "int2" || n == "int4" || n == "int8") return "INTEGER";
    if (n == "float4" || n == "float8") return "REAL";
    if (n == "numeric") return "NUMERIC";
    if (n == "text" || n == "varchar" || n == "uuid") return "TEXT";
    // a moment is kept as its text, and a cast of anything but its spelling would have to cut it
    const bool spelled =
        of.is(expression_kind::parameter) || (of.is(expression_kind::constant) && of.literal == literal_kind::string);
    if (spelled && (n == "timestamp" || n == "timestamptz" || n == "date")) return "TEXT";
    return {};
}

class adapter {
public:
    explicit adapter(std::string_view text) : text_(text), all_(tokens(text)), edits_(text) {}

    result<std::string> run(const statement& said) {
        if (auto no = refuse_tokens()) return std::move(*no);
        std::optional<error> no;
        visit(said, [&](const expression& e) {
            if (!no) no = look_at(e);
        });
        if (no) return std::move(*no);
        return edits_.text();
    }

private:
    bool symbol(std::size_t i, char c) const {
        return i < all_.size() && all_[i].kind == token_kind::symbol && all_[i].end == all_[i].begin + 1 &&
               text_[all_[i].begin] == c;
    }
    bool word(std::size_t i, std::string_view w) const { return i < all_.size() && is_word(text_, all_[i], w); }
    std::optional<std::size_t> token_at(int location) const {
        if (location < 0) return std::nullopt;
        const auto at = std::lower_bound(all_.begin(), all_.end(), static_cast<std::size_t>(location),
                                         [](const token& t, std::size_t where) { return t.begin < where; });
        if (at == all_.end() || at->begin != static_cast<std::size_t>(location)) return std::nullopt;
        return static_cast<std::size_t>(at - all_.begin());
    }

    std::optional<error> refuse_tokens() {
        std::size_t end = 0;
        for (std::size_t i = 0; i < all_.size(); ++i) {
            const token& t = all_[i];
            const auto no = [&](std::string what, std::string hint) {
                return refuse(text_, static_cast<int>(t.begin), std::move(what), std::move(hint));
            };
            const std::string_view between = text_.substr(end, t.begin - end);
            if (const auto first = between.find("/*");
                first != between.npos && between.find("/*", first + 2) != between.npos) {
                return no("comments inside comments", "Leave the comment out.");
            }
            if (t.kind == token_kind::string && text_[t.begin] != '\'' && (text_[t.begin] | 0x20) != 'x') {
                return no("strings of this form", "Write '…', with '' for a quote inside.");
            }
            if (t.kind == token_kind::string && i > 0 && all_[i - 1].kind == token_kind::string) {
                return no("strings that go on on the next line", "Write one string.");
            }
            if (t.kind == token_kind::parameter && i + 1 < all_.size() && all_[i + 1].begin == t.end &&
                (all_[i + 1].kind == token_kind::word || symbol(i + 1, '('))) {
                edits_.insert(t.end, " ");
            }
            end = t.end;
        }
        const std::string_view rest = text_.substr(end);
        if (const auto first = rest.find("/*"); first != rest.npos && rest.find("/*", first + 2) != rest.npos) {
            return refuse(text_, static_cast<int>(end), "comments inside comments", "Leave the comment out.");
        }
        return std::nullopt;
    }

    std::optional<error> look_at(const expression& e) {
        const auto no = [&](std::string what, std::string hint) {
            return std::optional{refuse(text_, e.location, std::move(what), std::move(hint))};
        };
        switch (e.kind) {
            case expression_kind::cast:
                return look_at_cast(e);
            case expression_kind::any_of:
            case expression_kind::all_of:
                return no("ANY or ALL over an array", "Write IN (…).");
            case expression_kind::array:
                return no("arrays", "Write IN (…), or several columns.");
            case expression_kind::like:
                if (e.name == "~~*" || e.name == "!~~*") return no("ILIKE", "Write lower(…) LIKE lower(…).");
                if (e.name == "~" || e.name == "!~") return no("SIMILAR TO", "Write LIKE or GLOB.");
                return std::nullopt;
            case expression_kind::subquery:
                if (e.name == "any" || e.name == "all" || e.name == "array")
                    return no("ANY, ALL or ARRAY over a sub-query", "Write IN or EXISTS.");
                return std::nullopt;
            default:
                return std::nullopt;
        }
    }

    std::optional<error> look_at_cast(const expression& e) {
        const std::string_view to = sqlite_type(*e.type, e.inner.front());
        const auto at = token_at(e.location);
        if (to.empty() || !at) {
            return refuse(text_, e.location >= 0 ? e.location : e.inner.front().location,
                          fmt::format("cast to {} of this form", e.type->name),
                          "Cast to integer, text or double precision with CAST(… AS …), or leave the cast out.");
        }
        const auto odd = [&] { return refuse(text_, e.location, "cast in this form", "Write CAST(… AS …)."); };
        if (word(*at, "cast") && symbol(*at + 1, '(')) return rewrite_call(*at, to, odd());
        if (all_[*at].end - all_[*at].begin != 2 || *at == 0) return odd();
        const auto start = start_of(e.inner.front(), *at - 1);
        const auto type_end = end_of_type(*at + 1);
        if (!start || !type_end) return odd();
        if (is_text_already(e)) {
            edits_.remove({all_[*at].begin, all_[*type_end].end});
            // two words must not grow together
            if (*type_end + 1 < all_.size() && all_[*type_end + 1].begin == all_[*type_end].end)
                edits_.insert(all_[*type_end].end, " ");
            return std::nullopt;
        }
        edits_.insert(all_[*start].begin, "CAST(");
        edits_.replace({all_[*at].begin, all_[*type_end].end}, fmt::format(" AS {})", to));
        return std::nullopt;
    }

    // UUIDs and moments are kept as text, which their literals and parameters are: without the cast, a shard key can
    // still be read from them.
    static bool is_text_already(const expression& e) {
        const expression& of = e.inner.front();
        const bool literal = of.is(expression_kind::constant) && of.literal == literal_kind::string;
        const bool text = e.type->name == "text" || e.type->name == "varchar";
        return (literal && !is_number(*e.type)) || (of.is(expression_kind::parameter) && !text && !is_number(*e.type));
    }
    static bool is_number(const type_name& type) {
        return type.name.starts_with("int") || type.name.starts_with("float") || type.name == "numeric";
    }

    // CAST(x AS type): the type's words are replaced.
    std::optional<error> rewrite_call(std::size_t at, std::string_view to, error odd) {
        const std::uint32_t inside = all_[at].depth + 1;
        std::optional<std::size_t> as;
        std::size_t i = at + 2;
        for (; i < all_.size() && all_[i].depth >= inside; ++i) {
            if (all_[i].depth == inside && word(i, "as")) as = i;
        }
        if (!as || i >= all_.size() || i <= *as + 1) return odd;
        edits_.replace({all_[*as + 1].begin, all_[i - 1].end}, std::string{to});
        return std::nullopt;
    }

    // The last token of a type's name without modifiers.
    std::optional<std::size_t> end_of_type(std::size_t i) const {
        if (i >= all_.size() || (all_[i].kind != token_kind::word && all_[i].kind != token_kind::quoted_word))
            return std::nullopt;
        if (symbol(i + 1, '.')) i += 2;
        if (word(i, "double") && word(i + 1, "precision")) return i + 1;
        if (word(i, "character") && word(i + 1, "varying")) return i + 1;
        if (word(i, "timestamp") && (word(i + 1, "with") || word(i + 1, "without")) && word(i + 2, "time"))
            return i + 3;
        return i < all_.size() ? std::optional{i} : std::nullopt;
    }

    // The first token of the operand that ends with token `last`.
    std::optional<std::size_t> start_of(const expression& operand, std::size_t last) const {
        if (operand.is(expression_kind::cast)) {
            const auto at = token_at(operand.location);
            if (at && all_[*at].end - all_[*at].begin == 2 && text_[all_[*at].begin] == ':' && *at > 0 &&
                end_of_type(*at + 1) == last) {
                return start_of(operand.inner.front(), *at - 1);
            }
        }
        if (symbol(last, ')')) {
            std::size_t open = last;
            while (open > 0 && !(symbol(open, '(') && all_[open].depth == all_[last].depth)) --open;
            // a call: from its name; FILTER (…) and their like stand between
            const auto named = token_at(operand.location);
            if (named && *named < open && all_[*named].depth == all_[last].depth &&
                all_[*named].kind != token_kind::symbol && is_call(operand)) {
                return named;
            }
            if (open > 0 && all_[open - 1].kind == token_kind::word && is_call(operand)) return std::nullopt;
            return open;
        }
        if (word(last, "end")) return operand.is(expression_kind::case_) ? token_at(operand.location) : std::nullopt;
        switch (operand.kind) {
            case expression_kind::column:
            case expression_kind::parameter:
            case expression_kind::constant:
                break;
            default:
                return std::nullopt;
        }
        // a sign is no part of the operand: -1::int is -(1::int)
        std::size_t start = last;
        while (start >= 2 && symbol(start - 1, '.')) start -= 2;
        return start;
    }

    static bool is_call(const expression& e) {
        switch (e.kind) {
            case expression_kind::function:
            case expression_kind::coalesce:
            case expression_kind::greatest:
            case expression_kind::least:
            case expression_kind::null_if:
            case expression_kind::cast:
                return true;
            case expression_kind::subquery:
                return e.name == "exists";
            default:
                return false;
        }
    }

    std::string_view text_;
    std::vector<token> all_;
    splice edits_;
};

}  // namespace

result<std::string> to_sqlite(std::string_view text, const statement& said) {
    return adapter{text}.run(said);
}

}  // namespace ashlar::sql
