#include "driver/mysql/xa.hpp"

#include "core/codec.hpp"

#include <charconv>

namespace ashlar::driver::mysql {

namespace {

using fate = server_connection::fate;

constexpr std::size_t part_max = 64;

void append_literal(std::string& to, std::string_view bytes) {
    std::string hex;
    append_hex(hex, bytes);
    to.append("X'").append(hex, 2).append("'");
}

std::size_t number_of(std::string_view text) {
    std::size_t n = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

}  // namespace

task<status> xa::run(const char* verb, xid id, const char* how, fate means, deadline until) {
    if (id.global.empty() || id.global.size() > part_max || id.branch.size() > part_max) {
        co_return error{errc::invalid_argument, "a branch is named by 1 to 64 bytes, and 64 at most"};
    }
    std::string sql = std::string{"XA "} + verb + " ";
    append_literal(sql, id.global);
    sql += ',';
    append_literal(sql, id.branch);
    sql += ',' + std::to_string(id.format) + how;
    co_return co_await on_.run_command(std::move(sql), until, means);
}

task<status> xa::start(xid id, deadline until) {
    return run("START", std::move(id), "", fate::open, until);
}
task<status> xa::end(xid id, deadline until) {
    return run("END", std::move(id), "", fate::open, until);
}
task<status> xa::prepare(xid id, deadline until) {
    return run("PREPARE", std::move(id), "", fate::decided, until);
}
task<status> xa::commit(xid id, deadline until) {
    return run("COMMIT", std::move(id), "", fate::decided, until);
}
task<status> xa::commit_in_one_phase(xid id, deadline until) {
    return run("COMMIT", std::move(id), " ONE PHASE", fate::decided, until);
}
task<status> xa::rollback(xid id, deadline until) {
    return run("ROLLBACK", std::move(id), "", fate::undone, until);
}

task<result<std::vector<xid>>> xa::recover(deadline until) {
    statement s;
    s.sql = "XA RECOVER";
    auto shape = co_await on_.start(std::move(s), until);
    if (!shape) co_return std::move(shape).error();
    std::vector<xid> found;
    for (row_batch rows;; rows.clear()) {
        auto more = co_await on_.fetch(rows, until);
        if (!more) co_return std::move(more).error();
        if (*more == fetched::ended) co_return found;
        for (std::size_t r = 0; r < rows.rows(); ++r) {
            // format, length of the first part, of the second, both parts
            auto both = codec::read_bytea(rows.at(r, 3).value_or(""), cell_format::text);
            if (!both) co_return std::move(both).error();
            const std::size_t first = std::min(number_of(rows.at(r, 1).value_or("")), both->size());
            xid id;
            id.global = both->substr(0, first);
            id.branch = both->substr(first, number_of(rows.at(r, 2).value_or("")));
            id.format = static_cast<std::uint32_t>(number_of(rows.at(r, 0).value_or("")));
            found.push_back(std::move(id));
        }
    }
}

}  // namespace ashlar::driver::mysql
