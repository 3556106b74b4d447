#include "cluster/wait_here.hpp"

#include <memory>

namespace ashlar::detail {

io::loop& loop_of_this_thread() {
    thread_local const std::unique_ptr<io::loop> mine = io::make_poll_loop();
    return *mine;  // NOLINT(clang-analyzer-cplusplus.NewDelete): it takes the thread's end for the function's
}

}  // namespace ashlar::detail
