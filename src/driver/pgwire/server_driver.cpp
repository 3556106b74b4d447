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

// What the server is believed by, as libpq has it: a file of authorities makes `require` check it.
status make_context(server_tls& tls) {
    using enum server_tls::mode;
    if (tls.how == disable) return {};
    const bool has_authorities = !tls.options.ca_file.empty();
    if (tls.options.ca_file == "system" && tls.how != verify_full) {
        return error{errc::config_invalid, "sslrootcert=system needs sslmode=verify-full"};
    }
    if (!has_authorities && (tls.how == verify_ca || tls.how == verify_full)) {
        return error{errc::config_invalid, "sslmode=verify-ca and verify-full need sslrootcert"}.hint(
            "Give the file of the authorities that signed the server's certificate, or sslrootcert=system.");
    }
    tls.options.verify = tls.how == verify_full ? io::tls_verify::authority_and_name
                         : tls.how == verify_ca || (tls.how == require && has_authorities) ? io::tls_verify::authority
                                                                                           : io::tls_verify::nothing;
    auto made = io::tls_context::for_client(tls.options);
    if (!made) return std::move(made).error();
    tls.context = std::move(*made);
    return {};
}

}  // namespace

result<std::shared_ptr<driver>> make_server_driver(server_options options) {
    if (status s = make_context(options.tls); !s) return std::move(s).error();
    if (options.user.empty()) return error{errc::config_invalid, "a PostgreSQL server needs a user to log in as"};
    return std::shared_ptr<driver>{std::make_shared<server_driver>(std::move(options))};
}

}  // namespace ashlar::driver::pgwire
