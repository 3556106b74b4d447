#include "testkit/programs.hpp"

#include <pwd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string_view>

namespace ashlar::testkit {

namespace fs = std::filesystem;

namespace {

std::optional<fs::path> in_path(const std::string& name) {
    const char* path = std::getenv("PATH");
    std::error_code none;
    for (std::string_view rest = path == nullptr ? "" : path; !rest.empty();) {
        const auto colon = rest.find(':');
        const fs::path folder{rest.substr(0, colon)};
        if (fs::exists(folder / name, none)) return folder;
        rest = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon + 1);
    }
    return std::nullopt;
}

}  // namespace

std::string postgres_programs_folder() {
    int newest = 0;
    std::error_code none;
    for (const auto& each : fs::directory_iterator{"/usr/lib/postgresql", none}) {
        const int version = std::atoi(each.path().filename().c_str());
        if (version > newest && fs::exists(each.path() / "bin/initdb", none)) newest = version;
    }
    if (newest > 0) return "/usr/lib/postgresql/" + std::to_string(newest) + "/bin";
    const auto found = in_path("initdb");
    return found ? found->string() : std::string{};
}

std::string postgres_program(const std::string& name) {
    static const std::string folder = postgres_programs_folder();
    if (folder.empty()) {
        throw std::runtime_error("there is no PostgreSQL server on this machine: install the package postgresql-15");
    }
    return folder + "/" + name;
}

std::string mariadb_program() {
    for (const char* each : {"/usr/sbin/mariadbd", "/usr/local/sbin/mariadbd", "/usr/libexec/mariadbd"}) {
        if (fs::exists(each)) return each;
    }
    if (auto found = in_path("mariadbd")) return *found / "mariadbd";
    throw std::runtime_error("there is no MariaDB server on this machine: install the package mariadb-server-core");
}

std::string user_for_servers(const std::vector<std::string>& one_of) {
    for (const std::string& each : one_of) {
        if (ids_of(each)) return each;
    }
    throw std::runtime_error("servers must not run as root, and this machine has no other user for them");
}

std::optional<user_ids> ids_of(const std::string& user) {
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> texts(16'384);
    if (::getpwnam_r(user.c_str(), &entry, texts.data(), texts.size(), &found) != 0 || found == nullptr) {
        return std::nullopt;
    }
    return user_ids{entry.pw_uid, entry.pw_gid};
}

}  // namespace ashlar::testkit
