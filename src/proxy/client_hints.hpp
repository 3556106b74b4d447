// client_hints.hpp: where a session's statements go by what its client has said: in order of precedence SET LOCAL, a comment of the
// statement, SET or the start-up packet, the configuration. Made anew whenever a setting changes. Pure.
#pragma once

#include "proxy/comment_hints.hpp"
#include "proxy/our_settings.hpp"
#include "proxy/session_settings.hpp"
#include "proxy/shard_hint.hpp"

#include <ashlar/result.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace ashlar::proxy {

// The statement under which a setting of ours is kept among a session's, and the value in it.
std::string kept(std::string_view name, std::string_view value);
std::string value_kept(std::string_view statement);

// Sets one of ours. Setting the shard takes the sharding key back, and the other way round. Fails with 22023 and as
// check_harmless(). A token is not for this.
status set_ours(settings& into, std::string_view name, const our_name& meant, std::string_view value,
                const place_names& among);
void reset_ours(settings& into, const our_name& meant);

class client_hints {
public:
    client_hints() = default;
    // `session`: SET and the start-up packet; `local`: SET LOCAL, nothing by the name of a setting that was not set so.
    client_hints(const settings& session, const settings& local, const place_names& among);

    role_hint role(const std::optional<role_hint>& comment) const noexcept;
    // The one place for the statement, whatever it says; nothing: where it belongs. A comment's hint fails as place_of().
    result<std::optional<std::size_t>> place(const std::optional<shard_hint>& comment, const place_names& among) const;
    // The same for a statement without comments.
    std::optional<std::size_t> place() const noexcept { return local_place_said_ ? local_place_ : place_; }
    // Who said so, for people: "SET LOCAL", "a comment", "SET".
    std::string_view said_by(bool in_comment) const noexcept;

private:
    role_hint role_ = role_hint::none;
    std::optional<role_hint> local_role_;
    std::optional<std::size_t> place_, local_place_;
    bool local_place_said_ = false;
};

}  // namespace ashlar::proxy
