#include "cli/terminal.hpp"
#include "core/errno_text.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ashlar::cli {

namespace {

int descriptor_of(stream which) {
    return which == stream::out ? STDOUT_FILENO : STDERR_FILENO;
}

std::string_view code_of(style how) {
    switch (how) {
        case style::bold:
            return "1";
        case style::faint:
            return "2";
        case style::red:
            return "31";
        case style::green:
            return "32";
        case style::yellow:
            return "33";
    }
    return "0";
}

}  // namespace

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

void print_to_stderr(std::string_view text) {
    std::fflush(stdout);
    std::fwrite(text.data(), 1, text.size(), stderr);
}

void print_error(const error& why) {
    std::string text = why.to_string();
    constexpr std::string_view label = "ERROR:";
    if (text.starts_with(label)) text.replace(0, label.size(), styled(label, style::red, stream::err));
    print_to_stderr(text + "\n");
}

bool finish_output() {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return true;
    const int why = errno;
    if (why != EPIPE) print_to_stderr(std::string{"standard output: "} + errno_text(why) + "\n");
    return false;
}

bool is_terminal(stream which) {
    return ::isatty(descriptor_of(which)) == 1;
}

bool wants_colour(stream which) {
    const char* none = std::getenv("NO_COLOR");
    if (none != nullptr && *none != '\0') return false;
    const char* term = std::getenv("TERM");
    if (term != nullptr && std::string_view{term} == "dumb") return false;
    return is_terminal(which);
}

std::size_t terminal_width(stream which) {
    winsize size{};
    if (::ioctl(descriptor_of(which), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

std::string styled(std::string_view text, style how, stream where) {
    if (!wants_colour(where)) return std::string{text};
    return "\033[" + std::string{code_of(how)} + "m" + std::string{text} + "\033[0m";
}

}  // namespace ashlar::cli
