// role_rules.hpp: which server of a database takes the writes, from what all of them said when they were asked. Pure.
//
// A promotion is seen by role and timeline. The rules never guess between two who both take writes (TRAPS 33):
//   one takes writes             It is the writer, unless it is on an older timeline than the writer before it: an old
//                                primary that came back while the new one is away.
//   several do                   The writer stays who it was, if it was so before the others came and is ahead of them by
//                                timeline: they are old primaries. Else there is no writer until one of them has gone.
//   none does                    The writer stays who it was while it does not answer (its statements fail by themselves);
//                                if it answered, there is none.
#pragma once

#include "core/time.hpp"
#include "health/log_position.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace ashlar::health {

// What a server said of itself.
struct finding {
    bool writable = false;  // takes writes: not in recovery, not read only, follows nobody
    // PostgreSQL: of what it writes or replays, 0 when it did not say.
    std::uint32_t timeline = 0;
    log_position position;     // the end of what it wrote, or applied
    std::string not_applying;  // why a replica does not go on applying; empty: it does
};

class role_rules {
public:
    // `names`: of the servers, for messages; the first is the configured primary.
    explicit role_rules(std::vector<std::string> names) : names_(std::move(names)) {}

    // What a round found, by server; nullopt: no answer. Gives true when the writer, or why there is none, has changed.
    bool round(std::span<const std::optional<finding>> found);

    // Who takes writes; nullopt before the first round, and when nobody may be chosen: then trouble() says why.
    std::optional<std::size_t> writer() const noexcept { return writer_; }
    const std::string& trouble() const noexcept { return trouble_; }
    std::uint32_t timeline() const noexcept { return timeline_; }  // the highest that a writer was on

private:
    void choose(std::span<const std::optional<finding>> found);
    void refuse(std::string why);

    std::vector<std::string> names_;
    bool first_ = true;
    std::optional<std::size_t> writer_;
    std::size_t last_ = 0;    // the writer before there was none
    bool was_alone_ = false;  // the last writer was the only one who took writes, in some round
    std::uint32_t timeline_ = 0;
    std::string trouble_ = "its servers have not been asked yet";
};

}  // namespace ashlar::health
