// splice.hpp: changes to a statement's text, which are collected by position and made together; and new numbers for parameters
// when a change has removed some of them. Pure.
#pragma once

#include "sql/lexer.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::sql {

class splice {
public:
    explicit splice(std::string_view text) : text_(text) {}

    // Changes must not overlap. Insertions at one place keep their order, before a replacement that begins there.
    void replace(span where, std::string by);
    void insert(std::size_t at, std::string what) { replace({at, at}, std::move(what)); }
    void remove(span where) { replace(where, {}); }

    std::string text() const;

private:
    struct change {
        span where;
        std::string by;
    };
    std::string_view text_;
    std::vector<change> changes_;
};

struct renumbered {
    std::string sql;
    std::vector<std::size_t> parameters;  // 0-based, of the statement; in the order of the new numbers
    bool all = true;                      // nothing changed: all of them, with their old numbers
};
// When some of $1 … $count are no longer in `sql`, the others get new numbers, from 1 without gaps.
renumbered renumber(std::string sql, std::size_t count);

}  // namespace ashlar::sql
