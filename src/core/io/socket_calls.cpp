#include "core/io/socket_calls.hpp"

#include "core/io/secure_channel.hpp"

namespace ashlar::io::detail {

namespace {

// Ended, and not by moving bytes; or it must wait, perhaps for the other direction.
attempt other_than_moved(operation& op, const attempted& what) noexcept {
    using enum attempted::outcome;
    switch (what.what) {
        case needs_read:
        case needs_write:
            op.crossed = (what.what == needs_write) == (op.direction == interest::readable);
            return attempt::would_block;
        case failed:
            op.error_number = what.error_number != 0 ? what.error_number : EPROTO;
            return attempt::ended;
        default:
            return attempt::ended;
    }
}

}  // namespace

attempt try_receive_through(operation& op) noexcept {
    op.crossed = false;
    const attempted got = op.through->receive({op.data, op.size});
    if (got.what != attempted::outcome::moved) return other_than_moved(op, got);
    op.done = got.count;
    op.drained = op.through->has_drained();
    return attempt::ended;
}

attempt try_send_through(operation& op) noexcept {
    op.crossed = false;
    while (op.done < op.size) {
        const attempted sent = op.through->send({op.data + op.done, op.size - op.done});
        if (sent.what == attempted::outcome::ended) op.error_number = EPIPE;
        if (sent.what != attempted::outcome::moved) return other_than_moved(op, sent);
        op.done += sent.count;
    }
    return attempt::ended;
}

}  // namespace ashlar::io::detail
