// raw_client.hpp: a client of PostgreSQL's protocol, message by message, for tests that must decide what goes out in which
// packet and see exactly what comes back. Blocking; every wait ends after `patience` by throwing std::runtime_error.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::test {

struct said {
    char type = 0;
    std::string body;
};

class raw_client {
public:
    struct options {
        std::uint16_t port = 0;
        std::string user = "postgres", password, database = "postgres";
        std::map<std::string, std::string> parameters;
        std::chrono::milliseconds patience{60'000};
        options() = default;
    };

    // Connects and logs in (trust or SCRAM), or throws with the server's message.
    explicit raw_client(options how);
    // Connects only.
    static raw_client unconnected(options how);
    ~raw_client();
    raw_client(raw_client&& other) noexcept;
    raw_client(const raw_client&) = delete;

    void send(std::string_view bytes);
    std::optional<said> receive();  // nullopt: the other side closed
    std::string receive_bytes(std::size_t count);
    std::vector<said> until_ready();  // up to and with ReadyForQuery, or the end of the stream
    void close();                     // orderly, without Terminate
    void reset();                     // RST
    bool is_closed_by_peer();         // has the stream ended? Waits for it.

    // Query, and what came back in short: "T(aid,abalance) D(1,0) C(SELECT 1) Z(I)", errors as "E(42P01)".
    std::string query(std::string_view sql);
    // The same for messages that are ready made and end in a Sync or Query; `turns` ReadyForQuery are awaited.
    std::string talk(std::string_view messages, int turns = 1);
    static std::string in_short(const std::vector<said>& messages);

    const std::map<std::string, std::string>& parameters() const noexcept { return parameters_; }
    std::uint32_t process() const noexcept { return process_; }
    void cancel() const;  // on a connection of its own; returns when that was closed

private:
    struct bare {};
    raw_client(options how, bare);
    void log_in();

    options how_;
    int socket_ = -1;
    std::string in_;
    std::map<std::string, std::string> parameters_;
    std::uint32_t process_ = 0;
    std::string secret_;
};

}  // namespace ashlar::test
