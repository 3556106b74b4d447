// Writing what servers say.
#include "wire/server_messages.hpp"
#include "wire/whole_message.hpp"
#include "wire/writer.hpp"

namespace ashlar::wire {

namespace {

void write_authentication(std::string& out, authentication what, std::string_view data) {
    writer to{out};
    const auto begun = to.begin(server_says::authentication);
    to.i32(static_cast<std::int32_t>(what));
    to.bytes(data);
    to.end(begun);
}

void write_cell(writer& to, const cell& c) {
    to.i32(c ? static_cast<std::int32_t>(c->size()) : -1);
    if (c) to.bytes(*c);
}

std::uint16_t count_of(std::size_t n) {
    ASHLAR_ASSERT(n <= UINT16_MAX);
    return static_cast<std::uint16_t>(n);
}

}  // namespace

void write_authentication_ok(std::string& out) {
    write_authentication(out, authentication::ok, {});
}

void write_authentication_cleartext(std::string& out) {
    write_authentication(out, authentication::cleartext_password, {});
}

void write_authentication_sasl(std::string& out, std::span<const std::string_view> mechanisms) {
    std::string names;
    for (const std::string_view m : mechanisms) {
        names += m;
        names.push_back('\0');
    }
    names.push_back('\0');
    write_authentication(out, authentication::sasl, names);
}

void write_authentication_sasl_continue(std::string& out, std::string_view data) {
    write_authentication(out, authentication::sasl_continue, data);
}

void write_authentication_sasl_final(std::string& out, std::string_view data) {
    write_authentication(out, authentication::sasl_final, data);
}

void write_negotiate_version(std::string& out, std::uint16_t newest_minor,
                             std::span<const std::string> unknown_options) {
    writer to{out};
    const auto begun = to.begin(server_says::negotiate_version);
    to.u32(std::uint32_t{3} << 16 | newest_minor);  // PostgreSQL sends the major version with it
    to.u32(static_cast<std::uint32_t>(unknown_options.size()));
    for (const std::string& name : unknown_options) to.cstring(name);
    to.end(begun);
}

void write_backend_key_data(std::string& out, const cancel_key& key) {
    writer to{out};
    const auto begun = to.begin(server_says::backend_key_data);
    to.u32(key.process);
    to.bytes(key.secret);
    to.end(begun);
}

void write_parameter_status(std::string& out, std::string_view name, std::string_view value) {
    writer to{out};
    const auto begun = to.begin(server_says::parameter_status);
    to.cstring(name);
    to.cstring(value);
    to.end(begun);
}

void write_ready_for_query(std::string& out, transaction_state state) {
    writer to{out};
    const auto begun = to.begin(server_says::ready_for_query);
    to.u8(static_cast<std::uint8_t>(state));
    to.end(begun);
}

void write_row_description(std::string& out, const columns& what) {
    writer to{out};
    const auto begun = to.begin(server_says::row_description);
    to.u16(count_of(what.size()));
    for (const column& c : what) {
        to.cstring(c.name);
        to.u32(c.table);
        to.i16(c.table_column);
        // PostgreSQL tells text where a type is not known, as of NULL
        const bool is_unknown = c.type == oid::unknown;
        to.u32(is_unknown ? oid::text : c.type);
        to.i16(is_unknown ? std::int16_t{-1} : c.type_size);
        to.i32(c.type_modifier);
        to.u16(static_cast<std::uint16_t>(c.format));
    }
    to.end(begun);
}

void write_parameter_description(std::string& out, std::span<const std::uint32_t> types) {
    writer to{out};
    const auto begun = to.begin(server_says::parameter_description);
    to.u16(count_of(types.size()));
    for (const std::uint32_t t : types) to.u32(t);
    to.end(begun);
}

void write_data_row(std::string& out, std::span<const cell> cells) {
    writer to{out};
    const auto begun = to.begin(server_says::data_row);
    to.u16(count_of(cells.size()));
    for (const cell& c : cells) write_cell(to, c);
    to.end(begun);
}

void write_data_row(std::string& out, const row_batch& batch, std::size_t row) {
    writer to{out};
    const auto begun = to.begin(server_says::data_row);
    to.u16(count_of(batch.width()));
    for (std::size_t i = 0; i < batch.width(); ++i) write_cell(to, batch.at(row, i));
    to.end(begun);
}

void write_data_row_head(std::string& out, std::size_t size, std::size_t width) {
    out += server_says::data_row;
    writer to{out};
    to.u32(static_cast<std::uint32_t>(size + 4));
    to.u16(count_of(width));
}
void write_cell_head(std::string& out, const cell& what) {
    writer{out}.i32(what ? static_cast<std::int32_t>(what->size()) : -1);
}

void write_command_complete(std::string& out, std::string_view tag) {
    write_text(out, server_says::command_complete, tag);
}
void write_empty_query(std::string& out) {
    write_bare(out, server_says::empty_query);
}
void write_parse_complete(std::string& out) {
    write_bare(out, server_says::parse_complete);
}
void write_bind_complete(std::string& out) {
    write_bare(out, server_says::bind_complete);
}
void write_close_complete(std::string& out) {
    write_bare(out, server_says::close_complete);
}
void write_no_data(std::string& out) {
    write_bare(out, server_says::no_data);
}
void write_portal_suspended(std::string& out) {
    write_bare(out, server_says::portal_suspended);
}

void write_notification(std::string& out, const notification_message& what) {
    writer to{out};
    const auto begun = to.begin(server_says::notification);
    to.u32(what.process);
    to.cstring(what.channel);
    to.cstring(what.payload);
    to.end(begun);
}

void write_copy_response(std::string& out, char type, const copy_message& what) {
    writer to{out};
    const auto begun = to.begin(type);
    to.u8(static_cast<std::uint8_t>(what.overall));
    to.u16(count_of(what.columns.size()));
    for (const cell_format f : what.columns) to.u16(static_cast<std::uint16_t>(f));
    to.end(begun);
}

}  // namespace ashlar::wire
