// notify.hpp: tells systemd how the service stands (Type=notify), by the protocol of sd_notify(3). Without a service manager
// (no NOTIFY_SOCKET) it does nothing.
#pragma once

#include <string_view>

namespace ashlar::cli {

// "READY=1", "STOPPING=1", "RELOADING=1", "STATUS=…"; several are separated by line ends.
void notify_service_manager(std::string_view state) noexcept;

}  // namespace ashlar::cli
