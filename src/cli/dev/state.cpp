#include "cli/dev/state.hpp"
#include "core/errno_text.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace ashlar::cli::dev {

namespace {

std::string file_of(const std::string& folder) {
    return folder + "/dev.json";
}

}  // namespace

bool has_state(const std::string& folder) {
    return ::access(file_of(folder).c_str(), F_OK) == 0;
}

result<state> read_state(const std::string& folder) {
    std::ifstream in{file_of(folder)};
    if (!in) {
        return error{errc::io_failure, "`ashlar dev` has made nothing in " + folder}.hint(
            "There is no dev.json in it. `ashlar dev start " + folder + "` makes a cluster.");
    }
    const auto json = nlohmann::json::parse(in, nullptr, false);
    state what;
    try {
        what.engine = json.at("engine").get<std::string>();
        what.shards = json.at("shards").get<std::uint32_t>();
        what.replicas = json.at("replicas").get<std::uint32_t>();
        what.servers_folder = json.at("servers_folder").get<std::string>();
        for (const auto& each : json.at("servers")) {
            server s;
            s.name = each.at("name").get<std::string>();
            s.replica_of = each.at("replica_of").get<std::string>();
            s.folder = each.at("folder").get<std::string>();
            s.port = each.at("port").get<std::uint16_t>();
            s.process = {each.at("pid").get<pid_t>(), each.at("started").get<std::uint64_t>()};
            what.servers.push_back(std::move(s));
        }
    } catch (const nlohmann::json::exception& broken) {
        return error{errc::io_failure, file_of(folder) + " cannot be read"}.detail(broken.what());
    }
    return what;
}

status write_state(const std::string& folder, const state& what) {
    nlohmann::json json;
    json["engine"] = what.engine;
    json["shards"] = what.shards;
    json["replicas"] = what.replicas;
    json["servers_folder"] = what.servers_folder;
    json["servers"] = nlohmann::json::array();
    for (const server& s : what.servers) {
        json["servers"].push_back({{"name", s.name},
                                   {"replica_of", s.replica_of},
                                   {"folder", s.folder},
                                   {"port", s.port},
                                   {"pid", s.process.pid},
                                   {"started", s.process.started}});
    }
    const std::string to = file_of(folder), part = to + ".new";
    std::ofstream out{part};
    out << json.dump(2) << "\n";
    out.close();
    if (!out || std::rename(part.c_str(), to.c_str()) != 0) {
        return error{errc::io_failure, to + " cannot be written: " + errno_text(errno)};
    }
    return {};
}

}  // namespace ashlar::cli::dev
