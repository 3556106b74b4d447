#include "config/parts.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <cctype>

namespace ashlar::config {

bool check_name(reading& with, const entry& named, const std::string& subject) {
    const std::string& name = named.key;
    const auto word = [](char c) { return c == '_' || c == '-' || std::isalnum(static_cast<unsigned char>(c)); };
    const bool good = !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), word) &&
                      (name[0] == '_' || std::isalpha(static_cast<unsigned char>(name[0])));
    if (good) return true;
    with.wrong.add(named.at, subject, in_quotes(name) + " is not a name",
                   "letters, digits, _ and -, a letter or _ first, 63 characters at most");
    return false;
}

namespace {

database read_one(reading& with, const entry& named, const pool_reading& pool) {
    database out;
    out.name = named.key;
    section from{with, named.value, "databases." + named.key};
    if (const auto url = from.text("url")) {
        if (auto place = to_endpoint(with, *url, from.at_path("url"))) out.primary = std::move(*place);
    } else if (!from.has("url") && named.value.what == node::kind::table) {
        with.wrong.add_absence(named.at, "databases." + named.key, "no url",
                               "url = \"postgres://user@host/database\" or \"sqlite:path/to/file.db\"");
    }
    read_replicas(from, out, std::nullopt);
    const entry* own = from.find("pool");
    out.pool = read_pool(with, own == nullptr ? nullptr : &own->value, from.at_path("pool"), pool).values;
    from.finish();
    return out;
}

}  // namespace

std::map<std::string, database> read_databases(reading& with, const node& what, const pool_reading& pool) {
    std::map<std::string, database> out;
    section all{with, what, "databases"};
    for (const entry* each : all.others()) {
        check_name(with, *each, "databases");
        out.emplace(each->key, read_one(with, *each, pool));
    }
    return out;
}

}  // namespace ashlar::config
