// session_lending.hpp: the lender of a session's merged answers. For the parts of session alone.
#pragma once

#include "execute/lender.hpp"
#include "proxy/session.hpp"
#include "topology/fan_out_room.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace ashlar::proxy {

class session::answer_lender final : public execute::lender {
public:
    struct terms {
        std::shared_ptr<known_statement> what;
        bool writes = false, replica = false;
        pool::borrower who = pool::borrower::one_database;
        std::optional<std::size_t> place;  // of all steps, where the statement is for one database
    };
    answer_lender(session& of, terms how) noexcept : of_(of), how_(std::move(how)) {}

    task<status> enter(const route::bound_plan& plan, deadline until) override;
    task<result<driver::connection*>> lend(const route::step& step) override;
    void ended(driver::connection& which) noexcept override;

private:
    task<status> take_all(const route::bound_plan& plan);
    task<result<participant*>> take(std::size_t place);
    std::size_t place_of(const route::step& step) const {
        return how_.place ? *how_.place : keyspace::index_of(step.shard);
    }

    session& of_;  // which outlives the answer
    const terms how_;
    std::vector<participant*> taken_;  // in a transaction: of all steps, in their order
    topology::fan_out_room room_;
};

// What the proxy remembers with a link; nullptr: nothing yet.
inline const link_notes* notes_of(const server_link& link) {
    return static_cast<const link_notes*>(link.notes().get());
}

}  // namespace ashlar::proxy
