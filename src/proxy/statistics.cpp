#include "proxy/statistics.hpp"

namespace ashlar::proxy {

namespace {

// How many bytes the character at the front has; 0: it is none, or a control character.
std::size_t character_at_front(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(0);
    if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
    const std::size_t size = first >= 0xc2 && first <= 0xdf   ? 2
                             : first >= 0xe0 && first <= 0xef ? 3
                             : first >= 0xf0 && first <= 0xf4 ? 4
                                                              : 0;
    if (size == 0 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
    }
    // Not what a shorter form could say, no surrogates, nothing above U+10FFFF.
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) || (first == 0xf0 && byte(1) < 0x90) ||
        (first == 0xf4 && byte(1) > 0x8f)) {
        return 0;
    }
    return size;
}

}  // namespace

std::string shown_name(std::string_view name) {
    std::size_t good = 0;
    while (good < name.size()) {
        const std::size_t size = character_at_front(name.substr(good));
        if (size == 0) break;
        if (good + size > shown_max) return std::string{name.substr(0, good)};
        good += size;
    }
    if (good == name.size()) return std::string{name};
    std::string out{name.substr(0, shown_max)};
    for (char& c : out) {
        if (c < 0x20 || c > 0x7e) c = '?';
    }
    return out;
}

traffic& traffic::operator+=(const traffic& other) noexcept {
    queries += other.queries;
    transactions += other.transactions;
    assignments += other.assignments;
    received += other.received;
    sent += other.sent;
    client_parses += other.client_parses;
    server_parses += other.server_parses;
    binds += other.binds;
    logins += other.logins;
    relayed += other.relayed;
    merged += other.merged;
    own += other.own;
    refused += other.refused;
    transaction_time += other.transaction_time;
    query_time += other.query_time;
    wait_time += other.wait_time;
    return *this;
}

traffic traffic::operator-(const traffic& earlier) const noexcept {
    traffic out = *this;
    out.queries -= earlier.queries;
    out.transactions -= earlier.transactions;
    out.assignments -= earlier.assignments;
    out.received -= earlier.received;
    out.sent -= earlier.sent;
    out.client_parses -= earlier.client_parses;
    out.server_parses -= earlier.server_parses;
    out.binds -= earlier.binds;
    out.logins -= earlier.logins;
    out.relayed -= earlier.relayed;
    out.merged -= earlier.merged;
    out.own -= earlier.own;
    out.refused -= earlier.refused;
    out.transaction_time -= earlier.transaction_time;
    out.query_time -= earlier.query_time;
    out.wait_time -= earlier.wait_time;
    return out;
}

}  // namespace ashlar::proxy
