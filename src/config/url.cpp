#include "config/url.hpp"

#include "config/spelling.hpp"
#include "core/ascii.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace ashlar::config {

namespace {

constexpr std::string_view shapes = "postgres://user:password@host:port/database, mysql://… or sqlite:path/to/file.db";

// The keywords of libpq 15 that make sense in a URL, without those that the URL's own parts say.
constexpr std::array<std::string_view, 27> postgres_options{"application_name",
                                                            "channel_binding",
                                                            "client_encoding",
                                                            "connect_timeout",
                                                            "fallback_application_name",
                                                            "gssencmode",
                                                            "gsslib",
                                                            "hostaddr",
                                                            "keepalives",
                                                            "keepalives_count",
                                                            "keepalives_idle",
                                                            "keepalives_interval",
                                                            "krbsrvname",
                                                            "options",
                                                            "passfile",
                                                            "sslcert",
                                                            "sslcompression",
                                                            "sslcrl",
                                                            "sslkey",
                                                            "sslmode",
                                                            "sslpassword",
                                                            "sslrootcert",
                                                            "sslsni",
                                                            "ssl_min_protocol_version",
                                                            "target_session_attrs",
                                                            "tcp_user_timeout",
                                                            "requirepeer"};
constexpr std::array<std::string_view, 6> postgres_ssl_modes{"disable", "allow",     "prefer",
                                                             "require", "verify-ca", "verify-full"};
constexpr std::array<std::string_view, 8> mysql_options{"ssl_mode", "ssl_ca",     "ssl_capath", "ssl_cert",
                                                        "ssl_key",  "ssl_cipher", "ssl_crl",    "tls_version"};
constexpr std::array<std::string_view, 4> mysql_ssl_modes{"disabled", "preferred", "required", "verify_identity"};

// False: a % without two hex digits, or a zero byte.
bool percent_decode(std::string_view from, std::string& to) {
    to.clear();
    for (std::size_t i = 0; i < from.size(); ++i) {
        if (from[i] != '%') {
            to += from[i];
            continue;
        }
        if (i + 2 >= from.size()) return false;
        const int high = hex_digit(from[i + 1]), low = hex_digit(from[i + 2]);
        if (high < 0 || low < 0 || (high == 0 && low == 0)) return false;
        to += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return true;
}

const url_fault bad_percent{"a % that two hex digits do not follow", "%40 for @, %2F for /, %25 for %", ""};
const url_fault bad_port{"a port that is not a number from 1 to 65535", "postgres://user@host:5432/database",
                         "an @ : or / within a password is written %40 %3A %2F"};

bool parse_port(std::string_view text, std::uint16_t& port) {
    unsigned number = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || end != text.data() + text.size() || number == 0 || number > 65'535) return false;
    port = static_cast<std::uint16_t>(number);
    return true;
}

// host, host:port, [v6]:port
std::optional<url_fault> read_place(std::string_view place, endpoint& to) {
    std::string_view host = place, port;
    if (place.starts_with('[')) {
        const auto closing = place.find(']');
        if (closing == std::string_view::npos)
            return url_fault{"an IPv6 address without its closing ]", "[::1]:5432", ""};
        host = place.substr(1, closing - 1);
        const std::string_view rest = place.substr(closing + 1);
        if (!rest.empty() && !rest.starts_with(':')) return bad_port;
        if (!rest.empty()) port = rest.substr(1);
        if (!rest.empty() && port.empty()) return bad_port;
    } else if (const auto colon = place.find(':'); colon != std::string_view::npos) {
        host = place.substr(0, colon);
        port = place.substr(colon + 1);
        if (port.find(':') != std::string_view::npos && port.find(',') == std::string_view::npos) {
            return url_fault{"more than one : after the user",
                             "host:port, with an IPv6 address in brackets: [::1]:5432",
                             "an @ : or / within a password is written %40 %3A %2F"};
        }
    }
    if (place.find(',') != std::string_view::npos) {
        return url_fault{"several hosts in one URL", "one host", "name the others in replicas = [\"…\"]"};
    }
    if (!percent_decode(host, to.host)) return bad_percent;
    if (!port.empty() && !parse_port(port, to.port)) return bad_port;
    return std::nullopt;
}

std::optional<url_fault> read_authority(std::string_view authority, endpoint& to) {
    const auto at = authority.rfind('@');
    if (at != std::string_view::npos) {
        const std::string_view who = authority.substr(0, at);
        const auto colon = who.find(':');
        if (!percent_decode(who.substr(0, colon), to.user)) return bad_percent;
        if (colon != std::string_view::npos && !percent_decode(who.substr(colon + 1), to.password)) return bad_percent;
        authority.remove_prefix(at + 1);
    }
    return read_place(authority, to);
}

template <class List>
bool is_among(const List& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

// An option that no part of the URL says.
std::optional<url_fault> check_option(const std::string& name, const std::string& value, engine of) {
    if (of == engine::postgres) {
        if (!is_among(postgres_options, name)) {
            return url_fault{"unknown option `" + name + "` in the URL", "an option of libpq, such as sslmode",
                             did_you_mean(name, postgres_options)};
        }
        if (name == "sslmode" && !is_among(postgres_ssl_modes, value)) {
            return url_fault{"an unknown sslmode", listed(postgres_ssl_modes), ""};
        }
        return std::nullopt;
    }
    if (!is_among(mysql_options, name)) {
        return url_fault{"unknown option `" + name + "` in the URL", listed(mysql_options) + ", socket",
                         did_you_mean(name, mysql_options)};
    }
    if (name == "ssl_mode" && !is_among(mysql_ssl_modes, value)) {
        return url_fault{
            "an unknown ssl_mode", listed(mysql_ssl_modes),
            "required with ssl_ca checks who signed the certificate; verify_identity also checks the host name"};
    }
    return std::nullopt;
}

std::optional<url_fault> take_option(const std::string& name, std::string value, endpoint& to) {
    if (name == "host" || (name == "socket" && to.engine == engine::mysql)) {
        to.host = std::move(value);
    } else if (name == "port") {
        if (!parse_port(value, to.port)) return bad_port;
    } else if (name == "user") {
        to.user = std::move(value);
    } else if (name == "password") {
        to.password = std::move(value);
    } else if (name == "dbname") {
        to.database = std::move(value);
    } else {
        if (auto fault = check_option(name, value, to.engine)) return fault;
        if (!to.options.emplace(name, std::move(value)).second) {
            return url_fault{"option `" + name + "` stands twice in the URL", "each option once", ""};
        }
    }
    return std::nullopt;
}

std::optional<url_fault> read_options(std::string_view query, endpoint& to) {
    while (!query.empty()) {
        const auto ampersand = query.find('&');
        const std::string_view pair = query.substr(0, ampersand);
        query = ampersand == std::string_view::npos ? std::string_view{} : query.substr(ampersand + 1);
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos) {
            return url_fault{"an option without a value in the URL", "?name=value&name=value", ""};
        }
        std::string name, value;
        if (!percent_decode(pair.substr(0, equals), name) || !percent_decode(pair.substr(equals + 1), value)) {
            return bad_percent;
        }
        if (auto fault = take_option(name, std::move(value), to)) return fault;
    }
    return std::nullopt;
}

std::variant<endpoint, url_fault> parse_server(engine which, std::string_view rest) {
    endpoint to;
    to.engine = which;
    if (!rest.starts_with("//")) {
        return url_fault{"a URL without // after its scheme", std::string{shapes}, ""};
    }
    rest.remove_prefix(2);
    if (const auto fragment = rest.find('#'); fragment != std::string_view::npos) {
        return url_fault{"a # in the URL", "%23 for a # within a password or name", ""};
    }
    const auto question = rest.find('?');
    const std::string_view query = question == std::string_view::npos ? std::string_view{} : rest.substr(question + 1);
    rest = rest.substr(0, question);
    const auto slash = rest.find('/');
    const std::string_view path = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
    if (path.find('@') != std::string_view::npos || path.find('/') != std::string_view::npos) {
        return url_fault{"a second / or an @ after the host", std::string{shapes},
                         "an @ : or / within a password is written %40 %3A %2F"};
    }
    if (auto fault = read_authority(rest.substr(0, slash), to)) return *fault;
    if (!percent_decode(path, to.database)) return bad_percent;
    if (auto fault = read_options(query, to)) return *fault;
    if (to.database.empty()) return url_fault{"a URL without the name of a database", std::string{shapes}, ""};
    if (which == engine::mysql && to.host.empty()) {
        return url_fault{"a MySQL URL without a host", "mysql://user@host:3306/database",
                         "?socket=/path for a Unix socket"};
    }
    if (to.port == 0) to.port = which == engine::postgres ? 5432 : 3306;
    return to;
}

std::variant<endpoint, url_fault> parse_sqlite(std::string_view rest) {
    endpoint to;
    to.engine = engine::sqlite;
    if (rest.starts_with("//")) {
        rest.remove_prefix(2);
        if (!rest.starts_with('/')) {
            return url_fault{"a host in an sqlite URL", "sqlite:path/to/file.db or sqlite:/absolute/path.db", ""};
        }
    }
    if (rest.find('?') != std::string_view::npos) {
        return url_fault{"options in an sqlite URL", "sqlite:path/to/file.db", "a ? within a path is written %3F"};
    }
    if (!percent_decode(rest, to.database)) return bad_percent;
    if (to.database.empty()) return url_fault{"an sqlite URL without a path", "sqlite:path/to/file.db", ""};
    if (to.database == ":memory:") {
        return url_fault{"an SQLite database in memory", "sqlite:path/to/file.db",
                         "each connection would see another database; a file under /dev/shm is as fast"};
    }
    return to;
}

}  // namespace

std::variant<endpoint, url_fault> parse_url(std::string_view text) {
    if (text.empty()) return url_fault{"an empty URL", std::string{shapes}, ""};
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return url_fault{"a URL without a scheme", std::string{shapes}, ""};
    const std::string_view scheme = text.substr(0, colon), rest = text.substr(colon + 1);
    if (scheme == "postgres" || scheme == "postgresql") return parse_server(engine::postgres, rest);
    if (scheme == "mysql" || scheme == "mariadb") return parse_server(engine::mysql, rest);
    if (scheme == "sqlite") return parse_sqlite(rest);
    // Quoted only where it is surely a scheme: "user:secret@host" must not show.
    if (!rest.starts_with("//") && nearest(scheme, std::array<std::string_view, 1>{"sqlite"}) == std::nullopt) {
        return url_fault{"a URL of unknown scheme", std::string{shapes}, ""};
    }
    constexpr std::array<std::string_view, 5> schemes{"postgres", "postgresql", "mysql", "mariadb", "sqlite"};
    return url_fault{"unknown scheme `" + std::string{scheme} + "`", std::string{shapes},
                     did_you_mean(scheme, schemes)};
}

}  // namespace ashlar::config
