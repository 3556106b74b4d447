#include "route/code.hpp"
#include "route/keyed_body.hpp"
#include "route/trigger_body.hpp"

#include <algorithm>

using namespace ashlar;
using namespace ashlar::route;

namespace {

std::vector<std::string> relations_in(std::string_view text, code_language language = code_language::plpgsql) {
    std::vector<std::string> out;
    for (const auto& r : read_code(text, language).relations)
        out.push_back(r.schema.empty() ? r.name : r.schema + "." + r.name);
    return out;
}

bool names(std::string_view text, const std::string& relation) {
    const auto all = relations_in(text);
    return std::find(all.begin(), all.end(), relation) != all.end();
}

bool calls(std::string_view text, const std::string& function) {
    const auto all = read_code(text, code_language::plpgsql).calls;
    return std::any_of(all.begin(), all.end(), [&](const auto& c) { return c.name == function; });
}

}  // namespace

TEST(Code, NamesEveryRelationWhereverSqlLetsOneStand) {
    for (const char* text : {"select * from acc",
                             "select * from public.acc",
                             "select * from only acc",
                             "select * from visits, acc",
                             "select * from visits v, lateral (select 1) x, acc",
                             "select * from visits join acc on true",
                             "select * from visits join plans on (a = b), acc",
                             "select * from (visits join acc on true)",
                             "select * from ((acc join visits on true) join plans on true)",
                             "select 1 where exists (select from acc)",
                             "select (select count(*) from acc)",
                             "insert into acc (a, b) values (1, 2)",
                             "update acc set a = 1",
                             "update visits set a = 1 from acc",
                             "delete from acc",
                             "delete from visits using acc",
                             "table acc",
                             "truncate visits, acc",
                             "truncate table only acc",
                             "lock table visits, acc",
                             "copy acc from stdin",
                             "merge into visits using acc on true when matched then delete",
                             "begin perform count(*) from acc; end",
                             "begin for r in select * from acc loop null; end loop; end",
                             "declare c cursor for table acc; begin end",
                             "begin if exists (select 1 from acc) then null; end if; end",
                             "begin x := (select 1 from acc); end",
                             "begin x := count(*) from acc; end",
                             "begin return query table acc; end",
                             "begin create index on acc (a); end",
                             "begin drop table if exists acc; end",
                             "begin alter table acc add x int; end",
                             "with x as (select * from acc) select * from x",
                             "select * from ACC",
                             "select * from \"acc\"",
                             "select * from visits where a in (select b from acc)",
                             "select * from generate_series(1, 2) g, acc",
                             "begin execute 'select * from acc'; end",
                             "begin execute 'select 1 from acc where n = ''x''' into y; end",
                             "select 1 from acc /* from */ -- from\n",
                             "insert into visits select * from acc",
                             "select 1 union select a from acc"}) {
        EXPECT_TRUE(names(text, "acc") || names(text, "public.acc")) << text;
    }
}

TEST(Code, DoesNotTakeColumnsVariablesAndTextsForRelations) {
    for (const char* text :
         {"begin acc := 1; end", "select acc from visits", "select visits.acc from visits", "begin new.acc := 1; end",
          "select 'from acc'", "select a from visits where acc = 1", "declare r acc%rowtype; begin end",
          "select 1 -- from acc", "select sum(acc) from visits group by acc order by acc",
          "insert into visits (acc) values (1)", "update visits set acc = 1", "select unnest(acc) from visits"}) {
        EXPECT_FALSE(names(text, "acc")) << text;
    }
}

TEST(Code, ReadsNoTextThatIsMadeAtRunTime) {
    EXPECT_NE(read_code("begin execute 'select 1 from ' || x; end", code_language::plpgsql).unknown, "");
    EXPECT_NE(read_code("begin execute format('select 1 from %I', x); end", code_language::plpgsql).unknown, "");
    EXPECT_NE(read_code("begin return query execute x; end", code_language::plpgsql).unknown, "");
    EXPECT_NE(read_code("select U&\"\\0061cc\"", code_language::sql).unknown, "");
    EXPECT_NE(read_code("select 'never closed", code_language::sql).unknown, "");
    EXPECT_EQ(read_code("begin execute 'select 1'; end", code_language::plpgsql).unknown, "");
    EXPECT_EQ(read_code("begin execute $q$ select 1 $q$ using x; end", code_language::plpgsql).unknown, "");
    EXPECT_EQ(read_code("create trigger t execute function f()", code_language::sql).unknown, "");
}

TEST(Code, TellsCallsWritesAndWhatVaries) {
    EXPECT_TRUE(calls("select f(1), s.g (2)", "f"));
    EXPECT_TRUE(calls("select f(1), s.g (2)", "g"));
    EXPECT_TRUE(read_code("insert into x values (1)", code_language::sql).writes);
    EXPECT_TRUE(read_code("begin delete from x; end", code_language::plpgsql).writes);
    EXPECT_FALSE(read_code("select * from x", code_language::sql).writes);
    EXPECT_TRUE(read_code("begin set local x = 1; end", code_language::plpgsql).session);
    EXPECT_FALSE(read_code("update x set a = 1", code_language::plpgsql).session);
    EXPECT_TRUE(read_code("select current_timestamp", code_language::sql).varies);
}

TEST(Code, SqlitesQuotesAndPlacesAllCount) {
    for (const char* text : {"update [acc] set a = 1", "update 'acc' set a = 1", "delete from \"acc\""}) {
        const auto all = relations_in(text, code_language::sqlite);
        EXPECT_NE(std::find(all.begin(), all.end(), "acc"), all.end()) << text;
    }
}

TEST(TriggerBody, LeavesTheKeyAloneWhenEveryUseOfNewIsUnderstood) {
    for (const char* body :
         {"begin new.updated_at := now(); return new; end", "begin new.v = 1; return new; end",
          "begin if new.id = 5 then new.v := 1; end if; return new; end", "begin return null; end",
          "begin if new.id is null then raise exception 'x'; end if; return new; end", "begin return old; end",
          "begin insert into audit values (new.id, new.v); return new; end",
          "begin insert into audit select new.*; return new; end",
          "begin select max(n) into new.v from t where t.id = new.id; return new; end",
          "begin perform pg_notify('x', to_jsonb(new)::text); return new; end",
          "begin if new is distinct from old then new.v := f(new, new.id); end if; return (new); end",
          "begin new.search := to_tsvector(new.name); return NEW; end"}) {
        EXPECT_FALSE(may_change_column(body, "id")) << body;
    }
}

TEST(TriggerBody, MayChangeTheKeyWhereverItCanBeAssigned) {
    for (const char* body : {"begin new.id := 5; return new; end",
                             "begin new.id = 5; return new; end",
                             "begin NEW.ID := 5; return new; end",
                             "begin new.\"id\" := 5; return new; end",
                             "begin if x then new.id = 5; end if; return new; end",
                             "begin case when x then new.id = 5; else new.id = 6; end case; return new; end",
                             "begin select 5 into new.id; return new; end",
                             "begin select 5, 6 into x, new.id; return new; end",
                             "begin select 5 into strict new.id; return new; end",
                             "begin new := x; return new; end",
                             "begin select * from t into new; return new; end",
                             "begin select t.* into new from t; return new; end",
                             "begin return x; end",
                             "begin return row(1, 2); end",
                             "begin return jsonb_populate_record(new, '{}'); end",
                             "declare n alias for new; begin n.id := 1; return new; end",
                             "begin call p(new.id); return new; end",
                             "begin call p(new); return new; end",
                             "begin for new.id in select 1 loop end loop; return new; end",
                             "begin for new in select * from t loop end loop; return new; end",
                             "begin get diagnostics new.id = row_count; return new; end",
                             "begin fetch c into new.id; return new; end",
                             "begin insert into t values (1) returning id into new.id; return new; end",
                             "begin new.id[1] := 5; return new; end",
                             "begin execute 'select 1' into new.id; return new; end",
                             "begin <<x>> new.id = 4; return new; end"}) {
        EXPECT_TRUE(may_change_column(body, "id")) << body;
    }
}

TEST(KeyedBody, StaysOnTheShardWhenEveryWriteHasTheRowsOwnKey) {
    keyed_question ask;
    ask.own_key = "acc_id";
    ask.key_of = [](const std::string&, const std::string& name) { return name == "acc" ? "id" : std::string{}; };
    for (const char* body :
         {"begin update acc set n = n + 1 where id = new.acc_id; return new; end",
          "begin if tg_op = 'DELETE' then update acc set n = n - 1 where acc.id = old.acc_id and n > 0; end if; return "
          "null; end",
          "begin insert into acc (n, id) values (1, new.acc_id) on conflict (id) do update set n = acc.n + 1; return "
          "new; end",
          "begin delete from acc a where new.acc_id = a.id; return null; end", "begin return new; end"}) {
        EXPECT_TRUE(stays_with_key(body, ask)) << body;
    }
    for (const char* body :
         {"begin update acc set n = 1; return new; end",
          "begin update acc set n = 1 where id = new.other; return new; end",
          "begin update acc set id = 5 where id = new.acc_id; return new; end",
          "begin update acc set n = 1 where id = new.acc_id or n = 2; return new; end",
          "begin update acc set n = (select count(*) from acc) where id = new.acc_id; return new; end",
          "begin perform count(*) from acc where id = new.acc_id; return new; end",
          "begin if exists (select from acc) then update acc set n = 1 where id = new.acc_id; end if; return new; end",
          "begin insert into acc values (new.acc_id); return new; end",
          "begin insert into acc (id) values (new.acc_id), (4); return new; end",
          "begin update acc set n = 1 from b where id = new.acc_id; return new; end",
          "begin execute 'x' || y; return new; end"}) {
        EXPECT_FALSE(stays_with_key(body, ask)) << body;
    }
}
