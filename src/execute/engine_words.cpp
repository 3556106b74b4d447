#include "execute/engine_words.hpp"

#include <fmt/format.h>

#include <string>

namespace ashlar::execute {

error in_our_words(error why, const driver::connection& on) {
    const server_report* said = why.server();
    if (on.speaks() != driver::dialect::sqlite || said == nullptr || why.sqlstate() != "42601") return why;
    const std::string& message = said->message;
    const std::size_t begin = message.find('"'), end = message.find('"', begin == message.npos ? 0 : begin + 1);
    const bool named = message.starts_with("near ") && begin != message.npos && end != message.npos;
    error out{errc::unsupported, named ? fmt::format("SQLite does not have this syntax: it stops at {}",
                                                     message.substr(begin, end + 1 - begin))
                                       : std::string{"SQLite does not have the syntax of this statement"}};
    out.hint("Write it in the words that both PostgreSQL and SQLite have.");
    return out;
}

}  // namespace ashlar::execute
