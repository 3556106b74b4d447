// faults.hpp: a driver around another that does what a test asks of it: loses connections, refuses them, fails, waits.
//
// What is asked is read at each call of a connection; nothing is changed in the driver inside, and with no fault asked for
// every call is handed on as it is.
#pragma once

#include "driver/connection.hpp"

#include <memory>
#include <mutex>
#include <optional>

namespace ashlar::testkit {

// The faults of one server. Any thread.
class server_faults {
public:
    void lose_connections();
    void take_down();
    void bring_back();
    void fail_next(errc with, std::size_t statements);
    void lose_next_commit(bool happens);
    void delay(milliseconds by);
    void heal();

    // What a connection meets. Connections are numbered from 1 on.
    std::uint64_t new_connection();
    bool is_down() const;
    bool is_lost(std::uint64_t connection) const;
    milliseconds delayed() const;
    std::optional<errc> next_failure();      // of a statement
    std::optional<bool> next_lost_commit();  // does it happen?

private:
    void come_back();
    mutable std::mutex guard_;
    std::uint64_t made_ = 0, lost_up_to_ = 0;
    bool down_ = false;
    errc failing_{};
    std::size_t failures_ = 0;
    std::optional<bool> lost_commit_;
    milliseconds delay_{0};
};

// `faults` is shared with whoever asks for them.
std::shared_ptr<driver::driver> with_faults(std::shared_ptr<driver::driver> inside,
                                            std::shared_ptr<server_faults> faults);

}  // namespace ashlar::testkit
