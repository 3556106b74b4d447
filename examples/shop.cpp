// shop.cpp: a shop on four databases. Users and their orders are spread by the user; countries are on every shard.
//
//     shop                 four SQLite files in the current folder
//     shop ashlar.toml     the databases of that configuration, which needs the same tables
//
// It makes its tables anew each time, and prints what it finds.
#include <ashlar/ashlar.hpp>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

using ashlar::decimal;
using ashlar::uuid;

struct user {
    uuid id;
    std::string name;
    std::string country;
};
ASHLAR_MODEL(user, "users", id, name, country)

struct order {
    uuid id;
    uuid user_id;
    std::string status;
    decimal total;
    ashlar::timestamp created_at;
};
ASHLAR_MODEL(order, "orders", id, user_id, status, total, created_at)

namespace {

constexpr const char* configuration = R"(
[shards]
function = "modulo"
key_type = "uuid"
count = 4
url = "sqlite:shop_{shard}.db"

[tables]
users     = { shard_key = "id" }
orders    = { shard_key = "user_id" }
countries = { kind = "reference" }
)";

constexpr const char* tables = R"(
drop table if exists orders;
drop table if exists users;
drop table if exists countries;
create table countries (code text primary key, name text not null);
create table users (id uuid primary key, name text not null, country text not null references countries (code));
create table orders (id uuid primary key, user_id uuid not null references users (id), status text not null,
                     total numeric(12, 2) not null, created_at timestamptz not null);
create index orders_by_user on orders (user_id);
insert into countries values ('de', 'Germany'), ('fr', 'France'), ('jp', 'Japan');
)";

// 120 users with 0 to 4 orders each; the n-th order of all costs n and is a minute younger than the one before.
std::vector<uuid> fill(const ashlar::cluster& shop) {
    using namespace std::chrono_literals;
    const ashlar::timestamp start = ashlar::parse_timestamp("2026-11-22 12:00:00+00").value();
    std::vector<uuid> ids;
    int orders = 0;
    for (int n = 0; n < 120; ++n) {
        const char* countries[] = {"de", "fr", "jp"};
        // The key is made before the row, so that everybody knows at once where the row belongs.
        user someone{uuid::random(), "user " + std::to_string(n), countries[n % 3]};
        shop.insert(someone).value();
        for (int i = 0; i < n % 5; ++i, ++orders) {
            shop.insert(order{uuid::random(), someone.id, i == 0 ? "pending" : "paid", decimal{orders},
                              start + orders * 1min})
                .value();
        }
        ids.push_back(someone.id);
    }
    return ids;
}

// What one user sees, from the one shard where all of it lives.
void show_one(const ashlar::cluster& shop, const uuid& me) {
    const ashlar::scope home = shop.shard_for(me);
    const auto pending = home.where<order>("user_id = $1 and status = $2", me, "pending").all().value();
    const auto count = home.scalar<std::int64_t>("select count(*) from orders where user_id = $1", me).value();
    const auto country = shop.scalar<std::string>(
        "select c.name from users u join countries c on c.code = u.country where u.id = $1", me);
    std::printf("one user: %zu of %lld orders pending, lives in %s\n", pending.size(), static_cast<long long>(count),
                country.value().c_str());
}

// Paying and renaming happen together or not at all: both rows are the user's, so one shard commits them.
void pay(const ashlar::cluster& shop, const uuid& me) {
    shop.transaction([&](ashlar::transaction& tx) {
            for (order each : tx.where<order>("user_id = $1 and status = 'pending'", me).all().value()) {
                each.status = "paid";
                tx.update(each).value();
            }
            user someone = tx.find<user>(me).value();
            someone.name += " (paid)";
            tx.update(someone).value();
        })
        .value();
    std::printf("after paying: %lld pending, name \"%s\"\n",
                static_cast<long long>(shop.where<order>("user_id = $1 and status = 'pending'", me).count().value()),
                shop.find<user>(me).value().name.c_str());
}

// What the owner of the shop sees, from all shards at once.
void show_all(const ashlar::cluster& shop) {
    for (const ashlar::row& each :
         shop.query("select status, count(*), sum(total) from orders group by status order by status").value()) {
        std::printf("%s: %d orders, %.2f in all\n", each.get<std::string>(0).value().c_str(), each.get<int>(1).value(),
                    each.get<decimal>(2).value().to_double());
    }
    std::printf("newest:");
    for (const order& each : shop.all_shards().from<order>().order_by("created_at desc").limit(5).all().value()) {
        std::printf(" %.2f", each.total.to_double());
    }
    std::printf("\n");

    const auto counts =
        shop.all_shards()
            .map([](ashlar::scope& each) { return each.scalar<std::int64_t>("select count(*) from users"); })
            .value();
    std::int64_t users = 0;
    for (std::int64_t each : counts) users += each;
    std::printf("users: %lld on %zu shards\n", static_cast<long long>(users), counts.size());

    const auto by_country = shop.all_shards()
                                .map_reduce("select country, count(*) from users group by country",
                                            [](const std::vector<ashlar::rows>& parts) {
                                                std::map<std::string, std::int64_t> sum;
                                                for (const ashlar::rows& part : parts) {
                                                    for (ashlar::row each : part) {
                                                        sum[each.get<std::string>(0).value()] +=
                                                            each.get<std::int64_t>(1).value();
                                                    }
                                                }
                                                return sum;
                                            })
                                .value();
    for (const auto& [country, count] : by_country)
        std::printf("%s %lld\n", country.c_str(), static_cast<long long>(count));
}

}  // namespace

int main(int argc, char** argv) try {
    const ashlar::cluster shop =
        argc > 1 ? ashlar::cluster::open(argv[1]).value() : ashlar::cluster::open_text(configuration).value();
    shop.all_shards().run_script(tables).value();
    const std::vector<uuid> ids = fill(shop);
    show_one(shop, ids[4]);
    pay(shop, ids[4]);
    show_all(shop);
    return 0;
} catch (const ashlar::bad_result& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
}
