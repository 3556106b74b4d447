// Settings, modes and deferred constraints of a transaction over several servers, some of which join late: each statement is answered as
// one plain database answers it.
#include "support/proxied.hpp"
#include "wire/client_messages.hpp"

namespace ashlar {
namespace {

using test::proxied;
using test::raw_client;

class TransactionSettings : public ::testing::TestWithParam<bool> {
protected:
    static proxied::options house() {
        proxied::options o;
        static std::shared_ptr<test::postgres_server> databases;
        o.on = databases;
        o.shards = 3;
        o.schema = {
            "create table users(id int primary key, name text)",
            "create table seats(id int, no int, constraint one_each unique (id, no) deferrable initially deferred)"};
        o.tables = {proxied::sharded("users", "id"), proxied::sharded("seats", "id")};
        if (databases == nullptr) databases = proxied{o}.shared_databases();
        o.on = databases;
        return o;
    }

    // The tables of the unsharded database are empty, as those of the shards are: it answers as the whole does.
    void play(const std::vector<std::string>& script, const std::string& start_up = "") {
        raw_client::options through = proxy_.login(), plain = proxy_.direct();
        for (raw_client::options* each : {&through, &plain}) {
            if (!start_up.empty()) each->parameters["timezone"] = start_up;
        }
        raw_client ours{through}, theirs{plain};
        for (const std::string& sql : script) EXPECT_EQ(ask(ours, sql), ask(theirs, sql)) << sql;
    }

    static std::string zone(int key) { return setting("timezone", key); }
    static std::string setting(const std::string& name, int key) {
        return "select current_setting('" + name +
               "') || coalesce(max(name), '') from users where id = " + std::to_string(key);
    }

    proxied proxy_{house()};

private:
    // ParameterStatus messages are moved to the end: only their place before ReadyForQuery may differ.
    static std::string ask(raw_client& c, const std::string& sql) {
        std::string got = said(c, sql), told;
        for (std::size_t at; (at = got.find("S(")) != got.npos;) {
            const std::size_t end = got.find(") ", at) + 2;
            told += got.substr(at, end - at);
            got.erase(at, end - at);
        }
        return got + told;
    }

    static std::string said(raw_client& c, const std::string& sql) {
        if (!GetParam()) return c.query(sql);
        std::string out;
        wire::write_parse(out, "", sql, {});
        wire::write_bind(out, "", "", {}, {}, {});
        wire::write_execute(out, "");
        wire::write_sync(out);
        return c.talk(out);
    }
};

constexpr int keys_max = 6;  // at least one on each shard

std::vector<std::string> every_zone(std::vector<std::string> before) {
    for (int key = 1; key <= keys_max; ++key) {
        before.push_back("select current_setting('timezone') || coalesce(max(name), '') from users where id = " +
                         std::to_string(key));
    }
    return before;
}

std::vector<std::string> operator+(std::vector<std::string> a, const std::vector<std::string>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

TEST_P(TransactionSettings, ARollbackToASavepointUndoesWhatANewcomerWasGiven) {
    for (int late = 1; late <= keys_max; ++late) {
        play(every_zone({"begin", zone(1), "savepoint a", "set timezone = 'Asia/Tokyo'", zone(late), "rollback to a"}) +
             every_zone({"set timezone = 'Asia/Kathmandu'", "savepoint b", "reset all", zone(late), "rollback to b"}) +
             every_zone({"release b", "rollback to a"}) + every_zone({"commit"}));
    }
}

TEST_P(TransactionSettings, ASetBehindASetLocalWinsOnANewcomerToo) {
    for (int late = 1; late <= keys_max; ++late) {
        play({"begin", zone(1), "set local timezone = 'Asia/Tokyo'", "set timezone = 'Europe/Berlin'", zone(late),
              "rollback", zone(late)});
        play({"begin", zone(1), "set local timezone = 'Asia/Tokyo'", "set timezone = 'Europe/Berlin'", zone(late),
              "commit", zone(late)});
        play({"begin", zone(1), "set local timezone = 'Asia/Tokyo'", "reset all", zone(1), zone(late), "commit",
              zone(late)});
        play({"begin", zone(1), "set local timezone = 'Asia/Tokyo'", "set local work_mem = '9MB'", "reset timezone",
              zone(1), zone(late), setting("work_mem", late), "commit", zone(late)});
    }
}

TEST_P(TransactionSettings, NewDefaultsDoNotChangeATransactionThatHasBegun) {
    for (int late = 1; late <= keys_max; ++late) {
        play({"begin", zone(1), "set default_transaction_isolation = 'serializable'",
              setting("transaction_isolation", late), "commit", setting("transaction_isolation", late)});
        play({"begin", zone(1), "set default_transaction_read_only = on", setting("transaction_read_only", late),
              "rollback", setting("transaction_read_only", late)});
    }
}

TEST_P(TransactionSettings, ResetGoesBackToWhatTheClientBeganWith) {
    for (int late = 1; late <= keys_max; ++late) {
        play(every_zone({"reset timezone"}) +
                 every_zone(
                     {"begin", zone(1), "set local timezone = 'UTC'", "set local timezone to default", zone(late)}) +
                 every_zone({"savepoint a", "set timezone = 'UTC'", "reset timezone", zone(late), "rollback to a"}) +
                 every_zone({"set timezone = 'UTC'", "reset all", "commit"}),
             "Asia/Tokyo");
    }
}

TEST_P(TransactionSettings, AndChainKeepsTheModes) {
    const auto modes = [](int key) {
        return setting("transaction_isolation", key) + " and " + "current_setting('transaction_read_only') <> ''";
    };
    for (int late = 1; late <= keys_max; ++late) {
        play({"begin isolation level serializable", modes(1), "commit and chain", modes(late), "rollback and chain",
              modes(late), "show transaction_isolation", "commit", "show transaction_isolation"});
        play({"begin", "set transaction isolation level repeatable read read only", modes(1), "savepoint a",
              "commit and chain", modes(late), "show transaction_read_only", "rollback to a", "commit and chain",
              modes(late), "rollback"});
        play({"begin", zone(1), "set local timezone = 'Asia/Tokyo'", "commit and chain", zone(late),
              "rollback and no chain", "commit and chain", "rollback and chain"});
        play({"begin", "set timezone = 'Asia/Tokyo'", zone(late), "rollback and chain", zone(late), zone(1), "commit",
              zone(late)});
    }
}

TEST_P(TransactionSettings, AllConstraintsAreSetOnAllServers) {
    for (int key = 1; key <= keys_max; ++key) {
        const std::string row = "insert into seats values (" + std::to_string(key) + ", 1)";
        play({"begin", zone(1), row, "set constraints all immediate", row, "rollback"});
        play({"begin", "set constraints all immediate", row, row, "rollback"});
        play({"begin", row, row, "set constraints all immediate", "rollback"});
        play({"begin", row, row, zone(1), "commit", zone(1)});
        play({"begin", row, row, zone(1), "commit and chain", zone(1)});
        play({"begin", "set constraints all immediate", "savepoint a", "set constraints all deferred", row, row,
              "rollback to a", row, row, "rollback"});
        play({"set constraints all deferred"});
    }
}

INSTANTIATE_TEST_SUITE_P(Protocols, TransactionSettings, ::testing::Bool(),
                         [](const auto& each) { return each.param ? "Extended" : "Simple"; });

}  // namespace
}  // namespace ashlar
