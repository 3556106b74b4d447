// readme.cpp: what the README shows.
//
//     readme          with an ashlar.toml in the current folder
#include <ashlar/ashlar.hpp>

struct order {
    ashlar::uuid id, user_id;
    std::string status;
    ashlar::decimal total;
};
ASHLAR_MODEL(order, "orders", id, user_id, status, total)

int main() {
    const ashlar::uuid me = ashlar::uuid::random();
    auto shop = ashlar::cluster::open("ashlar.toml").value();
    auto mine = shop.shard_for(me).where<order>("status = $1", "pending").all();
    auto rows = shop.query("select status, count(*) from orders group by status");  // all shards, merged
    auto fast = shop.reading().query("select count(*) from orders");                // from replicas that are fit
    return mine && rows && fast ? 0 : 1;
}
