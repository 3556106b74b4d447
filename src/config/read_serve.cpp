#include "config/parts.hpp"
#include "config/spelling.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace ashlar::config {

namespace {
using namespace std::chrono_literals;

constexpr std::array<std::string_view, 2> auth_types{"scram-sha-256", "trust"};
constexpr milliseconds year = 24h * 365;

bool is_loopback(const std::string& address) {
    return address.starts_with("127.") || address == "::1";
}

bool is_address(const std::string& text) {
    in6_addr room{};
    return inet_pton(AF_INET, text.c_str(), &room) == 1 || inet_pton(AF_INET6, text.c_str(), &room) == 1;
}

// host:port, or [host]:port for IPv6. The host as in listen_addr.
std::optional<serve_settings::address> to_address(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    std::string host = text.substr(0, colon);
    const bool in_brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (in_brackets) host = host.substr(1, host.size() - 2);
    if (host == "localhost") host = "127.0.0.1";
    if (host == "*") host = "0.0.0.0";
    if (!is_address(host) || in_brackets != (host.find(':') != std::string::npos)) return std::nullopt;
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + colon + 1, end, port);
    if (read.ec != std::errc{} || read.ptr != end || port == 0) return std::nullopt;
    return serve_settings::address{std::move(host), port};
}

void read_metrics_listen(section& from, serve_settings& into) {
    const auto written = from.text("metrics_listen");
    if (!written || written->text.empty()) return;
    into.metrics_listen = to_address(written->text);
    if (into.metrics_listen) return;
    from.with().wrong.add(written->at, from.at_path("metrics_listen"), in_quotes(written->shown),
                          "an address and a port: \"127.0.0.1:9127\", \"[::1]:9127\", \"*:9127\"");
}

void read_listening(section& from, serve_settings& into) {
    if (const auto written = from.text("listen_addr")) {
        into.listen_addr = written->text == "localhost" ? "127.0.0.1"
                           : written->text == "*"       ? "0.0.0.0"
                                                        : written->text;
        if (!is_address(into.listen_addr)) {
            from.with().wrong.add(written->at, from.at_path("listen_addr"), in_quotes(written->shown),
                                  "an IPv4 or IPv6 address, localhost, or * for all IPv4 addresses");
            into.listen_addr = "127.0.0.1";
        }
    }
    read_metrics_listen(from, into);
    if (const auto port = from.integer("listen_port", 1, 65'535)) into.listen_port = static_cast<std::uint16_t>(*port);
    if (const auto n = from.integer("workers", 0, 1024)) into.workers = static_cast<std::uint32_t>(*n);
    if (const auto n = from.integer("max_client_conn", 1, 1'000'000)) {
        into.max_client_conn = static_cast<std::uint32_t>(*n);
    }
    if (const auto name = from.text("database")) {
        into.database = name->text;
        if (name->text.empty()) {
            from.with().wrong.add(name->at, from.at_path("database"), "an empty name",
                                  "the name that clients connect to");
        }
    }
}

// PgBouncer's words: secure (TLS 1.2 and 1.3), all, or a list such as "tlsv1.2,tlsv1.3", which must have no gap.
void read_tls_protocols(section& from, serve_settings::client_tls& into) {
    const auto written = from.text("client_tls_protocols");
    if (!written || written->text.empty() || written->text == "secure" || written->text == "default") return;
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> known{
        {{"tlsv1.0", "TLSv1"}, {"tlsv1.1", "TLSv1.1"}, {"tlsv1.2", "TLSv1.2"}, {"tlsv1.3", "TLSv1.3"}}};
    std::array<bool, known.size()> named{};
    bool good = true;
    if (written->text == "all" || written->text == "legacy")
        named.fill(true);
    else {
        std::string_view rest = written->text;
        while (good && !rest.empty()) {
            const auto comma = rest.find(',');
            std::string_view word = rest.substr(0, comma);
            rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
            while (word.starts_with(' ')) word.remove_prefix(1);
            while (word.ends_with(' ')) word.remove_suffix(1);
            const auto at = std::find_if(known.begin(), known.end(), [&](const auto& k) { return k.first == word; });
            good = at != known.end();
            if (good) named[static_cast<std::size_t>(at - known.begin())] = true;
        }
    }
    const auto first = std::find(named.begin(), named.end(), true);
    const auto last = std::find(named.rbegin(), named.rend(), true).base();
    if (!good || first == named.end() || std::find(first, last, false) != last) {
        from.with().wrong.add(written->at, from.at_path("client_tls_protocols"), in_quotes(written->shown),
                              "secure, all, or neighbours of tlsv1.0, tlsv1.1, tlsv1.2, tlsv1.3 with commas between");
        return;
    }
    into.least = known[static_cast<std::size_t>(first - named.begin())].second;
    into.most =
        last == named.end() ? "" : std::string{known[static_cast<std::size_t>(last - named.begin()) - 1].second};
}

void read_client_tls(section& from, serve_settings& into) {
    constexpr std::string_view modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
    serve_settings::client_tls& tls = into.tls;
    const auto mode = from.text("client_tls_sslmode");
    const position at = mode ? mode->at : from.what().at;
    if (mode) {
        if (std::find(std::begin(modes), std::end(modes), mode->text) == std::end(modes)) {
            from.with().wrong.add(at, from.at_path("client_tls_sslmode"), in_quotes(mode->shown), listed(modes),
                                  did_you_mean(mode->shown, modes));
        } else {
            tls.sslmode = mode->text;
        }
    }
    const auto read_file = [&](std::string_view key, std::string& path) {
        const auto file = from.text(key);
        if (!file || file->text.empty()) return;
        path = file->text.front() == '/' ? file->text : from.with().folder + file->text;
    };
    read_file("client_tls_key_file", tls.key_file);
    read_file("client_tls_cert_file", tls.cert_file);
    read_file("client_tls_ca_file", tls.ca_file);
    if (const auto list = from.text("client_tls_ciphers")) {
        const bool usual = list->text == "default" || list->text == "secure" || list->text == "normal";
        tls.ciphers = usual ? "" : list->text;
    }
    if (const auto list = from.text("client_tls13_ciphers")) tls.ciphers_13 = list->text;
    read_tls_protocols(from, tls);
    if (!tls.is_on()) return;
    if (tls.cert_file.empty()) {
        from.with().wrong.add_absence(at, from.at_path("client_tls_cert_file"), "no certificate for TLS to clients",
                                      "client_tls_cert_file and client_tls_key_file, PEM files");
    }
    if (tls.wants_certificate() && tls.ca_file.empty()) {
        from.with().wrong.add_absence(at, from.at_path("client_tls_ca_file"),
                                      "nothing to check the clients' certificates against",
                                      "client_tls_ca_file, a PEM file of the authorities that are trusted");
    }
}

// A verifier has the shape SCRAM-SHA-256$4096:salt$stored:server, the last three in base64.
bool is_whole_verifier(std::string_view text) {
    const auto colon = text.find(':'), dollar = text.find('$', 14);
    const auto last = text.rfind(':');
    return colon != std::string_view::npos && dollar != std::string_view::npos && colon > 14 && colon < dollar &&
           dollar < last && last + 1 < text.size();
}

// Nothing of a password goes into a message.
void check_password(reading& with, const spelled& password, const std::string& subject) {
    const std::string& p = password.text;
    if (p.empty()) {
        with.wrong.add(password.at, subject, "an empty password", "a password, or \"${NAME}\" of the environment");
    } else if (p.starts_with("SCRAM-SHA-256$") && !is_whole_verifier(p)) {
        with.wrong.add(password.at, subject, "a cut SCRAM verifier", "SCRAM-SHA-256$iterations:salt$stored:server",
                       "it is rolpassword of pg_authid");
    } else if (p.size() == 35 && p.starts_with("md5") &&
               p.find_first_not_of("0123456789abcdef", 3) == std::string::npos) {
        with.wrong.add(password.at, subject, "an md5 password", "a password in clear or a SCRAM-SHA-256$… verifier",
                       "set password_encryption = 'scram-sha-256' and set the password anew");
    }
}

void read_users(section& from, serve_settings& into) {
    const entry* given = from.find("users");
    if (given == nullptr) return;
    section users{from.with(), given->value, from.at_path("users")};
    for (const entry* each : users.others()) {
        const auto password = users.text(each->key);
        if (!password) continue;
        check_password(from.with(), *password, users.at_path(each->key));
        into.users.push_back({each->key, password->text});
    }
}

// Nobody who cannot log in. Under "trust" without users everybody can.
void read_console_users(section& from, std::string_view key, const serve_settings& of, std::vector<std::string>& into) {
    for (spelled& each : from.texts(key)) {
        const bool known =
            std::any_of(of.users.begin(), of.users.end(), [&](const auto& u) { return u.name == each.text; });
        if (!known && !(of.users.empty() && of.auth_type == "trust")) {
            from.with().wrong.add(each.at, from.at_path(key), in_quotes(each.shown) + ", who is not one of serve.users",
                                  "names of [serve.users]");
        }
        into.push_back(std::move(each.text));
    }
}

void check_login(section& from, serve_settings& into) {
    reading& with = from.with();
    const auto written = from.text("auth_type");
    const position at = written ? written->at : from.what().at;
    if (written) {
        into.auth_type = written->text;
        if (std::find(auth_types.begin(), auth_types.end(), written->text) == auth_types.end()) {
            with.wrong.add(at, from.at_path("auth_type"), in_quotes(written->shown), listed(auth_types),
                           did_you_mean(written->shown, auth_types));
            return;
        }
    }
    if (into.auth_type == "trust" && !is_loopback(into.listen_addr)) {
        with.wrong.add(at, from.at_path("auth_type"), "\"trust\" on " + into.listen_addr,
                       "\"trust\" on a loopback address only (127.0.0.1 or ::1)",
                       "anybody who reaches the port would be let in: use \"scram-sha-256\"");
    }
    if (into.auth_type != "trust" && !from.has("users")) {
        with.wrong.add_absence(at, from.path(), "no users, so no client could log in",
                               "[serve.users] with name = \"password\"",
                               "on a loopback address auth_type = \"trust\" asks for no password");
    }
}

void read_word(section& from, std::string_view key, std::span<const std::string_view> words, std::string& into) {
    const auto written = from.text(key);
    if (!written) return;
    if (std::find(words.begin(), words.end(), written->text) == words.end()) {
        from.with().wrong.add(written->at, from.at_path(key), in_quotes(written->shown), listed(words),
                              did_you_mean(written->shown, words));
        return;
    }
    into = written->text;
}

void read_log(section& from, serve_settings& into) {
    constexpr std::string_view levels[] = {"debug", "info", "warning", "error"};
    constexpr std::string_view formats[] = {"text", "json"};
    read_word(from, "log_level", levels, into.log_level);
    read_word(from, "log_format", formats, into.log_format);
    if (const auto d = from.duration("log_min_duration", 0ms, year)) into.log_min_duration = *d;
    if (const auto on = from.boolean("log_connections")) into.log_connections = *on;
    if (const auto on = from.boolean("log_disconnections")) into.log_disconnections = *on;
}

}  // namespace

serve_settings read_serve(reading& with, const node& what) {
    serve_settings out;
    out.given = true;
    section from{with, what, "serve"};
    if (what.what != node::kind::table) return out;
    read_listening(from, out);
    read_users(from, out);
    read_client_tls(from, out);
    check_login(from, out);
    read_console_users(from, "admin_users", out, out.admin_users);
    read_console_users(from, "stats_users", out, out.stats_users);
    if (const auto d = from.duration("stats_period", 1s, year)) out.stats_period = *d;
    read_log(from, out);
    if (const auto d = from.duration("query_timeout", 0ms, year)) out.query_timeout = *d;
    if (const auto d = from.duration("query_wait_timeout", 1ms, year)) out.query_wait_timeout = *d;
    if (const auto d = from.duration("client_login_timeout", 1ms, year)) out.client_login_timeout = *d;
    if (const auto d = from.duration("client_idle_timeout", 0ms, year)) out.client_idle_timeout = *d;
    if (const auto d = from.duration("idle_transaction_timeout", 0ms, year)) out.idle_transaction_timeout = *d;
    if (const auto bytes = from.size("merge_memory_max", 1u << 20)) out.merge_memory_max = *bytes;
    if (const auto bytes = from.size("memory_max", 16u << 20)) out.memory_max = *bytes;
    from.finish();
    return out;
}

}  // namespace ashlar::config
