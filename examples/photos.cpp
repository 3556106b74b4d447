// photos.cpp: a photo site. Everything of a user lives with the user, however deep: photos, the comments and likes under
// them, the list of friends. So one page is one shard's work, and only friends are fetched from elsewhere.
//
//     photos                 four SQLite files in the current folder
//     photos ashlar.toml     the databases of that configuration, which needs the same tables
#include <ashlar/ashlar.hpp>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

using ashlar::uuid;

struct user {
    uuid id;
    std::string name;
};
ASHLAR_MODEL(user, "users", id, name)

struct photo {
    uuid id;
    uuid user_id;
    std::string title;
    ashlar::timestamp taken_at;
};
ASHLAR_MODEL(photo, "photos", id, user_id, title, taken_at)

// user_id is whose photo it is, and so where the row lives; author_id is who wrote it, and may live anywhere.
struct comment {
    uuid id;
    uuid user_id;
    uuid photo_id;
    uuid author_id;
    std::string words;
};
ASHLAR_MODEL(comment, "comments", id, user_id, photo_id, author_id, words)

struct like {
    uuid id;
    uuid user_id;
    uuid comment_id;  // a like of a comment under a photo: three levels below its user, on the same shard
    uuid author_id;
};
ASHLAR_MODEL(like, "likes", id, user_id, comment_id, author_id)

struct friendship {
    uuid id;
    uuid user_id;
    uuid friend_id;
};
ASHLAR_MODEL(friendship, "friendships", id, user_id, friend_id)

namespace {

constexpr const char* configuration = R"(
[shards]
function = "hash"
key_type = "uuid"
count = 4
url = "sqlite:photos_{shard}.db"

[tables]
users       = { shard_key = "id" }
photos      = { shard_key = "user_id" }
comments    = { shard_key = "user_id" }
likes       = { shard_key = "user_id" }
friendships = { shard_key = "user_id" }
)";

constexpr const char* tables = R"(
drop table if exists likes;
drop table if exists comments;
drop table if exists photos;
drop table if exists friendships;
drop table if exists users;
create table users (id uuid primary key, name text not null);
create table photos (id uuid primary key, user_id uuid not null references users (id), title text not null,
                     taken_at timestamptz not null, unique (user_id, id));
create table comments (id uuid primary key, user_id uuid not null, photo_id uuid not null, author_id uuid not null,
                       words text not null, unique (user_id, id),
                       foreign key (user_id, photo_id) references photos (user_id, id));
create table likes (id uuid primary key, user_id uuid not null, comment_id uuid not null, author_id uuid not null,
                    foreign key (user_id, comment_id) references comments (user_id, id));
create table friendships (id uuid primary key, user_id uuid not null references users (id), friend_id uuid not null);
)";

// "$1, $2, $3"
std::string places(std::size_t count) {
    std::string text;
    for (std::size_t i = 1; i <= count; ++i) text += (i > 1 ? ", $" : "$") + std::to_string(i);
    return text;
}

// 40 users in a ring of friends; each has three photos, which both neighbours comment, and likes each comment.
std::vector<user> fill(const ashlar::cluster& site) {
    using namespace std::chrono_literals;
    const ashlar::timestamp start = ashlar::parse_timestamp("2026-11-22 12:00:00+00").value();
    std::vector<user> users;
    for (int n = 0; n < 40; ++n) users.push_back({uuid::random(), "user " + std::to_string(n)});
    for (std::size_t n = 0; n < users.size(); ++n) {
        const uuid me = users[n].id;
        const uuid neighbours[] = {users[(n + 1) % users.size()].id, users[(n + users.size() - 1) % users.size()].id};
        // All of it is one user's, so one shard commits all of it.
        site.shard_for(me)
            .transaction([&](ashlar::transaction& tx) {
                tx.insert(users[n]).value();
                for (const uuid& other : neighbours) tx.insert(friendship{uuid::random(), me, other}).value();
                for (int i = 0; i < 3; ++i) {
                    const auto number = static_cast<int>(n) * 3 + i;
                    const photo shot{uuid::random(), me, "photo " + std::to_string(number), start + number * 1min};
                    tx.insert(shot).value();
                    for (const uuid& other : neighbours) {
                        const comment said{uuid::random(), me, shot.id, other, "nice"};
                        tx.insert(said).value();
                        tx.insert(like{uuid::random(), me, said.id, me}).value();
                    }
                }
            })
            .value();
    }
    return users;
}

// A user's page: one join over four tables, all on the user's own shard.
void show_page(const ashlar::cluster& site, const user& whose) {
    const auto page = site.query(
                              "select p.title, count(distinct c.id), count(l.id) from photos p "
                              "left join comments c on c.photo_id = p.id and c.user_id = p.user_id "
                              "left join likes l on l.comment_id = c.id and l.user_id = p.user_id "
                              "where p.user_id = $1 group by p.id, p.title order by p.title",
                              whose.id)
                          .value();
    for (ashlar::row each : page) {
        std::printf("%s: %d comments, %d likes\n", each.get<std::string>(0).value().c_str(), each.get<int>(1).value(),
                    each.get<int>(2).value());
    }
}

// Friends live on any shard; their keys say which are asked, and those are asked at once.
void show_friends(const ashlar::cluster& site, const user& whose) {
    const auto friends = site.where<friendship>("user_id = $1", whose.id).all().value();
    std::vector<uuid> ids;
    for (const friendship& each : friends) ids.push_back(each.friend_id);
    const auto names =
        site.query<user>("select id, name from users where id in (" + places(ids.size()) + ") order by name", ids.at(0),
                         ids.at(1))
            .value();
    std::printf("%s's friends:", whose.name.c_str());
    for (const user& each : names) std::printf(" %s,", each.name.c_str());
    std::printf(" %zu in all\n", names.size());
}

// One number from each shard, collated by the program.
void show_counts(const ashlar::cluster& site) {
    const auto spread = site.all_shards()
                            .map([](ashlar::scope& shard) -> ashlar::result<std::pair<std::string, std::int64_t>> {
                                auto count = shard.scalar<std::int64_t>("select count(*) from photos");
                                if (!count) return std::move(count).error();
                                return std::pair{shard.name(), *count};
                            })
                            .value();
    std::map<std::string, std::int64_t> by_shard(spread.begin(), spread.end());
    std::int64_t all = 0;
    for (const auto& [name, count] : by_shard) all += count;
    std::printf("photos: %lld on %zu shards\n", static_cast<long long>(all), by_shard.size());
    std::printf("likes: %lld\n", static_cast<long long>(site.from<like>().count().value()));
}

// The latest photos of everybody: each shard gives its latest, and the latest of those are the answer.
void show_latest(const ashlar::cluster& site) {
    std::printf("latest:");
    for (const photo& each : site.all_shards().from<photo>().order_by("taken_at desc").limit(3).all().value()) {
        std::printf(" %s,", each.title.c_str());
    }
    std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) try {
    const ashlar::cluster site =
        argc > 1 ? ashlar::cluster::open(argv[1]).value() : ashlar::cluster::open_text(configuration).value();
    site.all_shards().run_script(tables).value();
    const std::vector<user> users = fill(site);
    show_page(site, users[7]);
    show_friends(site, users[7]);
    show_latest(site);
    show_counts(site);
    return 0;
} catch (const ashlar::bad_result& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
}
