// target.hpp: one database that rows are loaded into.
//
// A batch and the checkpoint behind it are committed in one transaction, so that after any end, kill -9 included, the
// database itself says what it has. Used by one thread.
#pragma once

#include "cli/load/batch.hpp"
#include "cli/load/records.hpp"

#include "config/description.hpp"

#include <ashlar/result.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::cli::load {

// What is loaded, the same for all targets.
struct plan {
    std::string id;                    // of this load, for the progress rows
    std::string schema, table;         // as the catalogue has them
    std::vector<std::string> columns;  // in the order of the file
    std::vector<std::uint32_t> types;  // their oids
    record_style style;
    std::string_view file;  // all its bytes
};

// One row was refused; nothing of the batch was kept.
struct refused_row {
    std::size_t index = 0;  // of batch.rows
    std::string reason;     // the server's words
};

class target {
public:
    virtual ~target() = default;
    // Connects, and makes the table of progress where there is none.
    virtual status open() = 0;
    // What this load has committed here; nullopt: nothing yet.
    virtual result<std::optional<checkpoint>> reached() = 0;
    // nullopt: committed. An error is the database's, not a row's; connection_lost and commit_unknown leave it to reached(),
    // after another open(), to say whether the batch is there.
    virtual result<std::optional<refused_row>> write(const batch& what) = 0;
    // Drops the row of progress of the load with this id.
    virtual status forget(const std::string& id) = 0;
};

std::unique_ptr<target> make_postgres_target(const plan& what, const config::database& where);
std::unique_ptr<target> make_mysql_target(const plan& what, const config::database& where);
std::unique_ptr<target> make_sqlite_target(const plan& what, const config::database& where);

inline constexpr const char* progress_table = "ashlar_load_progress";
inline constexpr std::size_t send_size = std::size_t{64} * 1024;  // how much text goes to a server at once

}  // namespace ashlar::cli::load
