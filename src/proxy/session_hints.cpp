// What the client says of where its statements go, by settings that are ours: ashlar.role and ashlar.causal_token. No server
// is told of them. In order of precedence: SET LOCAL, a comment, SET (or the start-up packet), the configuration.
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

#include <fmt/format.h>

namespace ashlar::proxy {

role_hint session::role_for(const known_statement& what) const {
    if (local_role_) return *local_role_;
    return what.role ? *what.role : role_;
}

std::optional<error> session::against_its_role(const known_statement& what) const {
    const route::prepared_plan& plan = *what.plan;
    if (plan.may_read_on_replicas() || role_for(what) != role_hint::replica) return std::nullopt;
    return error{errc::read_only, "cannot execute what may write with the role replica"}.hint(
        "It was asked for by ashlar.role, or by a comment; SET ashlar.role = 'auto' takes it back.");
}

status session::run_our_setting(const known_statement& what, const setting_command& command) {
    using verb = setting_command::verb;
    const std::string_view tag = what.plan->kind() == route::statement_kind::reset ? "RESET" : "SET";
    const std::vector<std::string>& values = what.plan->session().values;
    const std::string name{role_setting};
    const bool resets = command.what == verb::reset || what.plan->session().to_default;
    if (!resets && values.size() != 1) {
        return error{errc::invalid_argument, fmt::format("SET {} takes one value", command.name)}.sqlstate("22023");
    }
    if (command.name == token_setting) {
        // What is to be seen only grows: nothing of it is taken back.
        if (!resets) {
            if (status taken = take_token(values.front()); !taken) return taken;
        }
    } else if (command.what == verb::set_local) {
        auto role = resets ? result<role_hint>{role_} : read_role(values.front());
        if (!role) return std::move(role).error();
        if (block_ == block::none) {
            wire::write_notice(stream_.out(), wire::severity::warning, "25P01",
                               "SET LOCAL can only be used in transaction blocks");
        } else {
            local_role_ = *role;
        }
    } else {
        settings next = *settings_;
        next.reset(name);
        if (resets) {
            if (const std::string* first = defaults_->find(name)) next.set(name, *first);
        } else {
            auto role = read_role(values.front());
            if (!role) return std::move(role).error();
            next.set(name, fmt::format("SET {} = '{}'", name, name_of(*role)));
        }
        use_settings(std::make_shared<const settings>(std::move(next)));
    }
    wire::write_command_complete(stream_.out(), tag);
    return {};
}

task<status> session::show_ours(std::string name, bool describe) {
    std::string value;
    if (name == token_setting) {
        auto token = co_await causal_token();
        if (!token) co_return std::move(token).error();
        value = std::move(*token);
    } else {
        value = name_of(local_role_.value_or(role_));
    }
    if (describe) {
        columns shape(1);
        shape[0].name = name;
        wire::write_row_description(stream_.out(), shape);
    }
    const cell one[] = {cell{value}};
    wire::write_data_row(stream_.out(), one);
    wire::write_command_complete(stream_.out(), "SHOW");
    co_return status{};
}

status session::take_token(std::string_view token) {
    auto read = topology::read_causal_token(token, shared_.world());
    if (!read) return std::move(read).error().sqlstate("22023");
    for (auto& [place, position] : *read) {
        const auto had = after_.find(place);
        if (had == after_.end() || position.covers(had->second)) {
            after_[place] = std::move(position);
        } else if (!had->second.covers(position)) {
            wrote_at_ = steady_clock::now();  // of another timeline: whoever shows what is now, shows both
        }
    }
    return {};
}

// How far the client's writes have got that were acknowledged, and what it was told to see.
task<result<std::string>> session::causal_token() {
    for (const participant& p : participants_) {
        if (!p.wrote || block_ == block::none) continue;
        co_return error{errc::transaction_state, "ashlar.causal_token tells of writes that are committed"}
            .sqlstate("25001")
            .hint("Ask for it after COMMIT.");
    }
    topology::causal_positions now = after_;
    const deadline until{steady_clock::now() + seconds{10}};
    for (std::size_t place = 0; place < wrote_on_.size(); ++place) {
        topology::server_set& among = *shared_.place(place).servers;
        if (!wrote_on_[place] || among.is_alone()) continue;
        auto position = co_await among.position(loop_, until);
        if (!position) co_return std::move(position).error().on(shared_.place(place).name);
        now[place] = std::move(*position);
    }
    co_return topology::to_causal_token(now, shared_.world());
}

}  // namespace ashlar::proxy
