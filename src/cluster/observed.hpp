// observed.hpp: what one call sent where, for cluster_options.on_statement. Without an observer it notes nothing.
#pragma once

#include "cluster/cluster_inside.hpp"
#include "core/time.hpp"

#include <ashlar/statement_event.hpp>

#include <string_view>
#include <vector>

namespace ashlar::detail {

class observed {
public:
    observed(const cluster_inside& inside, server_role role, bool in_transaction) noexcept
        : tell_(inside.options().on_statement ? &inside.options().on_statement : nullptr),
          role_(role),
          in_transaction_(in_transaction) {
        if (tell_ != nullptr) begun_ = steady_clock::now();
    }

    explicit operator bool() const noexcept { return tell_ != nullptr; }
    // A statement goes to the server of a loan by `where`.
    void sent(const topology::member& where, const topology::loan& to, std::string_view sql);
    // All that was sent has ended; `why` is nullptr when it went well. Tells of it and forgets it.
    void ended(const error* why);

private:
    struct one {
        const topology::member* where;
        std::size_t server;
        bool on_replica;
        std::string sql;
    };
    const std::function<void(const statement_event&)>* tell_;
    server_role role_;
    bool in_transaction_;
    instant begun_;
    std::vector<one> sent_;
};

}  // namespace ashlar::detail
