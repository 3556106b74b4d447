// oid_source.hpp: who knows how a database numbers its own types and relations, and can read what is missing.
#pragma once

#include "core/io/loop.hpp"
#include "core/oid_map.hpp"
#include "core/own_type.hpp"

#include <memory>
#include <string>

namespace ashlar::driver {

// Outlives the connections that ask it. Any thread.
class oid_source {
public:
    // Has what is missing read from the servers. True: all is known now, by oids_of().
    virtual task<bool> learn_oids(io::loop& loop, std::string database, missing_oids what, deadline until) = 0;
    // As of now; nullptr: the database numbers as the catalogue does, or is not known.
    virtual std::shared_ptr<const oid_map> oids_of(const std::string& database) const = 0;
    // The users' types, by the numbers that the catalogue has; nullptr: none are known.
    virtual std::shared_ptr<const type_book> own_types() const = 0;

protected:
    ~oid_source() = default;
};

}  // namespace ashlar::driver
