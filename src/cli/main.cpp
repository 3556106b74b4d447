#include "cli/run.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

int main(int argc, char** argv) {
    // Standard output is for results.
    spdlog::set_default_logger(spdlog::stderr_logger_mt("ashlar"));
    return ashlar::cli::run(argc, argv);
}
