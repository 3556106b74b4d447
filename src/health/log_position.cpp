#include "health/log_position.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

namespace ashlar::health {

namespace {

constexpr std::uint64_t page_size = 8192;
constexpr std::uint64_t short_header = 24;
constexpr std::uint64_t long_header = 40;  // of a segment's first page
// MariaDB counts domains from 0; a server that has logged nothing still has a known position.
constexpr std::uint32_t nothing_logged = 0;

template <class Number>
bool read_number(std::string_view text, Number& into, int base = 10) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), into, base);
    return !text.empty() && read.ec == std::errc{} && read.ptr == text.data() + text.size();
}

std::vector<std::string_view> cut(std::string_view text, char at) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find(at);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

error no_position(std::string_view text) {
    return error{errc::bad_value, fmt::format("\"{}\" is not a log position", text.substr(0, 100))};
}

}  // namespace

bool log_position::covers(const log_position& other) const {
    if (timeline != other.timeline) return false;
    return std::all_of(other.streams.begin(), other.streams.end(), [&](const auto& each) {
        const auto own = streams.find(each.first);
        return own == streams.end() ? each.second == 0 : own->second >= each.second;
    });
}

std::uint64_t log_position::behind(const log_position& other) const {
    std::uint64_t sum = 0;
    for (const auto& [stream, reached] : other.streams) {
        const auto own = streams.find(stream);
        const std::uint64_t here = own == streams.end() ? 0 : own->second;
        if (here < reached) sum += reached - here;
    }
    return sum;
}

std::string log_position::to_string() const {
    if (timeline != 0) return fmt::format("p{}-{:016x}", timeline, streams.empty() ? 0 : streams.begin()->second);
    std::string out = "m";
    for (const auto& [domain, sequence] : streams) {
        if (out.size() > 1) out += '_';
        out += fmt::format("{}-{}", domain, sequence);
    }
    return out;
}

result<log_position> log_position::parse(std::string_view text) {
    log_position out;
    if (text.size() < 2) return no_position(text);
    const std::string_view rest = text.substr(1);
    if (text.front() == 'p') {
        const auto parts = cut(rest, '-');
        std::uint64_t lsn = 0;
        if (parts.size() != 2 || !read_number(parts[0], out.timeline) || out.timeline == 0 || parts[1].size() != 16 ||
            !read_number(parts[1], lsn, 16)) {
            return no_position(text);
        }
        out.streams[0] = lsn;
        return out;
    }
    if (text.front() != 'm') return no_position(text);
    for (const std::string_view each : cut(rest, '_')) {
        const auto parts = cut(each, '-');
        std::uint32_t domain = 0;
        std::uint64_t sequence = 0;
        if (parts.size() != 2 || !read_number(parts[0], domain) || !read_number(parts[1], sequence)) {
            return no_position(text);
        }
        out.streams[domain] = sequence;
    }
    return out;
}

std::uint64_t end_of_last_record(std::uint64_t insert_lsn, std::uint64_t segment_size) noexcept {
    if (segment_size != 0 && insert_lsn % segment_size == long_header) return insert_lsn - long_header;
    // A record's rest on a page is never as short as to end here: it would begin at the header's end.
    if (insert_lsn % page_size == short_header) return insert_lsn - short_header;
    return insert_lsn;
}

result<log_position> read_gtid_position(std::string_view text) {
    log_position out;
    if (text.empty()) {
        out.streams[nothing_logged] = 0;
        return out;
    }
    for (const std::string_view each : cut(text, ',')) {
        const auto parts = cut(each, '-');
        std::uint32_t domain = 0, server = 0;
        std::uint64_t sequence = 0;
        if (parts.size() != 3 || !read_number(parts[0], domain) || !read_number(parts[1], server) ||
            !read_number(parts[2], sequence)) {
            return no_position(text);
        }
        // gtid_binlog_pos may name a domain once for each server that wrote in it.
        std::uint64_t& known = out.streams[domain];
        known = std::max(known, sequence);
    }
    return out;
}

}  // namespace ashlar::health
