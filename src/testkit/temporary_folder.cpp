#include "testkit/temporary_folder.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <stdexcept>

namespace ashlar::testkit {

namespace fs = std::filesystem;

namespace {

std::string base_folder() {
    const char* given = std::getenv("TMPDIR");
    return given && *given ? given : "/tmp";
}

// Removes ashlar-<pid>-… of processes that are no more.
void sweep_what_the_dead_left() {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator{base_folder(), ignored}) {
        std::string name = entry.path().filename();
        if (!name.starts_with("ashlar-")) continue;
        char* end = nullptr;
        long pid = std::strtol(name.c_str() + 7, &end, 10);
        if (pid <= 0 || *end != '-') continue;
        if (::kill(static_cast<pid_t>(pid), 0) == -1 && errno == ESRCH) fs::remove_all(entry.path(), ignored);
    }
}

std::function<std::optional<std::string>()>& where_logs_are_kept() {
    static std::function<std::optional<std::string>()> where;
    return where;
}

bool is_log(const fs::directory_entry& entry) {
    const std::string name = entry.path().filename();
    std::error_code ignored;
    return entry.is_regular_file(ignored) && (name == "log" || name.ends_with(".log") || name.ends_with(".err"));
}

void copy_logs(const fs::path& from, const fs::path& to) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator{from, ignored}) {
        if (!is_log(entry)) continue;
        fs::create_directories(to, ignored);
        fs::copy_file(entry.path(), to / (from.filename().string() + "-" + entry.path().filename().string()),
                      fs::copy_options::overwrite_existing, ignored);
    }
}

}  // namespace

void keep_logs(std::function<std::optional<std::string>()> where) {
    where_logs_are_kept() = std::move(where);
}

temporary_folder::temporary_folder() {
    static std::once_flag swept;
    std::call_once(swept, sweep_what_the_dead_left);
    std::string pattern = base_folder() + "/ashlar-" + std::to_string(::getpid()) + "-XXXXXX";
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("cannot make a temporary folder: " + pattern);
    path_ = pattern;
}

temporary_folder::~temporary_folder() {
    if (path_.empty()) return;
    if (const auto& where = where_logs_are_kept()) {
        if (const std::optional<std::string> kept = where()) copy_logs(path_, *kept);
    }
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::string temporary_folder::write(const std::string& name, const std::string& content) const {
    std::string path = file(name);
    std::ofstream out{path, std::ios::binary};
    out << content;
    if (!out.flush()) throw std::runtime_error("cannot write " + path);
    return path;
}

std::string read_file(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
}

}  // namespace ashlar::testkit
