#include "route/trigger_body.hpp"

#include "route/code.hpp"
#include "sql/lexer.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace ashlar::route {
namespace {

using sql::token;
using sql::token_kind;

class trigger_reader {
public:
    trigger_reader(std::string_view text, std::string_view column, std::string_view row)
        : text_(text), column_(column), row_(row), all_(sql::tokens(text)) {}

    bool may_return_another() const {
        for (std::size_t i = 0; i < all_.size(); ++i) {
            if (is_word(i, "return") && !returns_whole_row(i + 1)) return true;
        }
        return false;
    }

    bool may_assign() const {
        for (std::size_t i = 0; i < all_.size(); ++i) {
            if (all_[i].kind == token_kind::broken) return true;
            if (is_row(i) && !is_symbol(i - 1, ".") && !is_harmless(i)) return true;
        }
        return false;
    }

private:
    std::string_view of(std::size_t i) const {
        return i < all_.size() ? text_.substr(all_[i].begin, all_[i].end - all_[i].begin) : std::string_view{};
    }
    bool is_symbol(std::size_t i, std::string_view s) const {
        return i < all_.size() && all_[i].kind == token_kind::symbol && of(i) == s;
    }
    bool is_word(std::size_t i, std::string_view lower) const {
        return i < all_.size() && sql::is_word(text_, all_[i], lower);
    }
    bool is_name(std::size_t i) const {
        return i < all_.size() && (all_[i].kind == token_kind::word || all_[i].kind == token_kind::quoted_word);
    }
    bool is_row(std::size_t i) const { return is_name(i) && identifier_of(text_, all_[i]) == row_; }

    // RETURN NEW; RETURN OLD; RETURN NULL;
    bool returns_whole_row(std::size_t i) const {
        std::size_t end = i;
        while (is_symbol(end, "(")) ++end;
        if (!is_word(end, "new") && !is_word(end, "old") && !is_word(end, "null")) return false;
        ++end;
        while (is_symbol(end, ")")) ++end;
        return end == all_.size() || is_symbol(end, ";");
    }

    bool is_harmless(std::size_t i) const {
        if (is_word(i - 1, "return")) return true;
        const std::string before =
            i > 0 && all_[i - 1].kind == token_kind::word ? identifier_of(text_, all_[i - 1]) : "";
        if (!is_symbol(i + 1, ".")) {
            // the whole row: as an argument, or compared
            const bool argument =
                (is_symbol(i - 1, "(") || is_symbol(i - 1, ",")) && (is_symbol(i + 1, ")") || is_symbol(i + 1, ","));
            const bool compared = is_word(i + 1, "is") || before == "from";
            return (argument && !in_assigning_list(i)) || compared;
        }
        if (is_symbol(i + 2, "*")) return !in_assigning_list(i);
        if (!is_name(i + 2)) return false;
        if (identifier_of(text_, all_[i + 2]) != column_) return true;
        return !is_symbol(i + 3, ":") && !(is_symbol(i + 3, "=") && begins_statement(i)) && !is_symbol(i + 3, "[") &&
               !is_symbol(i + 3, ".") && !in_assigning_list(i);
    }

    bool begins_statement(std::size_t i) const {
        static constexpr auto words = std::to_array<std::string_view>({"begin", "then", "else", "loop"});
        return i == 0 || is_symbol(i - 1, ";") || is_symbol(i - 1, ">") ||
               std::any_of(words.begin(), words.end(), [&](std::string_view w) { return is_word(i - 1, w); });
    }

    // Does the place belong to what SELECT INTO, FETCH INTO, FOR, CALL or GET DIAGNOSTICS fill?
    bool in_assigning_list(std::size_t i) const {
        std::size_t first = i;  // of the statement
        while (first > 0 && !begins_statement(first)) --first;
        if (is_word(first, "call") || is_word(first, "get") || is_word(first, "fetch") || is_word(first, "move"))
            return true;
        // back over names, points and commas
        std::size_t at = i;
        while (at > first && (is_name(at - 1) || is_symbol(at - 1, ".") || is_symbol(at - 1, ","))) {
            --at;
            if (is_word(at, "into")) return !is_word(at - 1, "insert");
            if (is_word(at, "for") || is_word(at, "foreach")) return true;
        }
        return false;
    }

    std::string_view text_, column_, row_;
    std::vector<token> all_;
};

}  // namespace

bool may_change_column(std::string_view plpgsql, std::string_view column) {
    const trigger_reader read{plpgsql, column, "new"};
    return read.may_assign() || read.may_return_another();
}

bool may_assign_column(std::string_view plpgsql, std::string_view column) {
    return trigger_reader{plpgsql, column, "new"}.may_assign() || trigger_reader{plpgsql, column, "old"}.may_assign();
}

}  // namespace ashlar::route
