// conversation.hpp: random conversations of a client with a server in PostgreSQL's protocol: valid messages, in any order.
//
// A conversation is made from a seed alone, so that it can be played to two servers, and again. It is cut into segments. A
// segment goes out without waiting for answers, but where an act says so, and ends with a mark (below), behind which every
// server has answered all that it will, or has closed the connection.
#pragma once

#include "support/conversation_texts.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ashlar::test {

// One message, or what else a client may do.
struct act {
    enum class kind {
        query,
        parse,
        bind,
        close,
        describe_statement,
        describe_portal,
        execute,
        flush,
        sync,
        copy_data,
        copy_done,
        copy_fail,
        function_call,
        cancel,     // on a connection of its own
        terminate,  // and nothing more
        half,       // a part of a message, and then the client is gone
        hang_up,    // by a reset
    };
    kind what = kind::query;
    std::string bytes;
    bool waits = false;          // for all that is owed, before it goes on
    bool asks_for_rows = false;  // it may begin a COPY FROM STDIN
    std::string text;            // for people
};

using segment = std::vector<act>;

class conversation_maker {
public:
    struct options {
        conversation_dialect dialect;
        bool may_leave = false;  // acts by which the client goes away
        bool may_cancel = false;
        // An Execute is followed by a Sync before the next Query: with one database both would be one transaction.
        bool syncs_before_query = false;
        std::size_t segments_max = 5, acts_max = 14;
        options() = default;
    };
    conversation_maker(std::uint64_t seed, options how);

    std::vector<segment> make();

    // Sync, then Close of one statement seven times, Sync: no conversation does that by itself.
    static std::string mark();
    static constexpr std::size_t mark_closes = 7;

private:
    void add_query(segment& to);
    void add_extended(segment& to);  // as drivers do it: Parse, Bind, Describe, Execute
    void add_anything(segment& to);  // one message of any kind
    void add_copy(segment& to, bool extended);
    void add(segment& to, act::kind what, std::string bytes, std::string text);
    void parse(segment& to, const std::string& name);
    void bind(segment& to, const std::string& portal, const std::string& name);
    void describe(segment& to, bool portal, const std::string& name);
    void close(segment& to, bool portal, const std::string& name);
    void execute(segment& to, const std::string& portal);
    void end_pipeline(segment& to);
    void feed_copy(segment& to);
    std::string a_statement_name() { return texts_.any({"", "", "s1", "s2"}); }
    std::string a_portal_name() { return texts_.any({"", "", "p1", "p2", "c1"}); }

    options how_;
    conversation_texts texts_;
    std::map<std::string, prepared_text> prepared_;  // as far as all went well
    bool unsynced_ = false;                          // since an Execute
};

}  // namespace ashlar::test
