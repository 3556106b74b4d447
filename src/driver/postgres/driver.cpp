// The PostgreSQL driver: makes connections without stalling a loop. Names are looked up and logins computed (SCRAM, TLS)
// on worker threads; between, the loop waits for the socket.
#include "core/assert.hpp"
#include "driver/drivers.hpp"
#include "driver/error_map.hpp"
#include "driver/postgres/connection.hpp"
#include "driver/session_defaults.hpp"

#include <netdb.h>

#include <cstdio>
#include <cstdlib>

namespace ashlar::driver {

namespace {

using postgres::connection_handle;

// The numeric addresses of a host, in the order of the system's preference.
result<std::vector<std::string>> look_up(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* first = nullptr;
    const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &first);
    if (code != 0) return error{errc::connect_failed, "the host " + host + " cannot be found: " + ::gai_strerror(code)};
    std::vector<std::string> found;
    for (const addrinfo* a = first; a != nullptr; a = a->ai_next) {
        char text[NI_MAXHOST];
        if (::getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) == 0) {
            found.emplace_back(text);
        }
    }
    ::freeaddrinfo(first);
    if (found.empty()) return error{errc::connect_failed, "the host " + host + " has no address"};
    return found;
}

// What libpq writes down of the messages while it logs in; the password is not among it. Holds the cancel key.
class login_trace {
public:
    explicit login_trace(PGconn* of) : of_(of), file_(::open_memstream(&text_, &size_)) {
        if (file_ == nullptr) return;
        PQtrace(of_, file_);
        // Timestamps come from localtime(), whose one buffer is every thread's, those of the program around us too.
        PQsetTraceFlags(of_, PQTRACE_SUPPRESS_TIMESTAMPS);
    }
    ~login_trace() { stop(); }
    login_trace(const login_trace&) = delete;
    login_trace& operator=(const login_trace&) = delete;

    std::string_view text() {
        if (file_ == nullptr) return {};
        (void)std::fflush(file_);
        return {text_, size_};
    }
    void stop() {
        if (file_ == nullptr) return;
        PQuntrace(of_);
        (void)std::fclose(file_);
        std::free(text_);
        file_ = nullptr;
    }

private:
    PGconn* of_;
    char* text_ = nullptr;
    std::size_t size_ = 0;
    FILE* file_;
};

class postgres_driver final : public driver {
public:
    explicit postgres_driver(postgres_options options) : options_(std::move(options)) {}

    dialect speaks() const noexcept override { return dialect::postgres; }
    std::string describe() const override {
        return "postgres://" + options_.user + "@" + options_.host + ":" + std::to_string(options_.port) + "/" +
               options_.database;
    }
    task<result<std::unique_ptr<connection>>> connect(io::loop& loop, deadline until) override {
        return opener_.open(*this, loop, until);
    }
    void begin_sessions_with(std::shared_ptr<session_defaults> values) override { opener_.use(std::move(values)); }
    task<result<std::unique_ptr<connection>>> connect_with(io::loop& loop, session_values values,
                                                           deadline until) override;

private:
    task<result<std::unique_ptr<connection>>> connect_to(io::loop& loop, std::string address, std::string settings,
                                                         deadline until);
    connection_handle begin(const std::string& address, const std::string& settings) const;
    error refused(PGconn* c) const;

    const postgres_options options_;
    session_opener opener_;
};

// `settings`: as libpq's "options". Of two that name the same the server takes the later.
connection_handle postgres_driver::begin(const std::string& address, const std::string& settings) const {
    std::map<std::string, std::string> words = options_.extra;
    words.try_emplace("application_name", "ashlar");
    words["client_encoding"] = "UTF8";
    words["gssencmode"] = "disable";  // would be tried first, with look-ups of its own
    words["host"] = options_.host;
    if (!address.empty()) words["hostaddr"] = address;
    words["port"] = std::to_string(options_.port);
    if (!options_.user.empty()) words["user"] = options_.user;
    if (!options_.password.empty()) words["password"] = options_.password;
    if (!options_.database.empty()) words["dbname"] = options_.database;
    if (!settings.empty()) {
        std::string& all = words["options"];
        if (!all.empty()) all += ' ';
        all += settings;
    }
    std::vector<const char*> names, values;
    for (const auto& [name, text] : words) {
        names.push_back(name.c_str());
        values.push_back(text.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    return connection_handle{PQconnectStartParams(names.data(), values.data(), 0)};
}

error postgres_driver::refused(PGconn* c) const {
    server_report said = postgres::report_of_connect(PQerrorMessage(c));
    errc code = code_for(said.sqlstate);
    // Of libpq itself: the server has no TLS, or a certificate that does not do. Trying again gives the same.
    const bool is_of_tls = said.message.find("does not support SSL") != std::string::npos ||
                           said.message.find("certificate") != std::string::npos;
    if (code == errc::connect_failed && is_of_tls) code = errc::login_failed;
    error e{code, std::string{facts_of(code).sentence} + ": " + said.message};
    e.server(std::move(said));
    return std::move(e.on(describe()));
}

task<result<std::unique_ptr<connection>>> postgres_driver::connect_to(io::loop& loop, std::string address,
                                                                      std::string settings, deadline until) {
    connection_handle open = begin(address, settings);
    if (open == nullptr) co_return error{errc::connect_failed, "out of memory"};
    if (PQstatus(open.get()) == CONNECTION_BAD) co_return refused(open.get());
    login_trace trace{open.get()};
    PostgresPollingStatusType how = PGRES_POLLING_WRITING;
    while (how != PGRES_POLLING_OK) {
        if (how == PGRES_POLLING_FAILED) co_return refused(open.get());
        const int fd = PQsocket(open.get());
        const io::interest what = how == PGRES_POLLING_READING ? io::interest::readable : io::interest::writable;
        status ready;
        if (fd >= 0) {
            ready = co_await loop.wait(fd, what, until);
            loop.forget(fd);  // libpq may close it and open another
        }
        if (!ready && ready.error() == errc::deadline_passed) {
            error silent{errc::connect_failed, "the server did not answer the login before the deadline"};
            co_return std::move(silent.on(describe()));
        }
        // A socket with an error counts as ready: libpq finds the error, and the words for it.
        auto step = [&] { how = PQconnectPoll(open.get()); };
        co_await loop.run_blocking(std::ref(step));
    }
    PQsetnonblocking(open.get(), 1);
    auto stop = postgres::canceller::make(PQsocket(open.get()), trace.text());
    trace.stop();
    std::unique_ptr<connection> made = std::make_unique<postgres::server_connection>(
        std::move(open), std::move(stop), loop, describe(), std::max<std::size_t>(options_.prepared_statements_max, 1));
    co_return std::move(made);
}

task<result<std::unique_ptr<connection>>> postgres_driver::connect_with(io::loop& loop, session_values values,
                                                                        deadline until) {
    const std::string settings = as_options(values);
    std::vector<std::string> addresses{""};
    const bool needs_look_up =
        !options_.host.empty() && options_.host.front() != '/' && !options_.extra.contains("hostaddr");
    if (needs_look_up) {
        result<std::vector<std::string>> found = error{errc::internal};
        auto work = [&] { found = look_up(options_.host); };
        co_await loop.run_blocking(std::ref(work));
        if (!found) co_return std::move(found).error().on(describe());
        addresses = std::move(*found);
    }
    result<std::unique_ptr<connection>> last = error{errc::connect_failed};
    for (std::string& address : addresses) {
        last = co_await connect_to(loop, std::move(address), settings, until);
        // The next address only helps against one that nobody answers at.
        if (last || !(last.error() == errc::connect_failed) || until.passed(steady_clock::now())) break;
    }
    co_return std::move(last);
}

}  // namespace

std::unique_ptr<driver> make_postgres_driver(postgres_options options) {
    return std::make_unique<postgres_driver>(std::move(options));
}

}  // namespace ashlar::driver
