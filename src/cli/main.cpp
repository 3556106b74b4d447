#include "cli/run.hpp"

int main(int argc, char** argv) {
    return ashlar::cli::run(argc, argv);
}
