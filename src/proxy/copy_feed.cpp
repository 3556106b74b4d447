#include "proxy/copy_feed.hpp"

#include "wire/frame_walker.hpp"
#include "wire/message_types.hpp"

#include <algorithm>

namespace ashlar::proxy {

namespace {

// Does the client go on with the COPY?
bool more_follows(std::string_view rest) {
    wire::frame_header head;
    if (wire::read_frame_header(rest, head) != wire::header_state::good) return false;
    return head.type == wire::client_says::copy_data || head.type == wire::client_says::copy_done ||
           head.type == wire::client_says::copy_fail;
}

}  // namespace

copy_feed::step copy_feed::look(std::string_view rest) {
    step out;
    out.pass = std::min(body_left_, rest.size());
    body_left_ -= out.pass;
    while (body_left_ == 0) {
        const std::string_view front = rest.substr(out.pass);
        wire::frame_header head;
        const auto state = wire::read_frame_header(front, head);
        if (state == wire::header_state::partial) return out;
        if (state == wire::header_state::broken) {
            out.next = then::broken;
            return out;
        }
        const std::size_t whole = 5 + std::size_t{head.body_size};
        const std::size_t here = std::min(whole, front.size());
        switch (head.type) {
            case wire::client_says::copy_data:
                has_rows_ = true;
                out.pass += here;
                body_left_ = whole - here;
                continue;
            case wire::client_says::copy_done:
            case wire::client_says::copy_fail:
                if (here < whole) return out;
                out.pass += whole;
                out.next = then::over;
                return out;
            case wire::client_says::flush:
                if (here < whole) return out;
                out.skip = whole;
                return out;
            case wire::client_says::sync:
                if (here < whole) return out;
                if (has_rows_ && !more_follows(front.substr(whole))) {
                    out.next = front.size() == whole ? then::sync : then::other;
                } else {
                    out.skip = whole;
                }
                return out;
            default:
                out.next = then::other;
                return out;
        }
    }
    return out;
}

}  // namespace ashlar::proxy
