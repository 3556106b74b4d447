#include "support/conversation_texts.hpp"

namespace ashlar::test {

namespace {

using texts = std::vector<std::string>;

void replace_all(std::string& in, std::string_view what, const std::string& by) {
    for (std::size_t at = in.find(what); at != in.npos; at = in.find(what, at + by.size())) {
        in.replace(at, what.size(), by);
    }
}

}  // namespace

std::vector<std::string> conversation_schema() {
    return {"create table acc(id bigint primary key, n int, name text)",
            "create table visits(id int primary key, acc_id bigint, page text)"};
}

std::vector<std::string> conversation_rows() {
    return {"truncate acc, visits", "insert into acc select i, i * 10, 'name ' || i from generate_series(1, 20) i",
            "insert into visits select i, i % 20, 'page ' || i from generate_series(1, 30) i"};
}

// {id}: a key, {n}: a small number.
std::string conversation_texts::filled(std::string text) {
    replace_all(text, "{id}", std::to_string(how_.one_key ? the_key : static_cast<int>(1 + below(25))));
    for (std::size_t at = text.find("{n}"); at != text.npos; at = text.find("{n}")) {
        text.replace(at, 3, std::to_string(below(4)));
    }
    return text;
}

std::string conversation_texts::a_read() {
    static const texts by_key{"select id, n, name from acc where id = {id}",
                              "select name from acc where id = {id} and n > {n}",
                              "select count(*), sum(n) from acc where id = {id}",
                              "select * from acc where id = {id} for update",
                              "select n / {n} from acc where id = {id}",
                              "select id, generate_series(1, 3{n}) from acc where id = {id}",
                              "with one as (select n from acc where id = {id}) select * from one"};
    static const texts of_none{"select 1",
                               "select 'it''s', null, 2.50",
                               "select generate_series(1, 2{n}0)",
                               "values (1, 'a'), (2, 'b')",
                               "select 10 / {n}",
                               "select repeat('long ', {n}000)",
                               "select set_config('app.tenant', '{n}', false)",
                               "select coalesce(current_setting('app.tenant', true), '')",
                               "select set_config('timezone', 'Asia/Tokyo', {n} > 1)",
                               "select pg_advisory_xact_lock_shared({n})"};
    static const texts of_visits{"select page from visits where id = {n}", "select * from visits order by id limit 3",
                                 "select acc_id, count(*) from visits group by 1 order by 1 limit 4", "table visits",
                                 "select v.page from visits v where v.id < 1{n} order by v.id"};
    static const texts wide{"select count(*), sum(n), max(name) from acc",
                            "select id, n from acc order by id limit 5",
                            "select n % 3, count(*) from acc group by 1 order by 1",
                            "select * from acc",
                            "select distinct n % {n} from acc order by 1",
                            "select id from acc where id in (1, 2, 3, 4) order by id desc",
                            "select avg(n) from acc having count(*) > {n}",
                            "select id, 10 / (n - 100) from acc order by id",
                            "select rank() over (order by n) from acc"};
    switch (below(how_.scattered ? 5 : 3)) {
        case 0:
            return filled(any(of_none));
        case 1:
            if (how_.unsharded) return filled(any(of_visits));
            return filled(any(by_key));
        case 2:
            return filled(any(by_key));
        default:
            return filled(any(wide));
    }
}

std::string conversation_texts::a_write() {
    static const texts by_key{
        "insert into acc(id, n, name) values ({id}, {n}, 'new {n}')",
        "insert into acc(id, n, name) values ({id}, 1, 'x') on conflict (id) do update set n = acc.n + 1 returning n",
        "insert into acc(id, n, name) values ({id}, 1, 'x') on conflict do nothing",
        "update acc set n = n + {n} where id = {id} returning id, n",
        "update acc set name = 'changed {n}' where id = {id}",
        "update acc set n = n / {n} where id = {id}",
        "delete from acc where id = {id}",
        "delete from acc where id = {id} returning *"};
    static const texts of_visits{"insert into visits values (4{n}, {id}, 'p{n}')", "delete from visits where id = 1{n}",
                                 "update visits set page = page || '.' where id < {n} returning id, page"};
    static const texts wide{"update acc set n = n + 1", "delete from acc where n > 15{n}",
                            "insert into acc(id, n, name) values (31, 1, 'a'), (32, 2, 'b'), (33, 3, 'c')",
                            "update acc set n = 1 / (n - 100) where id < 10", "truncate acc"};
    if (how_.scattered && once_in(4)) return filled(any(wide));
    if (how_.unsharded && once_in(3)) return filled(any(of_visits));
    return filled(any(by_key));
}

std::string conversation_texts::of_a_transaction() {
    static const texts all{"begin",
                           "begin",
                           "begin",
                           "BEGIN read only",
                           "begin isolation level repeatable read",
                           "start transaction",
                           "start transaction isolation level serializable, read write",
                           "commit",
                           "commit",
                           "end",
                           "rollback",
                           "rollback",
                           "abort",
                           "savepoint s{n}",
                           "savepoint s{n}",
                           "release s{n}",
                           "release savepoint s{n}",
                           "rollback to s{n}",
                           "rollback to savepoint s{n}",
                           "set transaction read only",
                           "set transaction isolation level repeatable read",
                           "set constraints all deferred"};
    return filled(any(all));
}

std::string conversation_texts::a_setting() {
    static const texts all{"set application_name = 'app {n}'",
                           "set local statement_timeout = '20s'",
                           "set statement_timeout = '21s'",
                           "set timezone = 'Asia/Tokyo'",
                           "set time zone 'UTC'",
                           "show timezone",
                           "show search_path",
                           "set search_path to public, pg_catalog",
                           "set search_path to \"$user\", public",
                           "reset all",
                           "reset timezone",
                           "reset application_name",
                           "show application_name",
                           "set app.tenant = '{n}'",
                           "set local app.tenant = 'local {n}'",

                           "reset app.tenant",
                           "set bytea_output = 'escape'",
                           "select '\\x41'::bytea",
                           "set datestyle = 'German'",
                           "set datestyle to ISO, MDY",
                           "select date '2024-02-29'",
                           "set intervalstyle = 'iso_8601'",
                           "select interval '1 day 2 hours'",
                           "set extra_float_digits = 0",
                           "select 0.1::float8",
                           "set nothing_of_that_name = 1",
                           "set statement_timeout = 'soon'",
                           "show nothing_of_that_name",
                           "set role none",
                           "discard all",
                           "discard plans",
                           "discard temp",
                           "discard sequences",
                           "set client_encoding = 'UTF8'",
                           "set lock_timeout to default",
                           "set default_transaction_read_only = {n}",
                           "set default_transaction_read_only = off",
                           "set session characteristics as transaction isolation level read committed"};
    return filled(any(all));
}

std::string conversation_texts::a_cursor() {
    static const texts all{"declare c{n} cursor for select generate_series(1, 10)",
                           "declare c{n} cursor for select * from acc where id = {id}",
                           "declare c{n} scroll cursor for select g, 'x' from generate_series(1, 5) g",
                           "declare c{n} cursor with hold for select 1",
                           "declare c{n} binary cursor for select n from acc where id = {id}",
                           "fetch c{n}",
                           "fetch 2 from c{n}",
                           "fetch all in c{n}",
                           "fetch backward 1 from c{n}",
                           "move 1 in c{n}",
                           "close c{n}",
                           "close all"};
    return filled(any(all));
}

std::string conversation_texts::an_explain() {
    static const texts all{"explain (costs off) select * from acc where id = {id}",
                           "explain (costs off) select 1",
                           "explain (costs off) update acc set n = 1 where id = {id}",
                           "explain (analyze, costs off, timing off, summary off) select 1",
                           "explain execute p{n}",
                           "explain analyze execute p{n}(1)",
                           "explain (costs off) declare c cursor for select 1",
                           "explain (costs off) create table never as select 1",
                           "explain (costs off, format json) select 1",
                           "explain (nothing) select 1",
                           "explain selct"};
    static const texts own{"explain (ashlar) select * from acc",  "explain (ashlar) select * from acc where id = {id}",
                           "explain (ashlar) execute p{n}",       "explain (ashlar) begin",
                           "explain (ashlar) explain select 1",   "explain (costs off) select * from acc",
                           "explain (ashlar, costs off) select 1"};
    return filled(any(how_.scattered && once_in(2) ? own : all));
}

std::string conversation_texts::a_prepare() {
    static const texts all{"prepare p{n} as select 1",
                           "prepare p{n}(bigint) as select n from acc where id = $1",
                           "execute p{n}",
                           "execute p{n}({id})",
                           "deallocate p{n}",
                           "deallocate all",
                           "deallocate prepare all",
                           "deallocate s1",
                           "deallocate s2"};
    return filled(any(all));
}

std::string conversation_texts::copy_in() {
    static const texts all{"copy visits(id, acc_id, page) from stdin", "copy visits from stdin (format csv)",
                           "copy visits from stdin (format binary)", "copy visits from stdin with csv header",
                           "copy nothing_of_that_name from stdin"};
    static const texts wide{"copy acc from stdin", "copy acc(id, n, name) from stdin (format csv)",
                            "copy acc from stdin (format binary)"};
    if (how_.scattered && once_in(3)) return any(wide);
    return any(all);
}

std::string conversation_texts::copy_rows() {
    static const std::string binary_head{"PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19};
    static const std::string binary_end{"\377\377", 2};
    const texts all{"5{n}\t3\tcopied\n",
                    "6{n}\t\\N\t\\N\n7{n}\t1\tq\n",
                    "8{n},4,\"csv, quoted\"\n",
                    "9{n},5,plain\n",
                    "no row at all\n",
                    "",
                    "1",
                    "\\.\n",
                    binary_head,
                    binary_end,
                    binary_head + binary_end,
                    std::string(70'000, 'x'),
                    "\n"};
    return filled(any(all));
}

std::string conversation_texts::a_copy() {
    static const texts all{"copy (select id, n from acc where id = {id}) to stdout",
                           "copy (select 1, null, 'a,b') to stdout (format csv)",
                           "copy (select 1::int, 'a') to stdout (format binary)",
                           "copy (select generate_series(1, 50)) to stdout",
                           "copy (select 1 / {n}) to stdout",
                           "copy acc to '/nowhere'"};
    static const texts of_visits{"copy visits to stdout", "copy visits(page, id) to stdout with csv header"};
    static const texts wide{"copy acc to stdout", "copy (select * from acc) to stdout"};
    if (how_.scattered && once_in(4)) return any(wide);
    return filled(any(how_.unsharded && once_in(2) ? of_visits : all));
}

std::string conversation_texts::a_mistake() {
    static const texts all{"selct 1",
                           "select nothing from acc where id = {id}",
                           "select * from nothing_of_that_name",
                           "select 'unterminated",
                           "select 1 from",
                           "select $1",
                           "insert into acc values (1, 2, 3, 4)",
                           "select 1/0",
                           "select 'x'::int",
                           "begin transaction nonsense",
                           "create table acc(a int)",
                           "(((",
                           "select * from acc where id = 'x'",
                           "call nothing()",
                           "select nothing({n})"};
    return filled(any(all));
}

std::string conversation_texts::a_rare_one() {
    static const texts all{"listen news",
                           "unlisten *",
                           "unlisten news",
                           "notify news, 'now {n}'",
                           "do $$ begin perform 1; end $$",
                           "do $$ begin raise exception 'no' using errcode = 'ZZ001'; end $$",
                           "do $$ begin raise notice 'well'; end $$",
                           "create temp table tt(a int)",
                           "create temp table tt(a int) on commit drop",
                           "select * from tt",
                           "drop table if exists tt",
                           "insert into tt values ({n})",
                           "lock table visits",
                           "lock table visits in share mode",
                           "vacuum visits",
                           "analyze visits",
                           "comment on table visits is 'v{n}'",
                           "commit prepared 'tx{n}'",
                           "rollback prepared 'none'",
                           "commit and chain",
                           "rollback and chain",
                           "select lastval()",
                           "checkpoint",
                           "truncate visits",
                           "create function pg_temp.f() returns int language sql as 'select 1'",
                           "select 1 into temp ttt",
                           "set constraints all immediate",
                           "load 'nothing'"};
    if (how_.scattered && once_in(20)) return "prepare transaction 'never'";  // one database would really do it
    return filled(any(all));
}

std::string conversation_texts::statement() {
    switch (below(24)) {
        case 0:
        case 1:
        case 2:
        case 3:
        case 4:
            return a_read();
        case 5:
        case 6:
        case 7:
        case 8:
            return a_write();
        case 9:
        case 10:
        case 11:
        case 12:
        case 13:
            return of_a_transaction();
        case 14:
        case 15:
        case 16:
            return a_setting();
        case 17:
        case 18:
            return a_cursor();
        case 19:
            return an_explain();
        case 20:
            return a_prepare();
        case 21:
            return once_in(3) ? a_copy() : a_read();
        case 22:
            return a_mistake();
        default:
            return a_rare_one();
    }
}

std::string conversation_texts::query() {
    if (once_in(20)) return any({"", ";", " ; -- nothing\n", "-- nothing", "/* nothing */"});
    if (!once_in(5)) return statement();
    std::string out = statement();
    for (std::size_t more = 1 + below(3); more > 0; --more) out += "; " + statement();
    return out;
}

prepared_text conversation_texts::with_parameters() {
    const std::string id = std::to_string(how_.one_key ? the_key : static_cast<int>(1 + below(25)));
    prepared_text out;
    switch (below(how_.scattered ? 12 : 10)) {
        case 0:
            out = {"select id, n, name from acc where id = $1", {20}, {id}, false};
            break;
        case 1:
            out = {"select $1::int + $2::int", {23, 23}, {"3", "4"}, false};
            break;
        case 2:
            out = {"select $1", {25}, {"some text"}, false};
            break;
        case 3:
            out = {"insert into acc(id, n, name) values ($1, $2, $3)", {20, 23, 25}, {id, "5", "by bind"}, false};
            break;
        case 4:
            out = {"update acc set n = $2 where id = $1 returning id, n, name", {20, 23}, {id, "6"}, false};
            break;
        case 5:
            out = {"select n / $2::int from acc where id = $1", {20, 23}, {id, once_in(2) ? "0" : "2"}, false};
            break;
        case 6:
            out = {"select generate_series(1, $1::int)", {23}, {std::to_string(below(30))}, false};
            break;
        case 7:
            out = {"delete from acc where id = $1 and n > $2", {20, 23}, {id, "1"}, false};
            break;
        case 8:
            out.sql = copy_in();
            out.copies_in = true;
            break;
        case 10:
            out = {"select id, n from acc where n > $1 order by id", {23}, {"30"}, false};
            break;
        case 11:
            out = {"select count(*), sum(n) from acc where name like $1", {25}, {"%1%"}, false};
            break;
        default:
            out.sql = once_in(8) ? query() : statement();
            break;
    }
    return out;
}

}  // namespace ashlar::test
