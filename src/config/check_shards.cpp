// What must hold over all shards together. Names, places and shares of keys; each fault is told where it stands.

#include "config/parts.hpp"

#include "keyspace/key.hpp"
#include "keyspace/shard_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <tuple>
#include <utility>

namespace ashlar::config {

namespace {

using keyspace::function_kind;
using keyspace::key;

bool is_read(const endpoint& place) {
    return !place.database.empty();
}

using database_place = std::tuple<engine, std::string, std::uint16_t, std::string>;

// Equal for two spellings of one file's path; of servers only equal spellings are known to be one.
database_place place_of(const endpoint& p) {
    const std::string name =
        p.engine == engine::sqlite ? std::filesystem::path{p.database}.lexically_normal().string() : p.database;
    return {p.engine, p.host, p.port, name};
}

// The first shard whose engine can be that of all; nullptr: none.
const database* first_that_counts(const shards& what) {
    for (const database& each : what.list) {
        if (is_read(each.primary) && each.primary.engine != engine::mysql) return &each;
    }
    return nullptr;
}

// Two shards on one database would each answer for the other's rows.
void check_places(reading& with, const shards& what, const std::vector<shard_places>& places) {
    const database* const first = first_that_counts(what);
    bool told_of_mysql = false;  // of the first such shard: one pattern often makes all
    std::map<database_place, std::string> owners;
    for (std::size_t i = 0; i < what.list.size(); ++i) {
        const database& shard = what.list[i];
        if (!is_read(shard.primary)) continue;
        const endpoint& p = shard.primary;
        if (p.engine == engine::mysql && !std::exchange(told_of_mysql, true)) {
            with.wrong.add(
                places[i].name, "shards." + shard.name, "a shard on mysql", "postgres or sqlite",
                "MySQL and MariaDB databases can be named in [databases], and can be a primary without shards");
        }
        const auto [other, fresh] = owners.emplace(place_of(p), shard.name);
        if (!fresh) {
            with.wrong.add(places[i].name, "shards." + shard.name, "the same database as " + other->second,
                           "a separate database for each shard");
        }
        if (p.engine != engine::mysql && p.engine != first->primary.engine) {
            with.wrong.add(places[i].name, "shards." + shard.name, fmt::format("a shard on {}", name_of(p.engine)),
                           fmt::format("{}, as {}", name_of(first->primary.engine), first->name),
                           "all shards run on one engine, so that one SQL means the same on each");
        }
    }
}

// The functions that count shards go by their order in the file; a name that says otherwise would mislead.
void check_order(reading& with, const shards& what, const std::vector<shard_places>& places) {
    if (what.function != function_kind::modulo && what.function != function_kind::hash) return;
    for (std::size_t i = 0; i < what.list.size(); ++i) {
        const std::string& name = what.list[i].name;
        const std::string number = std::to_string(i + 1);
        const bool numbered = name.starts_with("shard_") && name.size() > 6 &&
                              name.find_first_not_of("0123456789", 6) == std::string::npos;
        if (numbered && name.substr(6) != number) {
            with.wrong.add(places[i].name, "shards." + name, "stands in place " + number, "shard_" + number + " here",
                           "the order in the file is the shards' order");
        }
    }
}

// nullopt: reported, or none given.
std::optional<key> read_key(reading& with, const std::string& text, position at, const std::string& subject,
                            keyspace::key_type type) {
    auto parsed = key::from_configuration(text, type);
    if (parsed) return std::move(*parsed);
    with.wrong.add(at, subject, fmt::format("{} is no {}", config::in_quotes(text), keyspace::name_of(type)),
                   fmt::format("a key of type {}", keyspace::name_of(type)));
    return std::nullopt;
}

struct stretch {
    std::size_t shard;
    std::optional<key> from, until;  // none: without bound
};

bool overlap(const stretch& a, const stretch& b) {
    const bool a_before_b = a.until && b.from && *a.until <= *b.from;
    const bool b_before_a = b.until && a.from && *b.until <= *a.from;
    return !a_before_b && !b_before_a;
}

std::string range_text(const database& shard) {
    return fmt::format("{} up to {}", shard.from.value_or("everything below"),
                       shard.until.value_or("everything above"));
}

void check_ranges(reading& with, const shards& what, const std::vector<shard_places>& places) {
    std::vector<stretch> seen;
    for (std::size_t i = 0; i < what.list.size(); ++i) {
        const database& shard = what.list[i];
        const std::string subject = "shards." + shard.name;
        stretch own{i, std::nullopt, std::nullopt};
        if (!shard.from && !shard.until && what.list.size() > 1) {
            with.wrong.add_absence(places[i].name, subject, "neither from nor until", "from = …, until = … or both");
            continue;
        }
        if (shard.from) own.from = read_key(with, *shard.from, places[i].from, subject + ".from", what.key_type);
        if (shard.until) own.until = read_key(with, *shard.until, places[i].until, subject + ".until", what.key_type);
        if (own.from.has_value() != shard.from.has_value() || own.until.has_value() != shard.until.has_value())
            continue;
        if (own.from && own.until && *own.from >= *own.until) {
            with.wrong.add(places[i].from, subject,
                           fmt::format("from {} until {} holds no key", *shard.from, *shard.until),
                           "from below until: from itself belongs to the range, until does not");
            continue;
        }
        for (const stretch& other : seen) {
            if (!overlap(own, other)) continue;
            const position at = shard.from ? places[i].from : places[i].until;
            with.wrong.add(at, subject,
                           fmt::format("{} overlaps {} ({})", range_text(shard), what.list[other.shard].name,
                                       range_text(what.list[other.shard])),
                           "ranges that share no key: until is not part of its range");
        }
        seen.push_back(std::move(own));
    }
}

void check_values(reading& with, const shards& what, const std::vector<shard_places>& places) {
    std::map<key, std::size_t> owners;
    std::optional<std::size_t> default_shard;
    for (std::size_t i = 0; i < what.list.size(); ++i) {
        const database& shard = what.list[i];
        const std::string subject = "shards." + shard.name;
        if (shard.values.empty() && places[i].is_default.line == 0) {
            with.wrong.add_absence(places[i].name, subject, "no keys", "values = [\"…\"] or default = true");
        }
        if (shard.is_default && default_shard) {
            with.wrong.add(places[i].is_default, subject + ".default",
                           "a second default; " + what.list[*default_shard].name + " is one already",
                           "default = true on one shard at most");
        }
        if (shard.is_default && !default_shard) default_shard = i;
        for (std::size_t v = 0; v < shard.values.size(); ++v) {
            auto parsed = read_key(with, shard.values[v], places[i].values[v], fmt::format("{}.values[{}]", subject, v),
                                   what.key_type);
            if (!parsed) continue;
            const auto [other, fresh] = owners.emplace(std::move(*parsed), i);
            if (fresh) continue;
            with.wrong.add(places[i].values[v], fmt::format("{}.values[{}]", subject, v),
                           fmt::format("{} belongs to {} already", config::in_quotes(shard.values[v]),
                                       what.list[other->second].name),
                           "each key on one shard");
        }
    }
}

// "up to 10", "from 10 up to 20", "from 20"
std::string gap_text(const std::optional<key>& from, const std::optional<key>& until) {
    std::string text = "keys";
    if (from) text += " from " + from->to_string();
    if (until) text += from ? " up to " + until->to_string() : " below " + until->to_string();
    return text;
}

}  // namespace

void advise_on_ranges(const shards& what, std::vector<std::string>& advice) {
    if (what.function != function_kind::range) return;
    std::vector<stretch> all;
    for (std::size_t i = 0; i < what.list.size(); ++i) {
        stretch own{i, std::nullopt, std::nullopt};
        if (what.list[i].from) own.from = key::from_configuration(*what.list[i].from, what.key_type).value();
        if (what.list[i].until) own.until = key::from_configuration(*what.list[i].until, what.key_type).value();
        all.push_back(std::move(own));
    }
    std::sort(all.begin(), all.end(),
              [](const stretch& a, const stretch& b) { return b.from && (!a.from || *a.from < *b.from); });
    const auto told = [&](const std::optional<key>& from, const std::optional<key>& until) {
        advice.push_back(fmt::format("{} belong to no shard: a row with such a key is refused", gap_text(from, until)));
    };
    if (all.front().from) told(std::nullopt, all.front().from);
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
        if (all[i].until && *all[i].until < *all[i + 1].from) told(all[i].until, all[i + 1].from);
    }
    if (all.back().until) told(all.back().until, std::nullopt);
}

void advise_on_places(const description& what, std::vector<std::string>& advice) {
    if (!what.shards_) return;
    for (const auto& [name, other] : what.databases) {
        for (const database& shard : what.shards_->list) {
            if (place_of(other.primary) != place_of(shard.primary)) continue;
            advice.push_back(fmt::format("{} and {} are one database: unsharded tables and a shard's rows share it",
                                         name, shard.name));
        }
    }
}

void check_primary(reading& with, const node& databases, const std::map<std::string, database>& read,
                   const shards& beside) {
    const auto primary = read.find("primary");
    const database* const shard = first_that_counts(beside);
    if (primary == read.end() || shard == nullptr) return;
    const endpoint &own = primary->second.primary, &theirs = shard->primary;
    if (!is_read(own) || own.engine == theirs.engine) return;
    const entry* named = databases.find("primary");
    with.wrong.add(named != nullptr ? named->at : databases.at, "databases.primary",
                   fmt::format("a primary on {} beside shards on {}", name_of(own.engine), name_of(theirs.engine)),
                   fmt::format("{}, as the shards", name_of(theirs.engine)),
                   "a database of another engine may have any other name");
}

void check_shards(reading& with, const shards& what, const std::vector<shard_places>& places, position section,
                  bool good_so_far) {
    const std::size_t before = with.wrong.size();
    check_places(with, what, places);
    check_order(with, what, places);
    if (what.function == function_kind::range) check_ranges(with, what, places);
    if (what.function == function_kind::list) check_values(with, what, places);
    if (with.wrong.size() != before || !good_so_far) return;

    // The map has the last word: whatever it would refuse later is refused here, with its own sentence.
    std::vector<keyspace::shard_traits> traits;
    for (const database& d : what.list) traits.push_back({d.name, d.weight, d.values, d.from, d.until, d.is_default});
    const auto map = keyspace::shard_map::make(what.function, what.key_type, traits);
    if (!map)
        with.wrong.add_absence(section, "shards", map.error().message(), map.error().detail(), map.error().hint());
}

}  // namespace ashlar::config
