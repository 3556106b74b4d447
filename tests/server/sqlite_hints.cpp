// What the proxy says when it refuses a statement over SQLite files: nothing that only another engine has, nothing of Ashlar's own
// making, and no advice that would give other rows.
#include "support/proxied.hpp"
#include "wire/client_messages.hpp"
#include "wire/error_fields.hpp"

#include <gmock/gmock.h>

#include <regex>

namespace ashlar {
namespace {

using test::proxied;
using test::raw_client;

// Users by id, orders by their user, countries on every shard, notes on none.
constexpr const char* refused[] = {
    "select string_agg(name, ',') from users",
    "select array_agg(name) from users",
    "select stddev(score) from users",
    "select bit_and(id) from users",
    "select bool_or(active) from users having bool_or(active)",
    "select sum(distinct score * 2) from users",
    "select avg(distinct score) from users",
    "select round(avg(score), 1) from users",
    "select sum(score * 2) + 1 from users",
    "select sum(score) from users having sum(score) + 1 > 2",
    "select count(distinct country) from users",
    "select name, rank() over (order by score) from users",
    "select name from users union select name from countries",
    "with x as (select * from users limit 3) select * from x",
    "select * from users, notes where users.id = notes.id",
    "select country, count(*) from users group by rollup (country)",
    "select my_function(id) from users",
    "select * from my_function(1)",
    "select random() from users",
    "select nextval('s')",
    "select set_config('a', 'b', false)",
    "select current_setting('work_mem') from users",
    "select pg_typeof(id) from users",
    "select pg_advisory_lock(1)",
    "select 'users'::regclass",
    "select tableoid from users",
    "select rowid from users",
    "select users from users",
    "select array[1, 2]",
    "select * from users where id > any($1)",
    "select * from users order by born using <",
    "select iv from spans union select iv from spans",
    "select greatest(iv, iv) from spans",
    "select sum(iv) from spans",
    "select v from folded order by v",
    "select min(v) from folded",
    "select distinct v from folded",
    "select sum(name) from users",
    "select name + 1 from users",
    "select id < name from users",
    "select id = name from users",
    "select born > 5 from users",
    "select name ~ '(a)\\1' from users",
    "select j -> 'a' from docs",
    "select j from docs order by j",
    "select to_char(born, 'YYYY') from users",
    "select generate_series(1, 3)",
    "select * from users for update",
    "select * from users limit 1 + 1",
    "select distinct on (name) * from users",
    "select country, name from users group by country",
    "select * from users order by name collate \"de_DE\"",
    "insert into users (name) values ('a')",
    "insert into users (id, name) values (random()::bigint, 'a')",
    "insert into users (id, name) select id, name from users",
    "insert into users (id, name) values (1, 'a'), (2, 'b') returning id",
    "insert into users (id, name) values (1, 'a') on conflict (name) do nothing",
    "insert into users (id, name) values (1, 'a') on conflict on constraint x do nothing",
    "insert into countries (code, name) values ('a', random()::text)",
    "update users set id = 2 where id = 1",
    "update users set name = random()::text",
    "update users set name = 'x' returning id",
    "delete from users using orders where orders.user_id = users.id",
    "truncate users",
    "create table users (id int)",
    "alter table users add column x int",
    "vacuum users",
    "create table numbered (id serial primary key, n int)",
    "create table numbered (n int, id BIGSERIAL)",
    "/* x */ alter table notes add column \"Id\" smallserial",
    "create index on users (name)",
    "alter table users alter column name type text",
    "create function f() returns int language sql as 'select 1'",
    "create view v as select * from users",
    "create extension hstore",
    "create type mood as enum ('a')",
    "create domain d as int",
    "create sequence s",
    "create schema x",
    "create materialized view m as select 1",
    "create trigger t before insert on users execute function f()",
    "create role x",
    "alter sequence s restart",
    "grant select on users to x",
    "copy users from stdin",
    "copy users to stdout",
    "listen x",
    "notify x",
    "lock table users",
    "declare c cursor for select * from users",
    "prepare p as select 1",
    "explain select * from users",
    "explain analyze select * from users where id = 1",
    "do $$ begin end $$",
    "call f()",
    "merge into users using countries on true when matched then delete",
    "comment on table users is 'x'",
    "cluster users",
    "refresh materialized view m",
    "select * from users u, lateral (select u.id) l",
    "select (select max(total) from orders) from users",
    "select percentile_cont(0.5) within group (order by score) from users",
    "select 'a'::int",
    "select '1'::money",
    "select b'101'",
    "select 'now'::timestamptz",
    "select left(name, 1), clock_timestamp() from users",
    "select trim(name) from users where random() > 0.5",
    "select name[1] from users",
    "select null::text[] from users",
    "select * from nowhere",
    "select nothing from users",
    "select id from users, orders",
    "select coalesce(1, born) from users",
    "select case when true then 1 else born end from users",
    "select length(5)",
    "set work_mem_of_nobody.x to 1; select 1/0",
    "select * from pg_locks",
    "select * from information_schema.routines",
    "select id from docs order by j",
    "select id from wrong order by n + 1",
    "select id from wrong order by n",
    "select count(*) from wrong group by n",
    "select sum(n) from wrong",
};

proxied::options house() {
    proxied::options o;
    o.sqlite = true;
    o.shards = 2;
    o.function = keyspace::function_kind::modulo;
    o.schema = {
        "create table users (id bigint primary key, name text, country text, active boolean, score numeric(10,2), born "
        "date)",
        "create table orders (id bigint, user_id bigint, total numeric(12,2))",
        "create table spans (id bigint primary key, iv interval)",
        "create table docs (id bigint primary key, j json)",
        "create table folded (id bigint primary key, v text collate nocase)",
        "create table countries (code text primary key, name text)"};
    o.tables = {proxied::sharded("users", "id"), proxied::sharded("orders", "user_id"), proxied::sharded("spans", "id"),
                proxied::sharded("docs", "id"),  proxied::sharded("folded", "id"),      proxied::sharded("wrong", "id"),
                proxied::reference("countries")};
    return o;
}

std::string lower(std::string text) {
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return text;
}

TEST(SqliteHints, NameOnlyWhatHelpsOnThisEngine) {
    const proxied served{house()};
    raw_client c{served.login()};
    // what PostgreSQL alone has, and what is Ashlar's own
    static const std::regex foreign{
        "immutable|\\bcreate function|\\bset [a-z_]+ ?=|search_path|\\bregclass\\b|ashlar_[a-z]|\\bpg_[a-z_]+|declare "
        "it|psql|"
        "standard_conforming|ctid|postgresql'?s server",
        std::regex::icase};
    static const std::regex order{"order by|min\\(|max\\(|<|>|greatest"};
    static const std::regex as_text{"cast[^.]* to text(?! collate)|as text\\)|::text", std::regex::icase};
    std::size_t failures = 0;
    for (const char* sql : refused) {
        std::string out;
        wire::write_query(out, sql);
        c.send(out);
        for (const test::said& m : c.until_ready()) {
            if (m.type != 'E') continue;
            ++failures;
            const auto fields = wire::read_error_fields(m.body);
            ASSERT_TRUE(fields) << sql;
            EXPECT_NE(fields->sqlstate, "XX000") << sql << ": " << fields->message;
            const std::string told = fields->message + " | " + fields->detail + " | " + fields->hint;
            EXPECT_THAT(told, ::testing::Not(::testing::HasSubstr("near \""))) << sql;
            for (std::sregex_iterator each{told.begin(), told.end(), foreign}, end; each != end; ++each) {
                // its own words may be said again
                EXPECT_NE(lower(sql).find(lower(each->str())), std::string::npos) << sql << "\n  " << told;
            }
            if (std::regex_search(sql, order)) {
                EXPECT_FALSE(std::regex_search(fields->hint, as_text)) << sql << "\n  " << told;
            }
        }
    }
    EXPECT_GE(failures, std::size(refused) - 3) << "these are refusals";
}

// What a hint advises works.
TEST(SqliteHints, CollateCIsTaken) {
    const proxied served{house()};
    raw_client c{served.login()};
    for (const char* row : {"(1, 'b')", "(2, 'B')", "(3, 'a')"}) {
        ASSERT_EQ(c.query(std::string{"insert into folded values "} + row), "C(INSERT 0 1) Z(I)");
    }
    EXPECT_EQ(c.query("select v from folded order by v collate \"C\""), "T(v:25) D(B) D(a) D(b) C(SELECT 3) Z(I)");
    EXPECT_EQ(c.query("select min(v collate \"C\") from folded"), "T(min:25) D(B) C(SELECT 1) Z(I)");
    EXPECT_EQ(c.query("select distinct v collate \"C\" as v from folded order by 1"),
              "T(v:25) D(B) D(a) D(b) C(SELECT 3) Z(I)");
    EXPECT_EQ(c.query("select v collate \"C\" as v, count(*) from folded group by v collate \"C\" order by 1"),
              "T(v:25,count:20) D(B,1) D(a,1) D(b,1) C(SELECT 3) Z(I)");
}

}  // namespace
}  // namespace ashlar
