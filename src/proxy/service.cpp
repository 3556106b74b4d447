#include "proxy/service.hpp"

#include "config/shown_name.hpp"

#include <algorithm>

namespace ashlar::proxy {

service::service(std::shared_ptr<topology::world> world) : world_(std::move(world)), secret_(wire::random_salt()) {
    const std::uint64_t most = settings().memory_max;
    memory_ = std::make_shared<memory_bound>(most != 0 ? most : default_memory_max());
    for (const topology::member& each : world_->shards()) places_.push_back(&each);
    for (const topology::member& each : world_->databases()) places_.push_back(&each);
    map_ = world_->catalogue()->shards;
    shown_name_ = config::shown_name(world_->description(), true);
    lost_at_ = std::vector<std::atomic<instant::rep>>(places_.size());
    const topology::member* first = places_.empty() ? nullptr : places_.front();
    if (shards() == 0) {
        if (const topology::member* primary = world_->find("primary")) first = primary;
    }
    sqlite_ = first != nullptr && first->described->primary.engine == config::engine::sqlite;
    has_replicas_ = std::any_of(places_.begin(), places_.end(),
                                [](const topology::member* each) { return !each->servers->is_alone(); });
    splits_reads_ = has_replicas_ && world_->description().replicas.read_write_split;
    for (const config::serve_settings::user& each : settings().users) {
        if (wire::scram_verifier::looks_like_one(each.password)) {
            if (auto read = wire::scram_verifier::parse(each.password)) users_.emplace(each.name, std::move(*read));
        } else {
            users_.emplace(each.name, wire::scram_verifier::from_password(each.password, wire::random_salt()));
        }
    }
}

std::size_t service::place_of_database(std::string_view name) const noexcept {
    const auto at = std::find_if(places_.begin() + static_cast<std::ptrdiff_t>(shards()), places_.end(),
                                 [&](const topology::member* each) { return each->name == name; });
    return at == places_.end() ? SIZE_MAX : static_cast<std::size_t>(at - places_.begin());
}

wire::scram_verifier service::verifier_of(const std::string& user, bool& known) const {
    const auto at = users_.find(user);
    known = at != users_.end();
    return known ? at->second : wire::scram_verifier::mock(user, secret_);
}

std::shared_ptr<const io::tls_context> service::tls() const {
    std::lock_guard hold{guard_};
    return tls_;
}

status service::open_tls() {
    const config::serve_settings::client_tls& wanted = settings().tls;
    if (!wanted.is_on()) return {};
    io::tls_server_options how;
    how.cert_file = wanted.cert_file;
    how.key_file = wanted.key_file;
    how.ca_file = wanted.ca_file;
    how.wants_client_certificate = wanted.wants_certificate();
    how.ciphers = wanted.ciphers;
    how.cipher_suites = wanted.ciphers_13;
    how.versions = {wanted.least, wanted.most};
    auto made = io::tls_context::for_server(how);
    if (!made) return std::move(made).error();
    std::lock_guard hold{guard_};
    tls_ = std::move(*made);
    return {};
}

std::shared_ptr<const driver::pgwire::server_parameters> service::greeting() const {
    std::lock_guard hold{guard_};
    return greeting_;
}

void service::set_greeting(std::shared_ptr<const driver::pgwire::server_parameters> what) {
    std::lock_guard hold{guard_};
    greeting_ = std::move(what);
}

std::shared_ptr<const proxy::settings> service::shared_settings(std::shared_ptr<const proxy::settings> what) {
    const std::lock_guard hold{guard_};
    return settings_.same(what->all(), [&] { return what; });
}

}  // namespace ashlar::proxy
