// health.cpp: how the servers of a cluster stand, asked once, and told when it changes.
//
//     health ashlar.toml          a line for each server; 1 when one is not healthy
#include <ashlar/ashlar.hpp>

#include <cstdio>
#include <string>

using ashlar::server_health;

namespace {

std::string line_of(const server_health& each) {
    std::string line = each.server + (each.role == ashlar::server_role::writing ? " writes" : " is read from");
    line += each.healthy ? ", healthy" : ", unhealthy: " + each.problem;
    line += ", " + std::to_string(each.connections.active) + " of " + std::to_string(each.connections.max) + " in use";
    return line;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 2) throw std::runtime_error("usage: health ashlar.toml");
        ashlar::cluster_options options;
        options.on_health_change = [](const server_health& each) {  // once, when it has lasted for alerts.after
            std::fprintf(stderr, "%s is %s\n", each.server.c_str(), each.healthy ? "well again" : each.problem.c_str());
        };
        const ashlar::cluster shop = ashlar::cluster::open(argv[1], options).value();
        int unhealthy = 0;
        for (const server_health& each : shop.check_all()) {  // asks all servers now, two seconds at most
            std::printf("%s\n", line_of(each).c_str());
            unhealthy += each.healthy ? 0 : 1;
        }
        return unhealthy == 0 ? 0 : 1;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
