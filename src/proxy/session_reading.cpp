// What the texts of a session are read by, search_path and standard_conforming_strings, when a function may have set it within a
// transaction: asked of the server that it ran on, before the next text is planned. What outlives the transaction is read back
// at its end, like all settings.
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

#include <algorithm>

namespace ashlar::proxy {

task<status> session::learn_reading() {
    const std::size_t place = *reading_from_;
    reading_from_.reset();
    const auto at = std::find_if(participants_.begin(), participants_.end(),
                                 [&](const participant& p) { return p.place() == place && p.link != nullptr; });
    const bool in_transaction = block_ != block::none || as_one_ != as_one::nothing;
    if (at == participants_.end() || !in_transaction || failed_) co_return status{};
    if (!at->link->is_reusable()) {
        co_return error{errc::unsupported,
                        "a function may have changed search_path on a server that is still answering"}
            .hint("Wait for its answer before the next statement, or set search_path with SET.");
    }
    constexpr std::string_view ask =
        "select name, setting from pg_catalog.pg_settings where name in ('search_path', "
        "'standard_conforming_strings') ";
    auto found = co_await ask_settings(*at, ask);
    if (!found) co_return std::move(found).error();
    settings now = local_;
    for (const auto& [name, value] : *found) {
        if (name == "search_path" || name == "standard_conforming_strings") now.set_from_value(name, value);
    }
    const auto told = shared_.world().session_defaults();
    const reading_environment read = environment_of(*settings_, told.get(), now);
    const bool same = read.search_path == environment_->search_path &&
                      read.standard_conforming_strings == environment_->standard_conforming_strings;
    if (same) co_return status{};
    local_ = std::move(now);
    follow_settings();
    co_return status{};
}

task<status> session::after_reading(client_message m, task<status> (session::*then)(client_message)) {
    status known = co_await learn_reading();
    if (!known) {
        task<status> failed = fail_extended(std::move(known).error());
        if (failed) co_return co_await failed;
        co_return status{};
    }
    task<status> rest = (this->*then)(m);
    if (rest) co_return co_await rest;
    co_return status{};
}

}  // namespace ashlar::proxy
