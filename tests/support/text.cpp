#include "support/text.hpp"

#include <fstream>
#include <sstream>

namespace ashlar::test {

std::string read_file(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
}

std::string source_path(std::string_view relative) {
    return std::string{ASHLAR_SOURCE_DIR "/"}.append(relative);
}
std::string binary_path(std::string_view relative) {
    return std::string{ASHLAR_BINARY_DIR "/"}.append(relative);
}

}  // namespace ashlar::test
