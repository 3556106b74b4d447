#include "core/version.hpp"

#include "ashlar_version.inc"

namespace ashlar {

std::string_view version() noexcept {
    return ASHLAR_VERSION;
}
std::string_view commit() noexcept {
    return ASHLAR_COMMIT;
}
std::string version_text() {
    return "ashlar " + std::string{version()} + " (" + std::string{commit()} + ")";
}

}  // namespace ashlar
