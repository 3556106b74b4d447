// routing_hints.hpp: what a client says of where its statements are to go: in comments, by settings that are ours and no server's,
// and in the words of other proxies. Pure.
//
//     /* ashlar_role: replica */ select …      /* pgdog_role: primary */ …      /*NO LOAD BALANCE*/ select …
//     SET ashlar.role = 'replica'              SET pgdog.role TO primary        SET SERVER ROLE TO 'any'
#pragma once

#include <ashlar/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar::proxy {

enum class role_hint : std::uint8_t {
    none,     // as the configuration says
    primary,  // nothing is read from a replica
    replica,  // what reads is, and what may write is refused
};
std::string_view name_of(role_hint which) noexcept;  // "auto", "primary", "replica"

// Of "primary" and "replica", and of "any", "auto" and "default", which are all none. Fails with invalid_argument (22023).
result<role_hint> read_role(std::string_view name);

// What the comments of a statement say; nothing: nothing. Comments within quotes are none.
result<std::optional<role_hint>> role_in_comments(std::string_view sql);

// The names under which our settings are known to SET, SHOW and start-up packets.
constexpr std::string_view role_setting = "ashlar.role", token_setting = "ashlar.causal_token";
bool is_our_setting(std::string_view name) noexcept;

// PgCat's SET SERVER ROLE TO '…' and SHOW SERVER ROLE, which are no SQL, in ours; nothing: it is something else.
std::optional<std::string> in_our_words(std::string_view sql);

}  // namespace ashlar::proxy
