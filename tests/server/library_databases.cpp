// Several databases by name, one on each engine: chosen by model, by configuration, for a block, in threads and in map().
#include "support/becomes.hpp"
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"
#include "support/temporary_folder.hpp"

#include <ashlar/ashlar.hpp>
#include <ashlar/testkit.hpp>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <thread>

using namespace ashlar;
using namespace ashlar::test;

namespace {

struct setting {
    std::string name;
    int content = 0;
};
ASHLAR_MODEL(setting, "settings", name, content)

struct visit {
    int id = 0;
    std::string page;
};
ASHLAR_MODEL(visit, "visits", id, page)  // [tables] says where

struct receipt {
    int id = 0;
    std::string text;
};
ASHLAR_MODEL_IN(receipt, "archive", "receipts", id, text)

struct lost {
    int id = 0;
};
ASHLAR_MODEL_IN(lost, "nowhere", "lost", id)

postgres_server& postgres() {
    static postgres_server one;
    return one;
}
mariadb_server& mariadb() {
    static mariadb_server one;
    return one;
}

}  // namespace

class LibraryDatabases : public ::testing::Test {
protected:
    void SetUp() override {
        static int number = 0;
        const std::string name = fmt::format("databases_{}", ++number);
        for (const char* region : {"eu", "us"}) postgres().create_database(name + "_" + region);
        postgres().create_database(name);
        mariadb().create_database(name);
        cluster_options options;
        options.on_statement = notes_.observer();
        const auto url = [&](const std::string& text) { return "\nurl = \"" + text + "\"\n"; };
        auto opened = cluster::open_text(
            "[databases.primary]" + url("sqlite:primary.db") + "[databases.analytics]" + url(postgres().url(name)) +
                "[databases.archive]" + url(mariadb().url(name)) + "[databases.eu-west]" +
                url(postgres().url(name + "_eu")) + "[databases.us-east]" + url(postgres().url(name + "_us")) +
                "[tables]\nvisits = { database = \"analytics\" }\n[pool]\nmin_connections = 0\n",
            folder_.path(), options);
        ASSERT_TRUE(opened) << opened.error();
        shop_.emplace(std::move(*opened));
        shop_->database("primary").run_script("create table settings (name text primary key, content integer)").value();
        shop_->database("analytics").run_script("create table visits (id integer primary key, page text)").value();
        shop_->database("archive").run_script("create table receipts (id integer primary key, text text)").value();
        for (const char* region : {"eu-west", "us-east"}) {
            shop_->database(region).run_script("create table here (name text)").value();
            shop_->database(region).execute("insert into here values ($1)", region).value();
        }
        notes_.clear();
    }
    cluster& shop() { return *shop_; }
    template <class Work>
    testkit::sent_statements sent_by(Work&& work) {
        return notes_.during(std::forward<Work>(work));
    }
    static std::string here(const scope& in) { return in.scalar<std::string>("select name from here").value(); }

private:
    temporary_folder folder_;
    testkit::recorder notes_;
    std::optional<cluster> shop_;
};

TEST_F(LibraryDatabases, AModelIsKeptWhereItsOwnWordOrTheConfigurationSays) {
    sent_by([&] { shop().insert(setting{"limit", 7}).value(); }).expect_shard("primary");
    sent_by([&] { shop().insert(visit{1, "/"}).value(); }).expect_shard("analytics");
    sent_by([&] {
        shop().insert(receipt{1, "paid"}).value();
        shop().update(receipt{1, "paid in full"}).value();
        EXPECT_EQ(shop().find<receipt>(1).value().text, "paid in full");
        EXPECT_EQ(shop().where<receipt>("text like $1", "paid%").count().value(), 1);
        shop().insert(receipt{2, "open"}).value();
        shop().remove(receipt{2, ""}).value();
        EXPECT_EQ(shop().from<receipt>().all().value().size(), 1u);
    }).expect_shard("archive");
    EXPECT_EQ(mariadb().scalar("select text from receipts", "databases_1"), "paid in full");
    EXPECT_EQ(shop().find<lost>(1).error(), errc::database_unknown);
}

TEST_F(LibraryDatabases, AScopeIsAskedItselfWhateverTheModelSays) {
    const auto there = shop().using_database("analytics").insert(receipt{1, "paid"});
    ASSERT_FALSE(there);
    EXPECT_EQ(there.error().sqlstate(), "42P01") << there.error();
}

TEST_F(LibraryDatabases, ATransactionTakesInTheDatabaseOfAModel) {
    sent_by([&] {
        shop()
            .transaction([](transaction& tx) {
                tx.insert(receipt{1, "paid"}).value();
                EXPECT_EQ(tx.find<receipt>(1).value().text, "paid");
                EXPECT_EQ(tx.from<setting>().all().value().size(), 0u);
            })
            .value();
    })
        .expect_transaction()
        .expect_count("archive", 2)
        .expect_count("primary", 1);
    EXPECT_EQ(shop().from<receipt>().count().value(), 1);

    auto both = shop().transaction([](transaction& tx) {
        tx.insert(receipt{2, "open"}).value();
        status second = tx.insert(setting{"limit", 7});
        EXPECT_EQ(second.error(), errc::unsupported) << second.error();  // two servers commit as one nowhere
    });
    EXPECT_FALSE(both);
    EXPECT_EQ(shop().from<receipt>().count().value(), 1);

    auto alone = shop().using_database("analytics").begin().value();
    EXPECT_EQ(alone.insert(receipt{3, "open"}).error(), errc::unsupported);
}

TEST_F(LibraryDatabases, BlocksNestAndNothingOutlivesThem) {
    const std::string said =
        shop()
            .using_database("eu-west",
                            [&](const scope& eu) {
                                std::string all = here(eu);
                                shop()
                                    .using_database("us-east",
                                                    [&](const scope& us) { all += " " + here(us) + " " + here(eu); })
                                    .value();
                                return all + " " + here(eu);
                            })
            .value();
    EXPECT_EQ(said, "eu-west us-east eu-west eu-west");
    EXPECT_THROW((void)shop().using_database("eu-west", [](const scope&) { throw std::runtime_error("out"); }),
                 std::runtime_error);
    sent_by([&] { (void)shop().query("select 1").value(); }).expect_shard("primary");

    bool called = false;
    const status none = shop().using_database("mars", [&](const scope&) { called = true; });
    EXPECT_EQ(none.error(), errc::database_unknown);
    EXPECT_FALSE(called);
    const auto failed =
        shop().using_database("eu-west", [](const scope& eu) { return eu.execute("insert into there values (1)"); });
    EXPECT_EQ(failed.error().sqlstate(), "42P01");
}

TEST_F(LibraryDatabases, NoThreadSeesWhatAnotherHasChosen) {
    std::vector<std::thread> threads;
    std::atomic<int> wrong = 0;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&, region = std::string{i % 2 ? "eu-west" : "us-east"}] {
            for (int round = 0; round < 50; ++round) {
                shop().using_database(region, [&](const scope& chosen) { wrong += here(chosen) != region; }).value();
            }
        });
    }
    for (std::thread& each : threads) each.join();
    EXPECT_EQ(wrong, 0);
}

TEST_F(LibraryDatabases, ATransactionOnAMariaDbAndReadsOfItGoThere) {
    const scope archive = shop().using_database("archive");
    sent_by([&] {
        archive.transaction([](transaction& tx) { tx.insert(receipt{1, "paid"}).value(); }).value();
        EXPECT_EQ(archive.find<receipt>(1).value().text, "paid");
    })
        .expect_shard("archive")
        .expect_count(2);
    EXPECT_EQ(shop().reading().from<receipt>().count().value(), 1);
    EXPECT_EQ(shop().reading().insert(receipt{2, "open"}).error(), errc::read_only);
}

// Each statement may run on another connection: what such a statement does would be lost without a word.
TEST_F(LibraryDatabases, WhatBelongsToASessionIsRefusedOutsideOfATransaction) {
    for (const char* name : {"primary", "analytics", "archive"}) {
        const scope one = shop().database(name);
        for (const char* sql :
             {"begin", "commit", "rollback", "create temporary table t_temp (n int)", "savepoint a"}) {
            const auto done = one.execute(sql);
            ASSERT_FALSE(done) << name << ": " << sql;
            EXPECT_EQ(done.error().sqlstate(), "0A000") << done.error();
            EXPECT_NE(done.error().hint(), "");
        }
        ASSERT_TRUE(one.run_script("create table kept (id int); insert into kept values (1)"));
        {
            auto tx = one.begin().value();
            EXPECT_EQ(tx.execute("commit").error().sqlstate(), "25000");
            tx.execute("insert into kept values (2)").value();
            tx.execute("savepoint a").value();
            tx.execute("insert into kept values (3)").value();
            tx.execute("rollback to savepoint a").value();
            tx.commit().value();
        }
        EXPECT_EQ(one.scalar<int>("select sum(id) from kept").value(), 3) << name;
        const status open = one.run_script("begin; delete from kept");
        ASSERT_FALSE(open) << name;
        EXPECT_EQ(open.error().sqlstate(), "25000") << open.error();
        EXPECT_EQ(one.scalar<int>("select count(*) from kept").value(), 2) << name;
        ASSERT_TRUE(one.run_script("begin; delete from kept where id = 2; commit"));
        EXPECT_EQ(one.scalar<int>("select count(*) from kept").value(), 1) << name;
    }
    for (const char* sql : {"set search_path to nowhere", "listen news", "set role none"}) {
        EXPECT_EQ(shop().database("analytics").execute(sql).error().sqlstate(), "0A000") << sql;
    }
    const scope on_mariadb = shop().database("archive");
    for (const char* sql : {"use mysql", "set @a = 1", "select last_insert_id()", "lock tables kept write", "select @a",
                            "select 1 into @a", "insert into kept values (@a)", "select @a := 1 into @b"}) {
        EXPECT_EQ(on_mariadb.execute(sql).error().sqlstate(), "0A000") << sql;
    }
    for (const char* sql : {"select @@version", "select @@session.sql_mode",
                            "select @n := @n + id from kept, (select @n := 0) s", "select '@a'"}) {
        EXPECT_TRUE(on_mariadb.query(sql)) << sql;
    }
    EXPECT_EQ(on_mariadb
                  .transaction([](transaction& tx) {
                      tx.execute("set @a = 7").value();
                      return tx.scalar<int>("select @a");
                  })
                  .value(),
              7);
    for (const char* sql : {"begin", "set search_path to nowhere"}) {
        EXPECT_EQ(shop().execute(sql).error().sqlstate(), "0A000") << sql;
    }
}

TEST_F(LibraryDatabases, ATextWithAZeroByteIsRefusedWhereItCannotBeStored) {
    const std::string cut{"a\0b", 3};
    for (const char* name : {"primary", "analytics"}) {
        const scope one = shop().database(name);
        ASSERT_TRUE(one.run_script("create table texts (content text)"));
        EXPECT_EQ(one.execute("insert into texts values ($1)", cut).error().sqlstate(), "22021") << name;
        EXPECT_EQ(one.scalar<int>("select count(*) from texts").value(), 0) << name;
    }
    const scope other = shop().database("archive");
    ASSERT_TRUE(other.run_script("create table texts (content text)"));
    other.execute("insert into texts values ($1)", cut).value();
    EXPECT_EQ(other.scalar<std::string>("select content from texts").value(), cut);
}

// The pool looks at a connection that has rested before it lends it.
TEST_F(LibraryDatabases, ConnectionsThatTheServerEndedWhileIdleAreReplacedUnseen) {
    const auto kill_all = [](const std::string& name) {
        const std::string theirs = " from information_schema.processlist where db = '" + name + "'";
        for (const auto& row : mariadb().run_sql("select id" + theirs)) {
            try {
                mariadb().run_sql("kill connection " + *row[0]);
            } catch (const std::exception&) {  // gone already
            }
        }
        EXPECT_TRUE(becomes([&] { return mariadb().scalar("select count(*)" + theirs) == "0"; }));
    };
    for (const char* which : {"analytics", "archive"}) {
        const scope one = shop().database(which);
        const bool is_maria = std::string_view{which} == "archive";
        const std::string name =
            one.scalar<std::string>(is_maria ? "select database()" : "select current_database()").value();
        for (int i = 0; i < 10; ++i) {
            EXPECT_EQ(one.scalar<int>("select 1").value(), 1);
            std::this_thread::sleep_for(std::chrono::milliseconds{20});  // it must have rested
            if (is_maria) {
                kill_all(name);
            } else {
                postgres().run_sql("select pg_terminate_backend(pid, 60000) from pg_stat_activity where datname = '" +
                                   name + "'");
            }
            const auto again = one.scalar<int>("select 1");
            EXPECT_TRUE(again) << which << ": " << again.error();
        }
    }
}
