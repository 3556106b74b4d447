// environment.hpp: ${NAME} and ${NAME:-default} in the strings of a configuration file.
//
// The environment is handed in as a function, so that reading a file is pure. As in a shell, the default is taken when
// the variable is unset or empty. "$${" stands for a plain "${". Names are letters, digits and underscores.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::config {

class environment : public std::function<std::optional<std::string>(std::string_view name)> {
public:
    using std::function<std::optional<std::string>(std::string_view name)>::function;
    // What stands in for a variable that is not set where the text gives no default. None: that is a fault.
    std::function<std::string(std::string_view name)> otherwise;
};

// The environment of this process; a variable that is not set there is looked for among the credentials that systemd hands to
// the service (LoadCredential=). For the faces that stand on top; everything below is handed one.
environment process_environment();

struct interpolated {
    std::string text;
    bool any = false;  // a variable took part: the text may hold a secret that the file does not show
    struct fault {
        std::size_t offset;  // byte of the text as written
        std::string found, expected, hint;
        bool is_unset = false;  // else the text is no reference to a variable
    };
    std::vector<fault> faults;
};

interpolated interpolate(std::string_view written, const environment& variables);

}  // namespace ashlar::config
