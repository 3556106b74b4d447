// statement_names.hpp: which statements a connection keeps prepared on its server, by text and parameter types; the one
// used longest ago gives way. Pure.
#pragma once

#include "driver/postgres/text_facts.hpp"

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ashlar::driver::postgres {

struct prepared_statement {
    std::string key;   // text, and types where any are declared
    std::string name;  // "ashlar_7"
    text_facts facts;
};

class statement_names {
public:
    explicit statement_names(std::size_t max) : max_(max) {}

    // The statement of this key, which becomes the one used last; nullptr when it is not prepared.
    const prepared_statement* find(std::string_view key);
    // A new one. Precondition: not full, not found.
    const prepared_statement* add(std::string key, text_facts facts);
    bool full() const noexcept { return list_.size() >= max_; }
    // Takes the one used longest ago out: its name, for DEALLOCATE. Precondition: not empty.
    std::string evict();
    void remove(std::string_view key);
    void clear() noexcept;
    std::size_t size() const noexcept { return list_.size(); }

private:
    const std::size_t max_;
    std::uint64_t made_ = 0;  // names are never used twice, so that a late DEALLOCATE can hit no other
    std::list<prepared_statement> list_;
    std::unordered_map<std::string_view, std::list<prepared_statement>::iterator> by_key_;
};

}  // namespace ashlar::driver::postgres
