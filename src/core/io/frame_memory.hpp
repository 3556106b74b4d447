// frame_memory.hpp: where coroutine frames live. Each task that is awaited makes one, and many are too long for the
// allocator's own thread cache; so they are kept by size on the thread.
//
// Bounds    At most kept_max frames of each size stay on a thread; frames above largest go to operator new.
// Threads   Each has its own; a frame may be freed on another thread than the one that made it.
// Sanitizers see operator new and delete only, so that a use after the end is found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace ashlar::io::detail {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool keeps_frames = false;
#else
inline constexpr bool keeps_frames = true;
#endif

struct frame_memory {
    static constexpr std::size_t step = 64, classes = 32, largest = step * classes;
    static constexpr std::uint16_t kept_max = 64;

    struct free_frame {
        free_frame* next;
    };
    free_frame* kept[classes];
    std::uint16_t counts[classes];
    bool watched;  // frames_end_with_thread() was called
    bool over;     // the thread is ending: nothing is kept any more

    static std::size_t class_of(std::size_t size) noexcept { return (size - 1) / step; }
};

// Trivial to make and to destroy, so that reaching it needs no check; frames_end_with_thread() frees what it keeps.
inline thread_local constinit frame_memory frames_of_this_thread{};
void frames_end_with_thread();

inline void* allocate_frame(std::size_t size) {
    if (!keeps_frames || size > frame_memory::largest) return ::operator new(size);
    frame_memory& m = frames_of_this_thread;
    const std::size_t c = frame_memory::class_of(size);
    if (frame_memory::free_frame* const first = m.kept[c]; first != nullptr) {
        m.kept[c] = first->next;
        --m.counts[c];
        return first;
    }
    if (!m.watched) frames_end_with_thread();
    return ::operator new((c + 1) * frame_memory::step);
}

inline void free_frame(void* frame, std::size_t size) noexcept {
    if (!keeps_frames || size > frame_memory::largest) return ::operator delete(frame);
    frame_memory& m = frames_of_this_thread;
    const std::size_t c = frame_memory::class_of(size);
    if (m.over || m.counts[c] >= frame_memory::kept_max) return ::operator delete(frame);
    if (!m.watched) frames_end_with_thread();  // a thread may free what others made
    auto* const mine = static_cast<frame_memory::free_frame*>(frame);
    mine->next = m.kept[c];
    m.kept[c] = mine;
    ++m.counts[c];
}

}  // namespace ashlar::io::detail
