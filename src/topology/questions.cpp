#include "topology/questions.hpp"

namespace ashlar::topology {

bool is_true(std::string_view text) {
    return text == "t" || text == "true" || text == "1";
}

std::string told_by(const error& why) {
    const server_report* said = why.server();
    return said != nullptr && !said->message.empty() ? said->message : why.message();
}

}  // namespace ashlar::topology
