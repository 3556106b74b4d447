// `ashlar serve`: the proxy in this process, until SIGINT or SIGTERM. Other signals that operators send to a pooler are
// logged, and never end it.

#include "cli/commands.hpp"
#include "cli/notify.hpp"
#include "cli/run.hpp"
#include "cli/terminal.hpp"

#include "config/load.hpp"
#include "core/event_log.hpp"
#include "proxy/server.hpp"
#include "route/key_column.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace ashlar::cli {

namespace {

using namespace std::chrono_literals;

// Blocked before any thread is made, so that all inherit it and only this one takes the signal.
sigset_t hold_back_signals() {
    sigset_t held;
    sigemptyset(&held);
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&held, each);
    pthread_sigmask(SIG_BLOCK, &held, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    return held;
}

// Another SIGINT or SIGTERM while the proxy is stopping ends the process at once: the default of both.
void stop_waiting_on_next_signal() {
    sigset_t ends;
    sigemptyset(&ends);
    for (const int each : {SIGINT, SIGTERM}) {
        sigaddset(&ends, each);
        ::signal(each, SIG_DFL);
    }
    pthread_sigmask(SIG_UNBLOCK, &ends, nullptr);
}

void log_signal(std::string_view name, std::string_view action) {
    log_event(log_level::info, "signal", {{"name", name}, {"action", action}});
}

// The configuration itself is read only at the start.
void reload(proxy::server& server, bool has_certificates) {
    if (!has_certificates) {
        log_signal("SIGHUP", "none: the configuration is read only at the start; restart ashlar to apply changes");
        return;
    }
    if (status s = server.reload_certificates(); !s) {
        spdlog::error("the certificates were not read again, those read before stay: {}", s.error().message());
        return;
    }
    log_signal("SIGHUP",
               "the certificates have been read again; the rest of the configuration is read only at the start");
}

// Waits for a signal that stops the proxy. The others are answered by a line.
void wait_for_end(const sigset_t& held, proxy::server& server, bool has_certificates) {
    for (;;) {
        int signal = 0;
        if (sigwait(&held, &signal) != 0) continue;
        switch (signal) {
            case SIGHUP:
                reload(server, has_certificates);
                break;
            case SIGUSR1:
                log_signal("SIGUSR1", "none: pausing is not available");
                break;
            case SIGUSR2:
                log_signal("SIGUSR2", "none: nothing is paused that could be resumed");
                break;
            default:
                log_signal(signal == SIGINT ? "SIGINT" : "SIGTERM", "stop");
                return;
        }
    }
}

// Ends the process if stopping takes longer than that: a single step of SQLite cannot be interrupted. Its files are as safe
// then as at any other moment.
class end_in_time {
public:
    explicit end_in_time(milliseconds limit)
        : thread_([this, limit] {
              std::unique_lock hold{guard_};
              if (stopped_.wait_for(hold, limit, [this] { return is_stopped_; })) return;
              spdlog::error("a statement could not be interrupted in time; its transaction is not committed");
              spdlog::default_logger()->flush();
              ::_exit(exit_ok);
          }) {}
    ~end_in_time() {
        {
            const std::lock_guard hold{guard_};
            is_stopped_ = true;
        }
        stopped_.notify_all();
        thread_.join();
    }
    end_in_time(const end_in_time&) = delete;
    end_in_time& operator=(const end_in_time&) = delete;

private:
    std::mutex guard_;
    std::condition_variable stopped_;
    bool is_stopped_ = false;
    std::thread thread_;  // last: it uses the others
};

std::string address_of(const config::serve_settings& how, std::uint16_t port) {
    const bool v6 = how.listen_addr.find(':') != std::string::npos;
    return fmt::format("{}:{}", v6 ? "[" + how.listen_addr + "]" : how.listen_addr, port);
}

status check_login(const config::description& what) {
    if (what.serve.auth_type == "trust" || !what.serve.users.empty()) return {};
    return error{errc::config_invalid, what.file + " has no users who could log in"}.hint(
        "Add [serve.users] with name = \"password\"; or on a loopback address, [serve] with auth_type = \"trust\".");
}

log_level level_of(std::string_view word) {
    if (word == "debug") return log_level::debug;
    if (word == "warning") return log_level::warning;
    return word == "error" ? log_level::error : log_level::info;
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
    configure_log(level_of(how.log_level), how.log_format == "json" ? log_format::json : log_format::text);

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
    log_event(log_level::info, "started",
              {{"database", how.database}, {"address", how.listen_addr}, {"port", server.port()}});
    notify_service_manager("READY=1");
    wait_for_end(held, server, how.tls.is_on());
    notify_service_manager("STOPPING=1");
    print(fmt::format("\nStopping: clients may finish their transactions for {} s.\n", asked.grace.count() / 1000));
    finish_output();
    stop_waiting_on_next_signal();
    constexpr milliseconds time_to_interrupt = 5s;
    const end_in_time limit{asked.grace + time_to_interrupt};
    server.stop(asked.grace);
    server.wait();
    const proxy::traffic counts = server.counts();
    print(fmt::format("Stopped. Clients {}, statements {} sent to one database, {} merged, {} refused.\n",
                      counts.logins, counts.relayed, counts.merged, counts.refused));
    return exit_ok;
}

}  // namespace ashlar::cli
