#include "config/description.hpp"

namespace ashlar::config {

std::string_view name_of(engine which) noexcept {
    switch (which) {
        case engine::postgres:
            return "postgres";
        case engine::mysql:
            return "mysql";
        case engine::sqlite:
            return "sqlite";
    }
    return "unknown";
}

std::string endpoint::display() const {
    if (engine == config::engine::sqlite) return "sqlite:" + database;
    std::string text{name_of(engine)};
    text += "://";
    if (!user.empty()) text += user + "@";
    text += host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != 0) text += ":" + std::to_string(port);
    return text + "/" + database;
}

const database* description::primary() const {
    const auto found = databases.find("primary");
    return found == databases.end() ? nullptr : &found->second;
}

const table* description::find_table(std::string_view name) const {
    for (const table& each : tables) {
        if (each.name == name || (!each.schema.empty() && each.schema + "." + each.name == name)) return &each;
    }
    return nullptr;
}

}  // namespace ashlar::config
