#include "sql/parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

// The server's headers come last: they define macros over common words.
#include "sql/walker.hpp"

namespace ashlar::sql {
namespace {

// The parser's memory lives as long as this.
class parser_memory {
public:
    parser_memory() : context_(pg_query_enter_memory_context()) {}
    ~parser_memory() { pg_query_exit_memory_context(context_); }
    parser_memory(const parser_memory&) = delete;
    parser_memory& operator=(const parser_memory&) = delete;

private:
    MemoryContext context_;
};

int highest_parameter(std::string_view text, const std::vector<token>& all) {
    int highest = 0;
    for (const token& t : all) {
        if (t.kind != token_kind::parameter) continue;
        int n = 0;
        const auto [_, failed] = std::from_chars(text.data() + t.begin + 1, text.data() + t.end, n);
        highest = failed == std::errc{} ? std::max(highest, n) : 65536;
    }
    return highest;
}

// PREPARE name [(types)] AS …, EXPLAIN [(options)] [ANALYZE] [VERBOSE] …: where the statement inside begins.
std::size_t inner_begin(std::string_view text, const std::vector<token>& all, statement_kind kind) {
    if (kind == statement_kind::prepare) {
        for (std::size_t i = 0; i + 1 < all.size(); ++i) {
            if (all[i].depth == 0 && is_word(text, all[i], "as")) return all[i + 1].begin;
        }
        return text.size();
    }
    std::size_t i = 1;
    if (i < all.size() && text[all[i].begin] == '(') {
        // a parenthesis right after EXPLAIN holds options, or the statement itself
        std::size_t close = i + 1;
        while (close < all.size() && !(all[close].depth == all[i].depth && text[all[close].begin] == ')')) ++close;
        if (close + 1 < all.size()) i = close + 1;
    } else {
        while (i < all.size() && (is_word(text, all[i], "analyze") || is_word(text, all[i], "analyse") ||
                                  is_word(text, all[i], "verbose"))) {
            ++i;
        }
    }
    return i < all.size() ? all[i].begin : text.size();
}

error failure(const PgQueryError& e) {
    std::string message = e.message ? e.message : "syntax error";
    error out{errc::syntax, std::move(message)};
    if (e.cursorpos > 0) out.at(e.cursorpos);
    return out;
}

error too_complex(std::string what) {
    return error{errc::statement_too_complex, std::move(what)}.hint(
        "Send long lists as an array parameter (= ANY($1)), and cut long chains of operators into parts.");
}

}  // namespace

std::int32_t position_of(std::string_view text, int offset) noexcept {
    if (offset < 0) return 0;
    const auto end = std::min(text.size(), static_cast<std::size_t>(offset));
    const auto is_first = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
    return 1 + static_cast<std::int32_t>(
                   std::count_if(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), is_first));
}

result<statement> parse(std::string_view text, const parse_limits& limits) {
    if (text.size() > limits.length_max) {
        return too_complex(
            fmt::format("the statement has {} bytes, more than the {} that are read", text.size(), limits.length_max));
    }
    if (text.find('\0') != std::string_view::npos) return error{errc::syntax, "the statement has a zero byte"};
    if (nesting(text, limits.depth_max + 1) > limits.depth_max) {
        return too_complex(fmt::format("the statement nests deeper than {} levels", limits.depth_max));
    }
    const std::vector<token> all = tokens(text, limits.standard_conforming_strings);
    if (!limits.standard_conforming_strings) {
        for (const token& t : all) {
            if (t.kind == token_kind::string && text.substr(t.begin, t.end - t.begin).find('\\') != text.npos &&
                (text[t.begin] | 0x20) != 'e') {
                return error{errc::unsupported, "a backslash in plain quotes with standard_conforming_strings off"}
                    .at(position_of(text, static_cast<int>(t.begin)))
                    .hint("Write E'…', or set standard_conforming_strings to on.");
            }
        }
    }

    const std::string terminated{text};
    const parser_memory memory;
    const PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(terminated.c_str());
    struct freed {
        const PgQueryInternalParsetreeAndError& of;
        ~freed() {
            std::free(of.stderr_buffer);
            if (of.error) pg_query_free_error(of.error);
        }
    } const at_the_end{parsed};
    if (parsed.error) return failure(*parsed.error);
    if (!parsed.tree || parsed.tree->length == 0) return statement{};
    if (parsed.tree->length > 1) {
        const auto* second = as<RawStmt>(parsed.tree->elements[1].ptr_value);
        return error{errc::unsupported, "several statements in one text"}
            .at(position_of(text, second->stmt_location))
            .hint("Send them one by one.");
    }
    const auto* raw = as<RawStmt>(parsed.tree->elements[0].ptr_value);
    walker walk{limits.depth_max};
    statement out = walk.walk_statement(raw->stmt);
    if (walk.too_deep()) return too_complex(fmt::format("the statement nests deeper than {} levels", limits.depth_max));
    out.location = all.empty() ? 0 : static_cast<int>(all.front().begin);
    out.parameter_count = highest_parameter(text, all);
    constexpr int parameters_max = 65'535;  // what the protocol's messages can count
    if (out.parameter_count > parameters_max) {
        return error{errc::limit_reached, "a statement has 65535 parameters at most"}.hint(
            "Number them from $1 without gaps, or send the rows in several statements.");
    }
    if (out.inner && (out.kind == statement_kind::explain || out.kind == statement_kind::explain_ashlar ||
                      out.kind == statement_kind::prepare)) {
        out.session.inner_sql = std::string{text.substr(inner_begin(text, all, out.kind))};
    }
    return out;
}

}  // namespace ashlar::sql
