// replicas.cpp: reads on replicas that show what their user wrote. Needs databases with replicas:
//
//     replicas ashlar.toml
//
// It makes its table anew each time, and prints what it finds.
#include <ashlar/ashlar.hpp>

#include <cstdio>
#include <string>

using ashlar::cluster;
using namespace std::chrono_literals;

namespace {

void one_user_in_two_processes(const cluster& shop, const cluster& other) {
    cluster mine = shop.session();                                                           // one user's request
    mine.execute("update carts set total = 7 where id = 1").value();                         // on the primary
    int total = mine.reading().scalar<int>("select total from carts where id = 1").value();  // 7, wherever it is read
    std::string token = mine.causal_token().value();  // for the user's next request …
    cluster next = other.session(token).value();      // … in another process
    int again = next.reading().scalar<int>("select total from carts where id = 1").value();  // 7
    std::printf("total: %d, and again %d\n", total, again);
}

void reports_may_be_old(const cluster& shop) {
    auto rows = shop.reading({.max_staleness = 2s}).query("select * from carts").value();
    auto refused = shop.reading().execute("delete from carts");
    std::printf("carts: %zu; writing is refused with %s\n", rows.size(),
                std::string{refused.error().sqlstate()}.c_str());
    auto begun = shop.reading().begin().value();  // on one replica, and nothing can be written
    std::printf("in a transaction: %d\n", begun.scalar<int>("select count(*) from carts").value());
}

}  // namespace

int main(int argc, char** argv) {
    try {
        if (argc != 2) throw std::runtime_error("usage: replicas ashlar.toml");
        const cluster shop = cluster::open(argv[1]).value();
        const cluster other = cluster::open(argv[1]).value();  // stands for another process
        const char* table =
            "drop table if exists carts; create table carts (id integer primary key, total integer);"
            "insert into carts values (1, 1), (2, 2)";
        shop.database("primary").run_script(table).value();
        one_user_in_two_processes(shop, other);
        reports_may_be_old(shop);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
