// Schemas that are changed on the servers, not through Ashlar: what tells that cheaply, and that the proxy and the library
// notice it without being asked, for all kinds of objects that no statement names.
#include "support/becomes.hpp"
#include "support/blocking_connection.hpp"
#include "support/proxied.hpp"
#include "support/temporary_folder.hpp"
#include "topology/schema_token.hpp"

#include <ashlar/cluster.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

namespace ashlar {
namespace {

using test::becomes;
using test::proxied;
using test::raw_client;

class SchemaToken : public ::testing::Test {
protected:
    SchemaToken() {
        for (const char* each :
             {"create table acc(id bigint primary key, n int check (n < 100))",
              "create table visits(id int, acc_id bigint)",
              "create function f() returns int language sql as 'select 1'",
              "create function t() returns trigger language plpgsql as 'begin return new; end'",
              "create function e() returns event_trigger language plpgsql as 'begin end'", "create role somebody"}) {
            server_.run_sql(each);
        }
        const std::string where =
            fmt::format("host={} port={} user={} dbname=postgres", server_.host(), server_.port(), server_.user());
        connection_ = test::connect_blocking(where);
    }
    std::string token() {
        return loop_->run(topology::read_schema_token(*connection_, deadline::in(seconds{60}))).value();
    }
    std::string transactions() {
        return loop_->run(topology::read_visible_transactions(*connection_, deadline::in(seconds{60}))).value();
    }

    test::postgres_server server_;
    std::unique_ptr<io::loop> loop_ = io::make_epoll_loop();
    std::unique_ptr<driver::connection> connection_;
};

TEST_F(SchemaToken, IsAnotherOneAfterEveryChangeOfTheSchema) {
    std::string before = token();
    for (const char* each :
         {"create trigger tr before insert on acc for each row execute function t()",
          "alter table acc disable trigger tr",
          "drop trigger tr on acc",
          "create rule r as on insert to visits do instead nothing",
          "create or replace rule r as on insert to visits do also nothing",
          "drop rule r on visits",
          "alter table visits add constraint k foreign key (acc_id) references acc on delete cascade",
          "alter table visits drop constraint k",
          "create view v as select id from acc",
          "create or replace view v as select id + 1 - 1 as id from acc",
          "drop view v",
          "create materialized view mv as select id from acc",
          "create or replace function f() returns int language sql as 'select 2'",
          "alter function f() set search_path = pg_catalog",
          "create policy p on acc using (n > 1)",
          "alter policy p on acc using (n > 2)",
          "alter table acc enable row level security",
          "alter table acc owner to somebody",
          "alter table acc rename column n to m",
          "alter table visits alter column id type bigint",
          "alter table acc alter column m set default f()",
          "alter table acc alter column m drop default",
          "alter table acc alter column m set not null",
          "alter table visits drop column id",
          "create index i on visits(acc_id)",
          "create table heir() inherits (acc)",
          "alter table heir no inherit acc",
          "create table parts(id int) partition by list (id)",
          "create table part_1 partition of parts for values in (1)",
          "alter table parts detach partition part_1",
          "create domain small as int check (value < 10)",
          "alter domain small add check (value > 1)",
          "create type mood as enum ('sad')",
          "alter type mood add value 'glad'",
          "create operator ### (function = int4pl, leftarg = int4, rightarg = int4)",
          "create aggregate more(int) (sfunc = int4pl, stype = int)",
          "create cast (mood as int) with inout",
          "create event trigger et on ddl_command_start execute function e()",
          "alter event trigger et disable",
          "create schema elsewhere",
          "alter schema elsewhere rename to somewhere",
          "create extension postgres_fdw",
          "create server far foreign data wrapper postgres_fdw options (dbname 'postgres')",
          "create foreign table far_acc(id bigint) server far",
          "alter foreign table far_acc options (add table_name 'acc')",
          "alter server far options (set dbname 'other')",
          "truncate acc, visits, heir"}) {
        server_.run_sql(each);
        const std::string after = token();
        EXPECT_NE(before, after) << each;
        before = after;
    }
}

TEST_F(SchemaToken, StaysTheSameWhateverElseIsDone) {
    server_.run_sql("insert into acc values (1, 1)");
    const std::string before = token();
    for (const char* each :
         {"insert into acc values (2, 2)", "update acc set n = 3", "delete from acc", "analyze acc", "vacuum acc",
          "create temporary table tmp(id serial primary key, s text, check (id > 0)); insert into tmp values (1)",
          "select * into temporary other from acc", "begin; create table undone(id int); rollback"}) {
        server_.run_sql(each);
        EXPECT_EQ(token(), before) << each;
    }
}

TEST_F(SchemaToken, IsNotAskedForWhileNothingAtAllWasWritten) {
    const std::string before = transactions();
    server_.run_sql("select count(*) from acc");
    EXPECT_EQ(transactions(), before);
    server_.run_sql("create index i on visits(acc_id)");
    EXPECT_NE(transactions(), before);
}

// --- noticed ---------------------------------------------------------------------------------------------------------

constexpr const char* databases[] = {"main", "shard_1", "shard_2", "shard_3", "shard_4"};

class SchemaChanges : public ::testing::Test {
protected:
    SchemaChanges() {
        proxied::options o;
        o.schema = {"create table acc(id bigint primary key, n int)", "create table audit(what text)",
                    "create table visits(id int, acc_id bigint)",
                    "create function tell() returns trigger language plpgsql as "
                    "$$ begin insert into audit values ('told'); return null; end $$",
                    "create function plain() returns bigint language sql as 'select 1::bigint'"};
        o.tables = {proxied::sharded("acc", "id")};
        house_.emplace(std::move(o));
        through_.emplace(house_->login());
        const auto& on = house_->databases();
        library_.emplace(
            cluster::open_text(fmt::format("[databases.primary]\nurl = \"{}\"\n[shards]\nfunction = \"hash\"\n"
                                           "key_type = \"integer\"\ncount = 4\nurl = \"{}\"\n[tables]\nacc = "
                                           "{{ shard_key = \"id\" }}\n",
                                           on.url("main"), on.url("shard_{shard}")))
                .value());
    }

    void everywhere(const std::string& sql) {
        for (const char* each : databases) house_->databases().run_sql(sql, each);
    }
    // A statement that changes nothing, whether it is carried out or not.
    void is_refused_soon(const std::string& sql, const std::string& naming, const std::string& state = "0A000") {
        EXPECT_TRUE(becomes([&] {
            const auto told = library_->query(sql);
            return !told && told.error().sqlstate() == state &&
                   told.error().message().find(naming) != std::string::npos;
        })) << sql;
        EXPECT_TRUE(becomes([&] { return through_->query(sql).find(state) != std::string::npos; }))
            << sql << ": " << through_->query(sql);
    }
    void is_answered_soon(const std::string& sql) {
        EXPECT_TRUE(becomes([&] { return library_->query(sql).has_value(); })) << sql;
        EXPECT_TRUE(becomes([&] { return through_->query(sql).find("E(") == std::string::npos; })) << sql;
    }

    std::optional<proxied> house_;
    std::optional<raw_client> through_;
    std::optional<cluster> library_;
};

TEST_F(SchemaChanges, AreNoticedByTheProxyAndTheLibraryWithoutBeingAsked) {
    // Nobody has named any of this when it is made.
    everywhere("create trigger told_1 after update on acc for each row execute function tell()");
    is_refused_soon("update acc set n = 1 where id = -1", "told_1");
    everywhere("drop trigger told_1 on acc");
    is_answered_soon("update acc set n = 1 where id = -1");

    everywhere("create rule ruled as on update to acc do also insert into audit values ('x')");
    is_refused_soon("update acc set n = 1 where id = -1", "ruled");
    everywhere("drop rule ruled on acc");
    is_answered_soon("update acc set n = 1 where id = -1");

    everywhere("alter table visits add constraint of_acc foreign key (acc_id) references acc");
    is_refused_soon("insert into visits values (1, 1)", "of_acc");
    everywhere("alter table visits drop constraint of_acc");

    everywhere("create or replace function plain() returns bigint language sql as 'select count(*) from acc'");
    is_refused_soon("select plain()", "plain");
    everywhere("alter table visits add constraint counted check (plain() >= 0)");
    is_refused_soon("update visits set id = 1 where id = -1", "counted");
    everywhere("alter table visits drop constraint counted");
    is_answered_soon("update visits set id = 1 where id = -1");
}

TEST_F(SchemaChanges, OfOneShardAreNoticed) {
    house_->databases().run_sql("alter table acc add column more int", "shard_3");
    is_refused_soon("select * from acc where id = -1", "shard_3", "XX001");
    house_->databases().run_sql("alter table acc drop column more", "shard_3");
    is_answered_soon("select * from acc where id = -1");
}

class sqlite_file {
public:
    explicit sqlite_file(const std::string& path) {
        if (sqlite3_open(path.c_str(), &on_) != SQLITE_OK) throw std::runtime_error{"cannot open " + path};
        sqlite3_busy_timeout(on_, 60'000);
    }
    ~sqlite_file() { sqlite3_close(on_); }
    sqlite_file(const sqlite_file&) = delete;
    sqlite_file& operator=(const sqlite_file&) = delete;
    void run(const char* sql) {
        char* why = nullptr;
        EXPECT_EQ(sqlite3_exec(on_, sql, nullptr, nullptr, &why), SQLITE_OK) << sql << ": " << (why ? why : "");
        sqlite3_free(why);
    }

private:
    sqlite3* on_ = nullptr;
};

TEST(SchemaChangesOfFiles, AreNoticedByTheLibrary) {
    test::temporary_folder folder;
    const auto path = [&](const std::string& name) { return folder.path() + "/" + name + ".db"; };
    for (const char* each : {"shard_1", "shard_2"})
        sqlite_file{path(each)}.run("create table acc(id bigint primary key, n int); create table audit(what text)");
    auto shop =
        cluster::open_text(fmt::format("[shards]\nfunction = \"hash\"\nkey_type = \"integer\"\ncount = 2\nurl = "
                                       "\"sqlite:{}\"\n[tables]\nacc = {{ shard_key = \"id\" }}\n",
                                       path("shard_{shard}")))
            .value();
    ASSERT_TRUE(shop.query("update acc set n = 1 where id = 1"));
    for (const char* each : {"shard_1", "shard_2"})
        sqlite_file{path(each)}.run(
            "create trigger told after update on acc begin insert into audit values ('told'); end");
    EXPECT_TRUE(becomes([&] {
        const auto told = shop.query("update acc set n = 1 where id = 1");
        return !told && told.error().message().find("told") != std::string::npos;
    }));
}

}  // namespace
}  // namespace ashlar
