// server_messages.hpp: what servers say, to and from bytes; errors and notices are in error_fields.hpp.
//
// read_…(body) takes the body of one message, without type and length, and fails with protocol_violation when
// it is not exactly one. Views point into it. write_…(out) appends one whole message.
#pragma once

#include "core/rows.hpp"
#include "wire/message_types.hpp"
#include "wire/startup.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::wire {

enum class authentication : std::int32_t {
    ok = 0,
    kerberos = 2,
    cleartext_password = 3,
    md5_password = 5,
    gss = 7,
    gss_continue = 8,
    sspi = 9,
    sasl = 10,
    sasl_continue = 11,
    sasl_final = 12
};

struct authentication_message {
    authentication what = authentication::ok;
    std::string_view data;  // md5: the salt of 4 bytes; sasl: the mechanisms, read by read_sasl_mechanisms;
                            // else SASL's text
};

struct parameter_status_message {
    std::string_view name, value;
};

struct notification_message {
    std::uint32_t process = 0;
    std::string_view channel, payload;
};

// CopyInResponse, CopyOutResponse, CopyBothResponse.
struct copy_message {
    cell_format overall = cell_format::text;
    std::vector<cell_format> columns;
};

result<authentication_message> read_authentication(std::string_view body);
result<std::vector<std::string_view>> read_sasl_mechanisms(std::string_view data);
result<cancel_key> read_backend_key_data(std::string_view body);
result<parameter_status_message> read_parameter_status(std::string_view body);
result<transaction_state> read_ready_for_query(std::string_view body);
result<columns> read_row_description(std::string_view body);
result<std::vector<std::uint32_t>> read_parameter_description(std::string_view body);
result<std::string_view> read_command_complete(std::string_view body);  // the tag
result<notification_message> read_notification(std::string_view body);
result<copy_message> read_copy_response(std::string_view body);
// Appends the row's cells to `into` and ends the row. `width`: what RowDescription announced; any other is
// refused. On failure `into` is as it was.
status read_data_row(std::string_view body, std::size_t width, row_batch& into);
// The same for a long row, which is not copied. Precondition: `into` is empty.
status adopt_data_row(std::string&& body, std::size_t width, row_batch& into);

// How many rows a tag says were changed or returned: "INSERT 0 3" → 3, "CREATE TABLE" → 0.
std::uint64_t rows_of_tag(std::string_view tag) noexcept;

void write_authentication_ok(std::string& out);
void write_authentication_cleartext(std::string& out);
void write_authentication_sasl(std::string& out, std::span<const std::string_view> mechanisms);
void write_authentication_sasl_continue(std::string& out, std::string_view data);
void write_authentication_sasl_final(std::string& out, std::string_view data);
// The newest minor version of protocol 3 that we speak, and the options that we do not know.
void write_negotiate_version(std::string& out, std::uint16_t newest_minor,
                             std::span<const std::string> unknown_options);
void write_backend_key_data(std::string& out, const cancel_key& key);
void write_parameter_status(std::string& out, std::string_view name, std::string_view value);
void write_ready_for_query(std::string& out, transaction_state state);
void write_row_description(std::string& out, const columns& what);
void write_parameter_description(std::string& out, std::span<const std::uint32_t> types);
void write_data_row(std::string& out, std::span<const cell> cells);
void write_data_row(std::string& out, const row_batch& batch, std::size_t row);
// The same in parts, for long rows: `size` is that of the body, its two bytes of width and four for each cell among them.
void write_data_row_head(std::string& out, std::size_t size, std::size_t width);
void write_cell_head(std::string& out, const cell& what);
void write_command_complete(std::string& out, std::string_view tag);
void write_empty_query(std::string& out);
void write_parse_complete(std::string& out);
void write_bind_complete(std::string& out);
void write_close_complete(std::string& out);
void write_no_data(std::string& out);
void write_portal_suspended(std::string& out);
void write_notification(std::string& out, const notification_message& what);
// `type`: server_says::copy_in, copy_out or copy_both.
void write_copy_response(std::string& out, char type, const copy_message& what);

}  // namespace ashlar::wire
