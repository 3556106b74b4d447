// error.hpp: what went wrong, as a value.
//
// Codes are for programs: they answer what a caller can do (try again, reconnect, find out what became of a commit).
// Text is for people. What a server said is kept word for word and apart, for it may quote user data.
// An error is regular: it is copied, moved and compared (by code), and shared by no one. Thread-safe as any value.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

namespace ashlar {

template <class T>
class result;

// May the same call succeed when it is made again?
enum class again { never, later, now };

// Is it known what became of the work? `no` only where a commit may or may not have happened.
enum class known { yes, no };

// One enumerator for each line of errors.def.
enum class errc : std::uint16_t {
#define ASHLAR_ERROR(name, sqlstate, may_retry, outcome, sentence) name,
#include <ashlar/errors.def>
#undef ASHLAR_ERROR
};

struct errc_facts {
    errc code;
    std::string_view name;
    std::string_view sqlstate;
    again may_retry;
    known outcome;
    std::string_view sentence;
};

// The line of errors.def for a code.
const errc_facts& facts_of(errc code) noexcept;

// What a server said of a failure, word for word. Untrusted: it may quote what users stored.
struct server_report {
    std::string sqlstate;  // five characters; empty where the engine has none
    std::string severity;
    std::string message;
    std::string detail;
    std::string hint;
    std::string constraint, table, column, schema, data_type;
    std::int32_t position = 0;  // 1-based character of the statement as it was sent; 0 = none
    int engine_code = 0;        // SQLite's extended result code, MySQL's errno; 0 = none
    std::string raw;            // PostgreSQL: the body of the ErrorResponse, to be relayed bit for bit; else empty
};

class [[nodiscard]] error {
public:
    // The message says what was asked and what stood in the way; the code's sentence when none is given.
    explicit error(errc code) : error(code, std::string{facts_of(code).sentence}) {}
    error(errc code, std::string message);

    error(const error& other);
    error& operator=(const error& other);
    error(error&&) noexcept = default;
    error& operator=(error&&) noexcept = default;
    ~error() = default;

    // Each returns *this, so that an error is built in one expression.
    error& detail(std::string text) &;
    error& hint(std::string text) &;
    error& at(std::int32_t position) &;              // 1-based character of the client's statement
    error& on(std::string_view where) &;             // "shard_3", "orders@db7b:5432": outermost last
    error& sqlstate(std::string_view five_chars) &;  // overrides the table's, for what a server reported
    error& server(server_report report) &;
    error&& detail(std::string text) && { return std::move(detail(std::move(text))); }
    error&& hint(std::string text) && { return std::move(hint(std::move(text))); }
    error&& at(std::int32_t position) && { return std::move(at(position)); }
    error&& on(std::string_view where) && { return std::move(on(where)); }
    error&& sqlstate(std::string_view five_chars) && { return std::move(sqlstate(five_chars)); }
    error&& server(server_report report) && { return std::move(server(std::move(report))); }

    errc code() const noexcept;
    const std::string& message() const noexcept;
    const std::string& detail() const noexcept;
    const std::string& hint() const noexcept;
    std::int32_t position() const noexcept;  // 0 = none
    const std::string& where() const noexcept;
    std::string_view sqlstate() const noexcept;
    const server_report* server() const noexcept;  // nullptr when no server spoke

    again may_retry() const noexcept { return facts_of(code()).may_retry; }
    known outcome() const noexcept { return facts_of(code()).outcome; }

    // "ERROR:  … (ashlar:pool_timeout, 53300)", then DETAIL and HINT lines where there are any.
    std::string to_string() const;

    friend bool operator==(const error& e, errc code) noexcept { return e.code() == code; }

private:
    template <class>
    friend class result;
    error() noexcept = default;  // the empty error inside a successful result<void>; never seen from outside

    struct parts;
    struct deleter {
        void operator()(parts* p) const noexcept;
    };
    std::unique_ptr<parts, deleter> parts_;  // on the heap, so that a result<T> stays small
};

std::ostream& operator<<(std::ostream& out, const error& e);
std::ostream& operator<<(std::ostream& out, errc code);

}  // namespace ashlar
