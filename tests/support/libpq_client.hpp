// libpq_client.hpp: a client of a proxy, by libpq: each statement's answer in one short text.
#pragma once

#include <libpq-fe.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace ashlar::test {

struct libpq_finish {
    void operator()(PGconn* c) const { PQfinish(c); }
    void operator()(PGresult* r) const { PQclear(r); }
};

class libpq_client {
public:
    // To the database main of a `proxied`. `options`: as libpq's.
    explicit libpq_client(std::uint16_t port, const std::string& options = "") {
        const std::string where =
            "host=127.0.0.1 port=" + std::to_string(port) + " user=postgres dbname=main options='" + options + "'";
        connection_.reset(PQconnectdb(where.c_str()));
        if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error{PQerrorMessage(connection_.get())};
    }
    // The first cell, the tag of a command, or the SQLSTATE of an error.
    std::string query(const std::string& sql) { return shown(PQexec(connection_.get(), sql.c_str())); }
    std::string bound(const std::string& sql, std::initializer_list<std::string> values = {}) {
        std::vector<const char*> texts;
        for (const std::string& each : values) texts.push_back(each.c_str());
        return shown(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(texts.size()), nullptr, texts.data(),
                                  nullptr, nullptr, 0));
    }
    // Of the last statement, if it failed.
    std::string message() const { return PQerrorMessage(connection_.get()); }
    void cancel() {
        PGcancel* const handle = PQgetCancel(connection_.get());
        char problem[256];
        (void)PQcancel(handle, problem, sizeof problem);
        PQfreeCancel(handle);
    }
    PGconn* raw() const { return connection_.get(); }

    // Takes the result.
    static std::string shown(PGresult* of) {
        const std::unique_ptr<PGresult, libpq_finish> got{of};
        switch (PQresultStatus(got.get())) {
            case PGRES_TUPLES_OK:
                return PQntuples(got.get()) == 0 ? "" : PQgetvalue(got.get(), 0, 0);
            case PGRES_COMMAND_OK:
                return PQcmdStatus(got.get());
            default: {
                const char* const state = PQresultErrorField(got.get(), PG_DIAG_SQLSTATE);
                return state == nullptr ? PQresultErrorMessage(got.get()) : state;
            }
        }
    }

private:
    std::unique_ptr<PGconn, libpq_finish> connection_;
};

}  // namespace ashlar::test
