// keyed_body.hpp: does the body of a trigger write to sharded tables only where their key is that of the trigger's own row? Then
// every row that it touches is on the row's shard, and it may run there. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::sql {
struct statement;
}

namespace ashlar::route {

struct keyed_question {
    std::string own_table, own_key;       // the trigger's table and its shard key
    std::vector<std::string> own_unique;  // columns that are unique by themselves
    // The shard key of a relation that the body names; "" = it is not sharded.
    std::function<std::string(const std::string& schema, const std::string& name)> key_of;
    bool sqlite = false;
    // Told of each write to a sharded table that stays.
    std::function<void(const sql::statement&)> on_write;
};

// False whenever it is not certain. Each statement that names a sharded table must be an INSERT, UPDATE or DELETE of that table
// alone, whose key is new.KEY or old.KEY, or which changes the trigger's own row.
bool stays_with_key(std::string_view body, const keyed_question& ask);

}  // namespace ashlar::route
