// statements.hpp: the statements that a connection keeps prepared on its server, by their text; the one used longest ago
// gives way. Its handles are closed by the connection, since the server is told of it.
#pragma once

#include "core/rows.hpp"
#include "driver/mysql/statement_facts.hpp"
#include "driver/mysql/types.hpp"

#include <mysql.h>

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace ashlar::driver::mysql {

// A statement, and what was learned of it once.
struct prepared_statement {
    std::string key;                    // as the caller wrote it
    std::string text;                   // as the server gets it
    quoting read_under;                 // how it was cut into tokens
    std::vector<std::uint16_t> places;  // which parameter each ? takes
    statement_facts facts;

    MYSQL_STMT* handle = nullptr;   // nullptr: not prepared now
    bool as_text = false;           // the server cannot prepare it: it goes by the text protocol
    std::vector<told_column> told;  // of its columns, when it was prepared
    bool kept = false;              // in the cache; else it is closed after its run
    bool stale = false;             // its columns have changed since
};

class statements {
public:
    explicit statements(std::size_t max) : max_(max) {}
    statements(const statements&) = delete;
    statements& operator=(const statements&) = delete;

    // The statement of this text, which becomes the one used last; nullptr when it is not kept.
    prepared_statement* find(std::string_view key);
    // Keeps a new one. Precondition: not full, not found.
    prepared_statement* add(prepared_statement what);
    bool full() const noexcept { return list_.size() >= max_; }
    bool empty() const noexcept { return list_.empty(); }
    // The one used longest ago. Precondition: not empty.
    prepared_statement* oldest() noexcept { return &list_.back(); }
    // Takes the one used longest ago out: its handle, to be closed. Precondition: not empty.
    MYSQL_STMT* evict();
    MYSQL_STMT* remove(prepared_statement* what);
    std::size_t size() const noexcept { return list_.size(); }

private:
    const std::size_t max_;
    std::list<prepared_statement> list_;
    std::unordered_map<std::string_view, std::list<prepared_statement>::iterator> by_key_;
};

}  // namespace ashlar::driver::mysql
