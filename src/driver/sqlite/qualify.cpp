#include "driver/sqlite/qualify.hpp"

#include "core/ascii.hpp"
#include "driver/sqlite/tokens.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace ashlar::driver::sqlite {

namespace {

// After these, names at the same level of parentheses are no longer a FROM clause's.
constexpr std::array ends_from{
    std::string_view{"where"},     std::string_view{"group"},  std::string_view{"having"},
    std::string_view{"order"},     std::string_view{"limit"},  std::string_view{"offset"},
    std::string_view{"window"},    std::string_view{"union"},  std::string_view{"except"},
    std::string_view{"intersect"}, std::string_view{"set"},    std::string_view{"returning"},
    std::string_view{"select"},    std::string_view{"values"}, std::string_view{"with"},
    std::string_view{"do"},
};

class qualifier {
public:
    qualifier(std::string_view sql, std::string_view schema) : sql_(sql), schema_(schema) {
        tokens all{sql};
        for (token t = all.next(); t.kind != token_kind::end; t = all.next()) all_.push_back(t);
    }

    std::string run() {
        find_with_names();
        levels_.emplace_back();
        for (at_ = 0; at_ < all_.size(); ++at_) look();
        out_ += sql_.substr(copied_);
        return std::move(out_);
    }

private:
    struct level {              // of parentheses
        bool in_from = false;   // a comma separates tables
        bool expected = false;  // the next name is a table's
        bool is_into = false;   // and parentheses after it hold columns
    };

    bool is(std::size_t i, std::string_view word) const { return i < all_.size() && all_[i].is(word); }
    bool is_symbol(std::size_t i, char c) const { return i < all_.size() && all_[i].is_symbol(c); }
    bool came_before(std::string_view word) const { return at_ > 0 && all_[at_ - 1].is(word); }

    // The index after the parenthesis that closes the one at `i`.
    std::size_t after_parentheses(std::size_t i) const {
        std::size_t depth = 0;
        for (; i < all_.size(); ++i) {
            if (all_[i].is_symbol('(')) ++depth;
            if (all_[i].is_symbol(')') && --depth == 0) return i + 1;
        }
        return i;
    }

    // name [(columns)] AS [[NOT] MATERIALIZED] (
    void find_with_names() {
        for (std::size_t i = 0; i < all_.size(); ++i) {
            if (!all_[i].is_name()) continue;
            std::size_t next = i + 1;
            if (is_symbol(next, '(')) next = after_parentheses(next);
            if (!is(next, "as")) continue;
            ++next;
            if (is(next, "not")) ++next;
            if (is(next, "materialized")) ++next;
            if (is_symbol(next, '(')) with_names_.push_back(all_[i].name());
        }
    }

    bool is_with_name(const std::string& name) const {
        return std::ranges::any_of(with_names_, [&](const std::string& n) { return equals_ignoring_case(n, name); });
    }

    void expect_table(bool into) {
        level& here = levels_.back();
        here.expected = true;
        here.is_into = into;
        here.in_from = !into;
    }

    void look() {
        const token& t = all_[at_];
        level& here = levels_.back();
        if (t.is_symbol('(')) {
            level inner;
            inner.in_from = inner.expected = here.expected;  // FROM (a JOIN b)
            here.expected = false;
            levels_.push_back(inner);
        } else if (t.is_symbol(')')) {
            if (levels_.size() > 1) levels_.pop_back();
        } else if (t.is_symbol(',')) {
            here.expected = here.in_from;
        } else if (t.is("from")) {
            const bool compares = came_before("distinct") && at_ > 1 && (is(at_ - 2, "is") || is(at_ - 2, "not"));
            if (!compares) expect_table(false);
        } else if (t.is("join")) {
            expect_table(false);
        } else if (t.is("into")) {
            expect_table(true);
        } else if (t.is("update")) {
            if (came_before("do")) return;
            expect_table(true);
            if (is(at_ + 1, "or")) at_ += 2;
        } else if (t.kind == token_kind::word &&
                   std::ranges::any_of(ends_from, [&](std::string_view word) { return t.is(word); })) {
            here.in_from = here.expected = false;
        } else if (here.expected && t.is_name()) {
            here.expected = false;
            take_name(here.is_into);
        }
    }

    void take_name(bool into) {
        const token& t = all_[at_];
        const bool is_function = is_symbol(at_ + 1, '(') && !into;
        if (is_symbol(at_ + 1, '.') || is_function || is_with_name(t.name())) return;
        out_ += sql_.substr(copied_, t.offset - copied_);
        out_ += schema_;
        out_ += '.';
        copied_ = t.offset;
    }

    const std::string_view sql_, schema_;
    std::vector<token> all_;
    std::vector<std::string> with_names_;
    std::vector<level> levels_;
    std::size_t at_ = 0;
    std::string out_;
    std::size_t copied_ = 0;  // how much of sql_ is in out_
};

}  // namespace

std::string qualified(std::string_view sql, std::string_view schema) {
    return qualifier{sql, schema}.run();
}

}  // namespace ashlar::driver::sqlite
