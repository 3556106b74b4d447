#include "proxy/statements.hpp"

#include <fmt/format.h>

namespace ashlar::proxy {

std::vector<route::bound_parameter> portal::bound() const {
    std::vector<route::bound_parameter> out(parameters.size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (parameters[i]) out[i].bytes = *parameters[i];
        if (i < statement->types.size()) out[i].type = statement->types[i];
        out[i].format = parameter_formats.empty()       ? cell_format::text
                        : parameter_formats.size() == 1 ? parameter_formats[0]
                                                        : parameter_formats[i];
    }
    return out;
}

status statements::add(std::string_view name, std::shared_ptr<known_statement> what) {
    if (name.empty()) {
        unnamed_ = std::move(what);
        return {};
    }
    if (named_.size() >= named_max) {
        return error{errc::limit_reached, fmt::format("the session has {} prepared statements already", named_max)};
    }
    if (!named_.try_emplace(std::string{name}, std::move(what)).second) {
        return error{errc::invalid_argument, fmt::format("prepared statement \"{}\" already exists", name)}.sqlstate(
            "42P05");
    }
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
    if (name.empty()) {
        unnamed_ = nullptr;
        return;
    }
    const auto at = named_.find(name);
    if (at != named_.end()) named_.erase(at);
}

std::shared_ptr<known_statement> statements::peek(std::string_view name) const {
    if (name.empty()) return unnamed_;
    const auto at = named_.find(name);
    return at == named_.end() ? nullptr : at->second;
}

void statements::put_back(std::string_view name, std::shared_ptr<known_statement> what) {
    if (name.empty())
        unnamed_ = std::move(what);
    else if (what == nullptr)
        close(name);
    else
        named_[std::string{name}] = std::move(what);
}

result<portal*> statements::add_portal(std::string_view name) {
    if (name.empty()) {
        if (!spare_.empty()) return &portals_.insert(std::move(spare_)).position->second;
        portal& fresh = portals_[std::string{}];
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
    if (!name.empty()) {
        portals_.erase(at);
        return;
    }
    spare_ = portals_.extract(at);
    spare_.mapped() = portal{};
}

void statements::close_portals() {
    close_portal({});
    portals_.clear();
}

portal* statements::find_portal(std::string_view name) {
    const auto at = portals_.find(name);
    return at == portals_.end() ? nullptr : &at->second;
}

}  // namespace ashlar::proxy
