// name_changes.hpp: what the messages of a pipeline did to a client's names before their answers came. After an error
// PostgreSQL skips all that comes behind, and a Parse or Bind that fails keeps no name: so what was done is undone. Pure.
//
// Each change belongs to the answer that makes it good, by the answer's number among all that were expected (expectations).
#pragma once

#include "proxy/statements.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::proxy {

class name_changes {
public:
    // A Parse whose answer has no number before a server is asked: see owed_is().
    static constexpr std::uint64_t not_asked = UINT64_MAX;

    // A statement's name was given or taken away; `before`: what it stood for, or nullptr.
    void statement(std::uint64_t answer, std::string_view name, std::shared_ptr<known_statement> before);
    void portal(std::uint64_t answer, std::string_view name);  // one was made
    void owed_is(std::uint64_t answer) noexcept;
    // This answer is an error: it and what comes behind did not happen. `parse_failed`: it is a Parse's own.
    void undo_from(std::uint64_t answer, bool parse_failed, statements& in);
    void clear() noexcept { all_.clear(); }
    bool empty() const noexcept { return all_.empty(); }
    std::size_t size() const noexcept { return all_.size(); }

private:
    struct change {
        std::uint64_t answer = 0;
        bool is_portal = false;
        std::string name;
        std::shared_ptr<known_statement> before;
    };
    std::vector<change> all_;
};

}  // namespace ashlar::proxy
