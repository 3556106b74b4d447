// silence.hpp: work that is called off when a server it waits for does not answer any more. A stopped server accepts
// connections and says nothing; the monitor finds out, and what waits for it is told here.
#pragma once

#include "core/io/loop.hpp"

#include <ashlar/result.hpp>
#include <ashlar/row.hpp>

#include <functional>
#include <string>

namespace ashlar::detail {

// The name of a silent server that the work waits for; empty: all of them answer. Asked four times a second.
using silent_server = std::function<std::string()>;

// What `work` gives; or, once there is a silent server, connection_lost with its name. The work is cancelled then.
io::task<result<rows>> unless_silent(io::loop& loop, io::task<result<rows>> work, silent_server look);

}  // namespace ashlar::detail
