#include "cli/direct.hpp"

#include "topology/world.hpp"

namespace ashlar::cli {

result<std::unique_ptr<driver::connection>> connect_to(io::loop& loop, const config::database& to) {
    auto driver = topology::default_driver(to.primary, to.pool);
    if (!driver) return std::move(driver).error();
    return loop.run((*driver)->connect(loop, deadline::in(to.pool.connect_timeout)));
}

status run_script_on(const config::database& on, std::string text) {
    const auto loop = io::make_poll_loop();
    auto opened = connect_to(*loop, on);
    if (!opened) return std::move(opened).error();
    return loop->run((*opened)->run_script(std::move(text), deadline::never()));
}

}  // namespace ashlar::cli
