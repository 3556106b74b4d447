// environment.hpp: what must hold of columns in the rows that matter: classes of columns that are equal, and the key
// values that a class may have. A small union-find, copied by value. Pure.
#pragma once

#include "route/keys.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace ashlar::route {

// A column of one relation of the statement.
struct column_id {
    std::size_t relation = 0;
    std::string column;
    friend bool operator==(const column_id&, const column_id&) = default;
};

class environment {
public:
    void unite(const column_id& a, const column_id& b);
    void restrict(const column_id& to, key_set values);
    // Takes over everything that `other` knows.
    void absorb(const environment& other);

    bool same(const column_id& a, const column_id& b) const;
    const key_set* values_of(const column_id& of) const;

    // The restrictions of this environment by column, for the arms of an OR.
    std::vector<std::pair<column_id, key_set>> restricted() const;

private:
    struct node {
        column_id what;
        std::size_t parent = 0;
        std::optional<key_set> values;  // of the root
    };
    std::optional<std::size_t> find(const column_id& what) const;
    std::size_t find_or_add(const column_id& what);
    std::size_t root(std::size_t at) const;
    static void narrow(std::optional<key_set>& into, const key_set& by);

    std::vector<node> nodes_;
};

}  // namespace ashlar::route
