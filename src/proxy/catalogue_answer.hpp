// catalogue_answer.hpp: the answer to a SELECT of PostgreSQL's system catalogue over SQLite files, from what is known of the
// tables: psql's \d and its kin, and what drivers ask when they connect.
#pragma once

#include "execute/executor.hpp"
#include "route/catalogue.hpp"
#include "topology/pg_catalogue.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::proxy {

// Runs on a worker thread. Fails with unsupported for what it cannot answer.
task<result<std::unique_ptr<execute::answer>>> answer_from_catalogue(io::loop& loop,
                                                                     std::shared_ptr<const route::catalogue> known,
                                                                     topology::catalogue_reader_names names,
                                                                     std::string sql,
                                                                     std::vector<driver::parameter> parameters);

}  // namespace ashlar::proxy
