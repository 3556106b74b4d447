#include "route/key_column.hpp"

#include "core/codec.hpp"
#include "route/types.hpp"

#include <fmt/format.h>

namespace ashlar::route {

namespace {

constexpr std::int32_t modifier_header = 4;  // VARHDRSZ: what a modifier counts beside the characters

std::string_view column_types_for(keyspace::key_type type) {
    switch (type) {
        case keyspace::key_type::integer:
            return "smallint, integer or bigint";
        case keyspace::key_type::uuid:
            return "uuid";
        case keyspace::key_type::text:
            return "text or character varying";
        case keyspace::key_type::timestamp:
            return "timestamp with time zone";
        case keyspace::key_type::date:
            return "date";
    }
    return "another type";
}

std::string type_of(const column_facts& column) {
    if (column.type == 0) return "a type that is not built in";
    std::string name = codec::type_name(column.type);
    if (column.type == oid::bpchar && column.type_modifier >= modifier_header)
        return fmt::format("{}({})", name, column.type_modifier - modifier_header);
    return name;
}

}  // namespace

std::optional<keyspace::key_type> key_type_for(std::uint32_t column_type) {
    const collation bytewise{collation_kind::bytes, {}};
    for (const auto type : {keyspace::key_type::integer, keyspace::key_type::uuid, keyspace::key_type::text,
                            keyspace::key_type::timestamp, keyspace::key_type::date}) {
        if (carries_key(column_type, bytewise, type)) return type;
    }
    return std::nullopt;
}

std::optional<key_misfit> misfit_of(const table_facts& table, keyspace::key_type type) {
    const column_facts* key = table.find(table.shard_key);
    if (table.kind != table_kind::sharded || key == nullptr || carries_key(key->type, key->collation, type)) {
        return std::nullopt;
    }
    key_misfit out;
    const collation bytewise{collation_kind::bytes, {}};
    if (carries_key(key->type, bytewise, type)) {
        out.what = fmt::format(
            "table {} is sharded by {}, whose collation is not deterministic: equal texts may have "
            "different keys",
            table.name, key->name);
        out.hint = "Give the column a deterministic collation.";
        return out;
    }
    out.what = fmt::format("table {} is sharded by {}, which is {}, while the shards' keys are of type {}", table.name,
                           key->name, type_of(*key), keyspace::name_of(type));
    out.hint = fmt::format("Shard it by a column of type {}", column_types_for(type));
    if (const auto fitting = key_type_for(key->type)) {
        out.hint +=
            fmt::format(", or set key_type = \"{}\" if all sharded tables have such keys", keyspace::name_of(*fitting));
    }
    out.hint += '.';
    return out;
}

std::vector<key_misfit> misfits_in(const catalogue& known) {
    std::vector<key_misfit> out;
    if (!known.shards) return out;
    for (const auto& [name, table] : known.tables) {
        if (name == table.name) continue;  // it stands there under its full name too
        if (auto misfit = misfit_of(table, known.shards->key_type())) out.push_back(std::move(*misfit));
    }
    return out;
}

std::optional<std::size_t> key_length_max(const table_facts& table) {
    const column_facts* key = table.find(table.shard_key);
    if (key == nullptr || key->type != oid::varchar || key->type_modifier < modifier_header) return std::nullopt;
    return static_cast<std::size_t>(key->type_modifier - modifier_header);
}

keyspace::key as_stored(keyspace::key given, std::optional<std::size_t> length_max) {
    if (!length_max || given.type() != keyspace::key_type::text) return given;
    const std::string& text = given.text();
    if (text.size() <= *length_max) return given;
    // Characters of UTF-8 begin with anything but 10xxxxxx.
    std::size_t end = 0;
    for (std::size_t characters = 0; end < text.size(); ++end) {
        const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80;
        if (begins && characters++ == *length_max) break;
    }
    // What is too long otherwise is the server's to refuse.
    if (end == text.size() || text.find_first_not_of(' ', end) != text.npos) return given;
    return keyspace::key::from_text(std::string_view{text}.substr(0, end), given.type()).value();
}

}  // namespace ashlar::route
