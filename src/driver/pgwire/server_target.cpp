#include "driver/pgwire/server_target.hpp"

#include <openssl/crypto.h>

namespace ashlar::driver::pgwire {

server_target::server_target(server_options options) : options_(std::move(options)) {
    if (options_.database.empty()) options_.database = options_.user;
}

server_target::~server_target() {
    OPENSSL_cleanse(options_.password.data(), options_.password.size());
}

std::string server_target::describe() const {
    return "postgres://" + options_.user + "@" + options_.host + ":" + std::to_string(options_.port) + "/" +
           options_.database;
}

task<wire::scram_keys> server_target::keys_for(io::loop& loop, std::string salt, std::uint32_t iterations) {
    {
        std::lock_guard hold{guard_};
        if (keys_ && keys_->salt == salt && keys_->iterations == iterations) co_return keys_->keys;
    }
    kept_keys made{std::move(salt), iterations, {}};
    std::function<void()> derive = [this, &made] {
        made.keys = wire::keys_from_password(options_.password, made.salt, made.iterations);
    };
    co_await loop.run_blocking(std::move(derive));
    std::lock_guard hold{guard_};
    keys_ = made;
    co_return made.keys;
}

std::shared_ptr<const server_parameters> server_target::share(server_parameters greeted) {
    std::lock_guard hold{guard_};
    if (!greeting_ || *greeting_ != greeted) greeting_ = std::make_shared<const server_parameters>(std::move(greeted));
    return greeting_;
}

}  // namespace ashlar::driver::pgwire
