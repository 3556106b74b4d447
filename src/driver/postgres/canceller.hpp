// canceller.hpp: asks a PostgreSQL server to end the statement that one connection runs: PostgreSQL's CancelRequest.
//
// Not PQcancel: that waits without limit for a server that does not answer, and libpq hides the key from anybody else.
// The key is taken while the connection is made, from libpq's own trace of the messages. Each request runs on a worker
// thread for two seconds at most. It is over once the server has closed its side, when the signal to the backend has been
// sent; the connection may not go to another borrower before that.
#pragma once

#include "driver/cancel_request.hpp"

#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string_view>

namespace ashlar::driver::postgres {

class canceller final : public cancel_request {
public:
    // The address that `fd` is connected to, and the key as libpq's trace shows it; without one it does nothing.
    static std::shared_ptr<canceller> make(int fd, std::string_view trace);

private:
    void carry_out() const noexcept override;

    sockaddr_storage address_{};
    socklen_t address_size_ = 0;
    std::uint32_t process_ = 0, key_ = 0;
    bool has_key_ = false;
};

}  // namespace ashlar::driver::postgres
