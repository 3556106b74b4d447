// key_order.hpp: how rows are compared: some columns, each by its type's own order and collation. Makes a key of a row,
// which is compared instead of it. Used for merging sorted sources, sorting, grouping, distinct, min and max. Pure.
//
// Right     Only types and collations whose order (or, for grouping, equality) is computed here exactly are taken: any
//           other is refused at make(), naming the column and its type.
#pragma once

#include "core/rows.hpp"
#include "merge/value_order.hpp"
#include "route/recipe.hpp"

#include <ashlar/result.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::merge {

// One column of a key.
struct key_column {
    std::size_t column = 0;  // of the rows
    bool descending = false;
    bool nulls_first = false;
    route::collation text;
};

class key_order {
public:
    key_order() = default;  // of no columns: all rows are equal
    // `shape`: the rows' columns. Fails with `unsupported`.
    static result<key_order> make(const std::vector<key_column>& by, const columns& shape, const value_rules& rules,
                                  purpose why);

    // Appends the row's key. Fails with bad_value when a cell is not of its column's type.
    status append_key(const row_batch& rows, std::size_t row, std::string& key) const;
    // Negative, 0 or positive.
    int compare(std::string_view a, std::string_view b) const noexcept;
    bool empty() const noexcept { return parts_.empty(); }

private:
    struct part {
        key_column what;
        std::uint32_t type = 0;
        cell_format format = cell_format::text;
        value_order order;  // PostgreSQL's types
    };
    status append_part(const part& p, cell bytes, storage kind, std::string& key) const;
    static int compare_part(const part& p, std::string_view a, std::string_view b) noexcept;

    std::vector<part> parts_;
    route::dialect dialect_ = route::dialect::postgres;
    // With pieces among the parts each part is preceded by its length, since it must be found to be compared.
    bool by_parts_ = false;
};

// One value's ordering bytes by its type; by `kind` where SQLite gave the value without a type. Precondition: the type is
// one that key_order takes.
status append_value(std::string& out, std::string_view bytes, std::uint32_t type, cell_format format, storage kind,
                    route::dialect dialect);
bool can_compare(std::uint32_t type) noexcept;

}  // namespace ashlar::merge
