#include "core/io/byte_stream.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace ashlar::io {

namespace {

endpoint end_of(int (*ask)(int, sockaddr*, socklen_t*), int descriptor) {
    endpoint out;
    sockaddr_storage where{};
    socklen_t size = sizeof where;
    if (ask(descriptor, reinterpret_cast<sockaddr*>(&where), &size) != 0) return out;
    char text[INET6_ADDRSTRLEN] = "";
    if (where.ss_family == AF_INET) {
        const auto* in = reinterpret_cast<const sockaddr_in*>(&where);
        (void)::inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        out.port = ntohs(in->sin_port);
    } else if (where.ss_family == AF_INET6) {
        const auto* in6 = reinterpret_cast<const sockaddr_in6*>(&where);
        (void)::inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
        out.port = ntohs(in6->sin6_port);
    }
    out.address = text;
    return out;
}

}  // namespace

byte_stream& byte_stream::operator=(byte_stream&& other) noexcept {
    if (this == &other) return *this;
    close();
    loop_ = other.loop_;
    descriptor_ = std::exchange(other.descriptor_, -1);
    channel_ = std::move(other.channel_);
    return *this;
}

void byte_stream::move_to(loop& other) noexcept {
    if (loop_ == &other) return;
    if (descriptor_ >= 0) loop_->forget(descriptor_);
    loop_ = &other;
}

void byte_stream::close() noexcept {
    if (descriptor_ < 0) return;
    if (channel_ != nullptr) channel_->say_end();
    channel_.reset();
    loop_->close(std::exchange(descriptor_, -1));
}

void byte_stream::send_now(std::string_view last) noexcept {
    if (channel_ != nullptr) {
        (void)channel_->send(last);
    } else {
        loop_->send_now(descriptor_, last);
    }
}

std::optional<std::size_t> byte_stream::peek(std::span<char> into) const noexcept {
    if (channel_ == nullptr) return loop_->peek(descriptor_, into);
    const attempted seen = channel_->peek(into);
    using enum attempted::outcome;
    if (seen.what == ended || seen.what == failed) return std::nullopt;
    return seen.what == moved ? seen.count : 0;
}

bool byte_stream::has_news() const noexcept {
    char one = 0;
    const auto seen = peek({&one, 1});
    return !seen || *seen > 0;
}

bool byte_stream::peer_has_closed() const noexcept {
    return loop_->peer_has_closed(descriptor_);
}

bool byte_stream::is_unreachable() const noexcept {
    tcp_info now{};
    socklen_t size = sizeof now;
    if (::getsockopt(descriptor_, IPPROTO_TCP, TCP_INFO, &now, &size) != 0) return false;
    constexpr std::uint32_t patience_ms = 30'000;
    // Probes of a closed window are acknowledged by a living peer, each of which sets the count back.
    const bool unanswered = now.tcpi_retransmits > 1 || now.tcpi_probes > 2;
    return unanswered && now.tcpi_last_ack_recv > patience_ms;
}

void byte_stream::shut_down() noexcept {
    loop_->shut_down(descriptor_);
}

int byte_stream::watch_end() const noexcept {
    return descriptor_ >= 0 ? ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0) : -1;
}

endpoint byte_stream::local() const {
    return end_of(&::getsockname, descriptor_);
}

endpoint byte_stream::peer() const {
    return end_of(&::getpeername, descriptor_);
}

}  // namespace ashlar::io
