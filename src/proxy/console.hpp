// console.hpp: the admin console: what a client of the databases `ashlar` and `pgbouncer` talks to, by the simple and the
// extended protocol. It reads and answers messages; what may be said is in console_commands.hpp, what is shown in
// console_views.hpp.
//
// Transactions  BEGIN, COMMIT and ROLLBACK are answered, since drivers send them; they do nothing.
// Bounds        message_max for a message, statements_max prepared, portals_max open, view_rows_max rows of a view.
// Owner         A session, on its worker's thread. `stream` outlives it.
#pragma once

#include "proxy/client_stream.hpp"
#include "proxy/console_commands.hpp"
#include "proxy/console_views.hpp"
#include "wire/client_messages.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ashlar::proxy {

class worker;

class console {
public:
    static constexpr std::size_t message_max = 64 * 1024, statements_max = 100, portals_max = 10;
    static constexpr std::size_t clients_max = 64;  // of one proxy, beside those of max_client_conn

    console(worker& home, const service& shared, client_stream& stream, bool is_admin)
        : home_(home), shared_(shared), stream_(stream), is_admin_(is_admin) {}

    // Serves the client to its end, which is success when it said so.
    task<status> serve();

private:
    struct portal {
        console_command command;
        std::vector<cell_format> formats;
        std::optional<view> shown;  // once it was executed
        std::size_t next = 0;       // row
        cell_format format_of(std::size_t column) const noexcept;
    };

    task<status> take(client_message m);
    task<status> on_query(std::string text);
    task<status> run(console_command what);
    task<status> on_execute(std::string name, std::uint32_t rows_max);
    status on_parse(std::string_view body);
    status on_bind(std::string_view body);
    status on_describe(std::string_view body);
    status on_close(std::string_view body);

    task<result<view>> look(const console_command what);
    task<status> send_rows(portal& from, std::uint32_t rows_max);
    status may_run(const console_command& what) const;
    task<status> carry_out(console_command what);  // one without rows
    void answer(const console_command& what);      // the same, where nothing has to be waited for
    static bool has_rows(const console_command& what) noexcept;
    static columns shape_of(const console_command& what);
    void describe(const console_command& what, const portal* formats);
    void ready();

    worker& home_;
    const service& shared_;
    client_stream& stream_;
    const bool is_admin_;
    bool in_block_ = false, failed_ = false;
    bool skipping_ = false;  // after an error, to the next Sync
    std::map<std::string, console_command, std::less<>> statements_;
    std::map<std::string, portal, std::less<>> portals_;
};

}  // namespace ashlar::proxy
