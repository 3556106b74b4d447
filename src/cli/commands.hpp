// commands.hpp: the commands, each one function from its options to an exit code. What a command prints on success goes to
// standard output; errors and progress go to standard error.
#pragma once

#include "cli/arguments.hpp"

namespace ashlar::cli {

int run_init(const init_options& asked);
int run_check(const check_options& asked);
int run_marks(const marks_options& asked);
int run_where(const where_options& asked);
int run_dev(const dev_options& asked);
int run_serve(const serve_options& asked);
int run_query(const query_options& asked);
int run_shell(const shell_options& asked);
int run_status(const status_options& asked);
int run_pools(const pools_options& asked);
int run_load(const load_options& asked);

}  // namespace ashlar::cli
