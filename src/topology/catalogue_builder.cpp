#include "topology/catalogue_builder.hpp"

#include "route/dependence.hpp"
#include "topology/type_books.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::topology {

namespace {

route::table_kind kind_of(config::table_kind kind) {
    switch (kind) {
        case config::table_kind::sharded:
            return route::table_kind::sharded;
        case config::table_kind::reference:
            return route::table_kind::reference;
        case config::table_kind::unsharded:
            return route::table_kind::unsharded;
    }
    return route::table_kind::unsharded;
}

std::string schema_of(const config::table& t) {
    return t.schema.empty() ? "public" : t.schema;
}
std::string full_name(const config::table& t) {
    return schema_of(t) + "." + t.name;
}

// A table stands in the catalogue under its full name, and under the bare one when it is in the schema `public`.
void enter(route::catalogue& into, const route::table_facts& table) {
    into.tables[table.schema + "." + table.name] = table;
    if (table.schema == "public") into.tables[table.name] = table;
}

std::vector<std::string> names_of_all(const config::description& d) {
    std::vector<std::string> names;
    if (d.shards_) {
        for (const config::database& each : d.shards_->list) names.push_back(each.name);
    }
    for (const auto& [name, each] : d.databases) names.push_back(name);
    return names;
}

std::vector<shard_schema> schemas_of_shards(const config::description& d, const readings& said) {
    std::vector<shard_schema> out;
    if (!d.shards_) return out;
    for (const config::database& each : d.shards_->list) {
        const auto found = said.schemas.find(each.name);
        out.push_back({each.name, found == said.schemas.end() ? nullptr : &found->second});
    }
    return out;
}

class builder {
public:
    builder(const config::description& from, const std::optional<keyspace::shard_map>& map, const readings& said)
        : described_(from), said_(said), shards_(schemas_of_shards(from, said)) {
        out_.catalogue = bare_catalogue(from, map);
        if (!into().unsharded_database.empty()) {
            const auto found = said.schemas.find(into().unsharded_database);
            if (found != said.schemas.end()) central_ = &found->second;
        }
        for (const shard_schema& each : shards_) {
            if (first_ == nullptr) first_ = each.schema;
        }
    }

    result<built_catalogue> build() {
        // Unsharded tables first, so that what the shards hold wins for tables that are configured.
        if (central_ != nullptr) take_unsharded();
        if (first_ != nullptr) {
            take_rules_of_shards();
            if (status s = take_spread_tables(); !s) return std::move(s).error();
            take_dependent_objects();
        }
        take_numbers();
        return std::move(out_);
    }

private:
    route::catalogue& into() { return *out_.catalogue; }

    void take_unsharded() {
        into().default_collation = central_->default_collation;
        into().any_column_collation_differs = central_->any_column_collation_differs;
        into().immutable_functions = central_->immutable_functions;
        into().stable_functions = central_->stable_functions;
        for (const auto& [name, table] : central_->tables) {
            const route::table_facts* configured = into().find(table.schema, table.name);
            if (configured != nullptr && configured->kind != route::table_kind::unsharded) continue;
            route::table_facts own = table;
            own.kind = route::table_kind::unsharded;
            own.database = configured != nullptr ? configured->database : into().unsharded_database;
            enter(into(), own);
        }
    }

    void take_rules_of_shards() {
        into().default_collation = first_->default_collation;
        for (const shard_schema& each : shards_) {
            if (each.schema == nullptr) continue;
            into().any_column_collation_differs |= each.schema->any_column_collation_differs;
            // No order of text is the order of all.
            if (each.schema->default_collation != first_->default_collation) {
                into().default_collation = {};
                into().any_column_collation_differs = true;
            }
        }
        into().immutable_functions = first_->immutable_functions;
        // What stands beside sharded tables calls none of them: those of the other database are meant, its immutable ones too.
        if (central_ != nullptr)
            into().stable_functions.insert(central_->immutable_functions.begin(), central_->immutable_functions.end());
        else
            into().stable_functions = first_->stable_functions;
    }

    status take_spread_tables() {
        into().unsharded_database_has_all =
            central_ != nullptr && central_->default_collation == into().default_collation;
        for (const config::table& each : described_.tables) {
            if (each.kind == config::table_kind::unsharded) continue;
            table_comparison compared = compare_table(full_name(each), shards_);
            if (central_ != nullptr && into().unsharded_database_has_all) {
                const auto same = central_->tables.find(full_name(each));
                const route::table_facts* there = same == central_->tables.end() ? nullptr : &same->second;
                into().unsharded_database_has_all = difference_between(compared.usual, there).empty();
            }
            if (status s = take_spread_table(each, compared); !s) return s;
            out_.differences.insert(out_.differences.end(), compared.differences.begin(), compared.differences.end());
        }
        return {};
    }

    // Without `usual`: configured before it was created, known without columns.
    status take_spread_table(const config::table& each, const table_comparison& compared) {
        route::table_facts table;
        if (compared.usual != nullptr) {
            table = *compared.usual;
        } else {
            table.schema = schema_of(each);
            table.name = each.name;
        }
        const auto as_configured = [&](route::table_facts& facts) {
            facts.schema = schema_of(each);
            facts.name = each.name;
            facts.kind = kind_of(each.kind);
            facts.shard_key = each.shard_key;
        };
        as_configured(table);
        if (compared.usual != nullptr && table.kind == route::table_kind::sharded &&
            table.find(table.shard_key) == nullptr) {
            return error{errc::config_invalid,
                         fmt::format("table {} has no column {}, its configured shard key", each.name, each.shard_key)}
                .hint("Name one of its columns as shard_key under [tables].");
        }
        if (compared.differs != nullptr) {
            auto differs = std::make_shared<route::disagreement>(*compared.differs);
            for (auto& [shard, facts] : differs->on) as_configured(facts);
            table.differs = std::move(differs);
        }
        enter(into(), table);
        return {};
    }

    void take_dependent_objects() {
        route::dependence_input read;
        if (central_ != nullptr) read.unsharded = central_->objects;
        for (const shard_schema& each : shards_) {
            if (each.schema != nullptr) read.shards.push_back(each.schema->objects);
        }
        read.on_shards = first_->tables;
        route::add_dependence(into(), read);
    }

    // What each database's numbers mean to the one that is shown. Who has not answered is left blind.
    void take_numbers() {
        const std::string shown = database_shown(into(), described_);
        if (into().dialect != route::dialect::postgres || numbers_of(shown) == nullptr) return;
        oid_maps made;
        type_book types = book_of(*numbers_of(shown));
        for (const std::string& name : names_of_all(described_)) {
            if (name == shown) continue;
            if (const own_oids* there = numbers_of(name)) {
                made.emplace(name, oid_map::make(name, *there, *numbers_of(shown)));
                note_differences(types, name, *there);
            } else if (said_.silent.contains(name))
                made.emplace(name, oid_map::blind(name));
        }
        into().types = std::make_shared<const type_book>(std::move(types));
        into().oids = made.empty() ? nullptr : std::make_shared<const oid_maps>(std::move(made));
    }

    const own_oids* numbers_of(const std::string& name) const {
        if (const auto at = said_.schemas.find(name); at != said_.schemas.end()) return &at->second.oids;
        const auto at = said_.numbers.find(name);
        return at == said_.numbers.end() ? nullptr : &at->second;
    }

    const config::description& described_;
    const readings& said_;
    const std::vector<shard_schema> shards_;
    const schema_snapshot* central_ = nullptr;  // nullptr: there is none, or it has not answered
    const schema_snapshot* first_ = nullptr;    // of the shards that answered
    built_catalogue out_;
};

}  // namespace

std::shared_ptr<route::catalogue> bare_catalogue(const config::description& from,
                                                 const std::optional<keyspace::shard_map>& map) {
    auto c = std::make_shared<route::catalogue>();
    c->shards = map;
    const config::database* any = from.primary();
    if (from.shards_ && !from.shards_->list.empty()) any = &from.shards_->list.front();
    if (any != nullptr && any->primary.engine == config::engine::sqlite) c->dialect = route::dialect::sqlite;
    if (from.primary() == nullptr) c->unsharded_database.clear();
    // Until they have been asked, nobody knows what the databases' own numbers mean to each other.
    const std::vector<std::string> names = names_of_all(from);
    if (c->dialect == route::dialect::postgres && names.size() > 1) {
        auto none_known = std::make_shared<oid_maps>();
        for (const std::string& name : names) none_known->emplace(name, oid_map::blind(name));
        c->oids = std::move(none_known);
    }
    c->default_collation.kind = route::collation_kind::nondeterministic;  // until the databases have been asked
    for (const config::table& each : from.tables) {
        route::table_facts t;
        t.schema = schema_of(each);
        t.name = each.name;
        t.kind = kind_of(each.kind);
        t.shard_key = each.shard_key;
        t.database = each.database.empty() ? "primary" : each.database;
        enter(*c, t);
    }
    return c;
}

result<built_catalogue> build_catalogue(const config::description& from, const std::optional<keyspace::shard_map>& map,
                                        const readings& said) {
    return builder{from, map, said}.build();
}

std::string database_shown(const route::catalogue& known, const config::description& from) {
    const bool a_shard = known.shards && from.shards_ && !known.unsharded_database_has_all;
    return a_shard ? from.shards_->list.front().name : known.unsharded_database;
}

}  // namespace ashlar::topology
