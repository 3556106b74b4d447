// bulk_writer by INSERTs of many rows. LOAD DATA LOCAL would be faster, but a connection that may do it hands any file of
// the client to a server that asks for it, and servers have it switched off for that.
//
// Rows are gathered and sent by prepared statements of 256, 128, 64 … rows, so that a handful of them serves any number.
// When one is refused its rows are tried one by one, to tell which it was.
#include "core/quoting.hpp"
#include "driver/copy_text.hpp"
#include "driver/mysql/connection.hpp"

#include <algorithm>
#include <array>

namespace ashlar::driver::mysql {

namespace {

constexpr std::size_t rows_max = 256;
constexpr std::size_t places_max = 65'535;        // in one statement
constexpr std::size_t gathered_max = 512 * 1024;  // bytes, well below any max_allowed_packet
constexpr const char* savepoint_name = "ashlar_bulk";

std::string columns_text(const std::vector<std::string>& columns) {
    std::string text;
    for (const std::string& each : columns) text += (text.empty() ? "" : ", ") + backquoted_name(each);
    return text;
}

}  // namespace

class insert_writer final : public bulk_writer {
public:
    explicit insert_writer(server_connection& on) : on_(on) {}

    task<status> start(bulk_target where, deadline until) override {
        table_ = (where.schema.empty() ? "" : backquoted_name(where.schema) + ".") + backquoted_name(where.table);
        statement look;
        look.sql =
            "select " + (where.columns.empty() ? "*" : columns_text(where.columns)) + " from " + table_ + " limit 0";
        auto shape = co_await on_.start(std::move(look), until);
        if (!shape) co_return std::move(shape).error();
        row_batch none;
        if (auto f = co_await on_.fetch(none, until); !f) co_return std::move(f).error();
        names_.clear();
        types_.clear();
        for (const column& c : *shape) {
            names_.push_back(c.name);
            types_.push_back(c.type);
        }
        rows_at_once_ = std::clamp<std::size_t>(places_max / std::max<std::size_t>(types_.size(), 1), 1, rows_max);
        text_ = {};
        rows_.clear();
        gathered_ = 0;
        written_ = 0;
        refused_.reset();
        own_transaction_ = !on_.in_transaction();
        if (!own_transaction_) co_return co_await on_.savepoint(savepoint_name, until);
        const transaction_options writing;
        co_return co_await on_.begin(writing, until);
    }

    // A refused row is told by finish(): what follows it is passed over, as PostgreSQL does.
    task<status> write(std::string bytes, deadline until) override {
        if (refused_) co_return status{};
        text_.take(bytes);
        co_return co_await gather(until);
    }

    task<result<std::uint64_t>> finish(deadline until) override {
        if (!refused_) {
            text_.end();
            status s = co_await gather(until);
            if (s && !refused_) s = co_await send_all(until);
            if (!s) co_return std::move(s).error();
        }
        if (refused_) {
            co_await take_back();
            co_return std::move(*refused_);
        }
        status kept;
        if (own_transaction_)
            kept = co_await on_.commit(until);
        else
            kept = co_await on_.release(savepoint_name, until);
        if (!kept) co_return std::move(kept).error();
        co_return written_;
    }

    task<void> abandon() override { co_await take_back(); }

private:
    task<void> take_back() {
        if (!on_.is_reusable()) co_return;
        const deadline end = deadline::in(seconds{5});
        if (own_transaction_) {
            if (on_.in_transaction()) (void)co_await on_.rollback(end);
        } else {
            (void)co_await on_.rollback_to(savepoint_name, end);
        }
    }

    task<status> gather(deadline until) {
        while (auto row = text_.next()) {
            if (row->cells.size() != types_.size()) {
                error wrong{errc::bad_value, "a row has " + std::to_string(row->cells.size()) +
                                                 " cells, and the table takes " + std::to_string(types_.size())};
                refused_ = std::move(wrong.detail("line " + std::to_string(row->line)).sqlstate("22P04"));
                co_return status{};
            }
            for (const auto& cell : row->cells) gathered_ += cell ? cell->size() : 0;
            rows_.push_back(std::move(*row));
            if (rows_.size() < rows_at_once_ && gathered_ < gathered_max) continue;
            status s = co_await send_all(until);
            if (!s || refused_) co_return s;
        }
        co_return status{};
    }

    // In statements of 2^n rows. An error is the connection's; a row's is in refused_.
    task<status> send_all(deadline until) {
        std::size_t first = 0;
        while (first < rows_.size() && !refused_) {
            std::size_t count = rows_max;
            while (count > rows_.size() - first || count > rows_at_once_) count /= 2;
            if (gathered_ > gathered_max) count = 1;  // long rows go alone
            if (status s = co_await send(first, count, until); !s) co_return s;
            first += count;
        }
        rows_.clear();
        gathered_ = 0;
        co_return status{};
    }

    task<status> send(std::size_t first, std::size_t count, deadline until) {
        statement s = insert_of(first, count);
        auto done = co_await on_.start(std::move(s), until);
        if (done) {
            written_ += count;
            co_return status{};
        }
        error why = std::move(done).error();
        const bool goes_on = on_.is_reusable() && on_.in_transaction() && !(why == errc::deadline_passed);
        if (!goes_on) {
            co_await take_back();
            co_return std::move(why);
        }
        if (count == 1) {
            std::string detail = "line " + std::to_string(rows_[first].line);
            if (const server_report* said = why.server()) detail += ": " + said->message;
            refused_ = std::move(why.detail(std::move(detail)));
            co_return status{};
        }
        for (std::size_t i = 0; i < count && !refused_; ++i) {
            if (status one = co_await send(first + i, 1, until); !one) co_return one;
        }
        co_return status{};
    }

    statement insert_of(std::size_t first, std::size_t count) const {
        statement s;
        s.sql = "insert into " + table_ + " (" + columns_text(names_) + ") values ";
        std::size_t number = 0;
        for (std::size_t r = 0; r < count; ++r) {
            s.sql += r == 0 ? "(" : ", (";
            for (std::size_t c = 0; c < types_.size(); ++c) s.sql += (c == 0 ? "$" : ", $") + std::to_string(++number);
            s.sql += ')';
        }
        s.parameters.reserve(number);
        for (std::size_t r = first; r < first + count; ++r) {
            for (std::size_t c = 0; c < types_.size(); ++c)
                s.parameters.push_back(parameter_of(rows_[r].cells[c], types_[c]));
        }
        return s;
    }

    static parameter parameter_of(const std::optional<std::string>& cell, std::uint32_t type) {
        parameter p;
        p.bytes = cell;
        p.type = type;
        // MySQL's boolean is a tinyint.
        constexpr std::array booleans{"t", "f", "true", "false"};
        const bool is_boolean = cell && type == oid::int2 && std::ranges::find(booleans, *cell) != booleans.end();
        if (is_boolean) p.type = oid::boolean;
        // Dates and times that are not written as PostgreSQL writes them: the server reads them, strictly.
        if (cell && is_moment(type) && !is_readable_moment(*cell, type)) p.type = oid::text;
        return p;
    }

    server_connection& on_;
    std::string table_;
    std::vector<std::string> names_;
    std::vector<std::uint32_t> types_;
    std::size_t rows_at_once_ = rows_max;
    copy_text text_;
    std::vector<copy_row> rows_;
    std::size_t gathered_ = 0;
    std::uint64_t written_ = 0;
    bool own_transaction_ = false;
    std::optional<error> refused_;
};

std::unique_ptr<bulk_writer> server_connection::bulk() {
    return std::make_unique<insert_writer>(*this);
}

}  // namespace ashlar::driver::mysql
