// document.hpp: the text of a TOML file as a tree of plain nodes, each with its place in the file.
//
// The one file of the house that knows the TOML library is document.cpp. Tables keep the order of the file,
// since the order of shards has a meaning. A syntax error does not end the reading: the line at fault is left
// out and the rest is read, so that one look shows all that is wrong. Pure.
#pragma once

#include "config/mistake.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::config {

struct entry;

struct node {
    enum class kind { table, array, string, integer, real, boolean, moment };
    kind what = kind::table;
    position at;
    std::string text;  // string; a date or time as it was written
    std::int64_t integer = 0;
    double real = 0;
    bool boolean = false;
    std::vector<entry> entries;  // table, in the order of the file
    std::vector<node> items;     // array

    const entry* find(std::string_view key) const noexcept;
};

struct entry {
    std::string key;
    position at;  // of the key
    node value;
};

// "a string", "an integer", "a table" …
std::string_view article_and_name(node::kind what) noexcept;

struct document {
    node root;
    bool readable = true;  // false: nothing but the syntax mistakes is known
    bool whole = true;     // false: lines had to be left out
};

document read_document(std::string_view text, mistakes& into);

}  // namespace ashlar::config
