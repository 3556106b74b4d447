#include "execute/engine_words.hpp"

#include "route/sqlite/lacking.hpp"

#include <fmt/format.h>

#include <string>

namespace ashlar::execute {

error in_our_words(error why, const driver::connection& on, std::string_view sql) {
    const server_report* said = why.server();
    if (on.speaks() != driver::dialect::sqlite || said == nullptr || why.sqlstate() != "42601") return why;
    if (auto lacking = route::sqlite::lacking(sql)) return std::move(*lacking);
    const std::string& message = said->message;
    const std::size_t begin = message.find('"'), end = message.find('"', begin == message.npos ? 0 : begin + 1);
    const bool named = message.starts_with("near ") && begin != message.npos && end != message.npos;
    error out{errc::unsupported, named ? fmt::format("SQLite does not have this syntax: it stops at {}",
                                                     message.substr(begin, end + 1 - begin))
                                       : std::string{"SQLite does not have the syntax of this statement"}};
    out.hint("Write it in the words that both PostgreSQL and SQLite have.");
    return out;
}

std::optional<error> misread_by(const driver::connection& on, std::string_view sql) {
    if (on.speaks() != driver::dialect::sqlite) return std::nullopt;
    return route::sqlite::misread(sql);
}

}  // namespace ashlar::execute
