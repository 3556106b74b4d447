// What of a session is worth a line in the log: logins, refusals, ends, slow statements. Never a password, a parameter or a
// literal.
#include "core/event_log.hpp"
#include "proxy/plan_cache.hpp"
#include "proxy/service.hpp"
#include "proxy/session.hpp"
#include "sql/lexer.hpp"

namespace ashlar::proxy {

namespace {

constexpr std::size_t text_most = 2'000;

// Literals are replaced; a text that cannot be read is not shown.
std::string without_literals(std::string_view text) {
    sql::normalised shape = sql::normalise(text);
    if (!shape.understood) return "(not readable)";
    if (shape.text.size() > text_most) {
        shape.text.resize(text_most);
        shape.text += "...";
    }
    return std::move(shape.text);
}

}  // namespace

void session::log_admission(const wire::startup_request& start, const status& how) const {
    if (how && !shared_.settings().log_connections) return;
    if (!how && (how.error() == errc::cancelled || how.error() == errc::peer_closed)) return;
    if (!logs(how ? log_level::info : log_level::warning)) return;
    const client_facts client = facts();
    const std::string user = shown_name(start.user()), database = shown_name(start.database());
    if (how) {
        log_event(log_level::info, "login",
                  {{"user", user},
                   {"database", database},
                   {"address", client.address},
                   {"port", client.port},
                   {"application", client.application},
                   {"tls", client.tls.empty() ? "no" : client.tls},
                   {"client", client.process}});
    } else {
        log_event(log_level::warning, "login_refused",
                  {{"user", user},
                   {"database", database},
                   {"address", client.address},
                   {"port", client.port},
                   {"sqlstate", how.error().sqlstate()},
                   {"reason", how.error().message()}});
    }
}

void session::log_end(const std::optional<error>& why) const {
    if (!logged_in_) {
        if (!why || *why == errc::cancelled || *why == errc::peer_closed || !crowded_out) return;
        const client_facts client = facts();
        log_event(log_level::warning, "client_refused",
                  {{"address", client.address},
                   {"port", client.port},
                   {"sqlstate", why->sqlstate()},
                   {"reason", why->message()}});
        return;
    }
    if (!shared_.settings().log_disconnections || !logs(log_level::info)) return;
    const bool left = !why || *why == errc::peer_closed;
    const auto seconds = std::chrono::duration<double>(loop_.now() - came_at_).count();
    log_event(log_level::info, "disconnect",
              {{"user", user_},
               {"client", key_.process},
               {"seconds", seconds},
               {"reason", left ? std::string{"client"} : why->message()}});
}

void session::watch(const std::shared_ptr<known_statement>& what) {
    if (shared_.settings().log_min_duration.count() > 0) watched_ = what;
}

void session::log_if_slow(nanoseconds took) {
    const std::shared_ptr<known_statement> what = std::move(watched_);
    watched_ = nullptr;
    if (what == nullptr || took < shared_.settings().log_min_duration) return;
    const auto ms = std::chrono::duration<double, std::milli>(took).count();
    log_event(
        log_level::warning, "slow_statement",
        {{"user", user_}, {"client", key_.process}, {"milliseconds", ms}, {"statement", without_literals(what->text)}});
}

}  // namespace ashlar::proxy
