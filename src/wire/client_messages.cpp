#include "wire/client_messages.hpp"

#include "wire/reader.hpp"
#include "wire/violation.hpp"
#include "wire/whole_message.hpp"
#include "wire/writer.hpp"

#include <algorithm>

namespace ashlar::wire {

namespace {

// A list of format codes: its count, then 0 or 1 each.
bool read_formats(reader& in, std::vector<cell_format>& into) {
    const std::size_t count = in.u16();
    if (!in.can_hold(count, 2)) return false;
    into.clear();
    into.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint16_t code = in.u16();
        if (code > 1) return false;
        into.push_back(static_cast<cell_format>(code));
    }
    return in.ok();
}

bool read_cells(reader& in, std::vector<cell>& into) {
    const std::size_t count = in.u16();
    if (!in.can_hold(count, 4)) return false;
    into.clear();
    into.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::int32_t length = in.i32();
        if (length == -1) {
            into.emplace_back(std::nullopt);
        } else {
            if (length < 0) return false;
            into.emplace_back(in.take(static_cast<std::size_t>(length)));
        }
    }
    return in.ok();
}

result<std::string_view> read_one_text(std::string_view body, std::string_view what) {
    reader in{body};
    const std::string_view text = in.cstring();
    if (!in.ended()) return malformed(what);
    return text;
}

result<target_message> read_target(std::string_view body, std::string_view what) {
    reader in{body};
    target_message m;
    const char kind = static_cast<char>(in.u8());
    m.name = in.cstring();
    if (!in.ended() || (kind != 'S' && kind != 'P')) return malformed(what);
    m.what = static_cast<target_message::kind>(kind);
    return m;
}

void write_formats(writer& to, std::span<const cell_format> formats) {
    ASHLAR_ASSERT(formats.size() <= UINT16_MAX);
    to.u16(static_cast<std::uint16_t>(formats.size()));
    for (const cell_format f : formats) to.u16(static_cast<std::uint16_t>(f));
}

void write_target(std::string& out, char type, target_message what) {
    writer to{out};
    const auto begun = to.begin(type);
    to.u8(static_cast<std::uint8_t>(what.what));
    to.cstring(what.name);
    to.end(begun);
}

void write_bytes(std::string& out, char type, std::string_view bytes) {
    writer to{out};
    const auto begun = to.begin(type);
    to.bytes(bytes);
    to.end(begun);
}

}  // namespace

cell_format bind_message::format_of_parameter(std::size_t i) const noexcept {
    if (parameter_formats.empty()) return cell_format::text;
    return parameter_formats[parameter_formats.size() == 1 ? 0 : i];
}

result<std::string_view> read_query(std::string_view body) {
    return read_one_text(body, "Query");
}
result<std::string_view> read_copy_fail(std::string_view body) {
    return read_one_text(body, "CopyFail");
}
result<std::string_view> read_password(std::string_view body) {
    return read_one_text(body, "PasswordMessage");
}
result<target_message> read_describe(std::string_view body) {
    return read_target(body, "Describe");
}
result<target_message> read_close(std::string_view body) {
    return read_target(body, "Close");
}

result<parse_message> read_parse(std::string_view body) {
    reader in{body};
    parse_message m;
    m.statement = in.cstring();
    m.sql = in.cstring();
    const std::size_t count = in.u16();
    if (!in.can_hold(count, 4)) return malformed("Parse");
    m.types.reserve(count);
    for (std::size_t i = 0; i < count; ++i) m.types.push_back(in.u32());
    if (!in.ended()) return malformed("Parse");
    return m;
}

bool bind_message::has_binary() const noexcept {
    const auto is_binary = [](cell_format f) { return f == cell_format::binary; };
    return std::any_of(parameter_formats.begin(), parameter_formats.end(), is_binary) ||
           std::any_of(result_formats.begin(), result_formats.end(), is_binary);
}

result<bind_message> read_bind(std::string_view body) {
    bind_message m;
    status read = read_bind_into(m, body);
    if (!read) return std::move(read).error();
    return m;
}

status read_bind_into(bind_message& m, std::string_view body) {
    reader in{body};
    m.portal = in.cstring();
    m.statement = in.cstring();
    if (!read_formats(in, m.parameter_formats) || !read_cells(in, m.parameters) ||
        !read_formats(in, m.result_formats) || !in.ended()) {
        return malformed("Bind");
    }
    const std::size_t formats = m.parameter_formats.size();
    if (formats > 1 && formats != m.parameters.size()) {
        return error{errc::protocol_violation, "Bind message has " + std::to_string(formats) +
                                                   " parameter formats but " + std::to_string(m.parameters.size()) +
                                                   " parameters"};
    }
    return {};
}

result<execute_message> read_execute(std::string_view body) {
    reader in{body};
    execute_message m;
    m.portal = in.cstring();
    // A negative count means no limit to PostgreSQL.
    const std::int32_t rows = in.i32();
    if (!in.ended()) return malformed("Execute");
    m.rows_max = rows > 0 ? static_cast<std::uint32_t>(rows) : 0;
    return m;
}

result<sasl_initial_message> read_sasl_initial(std::string_view body) {
    reader in{body};
    sasl_initial_message m;
    m.mechanism = in.cstring();
    const std::int32_t length = in.i32();
    if (length < -1) return malformed("SASLInitialResponse");
    if (length >= 0) m.data = in.take(static_cast<std::size_t>(length));
    if (!in.ended()) return malformed("SASLInitialResponse");
    return m;
}

status read_empty(std::string_view body) {
    if (!body.empty()) return error{errc::protocol_violation, "a message that has no content came with some"};
    return {};
}

void write_query(std::string& out, std::string_view sql) {
    write_text(out, client_says::query, sql);
}

void write_parse(std::string& out, std::string_view statement, std::string_view sql,
                 std::span<const std::uint32_t> types) {
    ASHLAR_ASSERT(types.size() <= UINT16_MAX);
    writer to{out};
    const auto begun = to.begin(client_says::parse);
    to.cstring(statement);
    to.cstring(sql);
    to.u16(static_cast<std::uint16_t>(types.size()));
    for (const std::uint32_t t : types) to.u32(t);
    to.end(begun);
}

void write_bind(std::string& out, std::string_view portal, std::string_view statement,
                std::span<const cell_format> parameter_formats, std::span<const cell> parameters,
                std::span<const cell_format> result_formats) {
    ASHLAR_ASSERT(parameters.size() <= UINT16_MAX);
    writer to{out};
    const auto begun = to.begin(client_says::bind);
    to.cstring(portal);
    to.cstring(statement);
    write_formats(to, parameter_formats);
    to.u16(static_cast<std::uint16_t>(parameters.size()));
    for (const cell& c : parameters) {
        to.i32(c ? static_cast<std::int32_t>(c->size()) : -1);
        if (c) to.bytes(*c);
    }
    write_formats(to, result_formats);
    to.end(begun);
}

void write_describe(std::string& out, target_message what) {
    write_target(out, client_says::describe, what);
}
void write_close(std::string& out, target_message what) {
    write_target(out, client_says::close, what);
}

void write_execute(std::string& out, std::string_view portal, std::uint32_t rows_max) {
    writer to{out};
    const auto begun = to.begin(client_says::execute);
    to.cstring(portal);
    to.u32(rows_max);
    to.end(begun);
}

void write_flush(std::string& out) {
    write_bare(out, client_says::flush);
}
void write_sync(std::string& out) {
    write_bare(out, client_says::sync);
}
void write_terminate(std::string& out) {
    write_bare(out, client_says::terminate);
}
void write_client_copy_data(std::string& out, std::string_view data) {
    write_bytes(out, client_says::copy_data, data);
}
void write_client_copy_done(std::string& out) {
    write_bare(out, client_says::copy_done);
}
void write_copy_fail(std::string& out, std::string_view reason) {
    write_text(out, client_says::copy_fail, reason);
}
void write_password(std::string& out, std::string_view password) {
    write_text(out, client_says::password, password);
}

void write_sasl_initial(std::string& out, std::string_view mechanism, std::string_view data) {
    writer to{out};
    const auto begun = to.begin(client_says::password);
    to.cstring(mechanism);
    to.u32(static_cast<std::uint32_t>(data.size()));
    to.bytes(data);
    to.end(begun);
}

void write_sasl_response(std::string& out, std::string_view data) {
    write_bytes(out, client_says::password, data);
}

}  // namespace ashlar::wire
