// temporary_folder.hpp: a folder of its own for one test, removed with all it holds.
//
// Lies in TMPDIR or /tmp, named after this process: ashlar-<pid>-…. What a killed run left behind is swept
// away by the first folder that a later run makes.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace ashlar::testkit {

class temporary_folder {
public:
    temporary_folder();
    ~temporary_folder();
    temporary_folder(temporary_folder&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
    temporary_folder& operator=(temporary_folder&& other) noexcept {
        path_.swap(other.path_);
        return *this;
    }

    const std::string& path() const noexcept { return path_; }
    std::string file(const std::string& name) const { return path_ + "/" + name; }
    // Writes a file into it and gives its path.
    std::string write(const std::string& name, const std::string& content) const;

private:
    std::string path_;
};

// What a program does with the logs of the folders that it removes: `where` names a folder that takes copies of the
// files `log`, `*.log` and `*.err`, or gives nullopt when they are not needed. Called by each destructor. Set it before
// the first folder is made.
void keep_logs(std::function<std::optional<std::string>()> where);

// The content of a file; empty when there is none.
std::string read_file(const std::string& path);

}  // namespace ashlar::testkit
