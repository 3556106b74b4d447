// our_settings.hpp: the settings that the proxy keeps for itself, by their own names and by those of PgDog and SPQR. No server
// is told of them. Names that look like ours and are none are refused, with the nearest one. Pure.
//
//     SET ashlar.shard = 'shard_2'      SET pgdog.shard = 1      SET __spqr__execute_on = 'shard_2'
#pragma once

#include <ashlar/result.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ashlar::proxy {

enum class our_setting : std::uint8_t {
    role,           // ashlar.role: primary, replica or auto
    shard,          // ashlar.shard: a database's name
    shard_number,   // pgdog.shard: a shard's number, from 0; kept as ashlar.shard
    sharding_key,   // ashlar.sharding_key
    causal_token,   // ashlar.causal_token
    primary_reads,  // ashlar.primary_reads: PgCat's word; on
    harmless,       // another proxy's, whose effect is given here anyway
};

struct our_name {
    our_setting what = our_setting::harmless;
    std::string_view kept_as;  // the name under which the session keeps it
};

constexpr std::string_view role_setting = "ashlar.role", token_setting = "ashlar.causal_token",
                           shard_setting = "ashlar.shard", sharding_key_setting = "ashlar.sharding_key";

// `name` in lower case, as SET, SHOW, RESET and start-up packets give it. Nothing: it is a server's, or anybody's own. Fails with
// 42704 for what nobody has, and with 0A000 for words of other proxies that mean nothing here.
result<std::optional<our_name>> find_our_setting(std::string_view name);
// Begins as our names do, so that no server is to be told.
bool is_our_setting(std::string_view name) noexcept;

// The value of a harmless setting: fails with 0A000 when it asks for what is not done.
status check_harmless(std::string_view name, std::string_view value);
// SPQR's target_session_attrs as a role: read-only → replica …; fails with 22023.
result<std::string_view> role_for_session_attrs(std::string_view value);

// A statement that would set or read one of ours on a server, by set_config(), ALTER ROLE … SET or a function's SET clause:
// why it is refused. `text` holds one of those words.
std::optional<error> sets_ours_on_a_server(std::string_view text);

}  // namespace ashlar::proxy
