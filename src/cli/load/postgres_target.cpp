// Rows into PostgreSQL by COPY.

#include "cli/load/copy_row.hpp"
#include "cli/load/target.hpp"
#include "core/quoting.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <charconv>
#include <cstdlib>

namespace ashlar::cli::load {

namespace {

struct closer {
    void operator()(PGconn* c) const noexcept { PQfinish(c); }
    void operator()(PGresult* r) const noexcept { PQclear(r); }
};
using connection_ptr = std::unique_ptr<PGconn, closer>;
using result_ptr = std::unique_ptr<PGresult, closer>;

std::string field_of(const PGresult* r, int code) {
    const char* text = PQresultErrorField(r, code);
    return text == nullptr ? std::string{} : std::string{text};
}

// "COPY users, line 3, column id: …" → 3.
std::optional<std::size_t> copy_line(std::string_view context) {
    std::size_t at = context.find("COPY ");
    if (at == std::string_view::npos) return std::nullopt;
    at = context.find(", line ", at);
    if (at == std::string_view::npos) return std::nullopt;
    std::size_t line = 0;
    const char* begin = context.data() + at + 7;
    const auto [end, failed] = std::from_chars(begin, context.data() + context.size(), line);
    if (failed != std::errc{} || line == 0) return std::nullopt;
    return line;
}

// Data exceptions, constraints, and what a trigger raised: the row's fault. Everything else is the server's.
bool is_of_a_row(std::string_view sqlstate) {
    return sqlstate.starts_with("22") || sqlstate.starts_with("23") || sqlstate.starts_with("P0") ||
           sqlstate == "44000";
}

class postgres_target final : public target {
public:
    postgres_target(const plan& what, const config::database& where) : plan_(what), where_(where) {}

    status open() override {
        const config::endpoint& e = where_.primary;
        std::map<std::string, std::string> words = e.options;
        words["host"] = e.host;
        words["port"] = std::to_string(e.port);
        words["user"] = e.user;
        words["password"] = e.password;
        words["dbname"] = e.database;
        words["client_encoding"] = "UTF8";
        words.try_emplace("application_name", "ashlar load");
        words.try_emplace("tcp_user_timeout", "30000");
        words.try_emplace("connect_timeout",
                          std::to_string(std::max<long>(1, where_.pool.connect_timeout.count() / 1000)));
        std::vector<const char*> names, values;
        for (const auto& [name, value] : words) {
            if (value.empty()) continue;
            names.push_back(name.c_str());
            values.push_back(value.c_str());
        }
        names.push_back(nullptr);
        values.push_back(nullptr);
        connection_.reset(PQconnectdbParams(names.data(), values.data(), 0));
        if (PQstatus(connection_.get()) != CONNECTION_OK) {
            return error{errc::connect_failed, "no connection to " + e.display()}.detail(
                PQerrorMessage(connection_.get()));
        }
        PQsetNoticeReceiver(
            connection_.get(), [](void*, const PGresult*) {}, nullptr);
        const std::string make = fmt::format(
            "create table if not exists {} (load_id text primary key, at_byte bigint "
            "not null, at_line bigint not null, prefix_hash text not null)",
            progress_table);
        status made = run(make);
        // Two loads that make it at the same moment: one of them is told that it exists.
        const bool raced = !made && (made.error().sqlstate() == "23505" || made.error().sqlstate() == "42P07");
        return raced ? run(make) : std::move(made);
    }

    result<std::optional<checkpoint>> reached() override {
        const char* parameters[] = {plan_.id.c_str()};
        const std::string sql =
            fmt::format("select at_byte, at_line, prefix_hash from {} where load_id = $1", progress_table);
        const result_ptr got{PQexecParams(connection_.get(), sql.c_str(), 1, nullptr, parameters, nullptr, nullptr, 0)};
        if (PQresultStatus(got.get()) != PGRES_TUPLES_OK) return failure(got.get());
        if (PQntuples(got.get()) == 0) return std::optional<checkpoint>{};
        checkpoint c;
        c.offset = std::strtoull(PQgetvalue(got.get(), 0, 0), nullptr, 10);
        c.line = std::strtoull(PQgetvalue(got.get(), 0, 1), nullptr, 10);
        c.prefix = std::strtoull(PQgetvalue(got.get(), 0, 2), nullptr, 16);
        return std::optional<checkpoint>{c};
    }

    result<std::optional<refused_row>> write(const batch& what) override {
        if (status s = run("begin"); !s) return std::move(s).error();
        auto refused = copy(what);
        if (!refused || *refused) {
            (void)run("rollback");
            return refused;
        }
        if (status s = note(what.up_to); !s) {
            (void)run("rollback");
            return std::move(s).error();
        }
        status committed = run("commit");
        if (!committed) return std::move(committed).error();
        return std::optional<refused_row>{};
    }

    status forget(const std::string& id) override {
        const char* parameters[] = {id.c_str()};
        const std::string sql = fmt::format("delete from {} where load_id = $1", progress_table);
        const result_ptr got{PQexecParams(connection_.get(), sql.c_str(), 1, nullptr, parameters, nullptr, nullptr, 0)};
        if (PQresultStatus(got.get()) != PGRES_COMMAND_OK) return failure(got.get());
        return {};
    }

private:
    error failure(const PGresult* r) const {
        if (PQstatus(connection_.get()) == CONNECTION_BAD) {
            return error{errc::connection_lost, "the connection to " + where_.primary.display() + " was lost"};
        }
        error why{errc::server_error, field_of(r, PG_DIAG_MESSAGE_PRIMARY)};
        const std::string code = field_of(r, PG_DIAG_SQLSTATE);
        if (code.size() == 5) why.sqlstate(code);
        return std::move(why).detail(field_of(r, PG_DIAG_MESSAGE_DETAIL)).hint(field_of(r, PG_DIAG_MESSAGE_HINT));
    }

    status run(const std::string& sql) {
        const result_ptr got{PQexec(connection_.get(), sql.c_str())};
        if (PQresultStatus(got.get()) != PGRES_COMMAND_OK) return failure(got.get());
        // A commit of a transaction that had failed answers ROLLBACK.
        if (sql == "commit" && std::string_view{PQcmdStatus(got.get())} != "COMMIT") {
            return error{errc::transaction_failed, "the batch was rolled back at its commit"};
        }
        return {};
    }

    status note(const checkpoint& c) {
        const std::string offset = std::to_string(c.offset), line = std::to_string(c.line);
        const std::string prefix = fmt::format("{:x}", c.prefix);
        const char* parameters[] = {plan_.id.c_str(), offset.c_str(), line.c_str(), prefix.c_str()};
        const std::string sql = fmt::format(
            "insert into {0} (load_id, at_byte, at_line, prefix_hash) values ($1, $2, $3, $4) on conflict (load_id) "
            "do update set at_byte = excluded.at_byte, at_line = excluded.at_line, prefix_hash = excluded.prefix_hash",
            progress_table);
        const result_ptr got{PQexecParams(connection_.get(), sql.c_str(), 4, nullptr, parameters, nullptr, nullptr, 0)};
        if (PQresultStatus(got.get()) != PGRES_COMMAND_OK) return failure(got.get());
        return {};
    }

    std::string copy_sql() const {
        std::string sql = "copy " + quoted_name(plan_.schema) + "." + quoted_name(plan_.table) + " (";
        for (std::size_t i = 0; i < plan_.columns.size(); ++i) {
            sql += (i == 0 ? "" : ", ") + quoted_name(plan_.columns[i]);
        }
        return sql + ") from stdin";
    }

    result<std::optional<refused_row>> copy(const batch& what) {
        if (what.rows.empty()) return std::optional<refused_row>{};
        const result_ptr begun{PQexec(connection_.get(), copy_sql().c_str())};
        if (PQresultStatus(begun.get()) != PGRES_COPY_IN) return failure(begun.get());
        std::string out;
        record row;
        bool alive = true;
        for (const place& p : what.rows) {
            record_reader reader{plan_.file.substr(0, p.end), plan_.style, p.begin, p.line};
            reader.next(row);
            append_copy_row(out, row);
            if (out.size() < send_size) continue;
            alive = alive && PQputCopyData(connection_.get(), out.data(), static_cast<int>(out.size())) == 1;
            out.clear();
        }
        if (alive && !out.empty())
            alive = PQputCopyData(connection_.get(), out.data(), static_cast<int>(out.size())) == 1;
        if (alive) PQputCopyEnd(connection_.get(), nullptr);
        return outcome(what);
    }

    result<std::optional<refused_row>> outcome(const batch& what) {
        std::optional<refused_row> refused;
        std::optional<error> failed;
        while (const result_ptr got{PQgetResult(connection_.get())}) {
            if (PQresultStatus(got.get()) == PGRES_COMMAND_OK || failed || refused) continue;
            const auto line = copy_line(field_of(got.get(), PG_DIAG_CONTEXT));
            const std::string code = field_of(got.get(), PG_DIAG_SQLSTATE);
            if (is_of_a_row(code) && line && *line <= what.rows.size()) {
                std::string reason = field_of(got.get(), PG_DIAG_MESSAGE_PRIMARY);
                const std::string detail = field_of(got.get(), PG_DIAG_MESSAGE_DETAIL);
                if (!detail.empty()) reason += " (" + detail + ")";
                refused = refused_row{*line - 1, std::move(reason)};
            } else {
                failed = failure(got.get());
            }
        }
        if (failed) return std::move(*failed);
        if (PQstatus(connection_.get()) == CONNECTION_BAD) return failure(nullptr);
        return refused;
    }

    const plan& plan_;
    const config::database& where_;
    connection_ptr connection_;
};

}  // namespace

std::unique_ptr<target> make_postgres_target(const plan& what, const config::database& where) {
    return std::make_unique<postgres_target>(what, where);
}

}  // namespace ashlar::cli::load
