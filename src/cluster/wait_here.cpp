#include "cluster/wait_here.hpp"

#include <memory>

namespace ashlar::detail {

io::loop& loop_of_this_thread() {
    thread_local const std::unique_ptr<io::loop> mine = io::make_poll_loop();
    return *mine;
}

}  // namespace ashlar::detail
