// bad_rows.hpp: rows that cannot be loaded: each is told with its line, and set aside into a file, or ends the load.
//
// The file has the form of the data, head included, so that it can be mended and loaded by itself. A row is in it, and
// noted in the journal, before the batch that it is missing from is committed; after an end it is not judged again.
#pragma once

#include "cli/load/batch.hpp"
#include "cli/load/journal.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace ashlar::cli::load {

class bad_rows {
public:
    // `file`: where they go; empty: the first one ends the load. At most `most` are set aside.
    bad_rows(std::string file, std::uint64_t most, journal& notes, std::string_view data)
        : path_(std::move(file)), most_(most), journal_(notes), data_(data) {}
    ~bad_rows();
    bad_rows(const bad_rows&) = delete;
    bad_rows& operator=(const bad_rows&) = delete;

    // `head`: the first line of the data, with its end; empty for none. With `only_unreadable`, a row that some database
    // refused ends the load all the same: the rows of a reference table must stay the same everywhere.
    status open(std::string_view head, bool only_unreadable);
    // Any thread. An error ends the load.
    status set_aside_unreadable(const place& where, const std::string& reason);
    status set_aside_refused(const place& where, const std::string& reason);
    // The lines that were set aside in an earlier run. Before the first row moves.
    std::set<std::uint64_t> earlier() const;
    std::uint64_t count() const;

private:
    status set_aside(const place& where, const std::string& reason);

    mutable std::mutex guard_;
    const std::string path_;
    const std::uint64_t most_;
    journal& journal_;
    const std::string_view data_;
    int fd_ = -1;
    bool only_unreadable_ = false;
    std::uint64_t length_ = 0;
};

}  // namespace ashlar::cli::load
