// own_type.hpp: what a type is that users made: an enum with its labels in order, a domain over another type, an array, a
// composite, a range. Read from a server's catalogue; the merge orders values by it, and object ids inside binary values are
// found by it. A value. Pure.
#pragma once

#include "core/collation.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ashlar {

struct own_type {
    enum class kind : std::uint8_t {
        opaque,       // a base type, of an extension for instance: nothing is known of its values
        enumeration,  // `labels`
        domain,       // over `inner`
        array,        // of `inner`
        composite,    // of `attributes`
        range,        // of `inner`
        multirange,   // of the range `inner`
    };
    struct attribute {
        std::string name;
        std::uint32_t type = 0;
        collation text;
        friend bool operator==(const attribute&, const attribute&) = default;
    };
    kind what = kind::opaque;
    std::uint32_t inner = 0;
    std::vector<std::string> labels;
    std::vector<attribute> attributes;
    collation text;        // range: of its bounds; domain: of its text
    char delimiter = ',';  // array
    friend bool operator==(const own_type&, const own_type&) = default;
};

using own_types = std::map<std::uint32_t, own_type>;  // by object id

// The own types of the database that clients ask for the catalogue, by its object ids, and where other databases have them
// otherwise.
struct type_book {
    own_types types;
    std::map<std::uint32_t, std::string> names;
    // By type, then by database: what is different there, in words ("has other labels").
    std::map<std::uint32_t, std::map<std::string, std::string>> differences;

    const own_type* find(std::uint32_t type) const {
        const auto at = types.find(type);
        return at == types.end() ? nullptr : &at->second;
    }
    // Through domains.
    std::uint32_t base_of(std::uint32_t type) const {
        for (int steps = 0; steps < 100; ++steps) {
            const own_type* const own = find(type);
            if (own == nullptr || own->what != own_type::kind::domain) break;
            type = own->inner;
        }
        return type;
    }
};

}  // namespace ashlar
