#include "support/blocking_connection.hpp"

#include <libpq-fe.h>
#include <cstdlib>
#include <stdexcept>

namespace ashlar::test {

namespace {

using namespace driver;
using result_ptr = std::unique_ptr<PGresult, decltype(&PQclear)>;

error report(const PGresult* r) {
    const auto field = [r](int code) {
        const char* text = PQresultErrorField(r, code);
        return std::string{text != nullptr ? text : ""};
    };
    server_report said;
    said.sqlstate = field(PG_DIAG_SQLSTATE);
    said.message = field(PG_DIAG_MESSAGE_PRIMARY);
    return error{errc::server_error, said.message}.server(said);
}

class blocking_connection final : public connection {
public:
    blocking_connection(const std::string& conninfo, std::size_t batch_rows)
        : link_(PQconnectdb(conninfo.c_str()), &PQfinish), batch_rows_(batch_rows) {
        if (PQstatus(link_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(link_.get()));
        PQsetNoticeProcessor(
            link_.get(), [](void*, const char*) {}, nullptr);
    }

    dialect speaks() const noexcept override { return dialect::postgres; }
    void bind(io::loop&) override {}

    task<result<columns>> start(statement what, deadline) override { co_return run(what); }

    task<result<fetched>> fetch(row_batch& into, deadline) override {
        const int until = std::min(next_row_ + static_cast<int>(batch_rows_), PQntuples(rows_.get()));
        if (next_row_ == until) co_return fetched::ended;
        for (; next_row_ < until; ++next_row_) {
            for (int c = 0; c < PQnfields(rows_.get()); ++c) into.add(cell_at(next_row_, c));
            into.end_row();
        }
        co_return fetched::rows;
    }
    const completion& completed() const noexcept override { return completed_; }

    task<status> run_script(std::string sql, deadline) override { co_return command(sql); }
    task<status> begin(transaction_options, deadline) override { co_return command("begin"); }
    task<status> commit(deadline) override { co_return command("commit"); }
    task<status> rollback(deadline) override { co_return command("rollback"); }
    task<status> savepoint(std::string_view name, deadline) override {
        co_return command("savepoint \"" + std::string{name} + "\"");
    }
    task<status> rollback_to(std::string_view name, deadline) override {
        co_return command("rollback to \"" + std::string{name} + "\"");
    }
    task<status> release(std::string_view name, deadline) override {
        co_return command("release \"" + std::string{name} + "\"");
    }
    bool in_transaction() const noexcept override { return PQtransactionStatus(link_.get()) != PQTRANS_IDLE; }
    void cancel() noexcept override { next_row_ = PQntuples(rows_.get()); }
    task<status> ping(deadline) override { co_return command("select 1"); }
    task<status> reset(deadline) override { co_return command("discard all"); }
    bool is_reusable() const noexcept override { return PQstatus(link_.get()) == CONNECTION_OK; }
    bool is_clean() const noexcept override { return !in_transaction(); }
    std::string describe() const override { return std::string{"postgres://…/"} + PQdb(link_.get()); }

private:
    status command(const std::string& sql) {
        const result_ptr r{PQexec(link_.get(), sql.c_str()), &PQclear};
        if (PQresultStatus(r.get()) == PGRES_FATAL_ERROR) return report(r.get());
        return {};
    }

    result<columns> run(const statement& what) {
        std::vector<const char*> values;
        std::vector<int> lengths, formats;
        std::vector<Oid> types;
        for (const parameter& p : what.parameters) {
            values.push_back(p.bytes ? p.bytes->c_str() : nullptr);
            lengths.push_back(p.bytes ? static_cast<int>(p.bytes->size()) : 0);
            formats.push_back(p.format == cell_format::binary ? 1 : 0);
            types.push_back(p.type);
        }
        next_row_ = 0;
        rows_.reset(PQexecParams(link_.get(), what.sql.c_str(), static_cast<int>(values.size()), types.data(),
                                 values.data(), lengths.data(), formats.data(),
                                 what.results.of(0) == cell_format::binary ? 1 : 0));
        const ExecStatusType how = PQresultStatus(rows_.get());
        if (how != PGRES_TUPLES_OK && how != PGRES_COMMAND_OK) return report(rows_.get());
        completed_ = {};
        completed_.tag = PQcmdStatus(rows_.get());
        completed_.rows_affected = std::strtoull(PQcmdTuples(rows_.get()), nullptr, 10);
        return shape();
    }

    columns shape() const {
        columns all;
        for (int i = 0; i < PQnfields(rows_.get()); ++i) {
            column& c = all.emplace_back();
            c.name = PQfname(rows_.get(), i);
            c.type = PQftype(rows_.get(), i);
            c.type_modifier = PQfmod(rows_.get(), i);
            c.type_size = static_cast<std::int16_t>(PQfsize(rows_.get(), i));
            c.format = PQfformat(rows_.get(), i) == 1 ? cell_format::binary : cell_format::text;
        }
        return all;
    }

    cell cell_at(int row, int column) const {
        if (PQgetisnull(rows_.get(), row, column) != 0) return std::nullopt;
        return std::string_view{PQgetvalue(rows_.get(), row, column),
                                static_cast<std::size_t>(PQgetlength(rows_.get(), row, column))};
    }

    std::unique_ptr<PGconn, decltype(&PQfinish)> link_;
    std::size_t batch_rows_;
    result_ptr rows_{nullptr, &PQclear};
    int next_row_ = 0;
    completion completed_;
};

}  // namespace

std::unique_ptr<driver::connection> connect_blocking(const std::string& conninfo, std::size_t batch_rows) {
    return std::make_unique<blocking_connection>(conninfo, batch_rows);
}

}  // namespace ashlar::test
