// library.cpp: what the library adds to the client libraries below it, as CPU time of this process, against real servers
// that it starts by itself.
//
//     bench_library [milliseconds a run=20] [runs=75] [pool|sqlite|postgres|mariadb|shards]
//
// Each comparison runs its sides in turns on the same rows and the same keys, many times over, and prints each side's
// median and its ratio to the first one, written by hand on the bare client library: a connection (or file) for each
// shard, the statement prepared once, the shard found by the key's last byte. The ratio is the median of the ratios within
// a turn, so that what else the machine does meanwhile falls on both. What the server computes is its own and not
// counted. Servers and this program share one processor: whether a message has to wake another one is chance, and costs
// more than anything that is measured here. The aims stand beside the ratios.
#include "core/io/loop.hpp"
#include "driver/drivers.hpp"
#include "pool/pool.hpp"
#include "support/mariadb_server.hpp"
#include "support/postgres_server.hpp"
#include "support/temporary_folder.hpp"

#include <ashlar/ashlar.hpp>

#include <fmt/format.h>
#include <libpq-fe.h>
#include <mysql.h>
#include <poll.h>
#include <sched.h>
#include <sqlite3.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

using namespace ashlar;

namespace {

constexpr std::size_t shard_count = 4;
constexpr int users = 1'000;
constexpr const char* user_tables =
    "create table users (id uuid primary key, name text not null, number integer not null);"
    "create index users_number on users (number);";

std::chrono::milliseconds run_time{20};
int runs = 75;
std::string only;

bool wanted(std::string_view part) {
    return only.empty() || only == part;
}

void need(bool well, const char* what) {
    if (well) return;
    std::fprintf(stderr, "bench_library: %s\n", what);
    std::exit(1);
}

template <class T>
T need(result<T> what) {
    if (!what) need(false, what.error().message().c_str());
    return std::move(*what);
}

// --- measuring ------------------------------------------------------------------------------------------------------

double cpu_nanoseconds() {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

struct side {
    std::string name;
    std::function<void(std::size_t)> once;  // is given a number that grows
};

// CPU of one call, over about `run_time` of the clock on the wall.
double measure(const side& what, std::size_t& number) {
    const instant end = steady_clock::now() + run_time;
    std::size_t calls = 0;
    const double before = cpu_nanoseconds();
    while (steady_clock::now() < end) {
        for (int i = 0; i < 32; ++i) what.once(number++);
        calls += 32;
    }
    return (cpu_nanoseconds() - before) / static_cast<double>(calls);
}

double median(std::vector<double> of) {
    std::ranges::sort(of);
    return of[of.size() / 2];
}

void compare(const std::string& title, const std::string& aim, const std::vector<side>& sides) {
    std::vector<std::vector<double>> times(sides.size());
    std::size_t number = 0;
    for (const side& each : sides) {  // once round, so that nothing is prepared or opened while it counts
        for (std::size_t i = 0; i < 200; ++i) each.once(i);
    }
    for (int run = 0; run < runs; ++run) {
        for (std::size_t i = 0; i < sides.size(); ++i) times[i].push_back(measure(sides[i], number));
    }
    std::printf("%s%s\n", title.c_str(), aim.empty() ? "" : (", aim " + aim).c_str());
    for (std::size_t i = 0; i < sides.size(); ++i) {
        std::vector<double> ratios;
        for (std::size_t run = 0; run < times[i].size(); ++run) ratios.push_back(times[i][run] / times[0][run]);
        std::printf("  %-44s %8.2f us  %5.2f\n", sides[i].name.c_str(), median(times[i]) / 1e3, median(ratios));
    }
    std::fflush(stdout);
}

// --- rows and keys --------------------------------------------------------------------------------------------------

struct user {
    uuid id;
    std::string name;
    int number = 0;
};
ASHLAR_MODEL(user, "users", id, name, number)

struct keys {
    std::vector<uuid> ids;
    std::vector<std::string> texts;
    std::vector<std::size_t> shards;
    std::size_t index(std::size_t number) const { return number * 7 % ids.size(); }
};

keys fill(const cluster& with) {
    need(with.all_shards().run_script(user_tables).has_value(), "the tables could not be made");
    keys made;
    for (int i = 0; i < users; ++i) {
        const user one{uuid::random(), fmt::format("user {}", i), i};
        need(with.insert(one).has_value(), "a row could not be inserted");
        made.ids.push_back(one.id);
        made.texts.push_back(one.id.to_string());
        made.shards.push_back(one.id.bytes()[15] % shard_count);
    }
    return made;
}

std::string configuration(const std::string& url, const std::string& databases) {
    return fmt::format(
        "{}\n[shards]\nfunction = \"modulo\"\nkey_type = \"uuid\"\ncount = {}\nurl = \"{}\"\n"
        "[pool]\nmin_connections = 1\n[tables]\nusers = {{ shard_key = \"id\" }}\n",
        databases, shard_count, url);
}

constexpr const char* point = "select name, number from users where id = $1";
constexpr const char* ordered = "select number, name from users where number >= $1 and number < $2 order by number";

std::size_t seen = 0;  // what is read is used

void read(const rows& all) {
    need(all.size() == 1, "a point query without its row");
    seen += all[0].text(0)->size() + all[0].text(1)->size();
}

// The library's sides of a point query.
std::vector<side> by_library(const cluster& on, const keys& of) {
    return {{"shard_for(key).query(…)",
             [&](std::size_t i) {
                 const uuid& id = of.ids[of.index(i)];
                 read(need(on.shard_for(id).query(point, id)));
             }},
            {"cluster.query(…), routed by its key",
             [&](std::size_t i) { read(need(on.query(point, of.ids[of.index(i)]))); }}};
}

void compare_points(const std::string& title, const std::string& aim, side bare, std::vector<side> library) {
    library.insert(library.begin(), std::move(bare));
    compare(title, aim, library);
}

// --- bare libpq -----------------------------------------------------------------------------------------------------

using pg_result = std::unique_ptr<PGresult, decltype(&PQclear)>;

struct bare_postgres {
    std::vector<PGconn*> shards;

    explicit bare_postgres(const std::vector<std::string>& urls) {
        for (const std::string& url : urls) {
            PGconn* c = shards.emplace_back(PQconnectdb(url.c_str()));
            need(PQstatus(c) == CONNECTION_OK, PQerrorMessage(c));
            for (const auto& [name, sql] : {std::pair{"point", point}, std::pair{"ordered", ordered}}) {
                const pg_result made{PQprepare(c, name, sql, 0, nullptr), &PQclear};
                need(PQresultStatus(made.get()) == PGRES_COMMAND_OK, PQerrorMessage(c));
            }
        }
    }
    bare_postgres(const bare_postgres&) = delete;
    bare_postgres& operator=(const bare_postgres&) = delete;
    ~bare_postgres() { std::ranges::for_each(shards, PQfinish); }

    void ask(std::size_t shard, const std::string& key) const {
        const char* values[] = {key.c_str()};
        const pg_result r{PQexecPrepared(shards[shard], "point", 1, values, nullptr, nullptr, 0), &PQclear};
        need(PQntuples(r.get()) == 1, "a point query without its row");
        seen += static_cast<std::size_t>(PQgetlength(r.get(), 0, 0) + PQgetlength(r.get(), 0, 1));
    }

    // The same statement on all shards at once, their rows put in order.
    void ask_all(const std::string& from, const std::string& to) const {
        const char* values[] = {from.c_str(), to.c_str()};
        std::array<pollfd, shard_count> waiting{};
        for (std::size_t i = 0; i < shard_count; ++i) {
            need(PQsendQueryPrepared(shards[i], "ordered", 2, values, nullptr, nullptr, 0) == 1, "sending");
            need(PQflush(shards[i]) == 0, "flushing");
            waiting[i] = {PQsocket(shards[i]), POLLIN, 0};
        }
        std::vector<pg_result> parts;
        for (std::size_t open = shard_count; open > 0;) {
            need(::poll(waiting.data(), waiting.size(), -1) > 0, "poll");
            for (std::size_t i = 0; i < shard_count; ++i) {
                if (waiting[i].revents == 0) continue;
                need(PQconsumeInput(shards[i]) == 1, PQerrorMessage(shards[i]));
                while (waiting[i].fd >= 0 && PQisBusy(shards[i]) == 0) {
                    pg_result r{PQgetResult(shards[i]), &PQclear};
                    if (r) {
                        parts.push_back(std::move(r));
                    } else {
                        waiting[i].fd = -1;
                        --open;
                    }
                }
            }
        }
        std::vector<std::pair<int, std::string>> all;
        for (const pg_result& part : parts) {
            for (int i = 0; i < PQntuples(part.get()); ++i) {
                all.emplace_back(std::atoi(PQgetvalue(part.get(), i, 0)), PQgetvalue(part.get(), i, 1));
            }
        }
        std::ranges::sort(all);
        need(all.size() == 40, "rows are missing");
        for (const auto& each : all) seen += each.second.size();
    }
};

// --- bare libmariadb ------------------------------------------------------------------------------------------------

class bare_mariadb {
public:
    explicit bare_mariadb(const test::mariadb_server& on) : open_(mysql_init(nullptr)) {
        need(mysql_real_connect(open_, on.host().c_str(), on.user().c_str(), on.password().c_str(), "test", on.port(),
                                nullptr, 0) != nullptr,
             mysql_error(open_));
        point_ = mysql_stmt_init(open_);
        const std::string sql = "select name, number from users where id = ?";
        need(mysql_stmt_prepare(point_, sql.c_str(), sql.size()) == 0, mysql_stmt_error(point_));
        into_[0].buffer_type = MYSQL_TYPE_STRING;
        into_[0].buffer = name_.data();
        into_[0].buffer_length = name_.size();
        into_[0].length = &name_length_;
        into_[1].buffer_type = MYSQL_TYPE_LONG;
        into_[1].buffer = &number_;
        need(mysql_stmt_bind_result(point_, into_.data()) == 0, mysql_stmt_error(point_));
    }
    bare_mariadb(const bare_mariadb&) = delete;
    bare_mariadb& operator=(const bare_mariadb&) = delete;
    ~bare_mariadb() {
        mysql_stmt_close(point_);
        mysql_close(open_);
    }

    void ask(const std::string& key) {
        MYSQL_BIND given{};
        given.buffer_type = MYSQL_TYPE_STRING;
        given.buffer = const_cast<char*>(key.data());
        given.buffer_length = key.size();
        need(mysql_stmt_bind_param(point_, &given) == 0 && mysql_stmt_execute(point_) == 0, mysql_stmt_error(point_));
        need(mysql_stmt_fetch(point_) == 0, "a point query without its row");
        seen += name_length_ + static_cast<std::size_t>(number_);
        need(mysql_stmt_fetch(point_) == MYSQL_NO_DATA, "more than one row");
        mysql_stmt_free_result(point_);
    }

private:
    MYSQL* open_;
    MYSQL_STMT* point_ = nullptr;
    std::array<MYSQL_BIND, 2> into_{};
    std::array<char, 64> name_{};
    unsigned long name_length_ = 0;
    int number_ = 0;
};

// --- bare sqlite3 ---------------------------------------------------------------------------------------------------

struct bare_sqlite {
    struct file {
        sqlite3* open = nullptr;
        sqlite3_stmt* point = nullptr;
    };
    std::vector<file> shards;

    explicit bare_sqlite(const test::temporary_folder& in) {
        for (std::size_t i = 1; i <= shard_count; ++i) {
            file& one = shards.emplace_back();
            const std::string path = in.file(fmt::format("shard_{}.db", i));
            need(sqlite3_open_v2(path.c_str(), &one.open, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr) ==
                     SQLITE_OK,
                 "opening a file");
            need(sqlite3_prepare_v2(one.open, point, -1, &one.point, nullptr) == SQLITE_OK, sqlite3_errmsg(one.open));
        }
    }
    bare_sqlite(const bare_sqlite&) = delete;
    bare_sqlite& operator=(const bare_sqlite&) = delete;
    ~bare_sqlite() {
        for (const file& each : shards) {
            sqlite3_finalize(each.point);
            sqlite3_close(each.open);
        }
    }

    void ask(std::size_t shard, const std::string& key) const {
        sqlite3_stmt* s = shards[shard].point;
        sqlite3_bind_text(s, 1, key.data(), static_cast<int>(key.size()), SQLITE_STATIC);
        need(sqlite3_step(s) == SQLITE_ROW, "a point query without its row");
        seen += static_cast<std::size_t>(sqlite3_column_bytes(s, 0) + sqlite3_column_int(s, 1));
        need(sqlite3_step(s) == SQLITE_DONE, "more than one row");
        sqlite3_reset(s);
    }
};

// --- the comparisons ------------------------------------------------------------------------------------------------

// This thread, and what it starts, on the processor where it is.
void stay_here() {
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &here);
    need(::sched_setaffinity(0, sizeof here, &here) == 0, "sched_setaffinity");
}

void on_postgres() {
    const test::postgres_server server;
    std::vector<std::string> urls;
    for (std::size_t i = 1; i <= shard_count; ++i) {
        server.create_database(fmt::format("shop_{}", i));
        urls.push_back(server.url(fmt::format("shop_{}", i)));
    }
    const cluster shop = need(cluster::open_text(configuration(server.url("shop_{shard}"), "")));
    const keys all = fill(shop);
    const bare_postgres bare{urls};
    if (wanted("postgres")) {
        compare_points("a point query on PostgreSQL", "1.05",
                       {"libpq", [&](std::size_t i) { bare.ask(all.shards[all.index(i)], all.texts[all.index(i)]); }},
                       by_library(shop, all));
    }
    if (!wanted("shards")) return;
    const auto from = [](std::size_t i) { return static_cast<std::int64_t>(i % (users - 40)); };
    compare("40 rows in order from 4 PostgreSQL shards", "",
            {{"libpq, asynchronous, sorted by hand",
              [&](std::size_t i) { bare.ask_all(std::to_string(from(i)), std::to_string(from(i) + 40)); }},
             {"all_shards().query(…)", [&](std::size_t i) {
                  const rows got = need(shop.all_shards().query(ordered, from(i), from(i) + 40));
                  need(got.size() == 40, "rows are missing");
                  for (const row each : got) seen += each.text(1)->size();
              }}});
}

void on_mariadb() {
    const test::mariadb_server server;
    const test::temporary_folder folder;
    server.run_sql(
        "create table users (id varchar(36) primary key, name varchar(50) not null, number integer not null)");
    const std::string named = fmt::format("[databases.x]\nurl = \"{}\"", server.url());
    const cluster shop = need(cluster::open_text(configuration("sqlite:shard_{shard}.db", named), folder.path()));
    const scope x = shop.database("x");
    const keys all = fill(shop);
    for (std::size_t i = 0; i < all.ids.size(); ++i) {
        need(x.execute("insert into users values ($1, $2, $3)", all.texts[i], fmt::format("user {}", i),
                       static_cast<std::int64_t>(i)));
    }
    bare_mariadb bare{server};
    compare("a point query on MariaDB", "1.05",
            {{"libmariadb", [&](std::size_t i) { bare.ask(all.texts[all.index(i)]); }},
             {"database(\"x\").query(…)",
              [&](std::size_t i) { read(need(shop.database("x").query(point, all.texts[all.index(i)]))); }},
             {"the same by a scope that is kept",
              [&](std::size_t i) { read(need(x.query(point, all.texts[all.index(i)]))); }}});
}

void on_sqlite() {
    const test::temporary_folder folder;
    const cluster shop = need(cluster::open_text(configuration("sqlite:shard_{shard}.db", ""), folder.path()));
    const keys all = fill(shop);
    const bare_sqlite bare{folder};
    compare_points("a point query on SQLite", "1.3",
                   {"sqlite3", [&](std::size_t i) { bare.ask(all.shards[all.index(i)], all.texts[all.index(i)]); }},
                   by_library(shop, all));
}

// --- the pool -------------------------------------------------------------------------------------------------------

io::task<void> borrow(io::loop& on, pool::pool& from, int times) {
    for (int i = 0; i < times; ++i) {
        auto lent = co_await from.lend(on);
        need(lent.has_value(), "nothing was lent");
        seen += lent->operator bool() ? 1 : 0;
    }
}

std::shared_ptr<pool::pool> pool_of(const test::temporary_folder& in, std::uint32_t connections) {
    driver::sqlite_options file;
    file.file = in.file("pooled.db");
    pool::pool_options options;
    options.max_connections = connections;
    options.min_connections = 0;
    return pool::pool::make("pooled", driver::make_sqlite_driver(file), options);
}

void borrow_at_once(const test::temporary_folder& in, std::uint32_t connections) {
    const std::string title = fmt::format("a checkout by 64 threads from {} connections", connections);
    constexpr int times = 4'000;
    constexpr int threads = 64;
    std::vector<double> cpu, wall;
    for (int run = 0; run < std::min(runs, 5); ++run) {
        const auto from = pool_of(in, connections);
        const instant began = steady_clock::now();
        const double before = cpu_nanoseconds();
        {
            std::vector<std::jthread> all;
            for (int i = 0; i < threads; ++i) {
                all.emplace_back([&] {
                    const auto loop = io::make_poll_loop();
                    loop->run(borrow(*loop, *from, times));
                });
            }
        }
        constexpr double each = 1.0 / threads / times;
        cpu.push_back((cpu_nanoseconds() - before) * each);
        wall.push_back(std::chrono::duration<double, std::nano>(steady_clock::now() - began).count() * each);
        from->stop();
    }
    std::printf("%s\n  %-44s %8.0f ns CPU, one each %.0f ns\n", title.c_str(), "lend(), and back", median(cpu),
                median(wall));
}

void on_pool() {
    const test::temporary_folder folder;
    const auto from = pool_of(folder, 25);
    const auto loop = io::make_poll_loop();
    loop->run(borrow(*loop, *from, 1));
    constexpr int block = 1'000;
    const auto say = [](const char* name, const std::function<void()>& work) {
        std::vector<double> times;
        std::size_t number = 0;
        for (int i = 0; i < runs; ++i) {
            times.push_back(measure({name, [&](std::size_t) { work(); }}, number) / block);
        }
        std::printf("  %-44s %8.0f ns\n", name, median(times));
    };
    std::printf("a checkout that nobody contends, aim 200 ns\n");
    say("lend_ready(), and back", [&] {
        for (int i = 0; i < block; ++i) seen += from->lend_ready(*loop) ? 1 : 0;
    });
    say("lend() awaited, and back", [&] { loop->run(borrow(*loop, *from, block)); });
    from->stop();
    borrow_at_once(folder, 64);
    borrow_at_once(folder, 25);
}

}  // namespace

int main(int count, char** arguments) {
    if (count > 1) run_time = std::chrono::milliseconds{std::atoi(arguments[1])};
    if (count > 2) runs = std::atoi(arguments[2]);
    if (count > 3) only = arguments[3];
    constexpr std::array parts{"", "pool", "sqlite", "postgres", "mariadb", "shards"};
    need(run_time.count() > 0 && runs > 0 && std::ranges::find(parts, only) != parts.end(),
         "usage: bench_library [milliseconds a run] [runs] [pool|sqlite|postgres|mariadb|shards]");
    if (wanted("pool")) on_pool();
    stay_here();
    if (wanted("sqlite")) on_sqlite();
    if (wanted("postgres") || wanted("shards")) on_postgres();
    if (wanted("mariadb")) on_mariadb();
    return seen > 0 ? 0 : 1;
}
