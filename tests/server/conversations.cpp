// Whole conversations, made at random: valid messages in any order, by one client or several, with servers that answer late
// or die. The proxy survives all of them, answers all that it owes, and, where one server has everything that is asked for,
// answers what that server would have answered.
//
// By default a short play. ASHLAR_SEED plays one conversation again, ASHLAR_ROUNDS many, ASHLAR_MINUTES for so long.
#include "support/becomes.hpp"
#include "support/conversation_player.hpp"
#include "support/proxied.hpp"
#include "support/relay.hpp"
#include "support/sanitizer.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <random>
#include <thread>

namespace ashlar {
namespace {

using test::act;
using test::answer_line;
using test::conversation_dialect;
using test::conversation_maker;
using test::conversation_player;
using test::proxied;
using test::raw_client;
using test::segment;

constexpr std::chrono::milliseconds patience{60'000};

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
    const char* const text = std::getenv(name);
    return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

// Calls `round` with one seed after the other. The seed is on the terminal before its round begins: a crash leaves it there.
void play_rounds(std::uint64_t rounds, const std::function<void(std::uint64_t seed)>& round) {
    const std::uint64_t only = number_from("ASHLAR_SEED", 0);
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes{number_from("ASHLAR_MINUTES", 0)};
    rounds = only != 0 ? 1 : number_from("ASHLAR_ROUNDS", rounds);
    const std::uint64_t first = only != 0 ? only : number_from("ASHLAR_FIRST_SEED", 1);
    std::uint64_t seed = first;
    for (;; ++seed) {
        const bool enough = seed >= first + rounds && std::chrono::steady_clock::now() >= until;
        if (enough || (only != 0 && seed > only)) break;
        std::fprintf(stderr, "\rseed %llu ", static_cast<unsigned long long>(seed));
        SCOPED_TRACE("replay: ASHLAR_SEED=" + std::to_string(seed));
        round(seed);
        if (testing::Test::HasFailure() && number_from("ASHLAR_GO_ON", 0) == 0) break;
    }
    std::fprintf(stderr, "\rconversations played: %llu\n", static_cast<unsigned long long>(seed - first));
}

proxied::options house_of(std::size_t shards) {
    proxied::options o;
    o.shards = shards;
    o.schema = test::conversation_schema();
    if (shards > 0) o.tables = {proxied::sharded("acc", "id")};
    o.pool = 3;
    o.change = [](config::description& d) { d.serve.query_wait_timeout = milliseconds{5'000}; };
    return o;
}

raw_client::options patient(raw_client::options o) {
    o.patience = patience;
    o.parameters["lock_timeout"] = "5s";
    return o;
}

void run_all(raw_client& on, const std::vector<std::string>& statements) {
    for (const std::string& each : statements) {
        const std::string answer = on.query(each);
        ASSERT_EQ(answer.find("E("), answer.npos) << each << ": " << answer;
    }
}

// --- the answers of one server ----------------------------------------------------------------------------------------

// What Ashlar refuses with 0A000 by its documentation, or answers otherwise than one server would, so that the rest of the
// conversation cannot be compared.
bool refused_by_us(const answer_line& ours, const answer_line& theirs) {
    if (ours.sqlstate == "0A000" && theirs.sqlstate != "0A000") return true;
    // A simple query behind extended messages without a Sync begins a transaction of its own.
    if (theirs.sqlstate == "25001") return true;
    // A key that cannot be read is told of at Bind, not at Execute.
    if (ours.sqlstate == "23502" && theirs.in_short == "2") return true;
    // A simple query that fails in a transaction leaves its own portal, of no name, behind.
    return ours.sqlstate == "34000" && theirs.in_short == "n";
}

// Errors both, and the difference has no consequences: a simple query that fails leaves its own portal, of no name, behind.
bool as_good(const answer_line& ours, const answer_line& theirs) {
    if (ours.sqlstate == "42P05" && !theirs.sqlstate.empty()) return true;  // two mistakes, of which either may be told
    if (ours.sqlstate == "22P02" && theirs.sqlstate == "08P01") return true;  // of bytes that are no value
    if (ours.sqlstate == "55000" && theirs.sqlstate == "34000") return true;  // a portal that has done its work
    if (ours.sqlstate == "25P02" && theirs.sqlstate == "55000") return true;
    return ours.sqlstate == "34000" && theirs.sqlstate == "25P02";
}

// Without "S(TimeZone=UTC)".
std::string without_parameters(const std::string& answers) {
    std::string out;
    for (std::size_t from = 0; from < answers.size();) {
        const std::size_t end = std::min(answers.find(") ", from), answers.size());
        if (answers[from] != 'S') out += answers.substr(from, end - from) + ' ';
        from = end + 2;
    }
    return out;
}

struct difference {
    std::string where;     // empty: none
    bool refused = false;  // and it is one that is documented
};

difference compare(const conversation_player& ours, const conversation_player& theirs) {
    for (std::size_t s = 0; s < theirs.answers().size() || s < ours.answers().size(); ++s) {
        static const std::vector<answer_line> none;
        const auto& a = s < ours.answers().size() ? ours.answers()[s] : none;
        const auto& b = s < theirs.answers().size() ? theirs.answers()[s] : none;
        for (std::size_t i = 0; i < a.size() || i < b.size(); ++i) {
            const answer_line nothing;
            const answer_line& mine = i < a.size() ? a[i] : nothing;
            const answer_line& its = i < b.size() ? b[i] : nothing;
            if (mine.in_short == its.in_short || as_good(mine, its)) continue;
            // An odd message during COPY ends the session: the server says so twice.
            if (ours.was_closed() && theirs.was_closed() && its.sqlstate == "08P01") return {};
            difference out;
            out.refused = refused_by_us(mine, its);
            out.where = "segment " + std::to_string(s + 1) + "\n  proxy:  " + test::told(a) +
                        "\n  server: " + test::told(b) + "\n  at:     " + test::told(std::vector<answer_line>{mine}) +
                        " for " + test::told(std::vector<answer_line>{its}) + '\n';
            return out;
        }
    }
    return {};
}

struct oracle {
    proxied& house;
    std::string behind;  // the database that the proxy asks
    std::string twin;    // its like, asked directly
    conversation_dialect dialect;
    std::uint64_t compared = 0, refused = 0;

    void play(std::uint64_t seed) {
        raw_client a{patient(house.direct(behind))}, b{patient(house.direct(twin))};
        run_all(a, test::conversation_rows());
        run_all(b, test::conversation_rows());
        conversation_maker::options how;
        how.dialect = dialect;
        how.syncs_before_query = true;
        const std::vector<segment> talk = conversation_maker{seed, how}.make();
        conversation_player::options cut;
        cut.seed = seed;
        conversation_player direct{patient(house.direct(twin)), cut};
        direct.play(talk);
        conversation_player through{patient(house.login()), cut};
        ASSERT_NO_THROW(through.play(talk)) << told(talk);
        const difference found = compare(through, direct);
        EXPECT_TRUE(found.where.empty() || found.refused) << told(talk) << found.where;
        ++(found.refused ? refused : compared);
        if (!found.where.empty() || direct.was_closed()) return;
        EXPECT_FALSE(through.was_closed()) << told(talk);
        const std::string of_the_key = "select * from acc where id = " + std::to_string(test::the_key);
        const std::string rows = dialect.one_key ? of_the_key : "select * from acc order by id";
        for (const std::string& each : {std::string{"rollback"}, std::string{"show timezone"}, rows}) {
            EXPECT_EQ(without_parameters(through.client().query(each)), without_parameters(direct.client().query(each)))
                << told(talk);
        }
    }
};

TEST(Conversations, WithOnePlainDatabaseAreAnsweredAsByThatDatabase) {
    proxied house{house_of(0)};
    house.databases().create_database("twin");
    for (const std::string& each : test::conversation_schema()) (void)house.databases().run_sql(each, "twin");
    oracle all{house, "main", "twin", {}};
    all.dialect.scattered = false;
    play_rounds(test::sanitized ? 40 : 100, [&](std::uint64_t seed) { all.play(seed); });
    std::fprintf(stderr, "compared %llu, of which documented differences ended %llu\n",
                 static_cast<unsigned long long>(all.compared + all.refused),
                 static_cast<unsigned long long>(all.refused));
}

TEST(Conversations, AboutTheKeysOfOneShardAreAnsweredAsByThatShard) {
    proxied house{house_of(2)};
    house.databases().create_database("twin");
    for (const std::string& each : test::conversation_schema()) (void)house.databases().run_sql(each, "twin");
    oracle all{house, "", "twin", {}};
    for (const std::string name : {"shard_1", "shard_2"}) {
        raw_client c{patient(house.direct(name))};
        run_all(c, test::conversation_rows());
    }
    raw_client c{patient(house.login())};
    const std::string where = c.query("explain (ashlar) select * from acc where id = " + std::to_string(test::the_key));
    all.behind = where.find("shard_1") != where.npos ? "shard_1" : "shard_2";
    all.dialect.scattered = all.dialect.unsharded = false;
    all.dialect.one_key = true;
    play_rounds(test::sanitized ? 40 : 80, [&](std::uint64_t seed) { all.play(seed); });
    std::fprintf(stderr, "compared %llu, of which documented differences ended %llu\n",
                 static_cast<unsigned long long>(all.compared + all.refused),
                 static_cast<unsigned long long>(all.refused));
}

// --- several clients --------------------------------------------------------------------------------------------------

// What a round of several clients has found wrong, from their threads.
class findings {
public:
    void add(const std::string& what) {
        const std::lock_guard<std::mutex> held{guard_};
        all_ += what + '\n';
    }
    std::string all() const {
        const std::lock_guard<std::mutex> held{guard_};
        return all_;
    }

private:
    mutable std::mutex guard_;
    std::string all_;
};

struct crowd {
    raw_client::options login;
    conversation_maker::options talk;
    std::size_t clients = 4;
    bool servers_die = false;  // then a session may end without its own fault
};

// A message that has no place in a COPY ends the session.
bool is_left_open_copy(const std::vector<answer_line>& answers) {
    return !answers.empty() && answers.back().sqlstate == "08P01" &&
           answers.back().message.find("COPY") != std::string::npos;
}

void play_one(const crowd& who, std::uint64_t seed, findings& found) {
    const std::vector<segment> talk = conversation_maker{seed, who.talk}.make();
    conversation_player::options cut;
    cut.seed = seed;
    try {
        conversation_player player{who.login, cut};
        player.play(talk);
        if (player.has_left()) return;
        if (!player.was_closed()) {
            (void)player.client().query("rollback");
            const std::string usable = player.client().query("select 'usable'");
            if (who.servers_die || usable.find("D(usable)") != usable.npos) return;
            found.add("client " + std::to_string(seed) + " was answered " + usable + " after\n" + test::told(talk));
        } else if (!who.servers_die && !is_left_open_copy(player.answers().back())) {
            found.add("client " + std::to_string(seed) + " was closed after\n" + test::told(talk) +
                      "  by: " + test::told(player.answers().back()));
        }
    } catch (const std::exception& e) {
        if (who.servers_die && std::string{e.what()}.find("nothing") == std::string::npos) return;
        found.add("client " + std::to_string(seed) + ": " + e.what() + " in\n" + test::told(talk));
    }
}

// Each client has its own seed, so that ASHLAR_SEED plays all of a round.
std::string play_crowd(const crowd& who, std::uint64_t seed) {
    findings found;
    std::vector<std::thread> clients;
    for (std::size_t i = 0; i < who.clients; ++i) {
        clients.emplace_back([&who, &found, own = seed * 1'000 + i] { play_one(who, own, found); });
    }
    for (std::thread& each : clients) each.join();
    return found.all();
}

const std::vector<std::string>& looks_at_state() {
    static const std::vector<std::string> all{"show timezone",
                                              "show search_path",
                                              "show application_name",
                                              "show statement_timeout",
                                              "show datestyle",
                                              "show bytea_output",
                                              "show default_transaction_read_only",
                                              "select coalesce(current_setting('app.tenant', true), '')",
                                              "select 'now() is a transaction of ' || (now() = statement_timestamp())"};
    return all;
}

// Nobody is there any more: what they did must not be seen by those who come.
void expect_no_traces(proxied& house) {
    raw_client fresh{patient(house.direct("main"))};
    std::vector<std::string> expected;
    for (const std::string& each : looks_at_state()) expected.push_back(fresh.query(each));
    for (int turn = 0; turn < 3; ++turn) {
        std::optional<raw_client> in;  // a server may be away for a moment still
        EXPECT_TRUE(test::becomes([&] {
            try {
                in.emplace(patient(house.login()));
            } catch (const std::runtime_error&) {
            }
            return in.has_value();
        }));
        if (!in) return;
        raw_client& next = *in;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            std::string seen;  // the last that was cut may be met still
            EXPECT_TRUE(test::becomes([&] {
                seen = next.query(looks_at_state()[i]);
                return seen.find("D(") != seen.npos;
            })) << seen;
            if (seen.find("D(") == seen.npos) return;
            EXPECT_EQ(seen.substr(seen.find("D(")), expected[i].substr(expected[i].find("D("))) << looks_at_state()[i];
        }
    }
    const auto none = [&](const std::string& sql) {
        EXPECT_TRUE(test::becomes([&] { return house.databases().scalar(sql) == "0"; })) << sql;
    };
    none("select count(*) from pg_stat_activity where state like 'idle in transaction%'");
    none("select count(*) from pg_locks where locktype = 'advisory'");
    for (const std::string name : {"main", "shard_1", "shard_2"}) {
        EXPECT_TRUE(test::becomes([&] {
            return house.databases().scalar("select count(*) from pg_class where relname ~ '^tt'", name) == "0";
        })) << "a temporary table is left on "
            << name;
    }
}

void rows_again(proxied& house) {
    for (const std::string name : {"main", "shard_1", "shard_2"}) {
        for (const std::string& each : test::conversation_rows()) (void)house.databases().run_sql(each, name);
    }
}

TEST(Conversations, OfSeveralClientsEndWellAndLeaveNoTraces) {
    proxied house{house_of(2)};
    crowd all;
    all.login = patient(house.login());
    all.talk.may_leave = all.talk.may_cancel = true;
    play_rounds(test::sanitized ? 10 : 25, [&](std::uint64_t seed) {
        rows_again(house);
        EXPECT_EQ(play_crowd(all, seed), "");
        expect_no_traces(house);
    });
}

TEST(Conversations, WithServersThatAreLateOrDieEndToo) {
    test::postgres_server::options settings;
    proxied::options o = house_of(2);
    std::unique_ptr<test::relay> network;
    o.change = [&](config::description& d) {
        d.serve.query_wait_timeout = milliseconds{5'000};
        network = std::make_unique<test::relay>(d.databases["primary"].primary.port);
        d.databases["primary"].primary.port = network->port();
        for (config::database& each : d.shards_->list) each.primary.port = network->port();
        d.breaker.failures = 0;
    };
    proxied house{std::move(o)};
    crowd all;
    all.login = patient(house.login());
    all.talk.may_leave = all.talk.may_cancel = true;
    all.servers_die = true;
    play_rounds(test::sanitized ? 5 : 10, [&](std::uint64_t seed) {
        rows_again(house);
        std::atomic<bool> over{false};
        std::thread havoc{[&] {
            std::mt19937_64 random{seed};
            while (!over) {
                switch (random() % 6) {
                    case 0:
                        network->cut();
                        break;
                    case 1:
                        network->silence();
                        break;
                    case 2:
                    case 3:
                        network->delay(std::chrono::milliseconds{random() % 20});
                        break;
                    case 4:
                        (void)house.databases().run_sql(
                            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and "
                            "backend_type = 'client backend'");
                        break;
                    default:
                        network->pass();
                        break;
                }
                std::this_thread::sleep_for(std::chrono::milliseconds{random() % 60});
                if (random() % 3 != 0) network->pass();
            }
            network->pass();
        }};
        const std::string found = play_crowd(all, seed);
        over = true;
        havoc.join();
        EXPECT_EQ(found, "");
        expect_no_traces(house);
    });
}

TEST(Conversations, OverSqliteFilesEndWell) {
    proxied::options o = house_of(2);
    o.sqlite = true;
    o.schema = {"create table acc(id integer primary key, n int, name text)",
                "create table visits(id integer primary key, acc_id bigint, page text)"};
    proxied house{std::move(o)};
    crowd all;
    all.login = house.login();
    all.login.patience = patience;
    all.talk.dialect.sqlite = true;
    all.talk.may_leave = all.talk.may_cancel = true;
    play_rounds(test::sanitized ? 10 : 25, [&](std::uint64_t seed) {
        EXPECT_EQ(play_crowd(all, seed), "");
        raw_client next{all.login};
        for (const std::string each : {"delete from visits", "delete from acc where id < 50"}) (void)next.query(each);
        for (int i = 1; i <= 20; ++i) {
            const std::string n = std::to_string(i);
            const std::string put = next.query("insert into acc values (" + n + ", " + n + "0, 'name " + n + "')");
            EXPECT_EQ(put.find("E("), put.npos) << put;
        }
        EXPECT_NE(next.query("insert into visits select 1, 1, 'page'").find("C("), std::string::npos);
    });
}

}  // namespace
}  // namespace ashlar
