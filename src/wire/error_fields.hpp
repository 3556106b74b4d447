// error_fields.hpp: ErrorResponse and NoticeResponse ↔ server_report and ashlar::error.
//
// What a server said goes to the client bit for bit. What Ashlar says is built from the error: its SQLSTATE, message,
// detail, hint and position; where it happened ("shard_3") is the context, and the code's name the routine
// ("ashlar:pool_timeout"), so that a program can read both and `\set VERBOSITY verbose` shows them.
#pragma once

#include "wire/message_types.hpp"

#include <ashlar/result.hpp>

#include <string>
#include <string_view>

namespace ashlar::wire {

enum class severity { warning, notice, error, fatal };

// The body of an ErrorResponse or NoticeResponse. A server may leave out whatever it likes: without an
// SQLSTATE the report has none. Only a body that is no list of fields at all fails. `raw` is the body.
result<server_report> read_error_fields(std::string_view body);

// Did the session at the server end with this error?
bool ends_the_session(const server_report& said) noexcept;

// An ErrorResponse. With `level` error, and a server's own raw body of that level in the error, that body;
// otherwise it is built anew.
void write_error(std::string& out, const error& what, severity level = severity::error);
// A NoticeResponse.
void write_notice(std::string& out, severity level, std::string_view sqlstate, std::string_view message,
                  std::string_view detail = {}, std::string_view hint = {});
// A server's notice: its raw body when it has one.
void write_notice(std::string& out, const server_report& said);

// An ErrorResponse of this body with its position moved: for a statement that was cut out of a longer text.
void write_error_moved(std::string& out, std::string_view body, std::int32_t by);

}  // namespace ashlar::wire
