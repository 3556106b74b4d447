#include "proxy/client_hints.hpp"

#include "core/ascii.hpp"
#include "core/quoting.hpp"

#include <fmt/format.h>

namespace ashlar::proxy {

namespace {

const std::string shard_name{shard_setting}, key_name{sharding_key_setting}, role_name{role_setting};

// What the settings say of the place; `said`: whether they say anything, "nowhere in particular" included.
std::optional<std::size_t> place_in(const settings& all, const place_names& among, bool& said) {
    shard_hint hint;
    const std::string* const shard = all.find(shard_name);
    const std::string* const key = all.find(key_name);
    said = shard != nullptr || key != nullptr;
    if (shard != nullptr) hint = named(value_kept(*shard));
    if (key != nullptr && hint.what == shard_hint::kind::none) hint = keyed(value_kept(*key));
    auto place = place_of(hint, among);  // was good when it was set
    return place ? *place : std::nullopt;
}

std::optional<role_hint> role_in(const settings& all) {
    const std::string* const role = all.find(role_name);
    if (role == nullptr) return std::nullopt;
    auto read = read_role(value_kept(*role));
    return read ? *read : role_hint::none;
}

}  // namespace

std::string kept(std::string_view name, std::string_view value) {
    return fmt::format("SET {} = {}", name, quoted_text(value));
}

std::string value_kept(std::string_view statement) {
    const std::size_t begin = statement.find('\''), end = statement.rfind('\'');
    std::string out;
    if (begin == statement.npos || end <= begin) return out;
    for (std::size_t i = begin + 1; i < end; ++i) {
        out += statement[i];
        if (statement[i] == '\'') ++i;
    }
    return out;
}

void reset_ours(settings& into, const our_name& meant) {
    const bool place = meant.kept_as == shard_setting || meant.kept_as == sharding_key_setting;
    if (place) into.reset(shard_name);
    if (place) into.reset(key_name);
    into.reset(std::string{meant.kept_as});
}

status set_ours(settings& into, std::string_view name, const our_name& meant, std::string_view value,
                const place_names& among) {
    shard_hint hint;
    std::string word{value};
    switch (meant.what) {
        case our_setting::role: {
            std::string_view role = value;
            if (!name.starts_with("ashlar.") && !name.starts_with("pgdog.")) {
                auto read = role_for_session_attrs(value);
                if (!read) return std::move(read).error();
                role = *read;
            }
            auto read = read_role(role);
            if (!read) return std::move(read).error();
            word = name_of(*read);
            break;
        }
        case our_setting::shard:
        case our_setting::shard_number:
        case our_setting::sharding_key: {
            hint = meant.what == our_setting::shard          ? named(value)
                   : meant.what == our_setting::shard_number ? numbered(value)
                                                             : keyed(value);
            auto place = place_of(hint, among);
            if (!place) return std::move(place).error();
            if (meant.what != our_setting::sharding_key) word = *place ? among.all[**place] : std::string_view{};
            reset_ours(into, meant);
            break;
        }
        case our_setting::primary_reads:
            if (!equals_ignoring_case(value, "on") && !equals_ignoring_case(value, "default")) {
                return error{errc::unsupported,
                             fmt::format("ashlar.primary_reads = '{}' is not supported", value.substr(0, 100))}
                    .hint(
                        "[replicas] no_replica = \"refuse\" keeps reads off the primary, or ashlar.role = 'replica' "
                        "those of a "
                        "client.");
            }
            word = "on";
            break;
        case our_setting::harmless:
            if (status good = check_harmless(name, value); !good) return good;
            break;
        case our_setting::causal_token:
            return error{errc::internal, "a token is not a setting that is kept"};
    }
    into.set(std::string{meant.kept_as}, kept(meant.kept_as, word));
    return {};
}

client_hints::client_hints(const settings& session, const settings& local, const place_names& among) {
    bool said = false;
    place_ = place_in(session, among, said);
    local_place_ = place_in(local, among, local_place_said_);
    role_ = role_in(session).value_or(role_hint::none);
    local_role_ = role_in(local);
}

role_hint client_hints::role(const std::optional<role_hint>& comment) const noexcept {
    if (local_role_) return *local_role_;
    return comment ? *comment : role_;
}

result<std::optional<std::size_t>> client_hints::place(const std::optional<shard_hint>& comment,
                                                       const place_names& among) const {
    // A SET LOCAL to nothing in particular hides what the session has set, not a comment.
    if (local_place_ || !comment) return place();
    return place_of(*comment, among);
}

std::string_view client_hints::said_by(bool in_comment) const noexcept {
    return local_place_said_ ? "SET LOCAL" : in_comment ? "a comment" : "SET";
}

}  // namespace ashlar::proxy
