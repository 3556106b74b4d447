// A server's bytes to the client. What is passed on is neither decoded nor, as far as can be, copied: the chunk that was
// received is walked by message headers and sent on; only answers to what we sent by ourselves, ReadyForQuery and changes
// of parameters are looked at and left out or written anew.
#include "driver/pgwire/own_types.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"
#include "wire/writer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::proxy {

namespace {

using driver::pgwire::holds_types;
using driver::pgwire::write_for_client;

// A tail shorter than this waits to go along with what follows.
constexpr std::size_t small = 4 * 1024;

// The statement whose parameters or columns such a message tells; nullptr: nobody wants to know.
const std::shared_ptr<known_statement>& told_of(const expectation& front, char message_type) {
    static const std::shared_ptr<known_statement> nobody;
    if (message_type == wire::server_says::parameter_description) return front.statement;
    return front.what == expectation::kind::describe_statement ? front.statement : nobody;
}

}  // namespace

// Sends to_server_ and `message` to the server and passes its answers on until none is expected. Fails with connection_lost;
// what the server refuses is no failure here: error_seen_ tells.
task<status> session::exchange(participant& p, std::string_view message) {
    server_link& link = *p.link;
    waits_for_ = waits_for::server;
    error_seen_ = false;
    held_.clear();
    farewell_.reset();
    second_.conflicted = false;
    if (!to_server_.empty()) {
        to_server_ += message;
        message = to_server_;
    }
    if (!message.empty()) {
        result<std::size_t> sent = co_await link.stream().send(message);
        drop_gathered();
        if (to_server_.capacity() > 2 * buffers::size) to_server_.shrink_to_fit();
        if (!sent) {
            link.mark_broken();
            co_return lost(p);
        }
    }
    write_ours();
    bool copying = false;
    copy_feed feed;
    while (!expected_.empty()) {
        if (copying) {
            result<bool> over = co_await copy_in(link, feed);
            if (!over) co_return std::move(over).error();
            copying = !*over;
        }
        result<std::size_t> count = co_await link.stream().receive(link.space());
        if (!count || *count == 0) {
            link.mark_broken();
            co_return lost(p);
        }
        const std::string_view chunk = link.arrived(*count);
        const walked done = walk(link, chunk);
        torn_ = link.half_seen() == 0 && !link.is_at_boundary();
        if (link.is_broken()) co_return lost(p);
        if (!gaps_.empty()) co_await fill_gaps(p);
        if (second_.conflicted) continue;  // all of it is taken back
        passed_on_ += done.run.size();
        if (!done.run.empty()) {
            if (expected_.empty() && done.run.size() < small) {
                stream_.out() += done.run;
            } else {
                status sent = co_await stream_.send(done.run);
                if (!sent) co_return sent;
            }
        } else if (stream_.out().size() > buffers::size || (done.copy_in && !stream_.out().empty())) {
            status sent = co_await stream_.flush();
            if (!sent) co_return sent;
        }
        if (error_seen_) copying = false;
        if (done.copy_in) {
            copying = true;
            feed = {};
        }
    }
    if (link.is_quiet()) link.release_memory();
    co_return status{};
}

error session::lost(const participant& p) const {
    shared_.lost_one(p.place(), loop_.now());
    const error gone{errc::connection_lost};
    shared_.place(p.place()).servers->failed(p.loan.server, gone);
    const std::string& name =
        p.silent ? shared_.place(p.place()).servers->servers()[p.loan.server].name : shared_.place(p.place()).name;
    error why{errc::connection_lost, p.silent ? fmt::format("{} does not answer any more", name)
                                              : fmt::format("the connection to {} was lost", name)};
    why.on(shared_.place(p.place()).name);
    if (farewell_) {
        why.detail(farewell_->message);
        why.sqlstate(farewell_->sqlstate);
    }
    return why;
}

// Answers of our own that are at the front of the queue.
void session::write_ours() {
    while (!expected_.empty() && expected_.front().what == expectation::kind::ours) {
        stream_.out() += *expected_.front().text;
        stream_.out().append("\0\0\0\4", 4);
        expected_.pop();
    }
}

session::walked session::walk(server_link& link, std::string_view chunk) {
    walked out;
    const char* const first = chunk.data();
    const char* from = first;  // the first byte that is not yet dealt with
    std::string_view rest = chunk;
    std::string& to = stream_.out();
    const auto pass_until = [&](const char* end) {
        if (!held_.empty()) {
            passed_on_ += held_.size();
            to += held_;
            held_.clear();
        }
        if (end > from) {
            passed_on_ += static_cast<std::size_t>(end - from);
            to.append(from, static_cast<std::size_t>(end - from));
            from = end;
        }
    };
    while (!expected_.empty()) {
        const auto f = link.next_frame(rest);
        if (!f) break;
        const char* const end = rest.data();
        const bool whole = f->which == wire::frame::part::whole;
        const bool to_client = expected_.front().to_client;
        if (whole && f->type == wire::server_says::copy_in && to_client) out.copy_in = true;
        const bool pass = take_frame(link, *f);
        const bool typed = link.oids() != nullptr && holds_types(f->type);
        const bool gapped = typed && whole && note_gap(*f, *link.oids(), told_of(expected_.front(), f->type));
        if (!to_client || !pass) {
            const char* start = whole ? end - 5 - f->size : from;
            const bool split = whole && static_cast<std::size_t>(end - first) < 5 + std::size_t{f->size};
            if (split) {
                held_.clear();
            } else if (to_client && whole) {
                pass_until(start);
            } else {
                held_.clear();
            }
            from = end;
        }
        if (typed && pass && to_client && (gapped || !whole || !link.oids()->is_same())) {
            const std::size_t size = 5 + std::size_t{f->size};
            if (static_cast<std::size_t>(end - first) < size)
                held_.clear();
            else
                pass_until(end - size);
            if (gapped) gaps_.back().at = to.size();
            if (!whole || !write_for_client(to, f->type, f->body, *link.oids())) {
                link.mark_broken();
                break;
            }
            passed_on_ += size;
            from = end;
        }
        if (whole && f->type == wire::server_says::ready_for_query) {
            if (to_client && expected_.front().with_ready) ready();
            expected_.pop();
        } else if (whole && f->type == wire::server_says::error_response) {
            if (farewell_) continue;
            look_for_second_try(*f);  // if there is one, what this leaves in out() is taken back
            const bool by_us = timed_out_ && f->body.find(std::string_view{"C57014\0", 7}) != f->body.npos;
            if (pass && to_client && (by_us || text_offset_ != 0)) {
                const std::size_t size = 5 + std::size_t{f->size};
                if (static_cast<std::size_t>(end - first) < size)
                    held_.clear();
                else
                    pass_until(end - size);
                if (by_us)
                    wire::write_error(to, took_too_long());
                else
                    wire::write_error_moved(to, f->body, text_offset_);
                passed_on_ += size;
                from = end;
            } else if (pass && to_client) {
                pass_until(end);
            }
            take_error(link, *f);
        } else if (f->which != wire::frame::part::began && expected_.front().completed_by(f->type)) {
            const expectation& front = expected_.front();
            if (front.what == expectation::kind::parse && front.statement != nullptr) front.statement->accepted = true;
            if (to_client && pass) pass_until(end);
            expected_.pop();
        }
        if (!expected_.empty() && expected_.front().what == expectation::kind::ours) {
            write_ours();
        }
    }
    out.copy_in = out.copy_in && !expected_.empty();
    const char* const chunk_end = first + chunk.size();
    if (expected_.empty() || !expected_.front().to_client) {
        held_.clear();
        return out;
    }
    // The tail that may turn out not to be for the client stays back.
    const std::size_t half = link.half_seen();
    const std::size_t here = static_cast<std::size_t>(chunk_end - from);
    if (half >= here + held_.size() && half > 0) {
        held_.append(from, here);
        return out;
    }
    if (!held_.empty()) pass_until(from);
    const std::size_t kept = std::min(half, here);
    held_.append(chunk_end - kept, kept);
    out.run = {from, here - kept};
    return out;
}

// Is this message for the client, as it is?
bool session::take_frame(server_link& link, const wire::frame& f) {
    switch (f.type) {
        case wire::server_says::error_response:
            // The end of the server's session is not the end of the client's: it is told when the link is lost.
            if (f.body.find("FATAL") != f.body.npos || f.body.find("PANIC") != f.body.npos) {
                auto said = wire::read_error_fields(f.body);
                if (said && wire::ends_the_session(*said)) {
                    farewell_ = std::move(*said);
                    return false;
                }
            }
            return true;
        case wire::server_says::parameter_description:
        case wire::server_says::row_description:
        case wire::server_says::no_data:
            if (const auto& statement = told_of(expected_.front(), f.type))
                note_types(f.type, f.body, link, *statement);
            return true;
        case wire::server_says::ready_for_query:
            // Ours is written instead: the client's transaction is not always the server's.
            if (block_ != block::none && link.transaction() == wire::transaction_state::failed) failed_ = true;
            return false;
        case wire::server_says::notification:
            return false;  // nobody may LISTEN
        default:
            return true;
    }
}

void session::take_error(server_link& link, const wire::frame& f) {
    error_seen_ = true;
    if (block_ != block::none) failed_ = true;
    const expectation& front = expected_.front();
    if (front.what == expectation::kind::query) return;  // ReadyForQuery follows by itself
    if (!front.to_client) {
        // A step of our own failed on the client's behalf: it is told in the place of its answer.
        stream_.out() += f.type;
        wire::writer out{stream_.out()};
        out.u32(static_cast<std::uint32_t>(f.size + 4));
        out.bytes(f.body);
    }
    // After ALTER TABLE a plan may be stale for good: the next Parse makes another one (TRAPS 9).
    name_changes_.undo_from(expected_.front_number(), front.what == expectation::kind::parse, statements_);
    const bool stale = f.body.find("cached plan must not change result type") != f.body.npos;
    skipping_ = !expected_.skip_to_sync([&](const expectation& skipped) {
        if (skipped.what == expectation::kind::parse && skipped.statement != nullptr) {
            link.prepared().forget(skipped.statement->key);
        }
    });
    if (stale) {
        for (const auto& each : flight_) plans().renew(*each);
    }
}

}  // namespace ashlar::proxy
