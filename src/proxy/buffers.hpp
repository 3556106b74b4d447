// buffers.hpp: receive memory that a worker's clients borrow while they are busy, so that an idle one holds none.
// Belongs to one worker's thread.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace ashlar::proxy {

class buffers {
public:
    static constexpr std::size_t size = 16 * 1024;

    std::unique_ptr<char[]> borrow() {
        if (spare_.empty()) return std::make_unique_for_overwrite<char[]>(size);
        auto out = std::move(spare_.back());
        spare_.pop_back();
        return out;
    }
    void give_back(std::unique_ptr<char[]> one) {
        if (spare_.size() < spare_max) spare_.push_back(std::move(one));
    }

private:
    static constexpr std::size_t spare_max = 256;  // 4 MiB kept by a worker at rest
    std::vector<std::unique_ptr<char[]>> spare_;
};

}  // namespace ashlar::proxy
