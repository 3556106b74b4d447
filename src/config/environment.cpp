#include "config/environment.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace ashlar::config {

namespace {

bool is_name(std::string_view name) {
    if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) return false;
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)); });
}

// What stands between the braces: NAME or NAME:-default.
void substitute(std::string_view inside, std::size_t offset, const environment& variables, interpolated& out) {
    const auto colon = inside.find(':');
    const std::string_view name = inside.substr(0, colon);
    const bool has_default = colon != std::string_view::npos && inside.substr(colon).starts_with(":-");
    if (!is_name(name) || (colon != std::string_view::npos && !has_default)) {
        out.faults.push_back({offset, "no variable name between ${ and }", "${NAME} or ${NAME:-default}",
                              "a plain ${ is written $${", false});
        return;
    }
    out.any = true;
    const std::optional<std::string> given = variables ? variables(name) : std::nullopt;
    if (has_default && (!given || given->empty())) {
        out.text += inside.substr(colon + 2);
        return;
    }
    if (!given && variables.otherwise) {
        out.text += variables.otherwise(name);
        return;
    }
    if (!given) {
        const std::string shown{name};
        out.faults.push_back({offset, "the environment variable " + shown + " is not set", "",
                              "set it, or write ${" + shown + ":-default}", true});
        return;
    }
    out.text += *given;
}

// LoadCredential=NAME:FILE gives $CREDENTIALS_DIRECTORY/NAME; LoadCredential=ashlar:FOLDER gives …/ashlar_NAME.
std::optional<std::string> credential(std::string_view name) {
    const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
    if (folder == nullptr || *folder == '\0') return std::nullopt;
    for (const char* prefix : {"", "ashlar_"}) {
        std::ifstream in{std::string{folder} + "/" + prefix + std::string{name}, std::ios::binary};
        if (!in) continue;
        std::string text{std::istreambuf_iterator<char>{in}, {}};
        while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
        return text;
    }
    return std::nullopt;
}

}  // namespace

environment process_environment() {
    return [](std::string_view name) -> std::optional<std::string> {
        const char* value = std::getenv(std::string{name}.c_str());
        if (value == nullptr) return credential(name);
        return std::string{value};
    };
}

interpolated interpolate(std::string_view written, const environment& variables) {
    interpolated out;
    std::size_t i = 0;
    while (i < written.size()) {
        if (written.substr(i).starts_with("$${")) {
            out.text += "${";
            i += 3;
        } else if (written.substr(i).starts_with("${")) {
            const auto closing = written.find('}', i);
            if (closing == std::string_view::npos) {
                out.faults.push_back(
                    {i, "${ without its closing }", "${NAME} or ${NAME:-default}", "a plain ${ is written $${", false});
                return out;
            }
            substitute(written.substr(i + 2, closing - i - 2), i, variables, out);
            i = closing + 1;
        } else {
            out.text += written[i++];
        }
    }
    return out;
}

}  // namespace ashlar::config
