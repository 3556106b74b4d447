// check.hpp: how all servers of a cluster stand, asked at once.
#pragma once

#include "cluster/cluster_inside.hpp"

#include <ashlar/health.hpp>

#include <memory>
#include <vector>

namespace ashlar::detail {

io::task<std::vector<server_health>> check_all(io::loop& loop, std::shared_ptr<cluster_inside> inside);

}  // namespace ashlar::detail
