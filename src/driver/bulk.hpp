// bulk.hpp: many rows into one table, as fast as the engine takes them. For `ashlar load` and for copying.
//
// Rows come as PostgreSQL's COPY text: cells parted by tabs, rows ended by newlines, \N for NULL, backslash escapes. Its
// use      start(), write() as often as needed, finish(). All rows are in, or none: outside of a transaction it makes its
//          own. After a failure nothing of it is there, and the connection is usable when is_reusable() says so.
#pragma once

#include "core/io/task.hpp"
#include "core/time.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace ashlar::driver {

struct bulk_target {
    std::string schema;  // empty: where the connection looks
    std::string table;
    std::vector<std::string> columns;  // empty: all, in the table's order
};

class bulk_writer {
public:
    virtual ~bulk_writer() = default;
    virtual task<status> start(bulk_target where, deadline until) = 0;
    // Any number of bytes; a row may be cut over several calls.
    virtual task<status> write(std::string bytes, deadline until) = 0;
    // The number of rows written. Fails with the first refused row's error, the line named in its detail.
    virtual task<result<std::uint64_t>> finish(deadline until) = 0;
    // Instead of finish(): takes everything back.
    virtual task<void> abandon() = 0;
};

}  // namespace ashlar::driver
