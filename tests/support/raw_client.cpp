#include "support/raw_client.hpp"

#include "wire/client_messages.hpp"
#include "wire/error_fields.hpp"
#include "wire/login.hpp"
#include "wire/server_messages.hpp"
#include "wire/startup.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>

namespace ashlar::test {

raw_client::raw_client(options how, bare) : how_(std::move(how)) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(how_.port);
    ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
        throw std::runtime_error{std::string{"connect: "} + std::strerror(errno)};
    }
    const int on = 1;
    (void)::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

raw_client::raw_client(options how) : raw_client(std::move(how), bare{}) {
    log_in();
}

raw_client raw_client::unconnected(options how) {
    return raw_client{std::move(how), bare{}};
}

raw_client::raw_client(raw_client&& other) noexcept
    : how_(std::move(other.how_)),
      socket_(std::exchange(other.socket_, -1)),
      in_(std::move(other.in_)),
      parameters_(std::move(other.parameters_)),
      process_(other.process_),
      secret_(std::move(other.secret_)) {}

raw_client::~raw_client() {
    close();
}

void raw_client::close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
}

void raw_client::reset() {
    const linger now{1, 0};
    (void)::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
}

void raw_client::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n < 0) throw std::runtime_error{std::string{"send: "} + std::strerror(errno)};
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

std::string raw_client::receive_bytes(std::size_t count) {
    while (in_.size() < count) {
        pollfd p{socket_, POLLIN, 0};
        if (::poll(&p, 1, static_cast<int>(how_.patience.count())) == 0) {
            throw std::runtime_error{"nothing was received in time"};
        }
        char buffer[65536];
        const ssize_t n = ::recv(socket_, buffer, sizeof buffer, 0);
        if (n <= 0) return {};
        in_.append(buffer, static_cast<std::size_t>(n));
    }
    std::string out = in_.substr(0, count);
    in_.erase(0, count);
    return out;
}

std::optional<said> raw_client::receive() {
    const std::string head = receive_bytes(5);
    if (head.size() < 5) return std::nullopt;
    std::uint32_t size = 0;
    std::memcpy(&size, head.data() + 1, 4);
    said out;
    out.type = head[0];
    out.body = receive_bytes(ntohl(size) - 4);
    return out;
}

std::vector<said> raw_client::until_ready() {
    std::vector<said> out;
    while (auto m = receive()) {
        out.push_back(std::move(*m));
        if (out.back().type == 'Z') break;
    }
    return out;
}

bool raw_client::is_closed_by_peer() {
    while (auto m = receive()) {
    }
    return true;
}

void raw_client::log_in() {
    std::vector<std::pair<std::string, std::string>> start{{"user", how_.user}, {"database", how_.database}};
    for (const auto& [name, value] : how_.parameters) start.emplace_back(name, value);
    std::string out;
    wire::write_startup(out, start);
    send(out);
    wire::login::identity who;
    who.user = how_.user;
    who.password = how_.password;
    wire::login in{std::move(who), wire::random_nonce()};
    for (;;) {
        auto m = receive();
        if (!m) throw std::runtime_error{"closed during login"};
        out.clear();
        if (m->type == 'N' || m->type == 'v') continue;
        auto step = in.take(m->type, m->body, out);
        if (!step) throw std::runtime_error{step.error().to_string()};
        if (*step == wire::login::step::need_keys) {
            const auto& wanted = in.wanted();
            in.give_keys(wire::keys_from_password(how_.password, wanted.salt, wanted.iterations), out);
        }
        send(out);
        if (*step == wire::login::step::logged_in) break;
    }
    for (const auto& [name, value] : in.parameters()) parameters_[name] = value;
    if (in.key()) {
        process_ = in.key()->process;
        secret_ = in.key()->secret;
    }
}

void raw_client::cancel() const {
    raw_client other = unconnected(how_);
    wire::cancel_key key;
    key.process = process_;
    key.secret = secret_;
    std::string out;
    wire::write_cancel_request(out, key);
    other.send(out);
    (void)other.is_closed_by_peer();
}

std::string raw_client::query(std::string_view sql) {
    std::string out;
    wire::write_query(out, sql);
    return talk(out);
}

std::string raw_client::talk(std::string_view messages, int turns) {
    send(messages);
    std::vector<said> all;
    for (int i = 0; i < turns; ++i) {
        auto some = until_ready();
        all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
    }
    return in_short(all);
}

std::string raw_client::in_short(const std::vector<said>& messages) {
    std::string out;
    for (const said& m : messages) {
        if (!out.empty()) out += ' ';
        out += m.type;
        switch (m.type) {
            case 'E':
            case 'N': {
                auto read = wire::read_error_fields(m.body);
                out += '(' + (read ? read->sqlstate : std::string{"?"}) + ')';
                break;
            }
            case 'T': {
                auto read = wire::read_row_description(m.body);
                out += '(';
                if (read) {
                    for (const column& c : *read) {
                        if (out.back() != '(') out += ',';
                        out += c.name + ":" + std::to_string(c.type) + (c.format == cell_format::binary ? "b" : "");
                    }
                }
                out += ')';
                break;
            }
            case 'D': {
                row_batch batch;
                std::uint16_t width = 0;
                std::memcpy(&width, m.body.data(), 2);
                width = ntohs(width);
                (void)wire::read_data_row(m.body, width, batch);
                out += '(';
                for (std::size_t i = 0; i < width && batch.rows() == 1; ++i) {
                    if (i > 0) out += ',';
                    const cell c = batch.at(0, i);
                    out += c ? std::string{*c} : std::string{"NULL"};
                }
                out += ')';
                break;
            }
            case 't': {
                auto read = wire::read_parameter_description(m.body);
                out += '(';
                if (read) {
                    for (const std::uint32_t type : *read) out += (out.back() == '(' ? "" : ",") + std::to_string(type);
                }
                out += ')';
                break;
            }
            case 'C':
                out += '(' + m.body.substr(0, m.body.size() - 1) + ')';
                break;
            case 'S': {
                auto read = wire::read_parameter_status(m.body);
                if (read) out += '(' + std::string{read->name} + '=' + std::string{read->value} + ')';
                break;
            }
            case 'Z':
            case 'd':
                out += '(' + m.body + ')';
                break;
            default:
                break;
        }
    }
    return out;
}

}  // namespace ashlar::test
