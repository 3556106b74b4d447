#include "core/io/frame_memory.hpp"

namespace ashlar::io::detail {

namespace {

struct at_thread_end {
    ~at_thread_end() {
        frame_memory& m = frames_of_this_thread;
        m.over = true;
        for (std::size_t c = 0; c < frame_memory::classes; ++c) {
            while (frame_memory::free_frame* const first = m.kept[c]) {
                m.kept[c] = first->next;
                ::operator delete(first);
            }
            m.counts[c] = 0;
        }
    }
};

}  // namespace

void frames_end_with_thread() {
    thread_local const at_thread_end cleaner;
    (void)&cleaner;
    frames_of_this_thread.watched = true;
}

}  // namespace ashlar::io::detail
