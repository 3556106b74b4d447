// comment_hints.hpp: what the comments of a statement say of where it is to go, in our words and those of PgDog, SPQR and pgpool.
// Comments within quotes are none. Pure.
//
//     /* ashlar_role: replica */          /* pgdog_role: primary */             /*NO LOAD BALANCE*/
//     /* ashlar_shard: shard_2 */         /* pgdog_shard: 1 */                  /* __spqr__execute_on: shard_2 */
//     /* ashlar_sharding_key: 42 */       /* pgdog_sharding_key: 'acme' */      /* __spqr__sharding_key: 42 */
#pragma once

#include "proxy/routing_hints.hpp"
#include "proxy/shard_hint.hpp"

#include <ashlar/result.hpp>

#include <optional>
#include <string_view>

namespace ashlar::proxy {

struct comment_hints {
    std::optional<role_hint> role;
    std::optional<shard_hint> where;
};

// Of several that say the same thing the last counts. A value ends at a blank, a comma or the comment's end, or stands in quotes.
// Fails with 22023 for a value that is none, and as find_our_setting() for a comment that begins with a name like ours.
result<comment_hints> hints_in_comments(std::string_view sql);

}  // namespace ashlar::proxy
