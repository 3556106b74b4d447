// Reading what servers say. Writing it is in server_writers.cpp.
#include "wire/server_messages.hpp"

#include "wire/reader.hpp"
#include "wire/violation.hpp"

#include <array>
#include <charconv>

namespace ashlar::wire {

namespace {

// A column of RowDescription takes at least its empty name's zero byte and 18 bytes.
constexpr std::size_t smallest_column = 19;

bool read_format(reader& in, cell_format& into) {
    const std::uint16_t code = in.u16();
    into = code == 1 ? cell_format::binary : cell_format::text;
    return in.ok() && code <= 1;
}

}  // namespace

result<authentication_message> read_authentication(std::string_view body) {
    reader in{body};
    authentication_message m;
    m.what = static_cast<authentication>(in.i32());
    m.data = in.rest();
    if (!in.ok()) return malformed("Authentication");
    const bool has_data = m.what == authentication::md5_password || m.what == authentication::sasl ||
                          m.what == authentication::sasl_continue || m.what == authentication::sasl_final ||
                          m.what == authentication::gss_continue;
    if (!has_data && !m.data.empty()) return malformed("Authentication");
    if (m.what == authentication::md5_password && m.data.size() != 4) return malformed("AuthenticationMD5Password");
    return m;
}

result<std::vector<std::string_view>> read_sasl_mechanisms(std::string_view data) {
    reader in{data};
    std::vector<std::string_view> names;
    for (;;) {
        const std::string_view name = in.cstring();
        if (!in.ok()) return malformed("AuthenticationSASL");
        if (name.empty()) break;
        names.push_back(name);
    }
    if (!in.ended() || names.empty()) return malformed("AuthenticationSASL");
    return names;
}

result<cancel_key> read_backend_key_data(std::string_view body) {
    reader in{body};
    cancel_key key;
    key.process = in.u32();
    key.secret = in.rest();
    if (!in.ok() || key.secret.size() < 4 || key.secret.size() > 256) return malformed("BackendKeyData");
    return key;
}

result<parameter_status_message> read_parameter_status(std::string_view body) {
    reader in{body};
    parameter_status_message m;
    m.name = in.cstring();
    m.value = in.cstring();
    if (!in.ended()) return malformed("ParameterStatus");
    return m;
}

result<transaction_state> read_ready_for_query(std::string_view body) {
    reader in{body};
    const char state = static_cast<char>(in.u8());
    if (!in.ended() || (state != 'I' && state != 'T' && state != 'E')) return malformed("ReadyForQuery");
    return static_cast<transaction_state>(state);
}

result<columns> read_row_description(std::string_view body) {
    reader in{body};
    const std::size_t count = in.u16();
    if (!in.can_hold(count, smallest_column)) return malformed("RowDescription");
    columns all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        column& c = all.emplace_back();
        c.name = in.cstring();
        c.table = in.u32();
        c.table_column = in.i16();
        c.type = in.u32();
        c.type_size = in.i16();
        c.type_modifier = in.i32();
        if (!read_format(in, c.format)) return malformed("RowDescription");
    }
    if (!in.ended()) return malformed("RowDescription");
    return all;
}

result<std::vector<std::uint32_t>> read_parameter_description(std::string_view body) {
    reader in{body};
    const std::size_t count = in.u16();
    if (!in.can_hold(count, 4)) return malformed("ParameterDescription");
    std::vector<std::uint32_t> types;
    types.reserve(count);
    for (std::size_t i = 0; i < count; ++i) types.push_back(in.u32());
    if (!in.ended()) return malformed("ParameterDescription");
    return types;
}

result<std::string_view> read_command_complete(std::string_view body) {
    reader in{body};
    const std::string_view tag = in.cstring();
    if (!in.ended()) return malformed("CommandComplete");
    return tag;
}

result<notification_message> read_notification(std::string_view body) {
    reader in{body};
    notification_message m;
    m.process = in.u32();
    m.channel = in.cstring();
    m.payload = in.cstring();
    if (!in.ended()) return malformed("NotificationResponse");
    return m;
}

result<copy_message> read_copy_response(std::string_view body) {
    reader in{body};
    copy_message m;
    const std::uint8_t overall = in.u8();
    const std::size_t count = in.u16();
    if (overall > 1 || !in.can_hold(count, 2)) return malformed("CopyResponse");
    m.overall = static_cast<cell_format>(overall);
    m.columns.resize(count);
    for (cell_format& f : m.columns) {
        if (!read_format(in, f)) return malformed("CopyResponse");
    }
    if (!in.ended()) return malformed("CopyResponse");
    return m;
}

namespace {

// Where each cell of a DataRow lies. Every row of every scatter comes by here, hence no reader and no memory of its own:
// each length is checked against what is left before it is believed.
bool find_cells(std::string_view body, std::span<row_batch::place> cells) noexcept {
    if (reader{body}.u16() != cells.size() || body.size() < 2) return false;
    std::size_t at = 2;
    for (row_batch::place& p : cells) {
        if (body.size() - at < 4) return false;
        p.length = reader{body.substr(at, 4)}.i32();
        at += 4;
        p.offset = static_cast<std::uint32_t>(at);
        if (p.length < -1) return false;
        if (p.length < 0) continue;
        if (body.size() - at < static_cast<std::size_t>(p.length)) return false;
        at += static_cast<std::size_t>(p.length);
    }
    return at == body.size();
}

}  // namespace

status adopt_data_row(std::string&& body, std::size_t width, row_batch& into) {
    if (body.size() / 4 < width) return malformed("DataRow");
    std::vector<row_batch::place> cells(width);
    if (!find_cells(body, cells)) return malformed("DataRow");
    into.adopt_row(std::move(body), cells);
    return {};
}

status read_data_row(std::string_view body, std::size_t width, row_batch& into) {
    constexpr std::size_t usual_width = 64;
    std::array<row_batch::place, usual_width> few;
    std::vector<row_batch::place> many;
    // A row of `width` cells takes at least four bytes for each: nothing is set aside for a width that is only claimed.
    if (body.size() / 4 < width) return malformed("DataRow");
    if (width > usual_width) many.resize(width);
    const std::span<row_batch::place> cells = width > usual_width ? std::span{many} : std::span{few}.first(width);
    if (!find_cells(body, cells)) return malformed("DataRow");
    into.add_row(body, cells);
    return {};
}

std::uint64_t rows_of_tag(std::string_view tag) noexcept {
    const std::size_t space = tag.rfind(' ');
    if (space == std::string_view::npos) return 0;
    const std::string_view last = tag.substr(space + 1);
    std::uint64_t rows = 0;
    const auto [end, problem] = std::from_chars(last.data(), last.data() + last.size(), rows);
    return problem == std::errc{} && end == last.data() + last.size() ? rows : 0;
}

}  // namespace ashlar::wire
