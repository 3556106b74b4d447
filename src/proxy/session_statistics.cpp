// What is counted of a session, and what it tells of itself. All on its worker's thread.
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

namespace ashlar::proxy {

namespace {

wall_time to_wall(instant when, instant now) {
    return std::chrono::system_clock::now() -
           std::chrono::duration_cast<std::chrono::system_clock::duration>(now - when);
}

}  // namespace

// What was begun has been answered, ReadyForQuery and all.
void session::count_answer() noexcept {
    traffic& t = counted();
    const instant now = loop_.now();
    ++t.queries;
    t.query_time += now - asked_at_ - waited_;
    t.wait_time += waited_;
    if (watched_ != nullptr) log_if_slow(now - asked_at_);
    waited_ = nanoseconds{0};
    if (block_ == block::none) {
        ++t.transactions;
        t.transaction_time += now - (began_ == instant::min() ? asked_at_ : began_);
        began_ = instant::min();
    } else if (began_ == instant::min()) {
        began_ = asked_at_;
    }
    asked_at_ = instant::min();
}

void session::add_bytes(traffic& to) const noexcept {
    if (console_) return;
    to.received += stream_.received();
    to.sent += stream_.sent();
}

bool session::count_in(worker_report& to) const {
    if (!logged_in_) return false;
    if (console_) {
        ++to.consoles;
        return false;
    }
    ++to.clients;
    user_counts& user = to.users[user_];
    ++user.clients;
    if (participants_.empty() && waits_for_ != waits_for::lease) ++user.idle;
    for (const participant& p : participants_) {
        if (!p.loan.lease && p.joined == nullptr) continue;
        ++user.held;
        ++to.linked[p.place()][p.loan.server];
    }
    return true;
}

client_facts session::facts() const {
    client_facts out;
    out.user = user_;
    out.database = shared_.settings().database;
    if (reported_ != nullptr) {
        for (const auto& [name, value] : *reported_) {
            if (name == "application_name") out.application = shown_name(value);
        }
    }
    out.in_transaction = block_ == block::explicit_;
    out.process = key_.process;
    io::endpoint peer = stream_.bytes().peer(), local = stream_.bytes().local();
    out.address = std::move(peer.address);
    out.port = peer.port;
    out.local_address = std::move(local.address);
    out.local_port = local.port;
    if (tls_ != nullptr) out.tls = tls_->version + '/' + tls_->cipher;
    const instant now = loop_.now();
    out.connected_at = to_wall(came_at_, now);
    out.asked_at = to_wall(since_, now);
    out.prepared = statements_.named();
    if (waits_for_ == waits_for::lease) {
        out.now = client_facts::state::waiting;
        out.waiting_for = std::chrono::duration_cast<microseconds>(now - since_);
    } else if (!participants_.empty()) {
        out.now = client_facts::state::active;
    }
    for (const participant& p : participants_) {
        if (!p.loan.lease && p.joined == nullptr) continue;
        out.holds.push_back({p.place(), p.loan.server, p.on().process()});
    }
    return out;
}

}  // namespace ashlar::proxy
