// What the client says of where its statements go, by settings that are ours: ashlar.role, ashlar.shard, ashlar.sharding_key and
// ashlar.causal_token. No server is told of them. In order of precedence: SET LOCAL, a comment, SET (or the start-up packet), the
// configuration.
#include "proxy/our_settings.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

#include <fmt/format.h>

namespace ashlar::proxy {

role_hint session::role_for(const known_statement& what) const {
    return hints_.role(what.hints.role);
}

std::optional<error> session::against_its_role(const known_statement& what) const {
    const route::prepared_plan& plan = *what.plan;
    if (plan.may_read_on_replicas() || role_for(what) != role_hint::replica) return std::nullopt;
    return error{errc::read_only, "cannot execute a statement that may write: ashlar.role is \"replica\""}.hint(
        "A setting or a comment says so; SET ashlar.role = 'auto' takes it back.");
}

place_names session::names_of_places() const {
    place_names out;
    out.shards = shared_.shards();
    out.all.reserve(shared_.places());
    for (std::size_t place = 0; place < shared_.places(); ++place) out.all.push_back(shared_.place(place).name);
    out.map = shared_.map();
    return out;
}

void session::follow_settings() {
    hints_ = client_hints{*settings_, local_, names_of_places()};
    const auto told = shared_.world().session_defaults();
    environment_ = plans().environment(*settings_, told.get(), local_, hints_.place().has_value());
}

result<std::optional<std::size_t>> session::pinned_place(const known_statement& what,
                                                         std::span<const route::bound_parameter> values) const {
    auto place = hints_.place(what.hints.where, names_of_places());
    if (!place) return place;
    if (!*place) {
        return error{errc::unsupported, "the statement was prepared for one database, which no hint names now"}.hint(
            "Prepare it again.");
    }
    if (what.pinned->is_free()) return place;
    const pinned_target where{**place, shared_.shards(), shared_.place(**place).name};
    if (auto why = against_place(*what.pinned, where, values)) return std::move(*why);
    return place;
}

std::shared_ptr<known_statement> session::as_hinted(std::shared_ptr<known_statement> what) {
    if (what->environment == nullptr) return what;
    // PostgreSQL looks up the names of a prepared statement again when search_path is another one
    const bool alike = what->catalogue_version == shared_.world().catalogue_version() &&
                       (what->environment == environment_ ||  // most are: environments are shared
                        (what->environment->pinned == environment_->pinned &&
                         what->environment->search_path == environment_->search_path));
    if (alike) return what;
    const auto known = catalogue();
    const std::string text = what->written.empty() ? what->text : what->written;
    return plans().find(text, what->types, environment_, *known);
}

result<std::shared_ptr<known_statement>> session::statement_named(std::string_view name) {
    auto found = statements_.find(name);
    if (!found) return found;
    std::shared_ptr<known_statement> now = as_hinted(*found);
    if (now == *found) return now;
    statements_.put_back(name, now);
    // It is the same Parse that is owed: not one more, on a server of its own.
    if (!now->refused) {
        for (auto* owed : {&parse_owed_, &second_.parse_owed}) {
            if (*owed == *found) *owed = now;
        }
    }
    return now;
}

bool session::is_for_pinned_server(const known_statement& what) const {
    using route::statement_kind;
    const statement_kind kind = what.plan->kind();
    const bool prepares = kind == statement_kind::prepare || kind == statement_kind::execute;
    if (!prepares || !what.pinned || block_ != block::explicit_ || failed_ || shared_.is_sqlite()) return false;
    const auto place = hints_.place(what.hints.where, names_of_places());
    return place && *place;
}

std::vector<std::string> session::explain_pinned(const known_statement& what, std::size_t place) const {
    const std::string& name = shared_.place(place).name;
    const bool in_comment = what.hints.where && what.hints.where->what != shard_hint::kind::none;
    return {fmt::format("{:<8} {:<31} because hint, by {}", "route", "database " + name, hints_.said_by(in_comment)),
            fmt::format("{:<8} {}", name, what.plan->explained()->sql())};
}

// What every server has alike any of them can show. Of all else the answer is always the same one's, the unsharded database's if
// there is one.
std::size_t session::place_to_show(const known_statement& show) {
    const std::string& name = show.plan->session().name;
    const auto told = shared_.world().session_defaults();
    const bool alike = name.starts_with("transaction_") || settings_->find(name) != nullptr ||
                       (told != nullptr && driver::find(*told, name) != nullptr);
    if (alike || hints_.place() || !participants_.empty()) return any_place();
    const std::size_t primary = shared_.place_of_database(catalogue()->unsharded_database);
    return primary == SIZE_MAX ? 0 : primary;
}

// What a SET LOCAL has set, for what is read by us. TO DEFAULT is the value that the session began with.
void session::note_local(const setting_command& command, bool to_default) {
    std::string statement = command.statement;
    if (const std::size_t word = statement.find("LOCAL "); word != statement.npos) statement.erase(word, 6);
    if (to_default) {
        const auto told = shared_.world().session_defaults();
        const driver::session_value* const first = told == nullptr ? nullptr : driver::find(*told, command.name);
        local_.reset(command.name);
        if (const std::string* begun = defaults_->find(command.name)) {
            local_.set(command.name, *begun);
        } else if (first != nullptr) {
            local_.set_from_value(command.name, first->value);
        }
    } else {
        local_.set(command.name, std::move(statement));
    }
    follow_settings();
}

status session::run_our_setting(const known_statement& what, const setting_command& command) {
    using verb = setting_command::verb;
    const std::string_view tag = what.plan->kind() == route::statement_kind::reset ? "RESET" : "SET";
    const std::vector<std::string>& values = what.plan->session().values;
    const bool resets = command.what == verb::reset || what.plan->session().to_default;
    auto meant = find_our_setting(command.name);
    if (!meant) return std::move(meant).error();
    if (!*meant) return error{errc::internal, "a setting that is not ours"};
    if (!resets && values.size() != 1) {
        return error{errc::invalid_argument, fmt::format("SET {} takes one value", command.name)}.sqlstate("22023");
    }
    if ((*meant)->what == our_setting::causal_token) {
        // What is to be seen only grows: nothing of it is taken back.
        if (!resets) {
            if (status taken = take_token(values.front()); !taken) return taken;
        }
        wire::write_command_complete(stream_.out(), tag);
        return {};
    }
    const bool local = command.what == verb::set_local;
    settings next = local ? local_ : *settings_;
    if (resets) {
        reset_ours(next, **meant);
        const bool place = (*meant)->kept_as == shard_setting || (*meant)->kept_as == sharding_key_setting;
        for (const std::string_view each : {(*meant)->kept_as, shard_setting, sharding_key_setting}) {
            if (!place && each != (*meant)->kept_as) continue;
            if (const std::string* first = defaults_->find(std::string{each})) next.set(std::string{each}, *first);
        }
        // What the session has set is hidden until the transaction ends.
        const std::string name{(*meant)->kept_as};
        if (local && next.find(name) == nullptr) next.set(name, kept(name, ""));
    } else {
        status set = set_ours(next, command.name, **meant, values.front(), names_of_places());
        if (!set) return set;
    }
    if (local && block_ == block::none) {
        wire::write_notice(stream_.out(), wire::severity::warning, "25P01",
                           "SET LOCAL can only be used in transaction blocks");
    } else if (local) {
        local_ = std::move(next);
        follow_settings();
    } else {
        reset_ours(local_, **meant);
        use_settings(std::make_shared<const settings>(std::move(next)));
    }
    wire::write_command_complete(stream_.out(), tag);
    return {};
}

task<status> session::show_ours(std::string name, bool describe) {
    auto meant = find_our_setting(name);
    if (!meant) co_return std::move(meant).error();
    const our_setting which = *meant ? (*meant)->what : our_setting::harmless;
    std::string value;
    if (which == our_setting::causal_token) {
        auto token = co_await causal_token();
        if (!token) co_return std::move(token).error();
        value = std::move(*token);
    } else if (which == our_setting::role) {
        value = name_of(hints_.role(std::nullopt));
    } else if (which == our_setting::shard || which == our_setting::shard_number) {
        if (const auto place = hints_.place()) value = shared_.place(*place).name;
    } else if (*meant) {
        const std::string kept_as{(*meant)->kept_as};
        const std::string* found = local_.find(kept_as);
        if (found == nullptr) found = settings_->find(kept_as);
        if (found != nullptr) value = value_kept(*found);
        if (found == nullptr && which == our_setting::primary_reads) value = "on";
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
        co_return error{errc::transaction_state, "ashlar.causal_token covers only committed writes"}
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
