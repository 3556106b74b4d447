#include "cli/load/journal.hpp"
#include "core/errno_text.hpp"

#include <ashlar/types.hpp>

#include <fmt/chrono.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace ashlar::cli::load {

namespace {

error failed_to(const std::string& what) {
    return error{errc::io_failure, what + ": " + errno_text(errno)};
}

nlohmann::json to_json(const journal_head& h, const std::string& id) {
    return {{"load", id}, {"table", h.table}, {"style", h.style}, {"columns", h.columns}, {"targets", h.targets}};
}

// The folder's entry is durable only once the folder is.
void sync_folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    ::fsync(fd);
    ::close(fd);
}

}  // namespace

journal::~journal() {
    if (fd_ >= 0) ::close(fd_);
}

status journal::open(const std::string& path, const journal_head& what, bool restart) {
    path_ = path;
    fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) {
        return failed_to("the journal " + path + " cannot be made").hint("--journal names another place for it.");
    }
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
        return error{errc::invalid_argument, "another load of this file into this table is under way"}.detail(
            "It holds the lock of " + path + ".");
    }
    if (restart && ::ftruncate(fd_, 0) != 0) return failed_to(path);
    if (status s = read(what); !s) return s;
    if (!id_.empty()) return {};
    return begin(what);
}

status journal::begin(const journal_head& what) {
    id_ = uuid::random().to_string();
    resumes_ = false;
    finished_.reset();
    bad_rows_.clear();
    bad_file_length_ = 0;
    if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) != 0) return failed_to(path_);
    if (status s = append(to_json(what, id_).dump()); !s) return s;
    sync_folder_of(path_);
    return {};
}

// A last line without its end was torn when the process ended, and says nothing.
status journal::read(const journal_head& what) {
    std::string all;
    char buffer[16 * 1024];
    for (ssize_t n = 0; (n = ::pread(fd_, buffer, sizeof buffer, static_cast<off_t>(all.size()))) > 0;) {
        all.append(buffer, static_cast<std::size_t>(n));
    }
    const auto last = all.rfind('\n');
    if (last == std::string::npos) return {};  // nothing, or a torn head: no row went in yet
    if (::ftruncate(fd_, static_cast<off_t>(last + 1)) != 0) return failed_to(path_);
    ::lseek(fd_, 0, SEEK_END);
    bool head = true, of_this = false;
    for (std::size_t at = 0; at <= last;) {
        const auto end = all.find('\n', at);
        const auto json = nlohmann::json::parse(all.begin() + static_cast<std::ptrdiff_t>(at),
                                                all.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
        at = end + 1;
        if (!json.is_object()) return error{errc::io_failure, path_ + " is not the journal of a load"};
        if (head) {
            id_ = json.value("load", "");
            of_this = !id_.empty() && json == to_json(what, id_);
            head = false;
            resumes_ = true;
            continue;
        }
        if (json.contains("finished")) {
            finished_ =
                ending{json.value("file", ""), json.value("finished", ""), json.value("rows", std::uint64_t{0})};
            continue;
        }
        bad_rows_[json.value("bad", std::uint64_t{0})] = json.value("reason", "");
        bad_file_length_ = json.value("length", std::uint64_t{0});
    }
    if (of_this) return {};
    if (finished_) return begin(what);
    return error{errc::invalid_argument, "an unfinished load of this file was of something else"}
        .detail(path_ + " names another table, format, list of columns or set of databases.")
        .hint("Finish it with its own options, or give --restart to forget it: rows that it has loaded stay.");
}

status journal::append(const std::string& line) {
    const std::string whole = line + "\n";
    std::string_view rest = whole;
    while (!rest.empty()) {
        const ssize_t n = ::write(fd_, rest.data(), rest.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return failed_to("the journal " + path_ + " cannot be written");
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fdatasync(fd_) != 0) return failed_to("the journal " + path_ + " cannot be written");
    return {};
}

status journal::note_bad_row(std::uint64_t line, const std::string& reason, std::uint64_t bad_file_length) {
    const nlohmann::json json{{"bad", line}, {"reason", reason}, {"length", bad_file_length}};
    bad_rows_[line] = reason;
    bad_file_length_ = bad_file_length;
    return append(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

status journal::finish(const std::string& file, std::uint64_t rows) {
    const std::string now = fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::time(nullptr)));
    finished_ = ending{file, now, rows};
    return append(nlohmann::json{{"finished", now}, {"file", file}, {"rows", rows}}.dump());
}

}  // namespace ashlar::cli::load
