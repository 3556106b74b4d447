// conversation_player.hpp: plays a conversation to one server and keeps what came back.
#pragma once

#include "support/conversation.hpp"
#include "support/raw_client.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::test {

// What a server owes, by the protocol's rules.
class owed_answers {
public:
    void sent(const act& what);
    void came(char type);
    // False also while the server skips to a Sync, and while it waits for rows of a COPY: then nothing is owed.
    bool any() const noexcept { return !owed_.empty() && !copying_; }

private:
    std::deque<act::kind> owed_;
    bool skipping_ = false, copying_ = false;
};

struct answer_line {
    std::string in_short;  // "E(42P01)", "D(1,2)", as raw_client tells it
    std::string sqlstate;  // of errors
    std::string message;   // of errors
};

class conversation_player {
public:
    struct options {
        std::uint64_t seed = 1;  // how the bytes are cut up
        bool in_pieces = true;   // not in one send
        options() = default;
    };
    // `login`: to where. Throws std::runtime_error when an answer that is owed does not come in login.patience.
    conversation_player(raw_client::options login, options how);

    // Everything, unless the server closes the connection before. `played`: called before each segment.
    void play(const std::vector<segment>& all);
    // The same for one; false: it is over.
    bool play(const segment& one);

    // All that came but ParameterStatus and notifications, of the segments in their order.
    const std::vector<std::vector<answer_line>>& answers() const noexcept { return answers_; }
    bool was_closed() const noexcept { return closed_; }  // by the server
    bool has_left() const noexcept { return left_; }      // by the conversation's own wish
    raw_client& client() noexcept { return client_; }

private:
    bool receive();  // one message; false: the end
    bool reach_mark();
    void send(std::string_view bytes);

    options how_;
    std::uint64_t random_;
    raw_client client_;
    owed_answers owed_;
    std::vector<std::vector<answer_line>> answers_;
    std::size_t closes_ = 0;  // CloseComplete one after the other
    char last_ = 0;
    bool closed_ = false, left_ = false;
};

std::string told(const std::vector<segment>& conversation);
std::string told(const std::vector<answer_line>& answers);

}  // namespace ashlar::test
