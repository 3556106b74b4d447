#include "support/text.hpp"

namespace ashlar::test {

std::string source_path(std::string_view relative) {
    return std::string{ASHLAR_SOURCE_DIR "/"}.append(relative);
}
std::string binary_path(std::string_view relative) {
    return std::string{ASHLAR_BINARY_DIR "/"}.append(relative);
}

}  // namespace ashlar::test
