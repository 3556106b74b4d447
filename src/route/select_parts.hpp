// select_parts.hpp: what several-shard planning asks of a SELECT's expressions: their type, the collation they sort by,
// whether they hold aggregates, which output column they are. Private to this room. Pure.
#pragma once

#include "route/select_plan.hpp"
#include "sql/clauses.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace ashlar::route {

class select_parts {
public:
    explicit select_parts(const select_question& q);

    bool has_aggregate(const sql::expression& e) const;
    bool is_aggregate(const sql::expression& e) const;  // the call itself
    // SQLite: the value within what the translation writes around it so that numerics compare as PostgreSQL's do.
    const sql::expression& bare(const sql::expression& e) const;
    bool aggregated() const noexcept { return aggregated_; }
    std::uint32_t type_of(const sql::expression& e) const;  // 0 = not known
    // A column of a type that is not built in: its order and equality are not known here.
    bool is_foreign_type(const sql::expression& e) const;
    // Is it a domain whose text is compared otherwise than the database's?
    bool brings_collation(const sql::type_name& name) const;

    // How the values of an expression are compared when they are text. `certain` types that are no text give any.
    collation text_of(const sql::expression& e) const;
    // Refuses what cannot be ordered, or not even compared, here.
    std::optional<error> refuse_order(const sql::expression& e, std::string_view clause, int location) const;
    std::optional<error> refuse_equality(const sql::expression& e, std::string_view clause, int location) const;

    // The key that spreads the rows, in every row (no outer join's NULL): its groups are whole on one shard.
    bool is_whole_key(const sql::expression& e) const;

    // The select list with its stars written out, when all columns are known.
    struct output_column {
        std::string name;
        const sql::expression* value = nullptr;  // nullptr: from a star
        std::optional<column_id> column;         // from a star
    };
    const std::optional<std::vector<output_column>>& outputs() const noexcept { return outputs_; }
    bool has_star() const noexcept { return has_star_; }

    // The select items that a bare name in ORDER BY or GROUP BY can mean; indexes of the query's items.
    std::vector<std::size_t> items_named(std::string_view name) const;

private:
    void expand_stars();
    const select_question& q_;
    bool aggregated_ = false, has_star_ = false;
    std::optional<std::vector<output_column>> outputs_;
};

}  // namespace ashlar::route
