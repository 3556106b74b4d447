// client_messages.hpp: what clients say, to and from bytes.
//
// read_…(body) takes the body of one message, without type and length, and fails with protocol_violation when
// it is not exactly one. Views point into it. write_…(out) appends one whole message.
#pragma once

#include "core/rows.hpp"
#include "wire/message_types.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::wire {

struct parse_message {
    std::string_view statement;  // empty: the unnamed one
    std::string_view sql;
    std::vector<std::uint32_t> types;  // 0 or absent: the server infers it
};

struct bind_message {
    std::string_view portal, statement;
    std::vector<cell_format> parameter_formats;  // none: all text; one: for all; else one each (checked)
    std::vector<cell> parameters;
    std::vector<cell_format> result_formats;  // none: all text; one: for all; else one each

    cell_format format_of_parameter(std::size_t i) const noexcept;
    bool has_binary() const noexcept;  // is any of them asked for or given in binary?
};

// Of Describe and Close.
struct target_message {
    enum class kind : char { statement = 'S', portal = 'P' };
    kind what = kind::statement;
    std::string_view name;
};

struct execute_message {
    std::string_view portal;
    std::uint32_t rows_max = 0;  // 0: all
};

struct sasl_initial_message {
    std::string_view mechanism;
    std::optional<std::string_view> data;
};

result<std::string_view> read_query(std::string_view body);  // the SQL
result<parse_message> read_parse(std::string_view body);
result<bind_message> read_bind(std::string_view body);
status read_bind_into(bind_message& into, std::string_view body);  // the same, into memory that was used before
result<target_message> read_describe(std::string_view body);
result<target_message> read_close(std::string_view body);
result<execute_message> read_execute(std::string_view body);
result<std::string_view> read_copy_fail(std::string_view body);  // the reason
result<std::string_view> read_password(std::string_view body);
result<sasl_initial_message> read_sasl_initial(std::string_view body);
// SASLResponse and CopyData are their bodies; Flush, Sync, CopyDone and Terminate have none.
status read_empty(std::string_view body);

void write_query(std::string& out, std::string_view sql);
void write_parse(std::string& out, std::string_view statement, std::string_view sql,
                 std::span<const std::uint32_t> types);
// `parameter_formats` and `result_formats`: as in bind_message.
void write_bind(std::string& out, std::string_view portal, std::string_view statement,
                std::span<const cell_format> parameter_formats, std::span<const cell> parameters,
                std::span<const cell_format> result_formats);
void write_describe(std::string& out, target_message what);
void write_close(std::string& out, target_message what);
void write_execute(std::string& out, std::string_view portal, std::uint32_t rows_max = 0);
void write_flush(std::string& out);
void write_sync(std::string& out);
void write_terminate(std::string& out);
void write_client_copy_data(std::string& out, std::string_view data);
void write_client_copy_done(std::string& out);
void write_copy_fail(std::string& out, std::string_view reason);
void write_password(std::string& out, std::string_view password);
void write_sasl_initial(std::string& out, std::string_view mechanism, std::string_view data);
void write_sasl_response(std::string& out, std::string_view data);

}  // namespace ashlar::wire
