// batch.hpp: what travels from the reader of the file to one shard's writer: places of records, not their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace ashlar::cli::load {

struct place {
    std::size_t begin = 0, end = 0;  // bytes of the file
    std::uint64_t line = 0;
};

// How far a shard has got: it has every row of its own that begins before `offset`. `prefix` is the hash of the file up to
// there, so that going on with another file is noticed.
struct checkpoint {
    std::size_t offset = 0;
    std::uint64_t line = 1;
    std::uint64_t prefix = 0;
};

struct batch {
    std::vector<place> rows;
    checkpoint up_to;
    std::size_t bytes = 0;
};

}  // namespace ashlar::cli::load
