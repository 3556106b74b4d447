#include "testkit/server_template.hpp"

#include "testkit/programs.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>

namespace ashlar::testkit {

namespace fs = std::filesystem;

namespace {

// Holds other processes off while one of them makes the template.
class file_lock {
public:
    explicit file_lock(const std::string& path) : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
        if (fd_ < 0) throw std::runtime_error("cannot open " + path);
        while (::flock(fd_, LOCK_EX) && errno == EINTR) {
        }
    }
    ~file_lock() { ::close(fd_); }
    file_lock(const file_lock&) = delete;
    file_lock& operator=(const file_lock&) = delete;

private:
    int fd_;
};

}  // namespace

command as_server_user(const std::string& user, std::vector<std::string> arguments,
                       const std::vector<std::string>& without) {
    command what;
    what.arguments = std::move(arguments);
    what.user = user;
    what.folder = "/";
    for (const std::string& name : without) what.environment[name] = "";
    return what;
}

void must(const command& what) {
    const command_result done = run(what);
    if (!done.ok()) throw std::runtime_error(what.arguments[0] + " failed: " + done.describe());
}

void hand_over(const std::string& path, const std::string& user) {
    if (::geteuid() != 0) return;
    const std::optional<user_ids> who = ids_of(user);
    if (!who || ::chown(path.c_str(), who->user, who->group)) throw std::runtime_error("cannot chown " + path);
}

std::string server_template(const std::string& name, const std::string& owner,
                            const std::function<void(const std::string& folder)>& fill) {
    std::string path = "/tmp/ashlar-" + name + "-" + std::to_string(::geteuid());
    file_lock alone{path + ".lock"};
    if (fs::exists(path)) return path;
    std::string unfinished = path + ".unfinished";
    fs::remove_all(unfinished);
    fs::create_directory(unfinished);
    hand_over(unfinished, owner);
    fill(unfinished);
    fs::rename(unfinished, path);
    return path;
}

}  // namespace ashlar::testkit
