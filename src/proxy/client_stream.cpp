#include "proxy/client_stream.hpp"

#include "wire/frame_walker.hpp"
#include "wire/message_types.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace ashlar::proxy {

client_stream::~client_stream() {
    release();
}

client_stream::found client_stream::next(client_message& into) {
    const std::string_view bytes = rest();
    wire::frame_header head;
    switch (wire::read_frame_header(bytes, head)) {
        case wire::header_state::partial:
            return found::part;
        case wire::header_state::broken:
            return found::broken;
        case wire::header_state::good:
            break;
    }
    const std::size_t whole = std::size_t{5} + head.body_size;
    if (whole > message_max) return found::too_long;
    if (bytes.size() < whole) return found::part;
    into.type = head.type;
    into.whole = bytes.substr(0, whole);
    into.body = into.whole.substr(5);
    return found::message;
}

std::string_view client_stream::rest() const noexcept {
    return {buffer_.get() + begin_, end_ - begin_};
}

void client_stream::take(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ == end_) begin_ = end_ = 0;
}

void client_stream::release() noexcept {
    if (buffer_ == nullptr) return;
    if (size_ == buffers::size) memory_.give_back(std::move(buffer_));
    buffer_.reset();
    size_ = begin_ = end_ = 0;
    (void)counted_.set(0);
}

// Room behind what is there: by moving it to the front, else by growing.
status client_stream::make_room() {
    if (buffer_ == nullptr) {
        buffer_ = memory_.borrow();
        size_ = buffers::size;
        return {};
    }
    if (end_ < size_) return {};
    if (begin_ > 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        return {};
    }
    if (status granted = counted_.set(size_ * 2); !granted) return granted;
    auto larger = std::make_unique_for_overwrite<char[]>(size_ * 2);
    std::memcpy(larger.get(), buffer_.get(), end_);
    if (size_ == buffers::size) memory_.give_back(std::move(buffer_));
    buffer_ = std::move(larger);
    size_ *= 2;
    return {};
}

task<status> client_stream::more(deadline until) {
    if (is_empty()) {
        release();
        status arrived = co_await bytes_.wait_for_arrival(until);
        if (!arrived) co_return arrived;
    }
    if (status granted = make_room(); !granted) co_return granted;
    std::span<char> room{buffer_.get() + end_, size_ - end_};
    result<std::size_t> count = co_await bytes_.receive(room, until);
    if (!count) co_return std::move(count).error();
    if (*count == 0) co_return error{errc::peer_closed, "the client closed the connection"};
    end_ += *count;
    received_ += *count;
    co_return status{};
}

task<status> client_stream::skip(std::size_t count, deadline until) {
    for (;;) {
        const std::size_t here = std::min(count, end_ - begin_);
        take(here);
        count -= here;
        if (count == 0) co_return status{};
        status arrived = co_await more(until);
        if (!arrived) co_return arrived;
    }
}

task<status> client_stream::flush() {
    if (out_.empty()) co_return status{};
    sent_ += out_.size();
    result<std::size_t> done = co_await bytes_.send(out_);
    out_.clear();
    if (out_.capacity() > 2 * buffers::size) out_.shrink_to_fit();
    if (!done) co_return std::move(done).error();
    co_return status{};
}

task<status> client_stream::send(std::string_view bytes) {
    if (!out_.empty()) {
        // A small head goes along with a copy of what follows; a large tail goes by itself.
        const std::size_t along = std::min<std::size_t>(bytes.size(), buffers::size);
        out_.append(bytes.substr(0, along));
        bytes.remove_prefix(along);
        status done = co_await flush();
        if (!done || bytes.empty()) co_return done;
    }
    sent_ += bytes.size();
    result<std::size_t> done = co_await bytes_.send(bytes);
    if (!done) co_return std::move(done).error();
    co_return status{};
}

namespace {

// Is there a Terminate among these messages? `bytes` begins at a message, and may end within one.
bool says_terminate(std::string_view bytes) {
    constexpr std::size_t head_size = 5;
    while (!bytes.empty()) {
        if (bytes[0] == wire::client_says::terminate) return true;
        wire::frame_header head;
        if (wire::read_frame_header(bytes, head) != wire::header_state::good) return false;
        if (bytes.size() < head_size + head.body_size) return false;
        bytes.remove_prefix(head_size + head.body_size);
    }
    return false;
}

}  // namespace

bool client_stream::has_hung_up() const {
    if (bytes_.peer_has_closed()) return true;
    std::array<char, 4096> unread;
    const std::optional<std::size_t> seen = bytes_.peek(unread);
    if (!seen) return true;
    const std::string_view fresh{unread.data(), *seen};
    if (is_empty()) return says_terminate(fresh);
    if (rest().size() > buffers::size) return says_terminate(rest());
    std::string all{rest()};
    all += fresh;
    return says_terminate(all);
}

}  // namespace ashlar::proxy
