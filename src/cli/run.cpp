#include "cli/run.hpp"

#include "cli/commands.hpp"
#include "cli/terminal.hpp"

#include <ashlar/result.hpp>

#include <exception>

namespace ashlar::cli {

namespace {

struct runner {
    int operator()(const init_options& asked) const { return run_init(asked); }
    int operator()(const check_options& asked) const { return run_check(asked); }
    int operator()(const marks_options& asked) const { return run_marks(asked); }
    int operator()(const where_options& asked) const { return run_where(asked); }
    int operator()(const dev_options& asked) const { return run_dev(asked); }
    int operator()(const serve_options& asked) const { return run_serve(asked); }
    int operator()(const query_options& asked) const { return run_query(asked); }
    int operator()(const shell_options& asked) const { return run_shell(asked); }
    int operator()(const status_options& asked) const { return run_status(asked); }
    int operator()(const pools_options& asked) const { return run_pools(asked); }
    int operator()(const load_options& asked) const { return run_load(asked); }
};

}  // namespace

int run(int argc, char** argv) {
    try {
        auto parsed = parse_arguments(argc, argv);
        if (const auto* nothing = std::get_if<said>(&parsed)) {
            nothing->exit_code == exit_ok ? print(nothing->text) : print_to_stderr(nothing->text);
            return nothing->exit_code;
        }
        const int code = std::visit(runner{}, std::get<command>(parsed));
        return finish_output() ? code : exit_failed;
    } catch (const std::exception& thrown) {
        print_error(error{errc::internal, thrown.what()});
        return exit_failed;
    }
}

}  // namespace ashlar::cli
