// statement_facts.hpp: what can be told of a statement by its words, before MySQL has it: its verb, whether it only
// reads, whether it leaves something behind in the session, whether it would commit by the way. Pure.
//
// It errs to the safe side: a function that is not known may write and may leave something.
#pragma once

#include "driver/mysql/tokens.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace ashlar::driver::mysql {

enum class verb : std::uint8_t {
    none,    // nothing but blanks and comments
    select,  // SELECT, VALUES, WITH … SELECT, SHOW, EXPLAIN, DESCRIBE
    insert,  // REPLACE too
    update,
    remove,
    define,  // CREATE, DROP, ALTER, TRUNCATE, RENAME …
    begin,   // BEGIN, START TRANSACTION
    commit,
    rollback,   // the whole transaction
    savepoint,  // SAVEPOINT, RELEASE, ROLLBACK TO
    other,      // SET, USE, CALL, LOCK, XA …
};

struct statement_facts {
    verb what = verb::none;
    std::string tag;                  // PostgreSQL's command tag, without counts: "INSERT 0", "CREATE TABLE"
    bool only_reads = true;           // it changes nothing that outlives the session
    bool leaves_state = false;        // the session is not as new afterwards
    bool commits_by_the_way = false;  // inside a transaction MySQL would commit it first
};

statement_facts facts_of(std::string_view sql, quoting how);

bool changes_rows(verb v) noexcept;

}  // namespace ashlar::driver::mysql
