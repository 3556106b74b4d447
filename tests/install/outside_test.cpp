// Somebody else's test of a program that uses the library, without any test framework.
#include <ashlar/testkit.hpp>

#include <cstdio>

#if __has_include("testkit/faults.hpp")
#error "a private folder reached a user of the installed test kit"
#endif

int main() {
    try {
        ashlar::testkit::throwaway_options how;
        how.tables = R"(users = { shard_key = "id" })";
        how.schema = "create table users (id integer primary key, name text)";
        ashlar::testkit::throwaway_cluster shop{how};
        const std::string home = shop->shard_for(7).name();
        shop.statements_of([&] { shop->execute("insert into users values (7, 'Ada')").value(); }).expect_shard(home);
        try {
            shop.statements_of([&] { shop->query("select * from users").value(); }).expect_shard(home);
        } catch (const ashlar::testkit::expectation_failed& failed) {
            std::puts("the kit tells what is wrong");
            return 0;
        }
        std::puts("nothing was wrong");
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
    }
    return 1;
}
