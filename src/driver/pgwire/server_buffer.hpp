// server_buffer.hpp: what has arrived from a server and is not yet used up. It owns memory only while it is
// busy: 16 KiB taken from the thread's free list and given back there, so that an idle link costs none. It
// grows for one long message as its bytes arrive, never by a claimed length.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace ashlar::driver::pgwire {

class server_buffer {
public:
    static constexpr std::size_t usual_size = 16 * 1024;

    server_buffer() noexcept = default;
    ~server_buffer() { release(); }
    server_buffer(const server_buffer&) = delete;
    server_buffer& operator=(const server_buffer&) = delete;

    std::string_view bytes() const noexcept { return {memory_.get() + head_, tail_ - head_}; }
    bool empty() const noexcept { return head_ == tail_; }
    void consume(std::size_t count) noexcept;

    // Room for at least a byte more, behind what is there; invalidates earlier views of bytes().
    std::span<char> space();
    void arrived(std::size_t count) noexcept { tail_ += count; }

    // Gives the memory back; what was in it is gone.
    void release() noexcept;
    bool holds_memory() const noexcept { return memory_ != nullptr; }

private:
    void make_room();

    std::unique_ptr<char[]> memory_;
    std::size_t size_ = 0, head_ = 0, tail_ = 0;
};

}  // namespace ashlar::driver::pgwire
