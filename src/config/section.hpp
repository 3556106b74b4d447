// section.hpp: one table of the file while it is read: typed values by key, and every key that nobody asked for is a
// mistake. The readers of description's parts stand on it.
//
// Use       Make it, ask for each key that the section knows, then finish(). A value of the wrong type or out of bounds
//           is reported and answered with nullopt, so that the reader goes on with the default.
// Strings   are interpolated. Where a number, boolean, duration or size is wanted, a string that names a variable is
//           taken too: listen_port = "${PORT:-6432}". Mistakes show a value as it is written in the file, never what
//           the environment put in its place.
#pragma once

#include "config/description.hpp"
#include "config/document.hpp"
#include "config/environment.hpp"
#include "config/mistake.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::config {

// What all readers share. Outlives them.
struct reading {
    const environment& variables;
    mistakes& wrong;
    std::string folder;  // of the file, with its closing /; empty for the working folder
};

// A string as it was meant and as it was written.
struct spelled {
    std::string text;
    std::string shown;  // for messages
    position at;
};

class section {
public:
    // `what` must be a table; else that is reported and the section is empty. `path`: "pool", "shards.eu".
    section(reading& with, const node& what, std::string path);

    const entry* find(std::string_view key);  // marks the key as known
    bool has(std::string_view key) { return find(key) != nullptr; }

    std::optional<spelled> text(std::string_view key);
    std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most);
    std::optional<bool> boolean(std::string_view key);
    std::optional<milliseconds> duration(std::string_view key, milliseconds least, milliseconds most);
    std::optional<std::uint64_t> size(std::string_view key, std::uint64_t least);
    std::vector<spelled> texts(std::string_view key);       // an array of strings, integers or dates
    std::optional<spelled> key_text(std::string_view key);  // a string, integer or date, as text
    // An array's item; a string, integer or date as text, as texts() takes them.
    std::optional<spelled> item_text(const node& item, const std::string& subject) {
        return to_text(item, subject, true);
    }

    // The keys that are neither known nor asked for; each is the caller's own (a shard's name, a table's).
    std::vector<const entry*> others() const;
    // The key is the caller's own: no mistake, and not offered as what somebody might have meant.
    void take(std::string_view key) { taken_.emplace(key); }
    // Reports every key that was never asked for nor taken.
    void finish();

    std::string at_path(std::string_view key) const;  // "pool.max_connections"
    const std::string& path() const noexcept { return path_; }
    const node& what() const noexcept { return what_; }
    reading& with() noexcept { return with_; }

private:
    std::optional<spelled> to_text(const node& value, const std::string& subject, bool also_plain);
    void wrong_type(const node& value, const std::string& subject, std::string expected, std::string hint = {});
    // The text of a string that names a variable, or nullopt for any other node.
    std::optional<spelled> from_variable(const node& value, const std::string& subject);

    reading& with_;
    const node& what_;
    std::string path_;
    std::set<std::string, std::less<>> known_, taken_;
};

// A URL in all its uses: {shard} is replaced by `shard` where there is one; relative SQLite paths are resolved.
std::optional<endpoint> to_endpoint(reading& with, const spelled& url, const std::string& subject,
                                    std::optional<std::uint32_t> shard = std::nullopt);

// A value as it may be shown: in quotes, cut when long.
std::string in_quotes(std::string_view text);

}  // namespace ashlar::config
