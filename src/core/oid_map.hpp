// oid_map.hpp: the object ids of one database's own types and relations ↔ those of the database that answers questions about
// the catalogue.
//
// Every PostgreSQL server numbers what users create by itself, so that an enum made alike on all shards has another oid on
// each. Clients read the catalogue of one database and must see its numbers in every answer. Names tell which is which;
// arrays go by the names of their elements, for their own are made up. A value. Pure.
#pragma once

#include "core/own_type.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ashlar {

// What one database says.
struct own_oids {
    // A value of `whole` holds values of `inner`; `written`: and names inner's oid in its binary form.
    struct part {
        std::uint32_t whole = 0, inner = 0;
        bool written = false;
        friend bool operator==(const part&, const part&) = default;
    };
    std::map<std::string, std::uint32_t> types, relations;  // by full name; arrays as "schema.element[]"
    std::vector<part> parts;
    own_types details;  // of the types, by their oids
    friend bool operator==(const own_oids&, const own_oids&) = default;
};

// The types of its own whose values are, or hold, oids: a domain over regclass, an array of it, a composite with one.
std::set<std::uint32_t> types_that_hold_oids(const own_oids& of);

// Numbers that a map says nothing of: made after it, or it could not be made.
struct missing_oids {
    std::vector<std::uint32_t> types, relations;  // this database's
    std::vector<std::uint32_t> declared;          // types, by the client's numbers
    bool empty() const noexcept { return types.empty() && relations.empty() && declared.empty(); }
    std::vector<std::uint32_t> all() const;
};

class oid_map {
public:
    // Below this, numbers are PostgreSQL's own and the same everywhere.
    static constexpr std::uint32_t first_own = 10'000;

    static std::shared_ptr<const oid_map> make(std::string database, const own_oids& there, const own_oids& known);
    // For a database that could not be asked: its own types are all unknown.
    static std::shared_ptr<const oid_map> blind(std::string database);

    const std::string& database() const noexcept { return database_; }
    // All that this database has is numbered as the client knows it: what is not missing may be passed on as it is.
    bool is_same() const noexcept { return same_; }
    // What the client is told for a type or relation of this database. A type that the catalogue database does not have is
    // `unknown`, whose text is the value's text; a relation is 0, as for a column of no table.
    std::uint32_t type_for_client(std::uint32_t there) const noexcept;
    std::uint32_t relation_for_client(std::uint32_t there) const noexcept;
    bool has_type_for_client(std::uint32_t there) const noexcept;
    // This database's number for a type that the client names; nothing when it has no such type.
    std::optional<std::uint32_t> type_for_server(std::uint32_t clients) const noexcept;
    // A relation is known too when the catalogue database has none of its name, as tables that live apart; a type is not,
    // for it may come yet.
    bool knows_relation(std::uint32_t there) const noexcept;
    bool knows(const missing_oids& all) const noexcept;
    // May a binary value of the type (by the client's number) say another thing here than there? Arrays, composites and the
    // like, which hold oids; what holds only numbers that are the same does not count.
    bool differs_in_binary(std::uint32_t clients) const noexcept;
    // For messages: the type's name, by the client's number or, failing that, this database's.
    std::string name_of_type(std::uint32_t any) const;

private:
    using pairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  // sorted by the first
    std::string database_;
    bool same_ = false;
    pairs types_to_client_, relations_to_client_, types_to_server_;  // a relation's may be 0: not there for the client
    std::vector<std::uint32_t> differ_;                              // the client's numbers, sorted
    std::map<std::uint32_t, std::string> names_;
};

// By database; one that needs none is absent.
using oid_maps = std::map<std::string, std::shared_ptr<const oid_map>, std::less<>>;

}  // namespace ashlar
