// webhook.hpp: tells a web service of what happened: a POST of JSON, by libcurl.
//
// Library   libcurl is loaded when a webhook is configured, and only then: it drags in a score of libraries that nobody else
//           needs (docs/decisions/0015). Where it is missing, make() says so.
// Tries     Two at most, a second apart; the second when there was no answer, or one that asks to come again (408, 429, 5xx).
//           Each takes no longer than `timeout`.
// Secrets   The path of the URL is one, for most services: neither it nor a password is ever printed.
// Safety    http and https only; certificates are checked; redirections are not followed; the answer's body is dropped.
// Threads   post() blocks; one call at a time. interrupt() from any thread ends it soon.
#pragma once

#include "core/time.hpp"

#include <ashlar/result.hpp>

#include <atomic>
#include <memory>
#include <string>

namespace ashlar::topology {

class webhook {
public:
    static result<std::unique_ptr<webhook>> make(std::string url, milliseconds timeout);

    // Success once the service has answered with 2xx.
    status post(const std::string& json);
    void interrupt() noexcept { interrupted_ = true; }

    // "https://hooks.example.com", without what may be secret.
    std::string where() const;

private:
    struct library;
    webhook(std::string url, milliseconds timeout, const library& with);
    struct outcome {
        std::string problem;  // empty: well
        bool may_try_again = false;
    };
    outcome try_once(const std::string& json) const;

    const std::string url_;
    const milliseconds timeout_;
    const library& curl_;  // lives as long as the program
    std::atomic<bool> interrupted_{false};
};

}  // namespace ashlar::topology
