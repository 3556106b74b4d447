#include "driver/session_defaults.hpp"

#include "driver/questions.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace ashlar::driver {

namespace {

// Of a session that begins with `given`.
task<result<session_values>> read_values(driver& of, const session_values& given, io::loop& loop, deadline until) {
    auto made = co_await of.connect_with(loop, given, until);
    if (!made) co_return std::move(made).error();
    const std::unique_ptr<connection> on = std::move(*made);
    std::string sql = reading_sql(given);
    auto rows = co_await ask(*on, std::move(sql), until);
    if (!rows) co_return std::move(rows).error();
    session_values out;
    for (std::vector<std::string>& row : *rows) {
        session_value each;
        each.name = std::move(row[0]);
        each.value = std::move(row[1]);
        each.checked_only = row[2] == "t" && find(given, each.name) == nullptr;
        if (find(out, each.name) == nullptr) out.push_back(std::move(each));
    }
    co_return out;
}

}  // namespace

// --- the values ---------------------------------------------------------------------------------------------------

struct session_defaults::asking {
    session_defaults& of;
    ~asking() {
        std::vector<std::shared_ptr<io::signal>> waiting;
        {
            std::lock_guard hold{of.guard_};
            of.asked_ = false;
            waiting.swap(of.waiting_);
        }
        for (const auto& each : waiting) each->set();
    }
};

session_defaults::values_ptr session_defaults::known() const {
    std::lock_guard hold{guard_};
    return known_;
}

task<result<session_defaults::values_ptr>> session_defaults::values(io::loop& loop, deadline until) {
    for (;;) {
        const auto told = std::make_shared<io::signal>();
        bool mine = false;
        {
            std::lock_guard hold{guard_};
            if (known_ != nullptr) co_return known_;
            mine = !std::exchange(asked_, true);
            if (!mine) waiting_.push_back(told);
        }
        if (mine) co_return co_await ask(loop, until);
        status heard = co_await loop.wait_for(*told, until);
        if (!heard) co_return std::move(heard).error();
    }
}

task<result<session_defaults::values_ptr>> session_defaults::ask(io::loop& loop, deadline until) {
    const asking now{*this};
    std::optional<error> first;
    for (std::size_t i = 0; i < sources_.size(); ++i) {
        const std::shared_ptr<driver> server = sources_[i].server.lock();
        if (server == nullptr) continue;
        // A server that does not answer leaves time for the next.
        deadline soon = until;
        if (!until.is_never() && i + 1 < sources_.size()) {
            const instant asked_at = steady_clock::now();
            soon = deadline{asked_at + (until.at() - asked_at) / 2};
        }
        auto read = co_await read_values(*server, configured_, loop, soon);
        if (!read) {
            if (!first) first = std::move(read).error().on(sources_[i].name);
            continue;
        }
        if (i > 0) {
            spdlog::warn("{} did not tell the session defaults, so those of {} are used until this process ends: {}",
                         sources_.front().name, sources_[i].name, first ? first->message() : "it is gone");
        }
        auto found = std::make_shared<const session_values>(std::move(*read));
        std::lock_guard hold{guard_};
        known_ = found;
        co_return found;
    }
    if (!first) first = error{errc::connect_failed, "there is no server to read the session defaults from"};
    co_return std::move(*first);
}

// --- opening ------------------------------------------------------------------------------------------------------

session_values session_opener::to_send(const session_values& all) const {
    std::lock_guard hold{guard_};
    session_values out;
    for (const session_value& each : all) {
        if (!each.checked_only || checked_to_send_.contains(each.name)) out.push_back(each);
    }
    return out;
}

task<result<std::vector<std::string>>> session_opener::differing(connection& of, const session_values& from,
                                                                 deadline until) const {
    std::string sql = comparing_sql(from);
    std::vector<std::string> out;
    if (sql.empty()) co_return out;
    auto rows = co_await ask(of, std::move(sql), until);
    if (!rows) co_return std::move(rows).error();
    for (const std::vector<std::string>& row : *rows) {
        const session_value* wanted = find(from, row[0]);
        if (wanted != nullptr && !same_value(row[0], wanted->value, row[1])) out.push_back(row[0]);
    }
    co_return out;
}

task<result<std::unique_ptr<connection>>> session_opener::open(driver& on, io::loop& loop, deadline until) {
    session_values sent;
    if (defaults_ == nullptr || !defaults_->has_sources()) {
        auto plain = co_await on.connect_with(loop, std::move(sent), until);
        co_return plain;
    }
    auto all = co_await defaults_->values(loop, until);
    if (!all) co_return std::move(all).error();
    const session_defaults::values_ptr wanted = *all;
    for (;;) {
        sent = to_send(*wanted);
        auto made = co_await on.connect_with(loop, sent, until);
        if (!made) co_return std::move(made).error();
        auto others = co_await differing(**made, *wanted, until);
        if (!others) co_return std::move(others).error();
        if (others->empty()) co_return std::move(*made);
        for (const std::string& name : *others) {
            if (name == "server_encoding") {
                error why{errc::shards_disagree,
                          fmt::format("the database has another encoding than {}, in which the others keep their texts",
                                      find(*wanted, name)->value)};
                why.hint("Make it anew in that encoding: functions of characters would differ from server to server.");
                co_return std::move(why.on(on.describe()));
            }
            if (find(sent, name) != nullptr) {
                error why{errc::shards_disagree,
                          fmt::format("the server keeps another value of the setting {} than the one "
                                      "that its sessions are to begin with, '{}'",
                                      name, find(*wanted, name)->value)};
                why.hint(
                    "A pooler in between may drop start-up parameters. Connect to the server itself, or set the value "
                    "there "
                    "by ALTER DATABASE.");
                co_return std::move(why.on(on.describe()));
            }
            std::lock_guard hold{guard_};
            checked_to_send_.insert(name);
        }
    }
}

}  // namespace ashlar::driver
