// splitter.hpp: reads the file once and hands each record to the databases it belongs to, in batches.
#pragma once

#include "cli/load/bad_rows.hpp"
#include "cli/load/target.hpp"
#include "cli/load/writer.hpp"

#include "keyspace/shard_map.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace ashlar::cli::load {

// How a row's database is found: by its key's shard, or, without a map, it goes to all of them.
struct routing {
    std::optional<keyspace::shard_map> map;
    std::size_t key_column = 0;
    std::optional<std::size_t> key_length_max;  // route/key_column.hpp
    std::vector<std::size_t> numbered;          // columns that must not be NULL: a shard would number the row by itself
};

class splitter {
public:
    splitter(const plan& what, routing how, std::vector<std::unique_ptr<writer>>& to, bad_rows& bad,
             std::size_t batch_rows);

    // Reads from `data_begin` (behind the head), or from where the databases have got to. Returns when all is handed over,
    // the load is being stopped, or a row is bad and not to be set aside. invalid_argument: the file is not the one that an
    // earlier run began with.
    status run(std::size_t data_begin, std::uint64_t data_line);

private:
    class prefix_hash;
    status check_prefixes();
    bool hand_over(std::size_t target, const checkpoint& here);
    // Which writers get the record: one, or all. An error says what is wrong with the row.
    result<std::optional<std::size_t>> owner(const record& row) const;

    const plan& plan_;
    const routing how_;
    std::vector<std::unique_ptr<writer>>& to_;
    bad_rows& bad_;
    const std::size_t batch_rows_;
    std::vector<batch> open_;
};

}  // namespace ashlar::cli::load
