#include "driver/pgwire/server_driver.hpp"

#include "driver/session_defaults.hpp"

namespace ashlar::driver::pgwire {

namespace {

class server_driver final : public driver {
public:
    explicit server_driver(server_options options) : target_(std::make_shared<server_target>(std::move(options))) {}

    dialect speaks() const noexcept override { return dialect::postgres; }

    task<result<std::unique_ptr<connection>>> connect(io::loop& loop, deadline until) override {
        return opener_.open(*this, loop, until);
    }
    void begin_sessions_with(std::shared_ptr<session_defaults> values) override { opener_.use(std::move(values)); }
    task<result<std::unique_ptr<connection>>> connect_with(io::loop& loop, session_values values,
                                                           deadline until) override {
        auto made = co_await server_link::connect(loop, target_, until, std::move(values));
        if (!made) co_return std::move(made).error();
        co_return std::unique_ptr<connection>{*std::move(made)};
    }

    std::string describe() const override { return target_->describe(); }

private:
    std::shared_ptr<server_target> target_;
    session_opener opener_;
};

bool asks_for_tls(const std::string& sslmode) {
    return sslmode == "require" || sslmode == "verify-ca" || sslmode == "verify-full";
}

bool is_known(const std::string& sslmode) {
    return sslmode.empty() || sslmode == "disable" || sslmode == "allow" || sslmode == "prefer";
}

}  // namespace

result<std::shared_ptr<driver>> make_server_driver(server_options options) {
    if (asks_for_tls(options.sslmode)) {
        return error{errc::config_invalid,
                     "sslmode=" + options.sslmode + " cannot be kept: the proxy does not speak TLS to its servers yet"}
            .hint("Reach the server over a private network or a tunnel, and say sslmode=disable.");
    }
    if (!is_known(options.sslmode)) return error{errc::config_invalid, "sslmode=" + options.sslmode + " is not known"};
    if (options.user.empty()) return error{errc::config_invalid, "a PostgreSQL server needs a user to log in as"};
    return std::shared_ptr<driver>{std::make_shared<server_driver>(std::move(options))};
}

}  // namespace ashlar::driver::pgwire
