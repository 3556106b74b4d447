#include "driver/postgres/canceller.hpp"

#include "core/io/blocking_threads.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>

namespace ashlar::driver::postgres {

namespace {

constexpr std::chrono::seconds patience{1};  // for each of: connected, closed by the server

}  // namespace

std::shared_ptr<canceller> canceller::make(int fd, std::string_view trace) {
    auto c = std::make_shared<canceller>();
    c->address_size_ = sizeof c->address_;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&c->address_), &c->address_size_) != 0) return c;
    constexpr std::string_view name = "BackendKeyData\t ";
    const std::size_t at = trace.find(name);
    if (at == std::string_view::npos) return c;
    std::int32_t numbers[2] = {};
    const char* from = trace.data() + at + name.size();
    const char* const end = trace.data() + trace.size();
    for (std::int32_t& n : numbers) {
        const auto read = std::from_chars(from, end, n);
        if (read.ec != std::errc{}) return c;
        from = read.ptr + (read.ptr != end ? 1 : 0);
    }
    c->process_ = static_cast<std::uint32_t>(numbers[0]);
    c->key_ = static_cast<std::uint32_t>(numbers[1]);
    c->has_key_ = true;
    return c;
}

void canceller::carry_out() const noexcept {
    if (!has_key_) return;
    const int fd = ::socket(address_.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    const int begun = ::connect(fd, reinterpret_cast<const sockaddr*>(&address_), address_size_);
    if ((begun == 0 || errno == EINPROGRESS) && io::blocks_until_writable(fd, patience)) {
        const std::array<std::uint32_t, 4> request{htonl(16), htonl(80877102), htonl(process_), htonl(key_)};
        if (::send(fd, request.data(), sizeof request, MSG_NOSIGNAL) == sizeof request) {
            (void)io::blocks_until_readable(fd, patience);  // nothing comes but the end of the stream
        }
    }
    ::close(fd);
}

}  // namespace ashlar::driver::postgres
