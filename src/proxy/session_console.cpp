// The way to the admin console: who may, under which names it goes, and what it greets with.
#include "proxy/console.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

#include "core/version.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::proxy {

namespace {

bool among(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

server_parameters greeting_of_console(std::string_view application) {
    return {{"server_version", fmt::format("15.0 (Ashlar {})", version())},
            {"server_encoding", "UTF8"},
            {"client_encoding", "UTF8"},
            {"application_name", std::string{application}},
            {"DateStyle", "ISO"},
            {"TimeZone", "UTC"},
            {"integer_datetimes", "on"},
            {"is_superuser", "off"},
            {"standard_conforming_strings", "on"}};
}

}  // namespace

// The database that is served keeps its name, whatever it is.
bool session::is_console_name(std::string_view database) const noexcept {
    return database != shared_.settings().database && (database == "ashlar" || database == "pgbouncer");
}

// Start-up parameters mean nothing to it, so that none is refused.
task<status> session::log_in_to_console(const wire::startup_request& start) {
    const config::serve_settings& how = shared_.settings();
    if (!among(how.admin_users, user_) && !among(how.stats_users, user_)) {
        co_return error{errc::login_failed, fmt::format("user \"{}\" may not use the console", user_)}
            .sqlstate("42501")
            .hint("Name it in serve.admin_users or serve.stats_users.");
    }
    if (shared_.counts.consoles.fetch_add(1) >= console::clients_max) {
        shared_.counts.consoles.fetch_sub(1);
        co_return error{errc::too_many_clients,
                        fmt::format("sorry, too many clients of the console already ({})", console::clients_max)};
    }
    logged_in_ = console_ = true;
    home_.no_stranger(*this);
    reported_ = std::make_shared<const server_parameters>(greeting_of_console(start.find("application_name")));
    co_return co_await greet();
}

task<status> session::serve_console() {
    console one{home_, shared_, stream_, among(shared_.settings().admin_users, user_)};
    co_return co_await one.serve();
}

}  // namespace ashlar::proxy
