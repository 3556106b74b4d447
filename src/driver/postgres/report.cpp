#include "driver/postgres/report.hpp"

#include <array>
#include <cstdlib>

namespace ashlar::driver::postgres {

namespace {

// In the order in which the server sends them.
constexpr std::array fields{
    PG_DIAG_SEVERITY,           PG_DIAG_SEVERITY_NONLOCALIZED, PG_DIAG_SQLSTATE,       PG_DIAG_MESSAGE_PRIMARY,
    PG_DIAG_MESSAGE_DETAIL,     PG_DIAG_MESSAGE_HINT,          PG_DIAG_CONTEXT,        PG_DIAG_SCHEMA_NAME,
    PG_DIAG_TABLE_NAME,         PG_DIAG_COLUMN_NAME,           PG_DIAG_DATATYPE_NAME,  PG_DIAG_CONSTRAINT_NAME,
    PG_DIAG_STATEMENT_POSITION, PG_DIAG_INTERNAL_POSITION,     PG_DIAG_INTERNAL_QUERY, PG_DIAG_SOURCE_FILE,
    PG_DIAG_SOURCE_LINE,        PG_DIAG_SOURCE_FUNCTION};

std::string field(const PGresult* r, int code) {
    const char* text = PQresultErrorField(r, code);
    return text == nullptr ? std::string{} : std::string{text};
}

}  // namespace

server_report report_of(const PGresult* r) {
    server_report s;
    s.sqlstate = field(r, PG_DIAG_SQLSTATE);
    s.severity = field(r, PG_DIAG_SEVERITY_NONLOCALIZED);
    s.message = field(r, PG_DIAG_MESSAGE_PRIMARY);
    s.detail = field(r, PG_DIAG_MESSAGE_DETAIL);
    s.hint = field(r, PG_DIAG_MESSAGE_HINT);
    s.constraint = field(r, PG_DIAG_CONSTRAINT_NAME);
    s.table = field(r, PG_DIAG_TABLE_NAME);
    s.column = field(r, PG_DIAG_COLUMN_NAME);
    s.schema = field(r, PG_DIAG_SCHEMA_NAME);
    s.data_type = field(r, PG_DIAG_DATATYPE_NAME);
    s.position = std::atoi(field(r, PG_DIAG_STATEMENT_POSITION).c_str());
    if (s.sqlstate.empty()) {  // libpq speaks by itself
        s.message = PQresultErrorMessage(r);
        while (s.message.ends_with('\n')) s.message.pop_back();
        return s;
    }
    for (const char code : fields) {
        const char* text = PQresultErrorField(r, code);
        if (text == nullptr) continue;
        s.raw += code;
        s.raw += text;
        s.raw += '\0';
    }
    s.raw += '\0';
    return s;
}

server_report report_of_connect(std::string_view message) {
    struct phrase {
        std::string_view words, sqlstate;
    };
    static constexpr std::array phrases{
        phrase{"password authentication failed", "28P01"},
        phrase{"no password supplied", "28P01"},
        phrase{"authentication failed", "28000"},
        phrase{"no pg_hba.conf entry", "28000"},
        phrase{"pg_hba.conf rejects", "28000"},
        phrase{"is not permitted to log in", "28000"},
        phrase{"the database system is", "57P03"},
        phrase{"too many clients", "53300"},
        phrase{"too many connections", "53300"},
        phrase{"remaining connection slots", "53300"},
    };
    server_report s;
    s.severity = "FATAL";
    s.sqlstate = "08001";
    s.message = message;
    while (s.message.ends_with('\n')) s.message.pop_back();
    for (const phrase& p : phrases) {
        if (message.find(p.words) == std::string_view::npos) continue;
        s.sqlstate = p.sqlstate;
        return s;
    }
    if (message.find("does not exist") != std::string_view::npos) {
        if (message.find("FATAL:  database \"") != std::string_view::npos) s.sqlstate = "3D000";
        if (message.find("FATAL:  role \"") != std::string_view::npos) s.sqlstate = "28000";
    }
    return s;
}

columns columns_of(const PGresult* r) {
    columns all;
    const int count = PQnfields(r);
    all.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
        column& c = all.emplace_back();
        c.name = PQfname(r, i);
        c.type = PQftype(r, i);
        c.type_modifier = PQfmod(r, i);
        c.type_size = static_cast<std::int16_t>(PQfsize(r, i));
        c.table = PQftable(r, i);
        c.table_column = static_cast<std::int16_t>(PQftablecol(r, i));
        c.format = PQfformat(r, i) == 0 ? cell_format::text : cell_format::binary;
    }
    return all;
}

}  // namespace ashlar::driver::postgres
