// cancel_request.hpp: asks a server, by a second connection, to end the statement that one connection runs. What all
// engines' requests share: each runs on a worker thread, one at a time, and the connection may not go to another borrower
// before it is over, for it could hit that one's statement.
#pragma once

#include "core/io/loop.hpp"

#include <memory>
#include <mutex>

namespace ashlar::driver {

// Two owners: the connection, and a request under way, which may outlive it.
class cancel_request : public std::enable_shared_from_this<cancel_request> {
public:
    virtual ~cancel_request() = default;

    // Any thread; returns at once. Does nothing while a request is under way.
    void send();
    // Waits until no request is under way. False when that took longer.
    task<bool> settled(io::loop& on, deadline until);
    bool is_under_way() const;
    // True when a request was sent since this was asked last. Precondition for a sure answer: none is under way.
    bool take_sent();
    bool was_sent() const;

protected:
    cancel_request() = default;
    // Blocks, for a few seconds at most; over when the server has done what it will do.
    virtual void carry_out() const noexcept = 0;

private:
    mutable std::mutex guard_;
    bool under_way_ = false;
    bool sent_ = false;
    io::signal over_;
};

}  // namespace ashlar::driver
