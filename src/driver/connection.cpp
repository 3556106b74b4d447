#include "driver/connection.hpp"

namespace ashlar::driver {

task<result<std::unique_ptr<connection>>> driver::join(connection&, deadline) {
    co_return error{errc::unsupported,
                    "transactions over several servers of this engine need two-phase commit, which is "
                    "not there yet"};
}

}  // namespace ashlar::driver
