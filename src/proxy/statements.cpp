#include "proxy/statements.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::proxy {

std::vector<route::bound_parameter> portal::bound() const {
    std::vector<route::bound_parameter> out(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (parameters[i]) out[i].bytes = *parameters[i];
        if (i < statement->types.size()) out[i].type = statement->types[i];
        const bool told =
            out[i].type == 0 && statement->described && !statement->types_unsure && i < statement->described->size();
        out[i].format = parameter_formats.empty()       ? cell_format::text
                        : parameter_formats.size() == 1 ? parameter_formats[0]
                                                        : parameter_formats[i];
        // a user's type, whose binary form may hold object ids, is only known from what a server said of the statement
        if (told && out[i].format == cell_format::binary && (*statement->described)[i] >= oid_map::first_own)
            out[i].type = (*statement->described)[i];
    }
    return out;
}

// --- memory ----------------------------------------------------------------------------------------------------------

namespace {

// By and large, as the plan cache estimates it: the text, its plan, and what names it.
std::uint64_t cost_of_keeping(const known_statement& what) {
    return 2'048 + 5 * (what.text.size() + what.written.size());
}

// Texts that are in no plan cache are never shared; those below are, and the unnamed one is of the cache mostly.
bool is_long(const known_statement& what) {
    return what.text.size() > plan_cache::text_max;
}

}  // namespace

status statements::charge(std::uint64_t more) {
    if (status granted = charge_.set(bytes_ + more); !granted) return charge_.account()->why_of_what_is_kept();
    bytes_ += more;
    return {};
}

void statements::discharge(std::uint64_t bytes) noexcept {
    bytes_ -= bytes;
    (void)charge_.set(bytes_);
}

// A name for it is there; its cost was granted, or is another client's.
void statements::take(const std::shared_ptr<known_statement>& what) {
    what->named_by.push_back(this);
}

// A name for it is gone.
void statements::release(const std::shared_ptr<known_statement>& what) {
    auto& holders = what->named_by;
    const auto at = std::find(holders.begin(), holders.end(), this);
    const bool paid = at == holders.begin();
    holders.erase(at);
    if (!paid) return;
    discharge(cost_of_keeping(*what));
    if (!holders.empty()) holders.front()->inherit(cost_of_keeping(*what));
}

// The memory is held already, so this never refuses. Too much of it ends this client when memory is short.
void statements::inherit(std::uint64_t bytes) noexcept {
    bytes_ += bytes;
    (void)charge_.set(bytes_);
}

void statements::replace_unnamed(std::shared_ptr<known_statement> what) {
    if (unnamed_ != nullptr && is_long(*unnamed_)) discharge(cost_of_keeping(*unnamed_));
    unnamed_ = std::move(what);
}

// --- statements ------------------------------------------------------------------------------------------------------

status statements::add(std::string_view name, std::shared_ptr<known_statement> what) {
    if (name.empty()) {
        replace_unnamed(nullptr);
        if (is_long(*what)) {
            if (status granted = charge(cost_of_keeping(*what)); !granted) return granted;
        }
        unnamed_ = std::move(what);
        return {};
    }
    if (named_.size() >= named_max) {
        return error{errc::limit_reached, fmt::format("the session has {} prepared statements already", named_max)};
    }
    const auto [at, fresh] = named_.try_emplace(std::string{name});
    if (!fresh) {
        return error{errc::invalid_argument, fmt::format("prepared statement \"{}\" already exists", name)}.sqlstate(
            "42P05");
    }
    if (what->named_by.empty()) {
        if (status granted = charge(cost_of_keeping(*what)); !granted) {
            named_.erase(at);
            return granted;
        }
    }
    take(what);
    at->second = std::move(what);
    return {};
}

result<std::shared_ptr<known_statement>> statements::find(std::string_view name) const {
    if (name.empty()) {
        if (unnamed_ != nullptr) return unnamed_;
        return error{errc::invalid_argument, "unnamed prepared statement does not exist"}.sqlstate("26000");
    }
    const auto at = named_.find(name);
    if (at != named_.end()) return at->second;
    return error{errc::invalid_argument, fmt::format("prepared statement \"{}\" does not exist", name)}.sqlstate(
        "26000");
}

void statements::close(std::string_view name) {
    if (name.empty()) return replace_unnamed(nullptr);
    const auto at = named_.find(name);
    if (at == named_.end()) return;
    release(at->second);
    named_.erase(at);
}

void statements::close_all() {
    for (const auto& [name, what] : named_) release(what);
    named_.clear();
    replace_unnamed(nullptr);
}

std::shared_ptr<known_statement> statements::peek(std::string_view name) const {
    if (name.empty()) return unnamed_;
    const auto at = named_.find(name);
    return at == named_.end() ? nullptr : at->second;
}

void statements::put_back(std::string_view name, std::shared_ptr<known_statement> what) {
    close(name);
    if (what == nullptr) return;
    if (name.empty()) {
        if (is_long(*what)) inherit(cost_of_keeping(*what));
        unnamed_ = std::move(what);
        return;
    }
    if (what->named_by.empty()) inherit(cost_of_keeping(*what));
    take(what);
    named_.emplace(name, std::move(what));
}

// --- portals ---------------------------------------------------------------------------------------------------------

result<portal*> statements::add_portal(std::string_view name) {
    if (name.empty()) {
        if (!spare_.empty()) return &portals_.insert(std::move(spare_)).position->second;
        portal& fresh = portals_[std::string{}];
        if (fresh.charged > 0) discharge(fresh.charged);
        fresh = portal{};
        return &fresh;
    }
    if (portals_.size() >= named_max) {
        return error{errc::limit_reached, fmt::format("the session has {} portals already", named_max)};
    }
    auto [at, fresh] = portals_.try_emplace(std::string{name});
    if (!fresh) {
        return error{errc::invalid_argument, fmt::format("cursor \"{}\" already exists", name)}.sqlstate("42P03");
    }
    return &at->second;
}

void statements::close_portal(std::string_view name) {
    const auto at = portals_.find(name);
    if (at == portals_.end()) return;
    if (at->second.charged > 0) discharge(at->second.charged);
    if (!name.empty()) {
        portals_.erase(at);
        return;
    }
    spare_ = portals_.extract(at);
    spare_.mapped() = portal{};
}

void statements::close_portals() {
    close_portal({});
    erase_portals();
}

void statements::erase_portals() {
    std::uint64_t charged = 0;
    for (const auto& [name, each] : portals_) charged += each.charged;
    portals_.clear();
    if (charged > 0) discharge(charged);
}

portal* statements::find_portal(std::string_view name) {
    const auto at = portals_.find(name);
    return at == portals_.end() ? nullptr : &at->second;
}

status statements::keep_parameters(portal& of, const std::vector<cell>& given) {
    std::uint64_t bytes = 0;
    for (const cell& each : given) bytes += sizeof(std::optional<std::string>) + (each ? each->size() : 0);
    if (status granted = charge(bytes); !granted) return granted;
    of.charged = bytes;
    of.parameters.reserve(given.size());
    for (const cell& each : given) {
        if (each)
            of.parameters.emplace_back(std::string{*each});
        else
            of.parameters.emplace_back(std::nullopt);
    }
    return {};
}

}  // namespace ashlar::proxy
