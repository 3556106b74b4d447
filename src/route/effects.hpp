// effects.hpp: what code of the user's own (functions, triggers, views, defaults …) can do, as far as its text tells. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace ashlar::route {

struct effects {
    std::string unknown;    // why it may touch anything: "runs SQL that it makes itself (EXECUTE)"; "" = it does not
    bool writes = false;    // changes data or definitions
    bool sequence = false;  // nextval() and its kin
    bool varies = false;    // now(), random() …: another answer on each server
    bool session = false;   // changes the session or takes advisory locks
    std::set<std::string> relations;  // the user's own that it names, also through what it calls: "schema.name"

    void add(const effects& other);
    friend bool operator==(const effects&, const effects&) = default;
};

// All functions of one name.
struct own_function {
    effects does;
    bool immutable = true;   // every one is declared so
    bool takes_row = false;  // can be written like a column: row.name
};

// What a statement does with a relation.
enum class verb : std::uint8_t { read = 1, insert = 2, update = 4, delete_ = 8, define = 16, truncate = 32 };
using verbs = std::uint8_t;
constexpr verbs operator|(verb a, verb b) {
    return static_cast<verbs>(static_cast<verbs>(a) | static_cast<verbs>(b));
}
constexpr verbs operator|(verbs a, verb b) {
    return static_cast<verbs>(a | static_cast<verbs>(b));
}
constexpr verbs every_write = verb::insert | verb::update | verb::delete_;
constexpr verbs everything = every_write | verb::read | verb::define;

// Something that stands in the way of a statement about a relation.
struct hindrance {
    enum class when : std::uint8_t {
        always,
        left_out,  // INSERT leaves one of the columns to its default
        given,     // INSERT or UPDATE gives a value to all (INSERT) or any (UPDATE) of the columns
        several,   // more than one server would run it
    };
    verbs on = 0;
    when applies = when::always;
    std::vector<std::string> columns;
    std::string what;  // behind the relation's name: "whose trigger log_it writes to audit, an unsharded table"
    std::string hint;
    friend bool operator==(const hindrance&, const hindrance&) = default;
};

}  // namespace ashlar::route
