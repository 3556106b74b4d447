// driver_target.hpp: a target that is reached through its engine's driver. What all such engines do alike: the connection, the table
// of progress, a transaction for each batch. How rows go in is the engine's own.
#pragma once

#include "cli/load/target.hpp"

#include "core/io/loop.hpp"
#include "driver/connection.hpp"

namespace ashlar::cli::load {

class driver_target : public target {
public:
    driver_target(const plan& what, const config::database& where);

    status open() override;
    // Precondition: open() succeeded.
    result<std::optional<checkpoint>> reached() override { return loop_->run(read_reached()); }
    result<std::optional<refused_row>> write(const batch& what) override { return loop_->run(write_all(what)); }
    status forget(const std::string& id) override;

protected:
    const plan& what() const noexcept { return plan_; }
    driver::connection& connection() noexcept { return *connection_; }
    // Reads one record of the file. It outlives what it has read.
    record_reader reader_of(const place& one) const;

private:
    // Makes the table of progress where there is none, and sets up the session.
    virtual std::string opening_script() const = 0;
    // SQL that inserts or updates the row of progress, $1 to $4.
    virtual std::string progress_statement() const = 0;
    // Within a transaction. A refused row ends it: nothing of the batch is kept.
    virtual task<result<std::optional<refused_row>>> insert_rows(const batch& what) = 0;

    task<result<std::optional<checkpoint>>> read_reached();
    task<result<std::optional<refused_row>>> write_all(const batch& what);
    task<status> note(checkpoint up_to);

    const plan& plan_;
    const config::database& where_;
    std::unique_ptr<io::loop> loop_;
    std::unique_ptr<driver::connection> connection_;
};

// Runs a statement and passes over its rows.
task<status> run_to_end(driver::connection& on, driver::statement what, deadline until);
// Why a row was refused: the server's words; or the driver's, with the column's name for its number.
std::string reason_of(const error& why, const std::vector<std::string>& columns);

}  // namespace ashlar::cli::load
