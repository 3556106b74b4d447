#include "config/shown_name.hpp"

#include <vector>

namespace ashlar::config {

std::string shown_name(const description& of, bool served) {
    std::vector<const database*> all;
    if (const database* primary = of.primary()) all.push_back(primary);
    if (of.shards_) {
        for (const database& each : of.shards_->list) all.push_back(&each);
    }
    for (const auto& [name, each] : of.databases) all.push_back(&each);
    std::erase_if(all, [](const database* each) { return each->primary.engine != engine::postgres; });
    if (all.empty()) return {};
    // A URL without a database means the database that has the name of its user.
    const auto own = [](const database& one) {
        return one.primary.database.empty() ? one.primary.user : one.primary.database;
    };
    std::string name = served || of.serve.given ? of.serve.database : own(*all.front());
    for (const database* each : all) {
        if (own(*each) != name) return name;
    }
    return {};
}

}  // namespace ashlar::config
