// runner.hpp: where a statement of the public API runs. One kind for each who can be asked: the whole cluster, one
// database, a transaction, and a scope that could not be made, which answers everything with its error.
#pragma once

#include <ashlar/row.hpp>
#include <ashlar/value.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace ashlar::detail {

class runner {
public:
    virtual ~runner() = default;

    virtual result<rows> run(std::string_view sql, std::vector<value> parameters) = 0;
    // The same of a model that lives on a database by its own word. Who stands for one database is asked himself.
    virtual result<rows> run_where_it_lives(std::string_view database, std::string_view sql,
                                            std::vector<value> parameters) {
        (void)database;
        return run(sql, std::move(parameters));
    }
    // The shard key's column of a table as the model names it; empty for a table without one.
    virtual std::string shard_key_of(std::string_view table) const = 0;
};

class failed_runner final : public runner {
public:
    explicit failed_runner(error why) : why_(std::move(why)) {}
    result<rows> run(std::string_view, std::vector<value>) override { return why_; }
    std::string shard_key_of(std::string_view) const override { return {}; }
    const error& why() const noexcept { return why_; }

private:
    const error why_;
};

}  // namespace ashlar::detail
