// bulk_writer over COPY … FROM STDIN.
#include "core/assert.hpp"
#include "core/quoting.hpp"
#include "driver/postgres/connection.hpp"

namespace ashlar::driver::postgres {

namespace {

std::string copy_statement(const bulk_target& where) {
    std::string sql = "COPY ";
    if (!where.schema.empty()) sql += quoted_name(where.schema) + ".";
    sql += quoted_name(where.table);
    for (std::size_t i = 0; i < where.columns.size(); ++i) {
        sql += i == 0 ? " (" : ", ";
        sql += quoted_name(where.columns[i]);
    }
    if (!where.columns.empty()) sql += ")";
    return sql + " FROM STDIN";
}

}  // namespace

class copy_writer final : public bulk_writer {
public:
    explicit copy_writer(server_connection& on) : on_(on) {}

    task<status> start(bulk_target where, deadline until) override {
        if (status s = co_await on_.make_ready(until); !s) co_return s;
        if (PQsendQuery(on_.open_.get(), copy_statement(where).c_str()) == 0) co_return on_.unsent();
        on_.phase_ = server_connection::phase::running;
        on_.stake_.only_reads = true;  // until the last byte is sent nothing can have been committed
        status sent = co_await on_.flush(until);
        if (!sent) co_return co_await on_.late(std::move(sent).error());
        auto r = co_await on_.next_result(until);
        if (!r) co_return co_await on_.late(std::move(r).error());
        if (PQresultStatus(r->get()) == PGRES_COPY_IN) co_return status{};
        co_return co_await refused(std::move(*r), until);
    }

    task<status> write(std::string bytes, deadline until) override {
        std::string_view rest = bytes;
        while (!rest.empty()) {
            const std::size_t piece = std::min<std::size_t>(rest.size(), 64 * 1024);
            const int taken = PQputCopyData(on_.open_.get(), rest.data(), static_cast<int>(piece));
            if (taken < 0) co_return on_.lost();
            if (taken > 0) rest.remove_prefix(piece);
            // All is sent before more is taken, so that memory stays bounded; a server that has refused a row meanwhile
            // reads on, and says so at the end.
            status s = co_await on_.flush(until);
            if (!s) co_return co_await on_.late(std::move(s).error());
        }
        co_return status{};
    }

    task<result<std::uint64_t>> finish(deadline until) override {
        on_.stake_.only_reads = false;
        if (PQputCopyEnd(on_.open_.get(), nullptr) < 0) co_return on_.lost();
        status sent = co_await on_.flush(until);
        if (!sent) co_return co_await on_.late(std::move(sent).error());
        auto r = co_await on_.next_result(until);
        if (!r) co_return co_await on_.late(std::move(r).error());
        if (PQresultStatus(r->get()) != PGRES_COMMAND_OK) co_return co_await refused(std::move(*r), until);
        on_.take_completion(r->get());
        if (status s = co_await on_.drain(until); !s) co_return std::move(s).error();
        co_return on_.completed_.rows_affected;
    }

    task<void> abandon() override {
        if (on_.phase_ != server_connection::phase::running || on_.broken_) co_return;
        on_.stake_.only_reads = true;
        (void)PQputCopyEnd(on_.open_.get(), "given up");
        const deadline end = deadline::in(seconds{1});
        if (status s = co_await on_.flush(end); s) (void)co_await on_.drain(end);
        if (on_.phase_ == server_connection::phase::running) on_.broken_ = true;
    }

private:
    task<error> refused(result_handle r, deadline until) {
        error why = r ? on_.failed(r.get()) : error{errc::internal, "the server did not take the rows"};
        r.reset();
        if (!on_.broken_) (void)co_await on_.drain(until);
        co_return why;
    }

    server_connection& on_;
};

std::unique_ptr<bulk_writer> server_connection::bulk() {
    return std::make_unique<copy_writer>(*this);
}

}  // namespace ashlar::driver::postgres
