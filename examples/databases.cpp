// databases.cpp: several databases by name. Carts live on the primary, visits on a database of their own, and each region has
// one, too.
//
//     databases                 four SQLite files in the current folder
//     databases ashlar.toml     the databases of that configuration: primary, analytics, eu-west, us-east
//
// It makes its tables anew each time, and prints what it finds.
#include <ashlar/ashlar.hpp>

#include <cstdio>
#include <string>

using ashlar::scope;

struct cart {
    int id = 0;
    int total = 0;
};
ASHLAR_MODEL(cart, "carts", id, total)

struct visit {
    int id = 0;
    std::string page;
};
ASHLAR_MODEL_IN(visit, "analytics", "visits", id, page)

namespace {

constexpr const char* configuration = R"(
[databases.primary]
url = "sqlite:primary.db"

[databases.analytics]
url = "sqlite:analytics.db"

[databases.eu-west]
url = "sqlite:eu_west.db"

[databases.us-east]
url = "sqlite:us_east.db"
)";

void make_tables(const ashlar::cluster& shop) {
    const auto script = [&](const char* database, const char* sql) { shop.database(database).run_script(sql).value(); };
    script("primary", "drop table if exists carts; create table carts (id integer primary key, total integer)");
    script("analytics", "drop table if exists visits; create table visits (id integer primary key, page varchar(80))");
    for (const char* region : {"eu-west", "us-east"}) {
        script(region, "drop table if exists stock; create table stock (item varchar(20), pieces integer)");
    }
    script("eu-west", "insert into stock values ('chair', 3), ('table', 1)");
    script("us-east", "insert into stock values ('chair', 4)");
}

void use_models(const ashlar::cluster& shop) {
    shop.insert(cart{1, 120}).value();         // on the primary
    shop.insert(visit{1, "/chairs"}).value();  // on analytics
    auto pages = shop.where<visit>("page like $1", "/ch%").count().value();
    std::printf("carts: %d, visits of chairs: %d\n", static_cast<int>(shop.from<cart>().count().value()),
                static_cast<int>(pages));
}

void use_names(const ashlar::cluster& shop) {
    const int chairs =
        shop.using_database("eu-west").scalar<int>("select pieces from stock where item = 'chair'").value();
    const int all =
        shop.using_database(
                "eu-west",
                [&](const scope& eu) {
                    int pieces = eu.scalar<int>("select sum(pieces) from stock").value();
                    shop.using_database(
                            "us-east",
                            [&](const scope& us) { pieces += us.scalar<int>("select sum(pieces) from stock").value(); })
                        .value();
                    return pieces;
                })
            .value();
    std::printf("chairs in Europe: %d, pieces everywhere: %d\n", chairs, all);
}

void use_transactions(const ashlar::cluster& shop) {
    shop.using_database("eu-west")
        .transaction([](ashlar::transaction& tx) {
            tx.execute("update stock set pieces = pieces - 1 where item = 'chair'").value();
            tx.execute("insert into stock values ('sold chair', 1)").value();
        })
        .value();
    auto nowhere = shop.using_database("mars").query("select * from stock");
    std::printf("after a sale: %d chairs; %s\n",
                shop.using_database("eu-west").scalar<int>("select pieces from stock where item = 'chair'").value(),
                nowhere.error().message().c_str());
}

}  // namespace

int main(int argc, char** argv) {
    try {
        auto opened = argc > 1 ? ashlar::cluster::open(argv[1]) : ashlar::cluster::open_text(configuration);
        auto shop = std::move(opened).value();
        make_tables(shop);
        use_models(shop);
        use_names(shop);
        use_transactions(shop);
        return 0;
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
