// conversation_texts.hpp: random SQL for random conversations: every kind of statement that a client may send, good and bad.
//
// All of it is about the tables of `conversation_schema()`. No answer depends on the time, on other sessions, or on which of
// two equal databases gives it.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace ashlar::test {

// acc(id, n, name) is spread by id where there are shards, visits(id, acc_id, page) is not.
std::vector<std::string> conversation_schema();
std::vector<std::string> conversation_rows();  // puts both tables into their first state

struct conversation_dialect {
    bool one_key = false;   // only the rows of `the_key`, so that one shard has all that is asked for
    bool scattered = true;  // also statements that go to several shards; false: one database, or one_key
    bool sqlite = false;
    bool unsharded = true;  // also statements on visits
    conversation_dialect() = default;
};
inline constexpr int the_key = 7;

struct prepared_text {
    std::string sql;
    std::vector<std::uint32_t> types;     // of its parameters, as a careful client declares them
    std::vector<std::string> parameters;  // values that fit, as text
    bool copies_in = false;
};

class conversation_texts {
public:
    conversation_texts(std::uint64_t seed, conversation_dialect how) : random_(seed), how_(how) {}

    std::string statement();  // one
    std::string query();      // one or several, or none
    prepared_text with_parameters();
    std::string copy_in();    // COPY … FROM STDIN
    std::string copy_rows();  // some text that may be what it wants

    std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>{0, n - 1}(random_); }
    bool once_in(std::size_t n) { return below(n) == 0; }
    const std::string& any(const std::vector<std::string>& of) { return of[below(of.size())]; }

private:
    std::string filled(std::string text);
    std::string a_read();
    std::string a_write();
    std::string of_a_transaction();
    std::string a_setting();
    std::string a_cursor();
    std::string an_explain();
    std::string a_prepare();
    std::string a_copy();
    std::string a_mistake();
    std::string a_rare_one();

    std::mt19937_64 random_;
    conversation_dialect how_;
};

}  // namespace ashlar::test
