// copy_feed.hpp: which of a client's bytes go to a server that waits for the rows of a COPY. Pure.
//
// The server may have failed, and wait for rows no more, before the client knows. What the client says then is no part of the
// COPY: so a message that has no place in one is left where it is until the server has said how things stand. Flush means
// nothing during a COPY, and Sync nothing while rows follow or none have come.
#pragma once

#include <cstddef>
#include <string_view>

namespace ashlar::proxy {

class copy_feed {
public:
    enum class then {
        more,    // the client has to say more first
        over,    // what is passed ends with CopyDone or CopyFail
        sync,    // a Sync is at the front, and nothing behind it
        other,   // a message is at the front that has no place in a COPY
        broken,  // no message is at the front
    };
    struct step {
        std::size_t pass = 0;  // so many bytes of the front are for the server
        std::size_t skip = 0;  // and so many behind them for nobody
        then next = then::more;
    };
    // `rest`: what the client has said and was not taken; the step counts as done.
    step look(std::string_view rest);
    // The rest of a CopyData that has been passed in part; take() counts what is dealt with without look().
    std::size_t half_said() const noexcept { return body_left_; }
    void take(std::size_t count) noexcept { body_left_ -= count; }

private:
    std::size_t body_left_ = 0;
    bool has_rows_ = false;
};

}  // namespace ashlar::proxy
