// canceller.hpp: asks a PostgreSQL server to end the statement that one connection runs: PostgreSQL's CancelRequest.
//
// Not PQcancel: that waits without limit for a server that does not answer, and libpq hides the key from anybody else.
// The key is taken while the connection is made, from libpq's own trace of the messages. Each request runs on a worker
// thread for two seconds at most. It is over once the server has closed its side, when the signal to the backend has been
// sent; the connection may not go to another borrower before that.
#pragma once

#include "core/io/loop.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace ashlar::driver::postgres {

// Two owners: the connection, and a request under way, which may outlive it.
class canceller : public std::enable_shared_from_this<canceller> {
public:
    // The address that `fd` is connected to, and the key as libpq's trace shows it.
    static std::shared_ptr<canceller> make(int fd, std::string_view trace);

    // Any thread; returns at once. Does nothing when the key is not known or a request is under way.
    void send();
    // Waits until no request is under way. False when that took longer.
    task<bool> settled(io::loop& on, deadline until);
    bool is_under_way() const;

private:
    void carry_out() const noexcept;

    sockaddr_storage address_{};
    socklen_t address_size_ = 0;
    std::uint32_t process_ = 0, key_ = 0;
    bool has_key_ = false;
    mutable std::mutex guard_;
    bool under_way_ = false;
    io::signal over_;
};

}  // namespace ashlar::driver::postgres
