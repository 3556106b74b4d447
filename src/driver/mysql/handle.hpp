// handle.hpp: libmariadb's MYSQL, made ready to connect, and one of its calls under way. Shared by connections and by the
// canceller's short sessions.
//
// libmariadb's non-blocking calls run on a stack of their own: …_start returns what to wait for, …_cont goes on, and 0 says
// that the call has ended. Four of its habits are dealt with here:
//  - it leaves a TCP socket in blocking mode, and reads TLS from it as if it were not: who connects sets O_NONBLOCK again;
//  - a call that is to be given up cannot be dropped, for its stack owns memory: it is made to fail instead;
//  - where it would wait by itself (a TLS handshake, a farewell into a full socket) it asks us, and waits no longer than
//    the caller of may_block said, or not at all;
//  - it asks OpenSSL what went wrong (SSL_get_error) without emptying the thread's queue of errors first, as OpenSSL demands:
//    after the error of one connection, every other TLS connection of the thread whose answer is not there yet would be
//    taken for lost. So the queue is emptied before each of its calls that may read or write.
#pragma once

#include "core/assert.hpp"
#include "core/io/loop.hpp"
#include "driver/drivers.hpp"

#include <mysql.h>

#include <functional>
#include <memory>

namespace ashlar::driver::mysql {

// Before libmariadb reads or writes on this thread.
void forget_tls_errors() noexcept;

struct handle_closer {
    void operator()(MYSQL* m) const noexcept {
        forget_tls_errors();
        mysql_close(m);
    }
};
using handle = std::unique_ptr<MYSQL, handle_closer>;

// Not connected yet. `patience` bounds each of: connecting, and in blocking use a single read or write.
// Fails with invalid_argument for an option that is not known, and with io_failure when memory is short.
enum class use { blocking, non_blocking };
result<handle> make_handle(const mysql_options& where, seconds patience, use how);

// Begins or does the connect: the arguments of mysql_real_connect out of the options.
MYSQL* connect_blocking(MYSQL* m, const mysql_options& where);
int begin_connect(MYSQL** done, MYSQL* m, const mysql_options& where);

// After the connect: fails when `ssl_mode` asks for more than was agreed on.
status check_encryption(MYSQL* m, const mysql_options& where);

// The socket, from now on in non-blocking mode.
void stop_blocking(MYSQL* m) noexcept;

// While it lives, libmariadb may wait on this thread, until then; not "never".
class may_block {
public:
    explicit may_block(deadline until) noexcept;
    ~may_block();
    may_block(const may_block&) = delete;
    may_block& operator=(const may_block&) = delete;
};

// A non-blocking call under way. The values it was begun with stay where they are until it has ended.
class call {
public:
    // `begin` is a …_start, `go_on` its …_cont with the events that came.
    template <class Begin, class GoOn>
    void begin(Begin begin, GoOn go_on) {
        ASHLAR_ASSERT(ended());
        go_on_ = go_on;
        forget_tls_errors();
        waits_ = begin();
    }
    bool ended() const noexcept { return waits_ == 0; }
    io::interest waits_for() const noexcept {
        return (waits_ & MYSQL_WAIT_WRITE) != 0 ? io::interest::writable : io::interest::readable;
    }
    void go_on() {
        forget_tls_errors();
        waits_ = go_on_(waits_ & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE));
    }
    // Breaks the connection, so that the call ends now, and as one that failed.
    void give_up(MYSQL* of) noexcept;

private:
    std::function<int(int)> go_on_;
    int waits_ = 0;
};

}  // namespace ashlar::driver::mysql
