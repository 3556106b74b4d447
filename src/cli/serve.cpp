// `ashlar serve`: the proxy in this process, until SIGINT or SIGTERM.

#include "cli/commands.hpp"
#include "cli/run.hpp"
#include "cli/terminal.hpp"

#include "config/load.hpp"
#include "proxy/server.hpp"
#include "route/key_column.hpp"

#include <fmt/format.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace ashlar::cli {

namespace {

using namespace std::chrono_literals;

// Blocked before any thread is made, so that all inherit it and only this one takes the signal.
sigset_t hold_back_signals() {
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, SIGINT);
    sigaddset(&held, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &held, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    return held;
}

// Another signal while the proxy is stopping ends the process at once: the default of both.
void stop_waiting_on_next_signal(const sigset_t& held) {
    ::signal(SIGINT, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    pthread_sigmask(SIG_UNBLOCK, &held, nullptr);
}

std::string address_of(const config::serve_settings& how, std::uint16_t port) {
    const bool v6 = how.listen_addr.find(':') != std::string::npos;
    return fmt::format("{}:{}", v6 ? "[" + how.listen_addr + "]" : how.listen_addr, port);
}

status check_login(const config::description& what) {
    if (what.serve.auth_type == "trust" || !what.serve.users.empty()) return {};
    return error{errc::config_invalid, what.file + " has no users who could log in"}.hint(
        "Add [serve.users] with name = \"password\"; or on a loopback address, [serve] with auth_type = \"trust\".");
}

}  // namespace

int run_serve(const serve_options& asked) {
    const sigset_t held = hold_back_signals();
    auto what = config::load(asked.config, config::process_environment());
    if (!what) return print_error(what.error()), exit_failed;
    if (asked.port) what->serve.listen_port = *asked.port;
    if (asked.workers) what->serve.workers = *asked.workers;
    if (status s = check_login(*what); !s) return print_error(s.error()), exit_failed;
    const config::serve_settings how = what->serve;

    auto world = topology::world::open(std::move(*what), proxy::driver_for);
    if (!world) return print_error(world.error()), exit_failed;
    proxy::server server{*world};
    if (status s = server.start(); !s) return print_error(s.error()), exit_failed;

    print(fmt::format("Serving database {} on {}, {}. Ctrl-C stops it.\n", how.database, address_of(how, server.port()),
                      how.auth_type));
    if (how.metrics_listen)
        print(fmt::format("Metrics are at http://{}:{}/metrics.\n", how.metrics_listen->host, server.metrics_port()));
    for (const route::key_misfit& each : route::misfits_in(*(*world)->catalogue())) {
        print(fmt::format("Note: {}. Its rows cannot be written. {}\n", each.what, each.hint));
    }
    finish_output();
    int signal = 0;
    sigwait(&held, &signal);
    print(fmt::format("\nStopping: clients may finish their transactions for {} s.\n", asked.grace.count() / 1000));
    finish_output();
    stop_waiting_on_next_signal(held);
    server.stop(asked.grace);
    server.wait();
    const proxy::traffic counts = server.counts();
    print(fmt::format("Stopped. Clients {}, statements {} passed on, {} merged, {} refused.\n", counts.logins,
                      counts.relayed, counts.merged, counts.refused));
    return exit_ok;
}

}  // namespace ashlar::cli
