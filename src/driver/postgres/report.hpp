// report.hpp: what libpq hands over of an ErrorResponse or NoticeResponse → server_report. Pure.
#pragma once

#include "core/rows.hpp"

#include <ashlar/error.hpp>

#include <libpq-fe.h>

#include <memory>
#include <string_view>

namespace ashlar::driver::postgres {

struct result_closer {
    void operator()(PGresult* r) const noexcept { PQclear(r); }
};
using result_handle = std::unique_ptr<PGresult, result_closer>;

// All fields, and `raw`: the body of the message as the server sent it (its fields in the order of PostgreSQL itself).
server_report report_of(const PGresult* r);

// libpq tells of a failed connect in words only. The SQLSTATE is read from PostgreSQL's own (English) phrases; 08001 else.
server_report report_of_connect(std::string_view message);

// The columns that a result describes.
columns columns_of(const PGresult* r);

}  // namespace ashlar::driver::postgres
