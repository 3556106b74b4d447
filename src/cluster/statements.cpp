#include "cluster/model_text.hpp"
#include "cluster/runner.hpp"

#include <ashlar/statements.hpp>

#include <fmt/format.h>

namespace ashlar::detail {

namespace {

error no_such_row(const model_view& what) {
    return error{errc::row_not_found, fmt::format("no row of {} has this {}", what.table, what.columns[0])};
}

// The values of the identity's columns, in the order that update_text and remove_text expect.
void add_identity(std::vector<value>& to, const std::vector<value>& values, const row_identity& row) {
    to.push_back(values[row.primary]);
    if (row.shard_key) to.push_back(values[*row.shard_key]);
}

// A command that must have met exactly one row.
status expect_one(const result<rows>& done, const model_view& what) {
    if (!done) return done.error();
    if (done->rows_affected() == 1) return {};
    if (done->rows_affected() == 0) return no_such_row(what);
    return error{errc::several_rows, fmt::format("{} rows of {} have this {}: it is not a primary key",
                                                 done->rows_affected(), what.table, what.columns[0])};
}

result<rows> run_of(runner& on, const model_view& what, std::string_view sql, std::vector<value> parameters) {
    if (what.database.empty()) return on.run(sql, std::move(parameters));
    return on.run_where_it_lives(what.database, sql, std::move(parameters));
}

// A model's own database keeps its rows together.
std::string shard_key_of(const runner& on, const model_view& what) {
    return what.database.empty() ? on.shard_key_of(what.table) : std::string{};
}

}  // namespace

result<rows> run(runner& on, std::string_view sql, std::vector<value> parameters) {
    return on.run(sql, std::move(parameters));
}

result<rows> run_selection(runner& on, const model_view& what, const selection_parts& parts) {
    return run_of(on, what, select_text(what, parts), parts.parameters);
}

result<std::int64_t> run_count(runner& on, const model_view& what, const selection_parts& parts) {
    if (parts.limit || parts.offset) {
        return error{errc::invalid_argument, "count() was asked of a selection with a limit or an offset"};
    }
    auto found = run_of(on, what, count_text(what, parts), parts.parameters);
    if (!found) return std::move(found).error();
    if (found->size() != 1 || found->width() != 1) return not_one(found->size(), found->width());
    return (*found)[0].get<std::int64_t>(std::size_t{0});
}

result<rows> run_find(runner& on, const model_view& what, value primary_key) {
    auto found = run_of(on, what, find_text(what), {std::move(primary_key)});
    if (!found) return found;
    if (found->empty()) return no_such_row(what);
    if (found->size() > 1) {
        return error{errc::several_rows, fmt::format("{} rows of {} have this {}: it is not a primary key",
                                                     found->size(), what.table, what.columns[0])};
    }
    return found;
}

status run_insert(runner& on, const model_view& what, std::vector<value> values) {
    auto done = run_of(on, what, insert_text(what), std::move(values));
    if (!done) return std::move(done).error();
    return {};
}

status run_update(runner& on, const model_view& what, std::vector<value> values) {
    const row_identity row = identity_of(what, shard_key_of(on, what));
    const std::string text = update_text(what, row);
    if (text.empty()) {
        return error{errc::invalid_argument, fmt::format("the model of {} has no field but its keys", what.table)};
    }
    std::vector<value> parameters;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (!row.holds(i)) parameters.push_back(values[i]);
    }
    add_identity(parameters, values, row);
    return expect_one(run_of(on, what, text, std::move(parameters)), what);
}

status run_remove(runner& on, const model_view& what, std::vector<value> values) {
    const row_identity row = identity_of(what, shard_key_of(on, what));
    std::vector<value> parameters;
    add_identity(parameters, values, row);
    return expect_one(run_of(on, what, remove_text(what, row), std::move(parameters)), what);
}

error not_one(std::size_t rows, std::size_t columns) {
    const errc code = rows == 0 ? errc::row_not_found : errc::several_rows;
    return error{code, fmt::format("one row of one column was asked for, {} of {} came", rows, columns)};
}

}  // namespace ashlar::detail
