// journal.hpp: the file beside the data that makes a load resumable: which load this is, and which rows were set aside.
//
// What each database has got is in the databases themselves (target.hpp); the journal's id ties them together. It is made
// before the first row goes in, and stays when the load is done: whoever was killed at the very end, or gives the command
// once more, is told so and doubles nothing. Its lock keeps a second load of the same file and table out.
#pragma once

#include <ashlar/result.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace ashlar::cli::load {

// What must be the same when a load goes on: otherwise it is another load.
struct journal_head {
    std::string table, style, columns, targets;
    friend bool operator==(const journal_head&, const journal_head&) = default;
};

class journal {
public:
    journal() = default;
    ~journal();
    journal(const journal&) = delete;
    journal& operator=(const journal&) = delete;

    // Opens or makes it. With `restart` an earlier load is forgotten. Fails with io_failure, or with invalid_argument when
    // an earlier load is unfinished and was of something else. One that is finished and was of something else is forgotten.
    status open(const std::string& path, const journal_head& what, bool restart);

    const std::string& id() const noexcept { return id_; }
    bool resumes() const noexcept { return resumes_; }
    // Rows that were set aside before: line → reason.
    const std::map<std::uint64_t, std::string>& bad_rows() const noexcept { return bad_rows_; }
    // How long the file of bad rows was after the last one that is noted here; what follows was torn by an end.
    std::uint64_t bad_file_length() const noexcept { return bad_file_length_; }

    // Durable when it returns.
    status note_bad_row(std::uint64_t line, const std::string& reason, std::uint64_t bad_file_length);

    // All rows are in. `file` says which bytes they came from. Durable when it returns.
    status finish(const std::string& file, std::uint64_t rows);
    // What finish() was told, if the earlier load came to its end.
    struct ending {
        std::string file, at;  // `at`: UTC
        std::uint64_t rows = 0;
    };
    const std::optional<ending>& finished() const noexcept { return finished_; }
    // Forgets the earlier load: a new one begins.
    status begin(const journal_head& what);

private:
    status read(const journal_head& what);
    status append(const std::string& line);

    int fd_ = -1;
    std::string path_, id_;
    bool resumes_ = false;
    std::optional<ending> finished_;
    std::map<std::uint64_t, std::string> bad_rows_;
    std::uint64_t bad_file_length_ = 0;
};

}  // namespace ashlar::cli::load
