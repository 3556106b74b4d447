// log_position.hpp: how far a server's log has got: PostgreSQL's LSN on its timeline, or MariaDB's GTID position. Pure.
//
// PostgreSQL  One stream, 0, counted in bytes, of one timeline. Positions of two timelines are not compared: what lies
//             behind a promotion may be lost on one of them.
// MariaDB     One stream for each replication domain, counted in transactions; timeline 0.
#pragma once

#include <ashlar/result.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace ashlar::health {

struct log_position {
    std::uint32_t timeline = 0;
    std::map<std::uint32_t, std::uint64_t> streams;

    bool is_known() const noexcept { return !streams.empty(); }
    // Everything that stands before `other` stands before this, too.
    bool covers(const log_position& other) const;
    // Bytes or transactions of `other` that this lacks.
    std::uint64_t behind(const log_position& other) const;

    // "p2-0000000003000148", "m0-813_1-22": no character that a URL or a cookie would have to escape.
    std::string to_string() const;
    static result<log_position> parse(std::string_view text);

    friend bool operator==(const log_position&, const log_position&) = default;
};

// PostgreSQL's insert position, as the position after the last record. At the start of a page it points behind the page's
// header, which no replica's replay position ever does: an idle primary would look ahead of its replicas for ever.
// Sizes of headers: access/xlog_internal.h, SizeOfXLogShortPHD and SizeOfXLogLongPHD.
std::uint64_t end_of_last_record(std::uint64_t insert_lsn, std::uint64_t segment_size) noexcept;

// MariaDB's "0-1-813,1-3-22" (domain, server, sequence); an empty text is a server that has logged nothing: known, and
// covered by all. Fails with bad_value for anything else, MySQL's GTID sets among them.
result<log_position> read_gtid_position(std::string_view text);

}  // namespace ashlar::health
