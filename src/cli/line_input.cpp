#include "cli/line_input.hpp"

#include <editline/readline.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>

namespace ashlar::cli {

namespace {

constexpr int lines_kept = 2'000;

}  // namespace

std::string default_history_file() {
    const char* home = std::getenv("HOME");
    return home != nullptr && *home != '\0' ? std::string{home} + "/.ashlar_history" : "";
}

line_input::line_input(bool is_person, std::string history_file)
    : is_person_(is_person), history_file_(std::move(history_file)) {
    if (!is_person_) return;
    using_history();
    stifle_history(lines_kept);
    if (!history_file_.empty()) (void)read_history(history_file_.c_str());
}

line_input::~line_input() {
    if (!is_person_ || history_file_.empty()) return;
    const mode_t before = ::umask(0077);
    (void)write_history(history_file_.c_str());
    ::umask(before);
}

std::optional<std::string> line_input::next(const std::string& prompt) {
    if (!is_person_) {
        std::string line;
        if (!std::getline(std::cin, line)) return std::nullopt;
        return line;
    }
    std::fflush(stdout);
    const std::unique_ptr<char, decltype(&std::free)> line{::readline(prompt.c_str()), &std::free};
    if (!line) return std::nullopt;
    if (line.get()[0] != '\0') add_history(line.get());
    return std::string{line.get()};
}

}  // namespace ashlar::cli
