// having.hpp: HAVING over finished rows, in SQL's three-valued logic. Comparisons follow PostgreSQL's rules for mixed types
// (integers and numeric exactly, anything with a float as float8, an untyped literal as the other side's type); what those
// rules do not cover is refused at make(). Pure.
#pragma once

#include "core/rows.hpp"
#include "route/plan.hpp"
#include "route/recipe.hpp"

#include <ashlar/result.hpp>

#include <memory>
#include <span>
#include <vector>

namespace ashlar::merge {

enum class truth { no, yes, unknown };

class having {
public:
    // `shape`: the finished rows. `texts`: their collations, one for each column. Parameters are read now and not kept.
    static result<having> make(const route::condition& what, const columns& shape,
                               const std::vector<route::collation>& texts,
                               std::span<const route::bound_parameter> parameters, route::dialect dialect);
    having(having&&) noexcept;
    having& operator=(having&&) noexcept;
    ~having();

    // Does the row stay? Only `yes` keeps it.
    result<bool> keeps(const row_batch& rows, std::size_t row) const;

    struct node;

private:
    explicit having(std::unique_ptr<const node> root);
    std::unique_ptr<const node> root_;
};

}  // namespace ashlar::merge
