// COPY FROM STDIN: the client's rows go to the server as they come, and the server may break in at any time.
#include "core/io/task_group.hpp"
#include "proxy/session.hpp"
#include "wire/client_messages.hpp"

namespace ashlar::proxy {

namespace {

// How long a server may take to tell that it has failed, once the client behaves as if it had.
constexpr seconds verdict_time{5};

task<bool> server_said(io::byte_stream& server, deadline until) {
    status heard = co_await server.wait_until_readable(until);
    co_return heard || heard.error() != errc::deadline_passed;
}

task<bool> client_said(io::byte_stream& client) {
    (void)co_await client.wait_until_readable();
    co_return false;
}

}  // namespace

// Feeds the server until the rows have ended (true), or it has something to say (false). Then the client's stream is at the
// beginning of a message.
task<result<bool>> session::copy_in(server_link& link, copy_feed& feed) {
    for (;;) {
        const std::string_view rest = stream_.rest();
        const copy_feed::step now = feed.look(rest);
        if (now.pass > 0) {
            result<std::size_t> sent = co_await link.stream().send(rest.substr(0, now.pass));
            stream_.take(now.pass);
            if (!sent) {
                link.mark_broken();
                status ended = co_await end_message(link, feed);
                if (!ended) co_return std::move(ended).error();
                co_return error{errc::connection_lost, "the server went away during COPY"};
            }
        }
        stream_.take(now.skip);
        switch (now.next) {
            case copy_feed::then::over: {
                if (expected_.empty() || expected_.front().what != expectation::kind::execute) co_return true;
                // The client's Sync comes behind: the server must not wait for it to say how the COPY went.
                std::string flush;
                wire::write_flush(flush);
                result<std::size_t> sent = co_await link.stream().send(flush);
                if (!sent) link.mark_broken();
                co_return true;
            }
            case copy_feed::then::broken:
                co_return error{errc::protocol_violation, "invalid message during COPY"};
            case copy_feed::then::other: {
                const bool failed = co_await server_speaks_first(link, false, deadline{loop_.now() + verdict_time});
                if (failed) co_return false;
                passed_on_ = 0;  // what the client got is whole: it can be told
                co_return error{errc::protocol_violation, "unexpected message during COPY FROM STDIN"};
            }
            case copy_feed::then::more:
            case copy_feed::then::sync:
                break;
        }
        if (now.skip > 0) continue;
        const bool spoke = co_await server_speaks_first(link, true, deadline::never());
        if (spoke) {
            status ended = co_await end_message(link, feed);
            if (!ended) co_return std::move(ended).error();
            co_return false;
        }
        status more = co_await stream_.more(deadline::never());
        if (!more) co_return std::move(more).error();
    }
}

// The rest of a CopyData that has been passed on in part: a server that has failed waits for it too, to skip it.
task<status> session::end_message(server_link& link, copy_feed& feed) {
    while (feed.half_said() > 0) {
        const std::string_view here = stream_.rest().substr(0, feed.half_said());
        if (!here.empty() && !link.is_broken()) {
            result<std::size_t> sent = co_await link.stream().send(here);
            if (!sent) link.mark_broken();
        }
        feed.take(here.size());
        stream_.take(here.size());
        if (feed.half_said() == 0) break;
        status more = co_await stream_.more(deadline::never());
        if (!more) co_return more;
    }
    co_return status{};
}

// Waits for the server, and for the client too if it is to be heeded. True: the server has said something, or is gone.
task<bool> session::server_speaks_first(server_link& link, bool heed_client, deadline until) {
    io::cancel_scope* outer = co_await io::this_scope{};
    io::task_group<bool> both{loop_, outer};
    bool server = false;
    std::exception_ptr thrown;
    try {
        both.start(server_said(link.stream(), until));
        if (heed_client) both.start(client_said(stream_.bytes()));
        const std::optional<bool> first = co_await both.next();
        server = first.value_or(false);
    } catch (...) {
        thrown = std::current_exception();
    }
    co_await both.cancel_and_join();
    if (thrown) std::rethrow_exception(thrown);
    co_return server;
}

}  // namespace ashlar::proxy
