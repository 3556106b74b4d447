// The MySQL driver: makes connections without stalling a loop. Names are looked up and logins computed on worker threads;
// between, the loop waits for the socket. A TLS handshake is libmariadb's in one piece: it holds a worker until its end, or
// the deadline.
#include "driver/error_map.hpp"
#include "driver/mysql/connection.hpp"
#include "driver/mysql/report.hpp"

#include <errmsg.h>

namespace ashlar::driver {

namespace {

using mysql::handle;

// A connect under way that gives up when nobody waits for it any more.
struct attempt {
    handle to;
    mysql::call call;
    MYSQL* done = nullptr;

    explicit attempt(handle made) : to(std::move(made)) {}
    ~attempt() {
        if (!call.ended()) call.give_up(to.get());
    }
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;
};

class mysql_driver final : public driver {
public:
    explicit mysql_driver(mysql_options options) : options_(std::move(options)) {}

    dialect speaks() const noexcept override { return dialect::mysql; }
    std::string describe() const override {
        const std::string at =
            options_.socket.empty() ? options_.host + ":" + std::to_string(options_.port) : options_.socket;
        return "mysql://" + options_.user + "@" + at + "/" + options_.database;
    }
    task<result<std::unique_ptr<connection>>> connect(io::loop& loop, deadline until) override;

private:
    error refused(MYSQL* m) const;

    const mysql_options options_;
};

// libmariadb ends what it says of a connect with the system's number, which may be of a call long before.
std::string_view without_number(std::string_view message) {
    const std::size_t at = message.rfind(" (");
    return at != std::string_view::npos && message.ends_with(')') ? message.substr(0, at) : message;
}

error mysql_driver::refused(MYSQL* m) const {
    const unsigned number = mysql_errno(m);
    const bool is_of_connecting =
        number == CR_CONNECTION_ERROR || number == CR_CONN_HOST_ERROR || number == CR_UNKNOWN_HOST;
    const std::string_view message = mysql_error(m);
    server_report said =
        mysql::report_of(number, mysql_sqlstate(m), is_of_connecting ? without_number(message) : message);
    errc code = code_for(said.sqlstate);
    // What goes wrong while connecting is told by its consequence.
    if (code == errc::connection_lost || code == errc::protocol_violation || code == errc::server_error) {
        code = errc::connect_failed;
    }
    if (said.sqlstate == "42501") code = errc::login_failed;  // the login is right, and may not use the database
    // A certificate that does not do, or none: trying again gives the same. (A server that is full says so in the handshake, too.)
    const bool is_of_certificates =
        said.engine_code == CR_SSL_CONNECTION_ERROR && (said.message.find("ertificate") != std::string::npos ||
                                                        said.message.find("SSL is required") != std::string::npos);
    if (is_of_certificates) code = errc::login_failed;
    error e{code, std::string{facts_of(code).sentence} + ": " + said.message};
    e.server(std::move(said));
    return std::move(e.on(describe()));
}

task<result<std::unique_ptr<connection>>> mysql_driver::connect(io::loop& loop, deadline until) {
    constexpr seconds longest{3600};
    const auto left = until.is_never() ? nanoseconds{longest} : nanoseconds{until.at() - steady_clock::now()};
    const seconds patience = std::clamp(std::chrono::ceil<seconds>(left), seconds{1}, longest);
    auto made = mysql::make_handle(options_, patience, mysql::use::non_blocking);
    if (!made) co_return std::move(made).error().on(describe());
    attempt a{std::move(*made)};
    MYSQL* const m = a.to.get();
    const deadline blocks_until = earlier(until, deadline::in(patience));
    auto begin = [&] {
        const mysql::may_block here{blocks_until};
        a.call.begin([&] { return mysql::begin_connect(&a.done, m, options_); },
                     [&a, m](int events) { return mysql_real_connect_cont(&a.done, m, events); });
    };
    auto go_on = [&] {
        const mysql::may_block here{blocks_until};
        mysql::stop_blocking(m);
        a.call.go_on();
    };
    co_await loop.run_blocking(std::ref(begin));
    while (!a.call.ended()) {
        const int fd = mysql_get_socket(m);
        status ready = error{errc::connect_failed};
        if (fd >= 0) {
            ready = co_await loop.wait(fd, a.call.waits_for(), until);
            loop.forget(fd);  // libmariadb may close it and open another
        }
        if (!ready) {
            error silent{errc::connect_failed, "the server did not answer the login before the deadline"};
            co_return std::move(silent.on(describe()));
        }
        co_await loop.run_blocking(std::ref(go_on));
    }
    if (a.done == nullptr) co_return refused(m);
    if (status s = mysql::check_encryption(m, options_); !s) co_return std::move(s).error().on(describe());
    auto opened = std::make_unique<mysql::server_connection>(std::move(a.to), loop, options_, describe());
    if (status s = co_await opened->settle(until); !s) {
        error silent{errc::connect_failed, "the server did not answer as one after the login"};
        if (const server_report* said = s.error().server()) silent.server(*said);
        co_return std::move(silent.sqlstate(facts_of(errc::connect_failed).sqlstate).on(describe()));
    }
    std::unique_ptr<connection> ready = std::move(opened);
    co_return std::move(ready);
}

}  // namespace

std::unique_ptr<driver> make_mysql_driver(mysql_options options) {
    return std::make_unique<mysql_driver>(std::move(options));
}

}  // namespace ashlar::driver
