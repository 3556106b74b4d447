#include "cluster/runners.hpp"

#include "cluster/database_check.hpp"
#include "cluster/session_statements.hpp"
#include "cluster/wait_here.hpp"
#include "cluster/work.hpp"
#include "execute/admission.hpp"

#include <fmt/format.h>

namespace ashlar::detail {

namespace {

using plan_pointer = std::shared_ptr<const route::prepared_plan>;

// What the client of a proxy would say to its session, a program says by calls.
error no_session() {
    return error{errc::unsupported, "the statement belongs to a session, which a cluster does not have"}.hint(
        "A program uses transaction() for BEGIN and COMMIT. Settings belong into the URLs of PostgreSQL and MySQL "
        "servers; "
        "a client of `ashlar serve` has settings of its own.");
}

// Has every shard the same answer? Files do not stop answering: there it stays with the first.
bool is_answered_anywhere(const route::prepared_plan& plan, const topology::world& world) {
    const route::routed_because why = plan.because();
    if (why != route::routed_because::no_table && why != route::routed_because::reference_read) return false;
    return plan.where() == route::target::one_shard && !plan.writes() && !plan.reads_catalogue() &&
           !world.shards().empty() && world.shards().front().pool->server().speaks() == driver::dialect::postgres;
}

execute::abilities abilities_of(const cluster_inside& inside) {
    const auto& shards = inside.world().shards();
    execute::abilities can;
    can.commits_as_one = !shards.empty() && shards.front().pool->server().speaks() == driver::dialect::sqlite;
    return can;
}

status check_count(const route::prepared_plan& plan, std::size_t given) {
    if (given == plan.parameter_count()) return {};
    return error{errc::invalid_argument,
                 fmt::format("the statement has {} parameters, {} were given", plan.parameter_count(), given)};
}

struct routed {
    plan_pointer plan;
    route::bound_plan bound;
    std::vector<driver::parameter> parameters;
    std::optional<rows> answered;  // explain (ashlar): nothing to run
};

result<routed> route_statement(cluster_inside& inside, const std::string& sql, const std::vector<value>& values) {
    auto plan = inside.plan(sql);
    if (!plan) return std::move(plan).error();
    routed made;
    made.plan = std::move(*plan);
    made.parameters = to_parameters(values);
    if (status counted = check_count(*made.plan, values.size()); !counted) return std::move(counted).error();
    const std::vector<route::bound_parameter> parameters = to_bound(made.parameters);
    if (made.plan->kind() == route::statement_kind::explain_ashlar) {
        auto lines = execute::explain(*made.plan->explained(), parameters, abilities_of(inside));
        if (!lines) return std::move(lines).error();
        made.answered = rows_of_lines("QUERY PLAN", *lines);
        return made;
    }
    if (made.plan->asks_for_catalogue()) {
        return error{errc::unsupported, "PostgreSQL's catalogue over SQLite databases is not answered by the library"}
            .hint("select name, sql from sqlite_master lists the tables of one database.");
    }
    if (made.plan->where() == route::target::session) return no_session();
    auto bound = made.plan->bind(parameters);
    if (!bound) return std::move(bound).error();
    if (auto why = execute::refuse(*made.plan, *bound, abilities_of(inside))) return std::move(*why);
    made.bound = std::move(*bound);
    return made;
}

// A statement that writes on several databases: all of it or nothing.
io::task<result<rows>> run_as_one(io::loop& loop, std::shared_ptr<cluster_inside> inside, routed what,
                                  view_pointer seen) {
    transaction_options options;
    open_transaction transaction{std::move(inside), options, std::move(seen)};
    auto done = co_await transaction.run(loop, std::move(what.bound), std::move(what.parameters), true, nullptr);
    if (!done) {
        co_await transaction.rollback(loop);
        co_return done;
    }
    status committed = co_await transaction.commit(loop);
    if (!committed) co_return std::move(committed).error();
    co_return done;
}

// Against a newer catalogue, where that may change the answer. The caller keeps the arguments.
io::task<result<routed>> route_as_known(io::loop& loop, cluster_inside& inside, const std::string& sql,
                                        const std::vector<value>& values) {
    auto what = route_statement(inside, sql, values);
    bool newer = false;
    if (!what && what.error() == errc::shards_disagree) {
        newer = co_await inside.world().read_catalogue_again(loop, inside.until());
    } else if (what && what->plan && !what->plan->unknown_names().empty()) {
        std::vector<std::string> names = what->plan->unknown_names();
        newer = co_await inside.world().look_for(loop, std::move(names), inside.until());
    }
    if (newer) what = route_statement(inside, sql, values);
    co_return what;
}

io::task<result<rows>> run_routed(io::loop& loop, std::shared_ptr<cluster_inside> inside, std::string sql,
                                  std::vector<value> values, view_pointer seen) {
    auto what = co_await route_as_known(loop, *inside, sql, values);
    if (!what) co_return std::move(what).error();
    if (what->answered) co_return std::move(*what->answered);
    const bool changes_tables = what->plan->may_change_schema();
    result<rows> done = rows{};
    intent how;
    how.may_write = what->plan->writes();
    if (seen->reads && how.may_write) co_return only_reads();
    how.reads_replicas = seen->reads;
    how.anywhere = is_answered_anywhere(*what->plan, inside->world());
    if (how.may_write && what->bound.steps.size() > 1) {
        done = co_await run_as_one(loop, inside, std::move(*what), std::move(seen));
    } else {
        done = co_await run_on_leases(loop, *inside, std::move(what->bound), std::move(what->parameters), nullptr, how,
                                      *seen);
    }
    if (done && changes_tables) {
        status read = co_await inside->world().read_catalogue(loop, inside->until());
        if (!read) co_return std::move(read).error();
    }
    co_return done;
}

route::bound_plan plan_for_place(const checked_statement& what, const std::string& sql, const topology::member& where) {
    route::bound_plan plan = plan_for_one(what.typed ? what.typed->text_for_one() : sql, where);
    if (what.typed) plan.types = std::shared_ptr<const route::typed_statement>{what.typed, what.typed->types()};
    return plan;
}

// As written to one database; the check applies to shards, where rows have their place.
io::task<result<rows>> run_on_place(io::loop& loop, std::shared_ptr<cluster_inside> inside, place where,
                                    std::string sql, std::vector<value> values, view_pointer seen) {
    const driver::dialect engine = where.member->pool->server().speaks();
    if (status fits = check_session_statement(sql, engine, session_span::statement); !fits) {
        co_return std::move(fits).error();
    }
    std::vector<driver::parameter> parameters = to_parameters(values);
    checked_statement what;
    what.proven = false;  // a named database's functions and tables are its own
    if (where.shard) {
        const std::vector<route::bound_parameter> bound = to_bound(parameters);
        auto checked = check_for_shard(*inside, *where.shard, sql, bound);
        if (!checked) co_return std::move(checked).error();
        what = *checked;
    }
    const bool may_write = what.writes || !what.proven;
    if (!seen->reads) {
        driver::statement sent;
        sent.sql = std::move(sql);
        if (what.typed) {
            sent.sql = what.typed->text_for_one();
            const execute::session_names names;
            status typed = execute::type_parameters(*what.typed->types(), true, names, parameters);
            if (!typed) co_return std::move(typed).error();
        }
        sent.parameters = std::move(parameters);
        co_return co_await run_alone(loop, *inside, *where.member, std::nullopt, std::move(sent), may_write, *seen);
    }
    if (what.proven && what.writes) co_return only_reads();
    intent how;
    how.reads_replicas = true;
    how.in_read_only = !what.proven;
    how.may_write = false;
    route::bound_plan plan = plan_for_place(what, sql, *where.member);
    auto done = co_await run_on_leases(loop, *inside, std::move(plan), std::move(parameters), where.member, how, *seen);
    co_return done;
}

io::task<result<rows>> run_routed_within(io::loop& loop, cluster_inside& inside, open_transaction& transaction,
                                         std::string sql, std::vector<value> values) {
    auto what = co_await route_as_known(loop, inside, sql, values);
    if (!what) co_return std::move(what).error();
    if (what->answered) co_return std::move(*what->answered);
    const bool writes = what->plan->writes();
    co_return co_await transaction.run(loop, std::move(what->bound), std::move(what->parameters), writes, nullptr);
}

io::task<result<rows>> run_on_place_within(io::loop& loop, cluster_inside& inside, open_transaction& transaction,
                                           place where, std::string sql, std::vector<value> values) {
    const driver::dialect engine = where.member->pool->server().speaks();
    if (status fits = check_session_statement(sql, engine, session_span::transaction); !fits) {
        co_return std::move(fits).error();
    }
    std::vector<driver::parameter> parameters = to_parameters(values);
    checked_statement what;
    what.proven = false;  // a named database's functions and tables are its own
    if (where.shard) {
        const std::vector<route::bound_parameter> bound = to_bound(parameters);
        auto checked = check_for_shard(inside, *where.shard, sql, bound);
        if (!checked) co_return std::move(checked).error();
        what = *checked;
    }
    route::bound_plan plan = plan_for_place(what, sql, *where.member);
    // Of what is not known, the server says whether a transaction that only reads may do it.
    const bool writes = what.writes && (what.proven || !transaction.only_reads());
    co_return co_await transaction.run(loop, std::move(plan), std::move(parameters), writes, where.member);
}

}  // namespace

result<place> place_named(const cluster_inside& inside, std::string_view name) {
    const topology::member* found = inside.world().find(name);
    if (found == nullptr) return error{errc::database_unknown, fmt::format("no database is named {}", name)};
    const auto& shards = inside.world().shards();
    place where{found, std::nullopt};
    for (std::size_t i = 0; i < shards.size(); ++i) {
        if (&shards[i] == found) where.shard = static_cast<keyspace::shard_id>(i);
    }
    return where;
}

place place_of(const cluster_inside& inside, keyspace::shard_id shard) {
    return {&inside.world().shard(shard), shard};
}

result<rows> cluster_runner::run(std::string_view sql, std::vector<value> parameters) {
    if (const topology::member* all = inside_->world().takes_everything()) {
        const place where{all, std::nullopt};
        return wait_here(
            run_on_place(loop_of_this_thread(), inside_, where, std::string{sql}, std::move(parameters), view_));
    }
    return wait_here(run_routed(loop_of_this_thread(), inside_, std::string{sql}, std::move(parameters), view_));
}

result<rows> cluster_runner::run_where_it_lives(std::string_view database, std::string_view sql,
                                                std::vector<value> parameters) {
    auto where = place_named(*inside_, database);
    if (!where) return std::move(where).error();
    return wait_here(
        run_on_place(loop_of_this_thread(), inside_, *where, std::string{sql}, std::move(parameters), view_));
}

result<rows> database_runner::run(std::string_view sql, std::vector<value> parameters) {
    return wait_here(
        run_on_place(loop_of_this_thread(), inside_, where_, std::string{sql}, std::move(parameters), view_));
}

result<rows> transaction_runner::run(std::string_view sql, std::vector<value> parameters) {
    if (only_) return run_on(*only_, sql, std::move(parameters));
    return wait_here(
        run_routed_within(loop_of_this_thread(), *inside_, transaction_, std::string{sql}, std::move(parameters)));
}

result<rows> transaction_runner::run_where_it_lives(std::string_view database, std::string_view sql,
                                                    std::vector<value> parameters) {
    auto where = place_named(*inside_, database);
    if (!where) return std::move(where).error();
    if (only_ && only_->member != where->member) {
        return error{errc::unsupported, fmt::format("the model lives on {}, and the transaction is one of {} alone",
                                                    database, only_->member->name)}
            .hint("Begin the transaction on the cluster, or on the model's own database.");
    }
    return run_on(*where, sql, std::move(parameters));
}

result<rows> transaction_runner::run_on(const place& where, std::string_view sql, std::vector<value> parameters) {
    return wait_here(run_on_place_within(loop_of_this_thread(), *inside_, transaction_, where, std::string{sql},
                                         std::move(parameters)));
}

status transaction_runner::commit() {
    return wait_here(transaction_.commit(loop_of_this_thread()));
}

void transaction_runner::rollback() noexcept {
    if (transaction_.ended()) return;
    try {
        wait_here(transaction_.rollback(loop_of_this_thread()));
    } catch (const std::exception&) {
        // Without memory for a frame nothing can be sent; the leases' end rolls back.
    }
}

}  // namespace ashlar::detail
