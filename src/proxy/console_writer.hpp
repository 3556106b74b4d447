// console_writer.hpp: rows of the console's views, cell by cell, and what several views write alike. For the views alone.
#pragma once

#include "core/time_text.hpp"
#include "proxy/console_views.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::proxy {

class view_writer {
public:
    explicit view_writer(view& to) : to_(to) {}
    view_writer& text(std::string_view value) {
        to_.rows.add(value);
        return *this;
    }
    template <class Number>
    view_writer& number(Number value) {
        to_.rows.add(fmt::format("{}", value));
        return *this;
    }
    view_writer& time(wall_time when) {
        return text(fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(when))));
    }
    // A span as two columns.
    view_writer& split(microseconds span) { return number(span.count() / 1'000'000).number(span.count() % 1'000'000); }
    view_writer& null(int cells = 1) {
        for (int i = 0; i < cells; ++i) to_.rows.add(std::nullopt);
        return *this;
    }
    view_writer& zero(int cells = 1) {
        for (int i = 0; i < cells; ++i) to_.rows.add("0");
        return *this;
    }
    void end() { to_.rows.end_row(); }
    // Is there room for a row?
    bool has_room() {
        if (to_.rows.rows() < view_rows_max) return true;
        ++to_.left_out;
        return false;
    }

private:
    view& to_;
};

inline std::string joined(const std::vector<std::string>& names) {
    return fmt::format("{}", fmt::join(names, ", "));
}

inline std::string_view role_of(const topology::server_state& state) {
    return state.writer ? "writing" : "reading";
}

inline std::string address_of(const config::endpoint& where) {
    return where.engine == config::engine::sqlite ? std::string{} : where.host;
}

inline int port_of(const config::endpoint& where) {
    if (where.port != 0) return where.port;
    return where.engine == config::engine::postgres ? 5432 : 0;
}

// The user of a server's pool.
inline view_writer& user_of(view_writer& out, const config::endpoint& where) {
    return where.user.empty() ? out.null() : out.text(where.user);
}

inline std::string pointer_of(const service& in, const held_server& held) {
    const topology::server& server = in.place(held.place).servers->servers()[held.server];
    return held.process == 0 ? server.name : fmt::format("{}#{}", server.name, held.process);
}

inline wall_time to_wall(const snapshot& from, instant when) {
    return from.wall - std::chrono::duration_cast<std::chrono::system_clock::duration>(from.now - when);
}

}  // namespace ashlar::proxy
