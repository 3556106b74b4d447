// A program of somebody else's: it sees the installed headers and nothing of the source tree. server_installed_tree
// builds it twice, by find_package and by pkg-config, and runs it in an empty folder.
#include <ashlar/ashlar.hpp>

#include <cstdio>

#if __has_include("core/assert.hpp") || __has_include("cluster/runner.hpp") || __has_include("driver/connection.hpp")
#error "a private folder reached a user of the installed library"
#endif
#if defined(SPDLOG_COMPILED_LIB) || defined(TOML_SHARED_LIB) || defined(ASHLAR_SOURCE_DIR)
#error "a definition of the library's own build reached its user"
#endif

struct user {
    ashlar::uuid id;
    std::string name;
};
ASHLAR_MODEL(user, "users", id, name)

namespace {

constexpr std::string_view tables = R"(
[shards]
function = "modulo"
key_type = "uuid"
count = 2
url = "sqlite:outside_{shard}.db"

[tables]
users = { shard_key = "id" }
)";

int run() {
    auto wall = ashlar::cluster::open_text(tables).value();
    wall.all_shards().run_script("create table users (id uuid primary key, name text not null)").value();
    const user ada{ashlar::uuid::random(), "Ada"};
    wall.insert(ada).value();
    const auto rows = wall.shard_for(ada.id).query<user>("select id, name from users where id = $1", ada.id).value();
    for (const user& each : rows) std::printf("read back %s\n", each.name.c_str());
    return 0;
}

}  // namespace

int main() {
    try {
        return run();
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}
