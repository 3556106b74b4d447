#include "cli/load/bad_rows.hpp"

#include "cli/table_text.hpp"
#include "cli/terminal.hpp"
#include "core/errno_text.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace ashlar::cli::load {

namespace {

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

bool is_file_of(const std::string& path, std::string_view content) {
    std::ifstream in{path, std::ios::binary};
    if (!in) return false;
    std::ostringstream all;
    all << in.rdbuf();
    return all.str() == content;
}

}  // namespace

bad_rows::~bad_rows() {
    if (fd_ >= 0) ::close(fd_);
}

status bad_rows::open(std::string_view head, bool only_unreadable) {
    only_unreadable_ = only_unreadable;
    if (path_.empty()) return {};
    // Nothing that is not of this load is overwritten. A head by itself is what is left when it ended before any row.
    const bool ours = journal_.bad_file_length() > 0 || is_file_of(path_, head);
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (ours ? 0 : O_EXCL), 0600);
    if (fd_ < 0) {
        const int why = errno;
        error failed{errc::io_failure, path_ + " cannot be made: " + errno_text(why)};
        if (why == EEXIST) failed.hint("It may hold rows that an earlier load set aside. Name another, or remove it.");
        return failed;
    }
    length_ = journal_.bad_file_length();
    if (::ftruncate(fd_, static_cast<off_t>(length_)) != 0 || ::lseek(fd_, 0, SEEK_END) < 0) {
        return error{errc::io_failure, path_ + " cannot be cut: " + errno_text(errno)};
    }
    if (length_ > 0) return {};
    if (!write_all(fd_, head)) return error{errc::io_failure, path_ + " cannot be written: " + errno_text(errno)};
    length_ = head.size();
    return {};
}

status bad_rows::set_aside(const place& where, const std::string& reason) {
    const std::lock_guard hold{guard_};
    const std::string said = fmt::format("line {}: {}", where.line, printable(reason));
    if (fd_ < 0) {
        return error{errc::bad_value, said}.hint(
            "Mend the row and run the same command again, which goes on where it stopped; or give --bad-rows FILE to "
            "set "
            "such rows aside.");
    }
    if (journal_.bad_rows().size() >= most_) {
        return error{errc::limit_reached, fmt::format("more than {} rows are bad; the last at {}", most_, said)}.hint(
            "--bad-rows-max allows more.");
    }
    std::string raw{data_.substr(where.begin, where.end - where.begin)};
    if (!raw.ends_with('\n')) raw += '\n';
    if (!write_all(fd_, raw) || ::fdatasync(fd_) != 0) {
        return error{errc::io_failure, path_ + " cannot be written: " + errno_text(errno)};
    }
    length_ += raw.size();
    print_to_stderr(said + "\n");
    return journal_.note_bad_row(where.line, reason, length_);
}

status bad_rows::set_aside_unreadable(const place& where, const std::string& reason) {
    return set_aside(where, reason);
}

status bad_rows::set_aside_refused(const place& where, const std::string& reason) {
    if (!only_unreadable_ || fd_ < 0) return set_aside(where, reason);
    return error{errc::bad_value, fmt::format("line {}: {}", where.line, printable(reason))}.hint(
        "A row of a reference table is not set aside, for other shards may have taken it. Mend it and run the same "
        "command "
        "again.");
}

std::set<std::uint64_t> bad_rows::earlier() const {
    const std::lock_guard hold{guard_};
    std::set<std::uint64_t> lines;
    for (const auto& [line, reason] : journal_.bad_rows()) lines.insert(line);
    return lines;
}

std::uint64_t bad_rows::count() const {
    const std::lock_guard hold{guard_};
    return journal_.bad_rows().size();
}

}  // namespace ashlar::cli::load
