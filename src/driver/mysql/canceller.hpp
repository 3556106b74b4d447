// canceller.hpp: ends the statement that one MySQL connection runs: KILL QUERY, by a short session of its own.
//
// KILL goes by a number, and a server that was started anew counts from 1 again. So the session first looks whether the
// number still belongs to our connection, by the address and port that the server sees us at; else it leaves without a
// word. A kill that finds the connection idle does nothing there (MariaDB), or ends the next statement: the connection
// runs an empty one after each request.
#pragma once

#include "driver/cancel_request.hpp"
#include "driver/drivers.hpp"

#include <string>

namespace ashlar::driver::mysql {

class canceller final : public cancel_request {
public:
    // `number` is connection_id(), `seen_at` the HOST of our line in the server's process list.
    canceller(mysql_options where, std::string number, std::string seen_at)
        : where_(std::move(where)), number_(std::move(number)), seen_at_(std::move(seen_at)) {}

private:
    void carry_out() const noexcept override;

    const mysql_options where_;
    const std::string number_;
    const std::string seen_at_;
};

}  // namespace ashlar::driver::mysql
