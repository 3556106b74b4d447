#include "wire/error_fields.hpp"

#include "wire/reader.hpp"
#include "wire/violation.hpp"
#include "wire/writer.hpp"

#include <charconv>

namespace ashlar::wire {

namespace {

// The fields' type bytes.
enum field : std::uint8_t {
    severity_localized = 'S',
    severity_plain = 'V',
    code = 'C',
    message = 'M',
    detail = 'D',
    hint = 'H',
    position = 'P',
    context = 'W',
    schema = 's',
    table = 't',
    column_name = 'c',
    data_type = 'd',
    constraint = 'n',
    routine = 'R',
};

std::int32_t number_in(std::string_view text) noexcept {
    std::int32_t n = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), n);
    return problem == std::errc{} && end == text.data() + text.size() && n > 0 ? n : 0;
}

bool is_sqlstate(std::string_view text) noexcept {
    if (text.size() != 5) return false;
    for (const char c : text) {
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'))) return false;
    }
    return true;
}

void keep(server_report& report, std::uint8_t type, std::string_view value) {
    switch (type) {
        case severity_localized:
            if (report.severity.empty()) report.severity = value;
            return;
        case severity_plain:
            report.severity = value;
            return;
        case code:
            if (is_sqlstate(value)) report.sqlstate = value;
            return;
        case message:
            report.message = value;
            return;
        case detail:
            report.detail = value;
            return;
        case hint:
            report.hint = value;
            return;
        case position:
            report.position = number_in(value);
            return;
        case schema:
            report.schema = value;
            return;
        case table:
            report.table = value;
            return;
        case column_name:
            report.column = value;
            return;
        case data_type:
            report.data_type = value;
            return;
        case constraint:
            report.constraint = value;
            return;
        default:
            return;  // clients ignore what they do not know: it stays in the raw body
    }
}

std::string_view word_for(severity level) noexcept {
    switch (level) {
        case severity::warning:
            return "WARNING";
        case severity::notice:
            return "NOTICE";
        case severity::error:
            return "ERROR";
        case severity::fatal:
            return "FATAL";
    }
    return "ERROR";
}

class field_writer {
public:
    field_writer(std::string& out, char type, std::string_view level, std::string_view sqlstate)
        : to_(out), begun_(to_.begin(type)) {
        add(severity_localized, level);
        add(severity_plain, level);
        add(code, sqlstate);
    }
    void add(field type, std::string_view value) {
        if (value.empty()) return;
        to_.u8(type);
        to_.cstring(value);
    }
    void end() {
        to_.u8(0);
        to_.end(begun_);
    }

private:
    writer to_;
    std::size_t begun_;
};

void write_raw(std::string& out, char type, std::string_view body) {
    writer to{out};
    const auto begun = to.begin(type);
    to.bytes(body);
    to.end(begun);
}

// A server's words when one spoke, else ours.
std::string_view first_of(std::string_view theirs, std::string_view ours) {
    return theirs.empty() ? ours : theirs;
}

}  // namespace

result<server_report> read_error_fields(std::string_view body) {
    reader in{body};
    server_report report;
    for (;;) {
        const std::uint8_t type = in.u8();
        if (!in.ok()) return malformed("ErrorResponse");
        if (type == 0) break;
        const std::string_view value = in.cstring();
        if (!in.ok()) return malformed("ErrorResponse");
        keep(report, type, value);
    }
    if (!in.ended()) return malformed("ErrorResponse");
    report.raw = body;
    return report;
}

bool ends_the_session(const server_report& said) noexcept {
    return said.severity == "FATAL" || said.severity == "PANIC";
}

void write_error(std::string& out, const error& what, severity level) {
    static const server_report nobody;
    const server_report& said = what.server() != nullptr ? *what.server() : nobody;
    if (!said.raw.empty() && said.severity == word_for(level)) {
        return write_raw(out, server_says::error_response, said.raw);
    }
    field_writer fields{out, server_says::error_response, word_for(level), what.sqlstate()};
    fields.add(message, first_of(first_of(said.message, what.message()), facts_of(what.code()).sentence));
    fields.add(detail, first_of(said.detail, what.detail()));
    fields.add(hint, first_of(said.hint, what.hint()));
    if (what.position() > 0) fields.add(position, std::to_string(what.position()));
    fields.add(context, what.where());
    fields.add(schema, said.schema);
    fields.add(table, said.table);
    fields.add(column_name, said.column);
    fields.add(data_type, said.data_type);
    fields.add(constraint, said.constraint);
    fields.add(routine, "ashlar:" + std::string{facts_of(what.code()).name});
    fields.end();
}

void write_notice(std::string& out, severity level, std::string_view sqlstate, std::string_view text,
                  std::string_view detail_text, std::string_view hint_text) {
    field_writer fields{out, server_says::notice_response, word_for(level), sqlstate};
    fields.add(message, text);
    fields.add(detail, detail_text);
    fields.add(hint, hint_text);
    fields.end();
}

void write_error_moved(std::string& out, std::string_view body, std::int32_t by) {
    writer to{out};
    const auto begun = to.begin(server_says::error_response);
    while (!body.empty() && body.front() != '\0') {
        const auto end = body.find('\0');
        if (end == body.npos) break;
        const std::string_view value = body.substr(1, end - 1);
        to.u8(static_cast<std::uint8_t>(body.front()));
        to.cstring(body.front() == position ? std::to_string(number_in(value) + by) : std::string{value});
        body.remove_prefix(end + 1);
    }
    to.u8(0);
    to.end(begun);
}

void write_notice(std::string& out, const server_report& said) {
    if (!said.raw.empty()) return write_raw(out, server_says::notice_response, said.raw);
    field_writer fields{out, server_says::notice_response, first_of(said.severity, "NOTICE"),
                        first_of(said.sqlstate, "00000")};
    fields.add(message, said.message);
    fields.add(detail, said.detail);
    fields.add(hint, said.hint);
    fields.end();
}

}  // namespace ashlar::wire
