// server_driver.hpp: a driver whose connections are server_links, so that the same pools lend them to
// the relay and to plans that scatter.
#pragma once

#include "driver/connection.hpp"
#include "driver/pgwire/server_link.hpp"

#include <memory>

namespace ashlar::driver::pgwire {

// Does no I/O. Fails with config_invalid for an sslmode that cannot be kept (see server_target.hpp).
result<std::shared_ptr<driver>> make_server_driver(server_options options);

// The link behind a lease of a pool made with such a driver; nullptr for a connection of any other kind
// (SQLite, libpq). The one place that looks behind connection: the relay needs bytes, which the
// interface hides on purpose.
inline server_link* server_link_of(connection& lent) noexcept {
    return dynamic_cast<server_link*>(&lent);
}

}  // namespace ashlar::driver::pgwire
