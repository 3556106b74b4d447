// pools.cpp: what a caller meets when all connections of a database are on loan, and what becomes of a caller too many.
//
//     pools                two SQLite files in the current folder
#include <ashlar/ashlar.hpp>

#include <cstdio>
#include <functional>

namespace {

constexpr const char* configuration = R"(
[databases.primary]
url = "sqlite:shop.db"
pool = { max_connections = 2, min_connections = 1, checkout_timeout = "50ms" }

[databases.archive]
url = "sqlite:archive.db"
pool = { max_connections = 1, min_connections = 0, waiters_max = 0 }

[pool]
warm_up = ["select 1"]
)";

void tell(const char* who, const ashlar::result<int>& got) {
    if (got) {
        std::printf("%s: %d\n", who, *got);
    } else if (got.error() == ashlar::errc::pool_timeout) {
        std::printf("%s: too late. %s\n", who, got.error().hint().c_str());
    } else if (got.error() == ashlar::errc::pool_queue_full) {
        std::printf("%s: too many. %s\n", who, got.error().hint().c_str());
    } else {
        std::printf("%s: %s\n", who, got.error().to_string().c_str());
    }
}

// Runs `work` while so many transactions are open, each of which keeps a connection.
ashlar::status with_open(const ashlar::scope& on, int how_many, const std::function<void()>& work) {
    if (how_many == 0) {
        work();
        return {};
    }
    const auto report = [&](ashlar::transaction& open) -> ashlar::status {
        if (auto begun = open.scalar<int>("select 1"); !begun) return begun.error();
        return with_open(on, how_many - 1, work);
    };
    ashlar::transaction_options reading;
    reading.read_only = true;
    return on.transaction(report, reading);
}

}  // namespace

int main() {
    auto opened = ashlar::cluster::open_text(configuration);
    if (!opened) {
        std::fprintf(stderr, "%s\n", opened.error().to_string().c_str());
        return 1;
    }
    const ashlar::scope shop = opened->database("primary"), archive = opened->database("archive");
    const auto one_more = [](const ashlar::scope& on) { return on.scalar<int>("select 42"); };

    with_open(shop, 1, [&] { tell("beside one report", one_more(shop)); }).value();
    with_open(shop, 2, [&] { tell("beside two", one_more(shop)); }).value();
    with_open(archive, 1, [&] { tell("in the archive", one_more(archive)); }).value();
    tell("afterwards", one_more(archive));

    for (const ashlar::server_health& each : opened->check_all()) {
        std::printf("%s: %u of %u open, %u lent\n", each.server.c_str(), each.connections.open, each.connections.max,
                    each.connections.active);
    }
}
