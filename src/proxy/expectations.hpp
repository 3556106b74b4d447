// expectations.hpp: what a server still has to answer, message by message, and what becomes of each answer: it is passed
// on to the client, or it belongs to something that we sent by ourselves and is dropped. Pure.
//
// An error in the extended protocol makes the server skip to the next Sync: so do we. Answers of our own (a ParseComplete
// for a statement that the server has already) stand in the same queue, so that the client sees them in order.
#pragma once

#include "wire/message_types.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::proxy {

struct known_statement;

struct expectation {
    enum class kind : std::uint8_t {
        query,               // everything to ReadyForQuery
        sync,                // ReadyForQuery
        parse,               // ParseComplete
        bind,                // BindComplete
        close,               // CloseComplete
        describe_statement,  // ParameterDescription, then RowDescription or NoData
        describe_portal,     // RowDescription or NoData
        execute,             // rows, then CommandComplete, EmptyQueryResponse or PortalSuspended
        ours,                // nothing from the server: `text` goes to the client
    };
    kind what = kind::query;
    bool to_client = true;
    bool with_ready = true;                      // query, sync: the client gets a ReadyForQuery
    const char* text = nullptr;                  // ours: a whole message without a body, by its type
    std::shared_ptr<known_statement> statement;  // parse: what is being prepared

    static expectation of(kind what, bool to_client = true) {
        expectation e;
        e.what = what;
        e.to_client = to_client;
        return e;
    }
    static expectation of_ours(const char* type) {
        expectation e;
        e.what = kind::ours;
        e.text = type;
        return e;
    }

    // Does a message of this type from the server complete it?
    bool completed_by(char type) const noexcept {
        switch (what) {
            case kind::query:
            case kind::sync:
                return type == wire::server_says::ready_for_query;
            case kind::parse:
                return type == wire::server_says::parse_complete;
            case kind::bind:
                return type == wire::server_says::bind_complete;
            case kind::close:
                return type == wire::server_says::close_complete;
            case kind::describe_statement:
            case kind::describe_portal:
                return type == wire::server_says::row_description || type == wire::server_says::no_data;
            case kind::execute:
                return type == wire::server_says::command_complete || type == wire::server_says::empty_query ||
                       type == wire::server_says::portal_suspended;
            case kind::ours:
                return false;
        }
        return false;
    }
};

// A queue that keeps its memory between turns.
class expectations {
public:
    bool empty() const noexcept { return head_ == items_.size(); }
    const expectation& front() const noexcept { return items_[head_]; }
    void push(expectation e) { items_.push_back(std::move(e)); }
    void pop() {
        items_[head_].statement.reset();
        if (++head_ == items_.size()) clear();
    }
    void clear() {
        before_ += items_.size();
        items_.clear();
        head_ = 0;
    }
    // Each has a number of its own, in the order of pushing.
    std::uint64_t front_number() const noexcept { return before_ + head_; }
    std::uint64_t next_number() const noexcept { return before_ + items_.size(); }
    std::size_t size() const noexcept { return items_.size() - head_; }

    // After an error in the extended protocol: drops what the server skips. True when a sync follows.
    // `dropped` sees each.
    template <class F>
    bool skip_to_sync(F dropped) {
        while (!empty() && front().what != expectation::kind::sync) {
            dropped(front());
            pop();
        }
        return !empty();
    }

private:
    std::vector<expectation> items_;
    std::size_t head_ = 0;
    std::uint64_t before_ = 0;  // pushed before items_
};

}  // namespace ashlar::proxy
