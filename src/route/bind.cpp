// The half of a prepared plan that meets the parameters' values: which shards, and which text for each.
#include "route/key_column.hpp"
#include "route/own_numbers.hpp"
#include "route/prepared.hpp"
#include "sql/splice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

namespace ashlar::route {
namespace {

using keyspace::shard_id;
using inside = prepared_plan::inside;

step step_for(shard_id shard, const inside& in) {
    step out;
    out.shard = shard;
    out.sql = in.text_for_one();
    return out;
}

step several_step(shard_id shard, const several_plan& several) {
    step out;
    out.shard = shard;
    out.sql = several.sql;
    out.parameters = several.parameters;
    out.all_parameters = several.all_parameters;
    return out;
}

// The shards of a key set, in order, each once.
result<std::vector<shard_id>> shards_of(const key_set& keys, const inside& in,
                                        std::span<const bound_parameter> parameters) {
    std::vector<keyspace::key> values;
    for (const key_source& source : keys.values) {
        if (status s = add_keys(source, parameters, in.map->key_type(), values); !s) return std::move(s).error();
    }
    std::vector<shard_id> out;
    for (const keyspace::key& k : values) {
        auto shard = in.map->shard_of(k);
        if (!shard) return std::move(shard).error();  // an unmatched key is an error, never "nowhere" or "everywhere"
        out.push_back(*shard);
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

bound_plan one_shard(shard_id shard, routed_because why, const inside& in) {
    bound_plan out;
    out.where = target::one_shard;
    out.because = why;
    out.steps.push_back(step_for(shard, in));
    out.shows = in.shows;
    return out;
}

std::vector<shard_id> all_shards(const inside& in) {
    std::vector<shard_id> out;
    for (std::size_t i = 0; i < in.map->size(); ++i) out.push_back(shard_id{static_cast<std::uint32_t>(i)});
    return out;
}

error only_one(const inside& in) {
    if (in.why_one) return *in.why_one;
    return error{errc::unsupported, "the statement's keys live on several shards"}.hint(
        "Fix the shard key to one value in WHERE.");
}

result<bound_plan> on_shards(const std::vector<shard_id>& shards, const inside& in) {
    if (!in.several) return only_one(in);
    bound_plan out;
    out.where = shards.size() == in.map->size() ? target::all_shards : target::some_shards;
    out.because = in.because;
    for (const shard_id s : shards) out.steps.push_back(several_step(s, *in.several));
    out.merge = in.several->merge;
    out.shows = in.several->shows;
    return out;
}

// A parameter is no spelling of a key that is known here, but may be a value of the column all the same: a timestamp in the
// session's time zone, a number beyond bigint, a date in words. A read asks every shard, and the servers say what it means.
// A write must have its one owner.
result<bound_plan> ask_everywhere(const inside& in, error why) {
    if (in.map->size() == 1) return one_shard(shard_id{0}, routed_because::no_key, in);
    if (why != errc::key_invalid || in.writes || !in.several) return why;
    auto out = on_shards(all_shards(in), in);
    if (out) out->because = routed_because::no_key;
    return out;
}

// The one shard that all pinned occurrences share; nullopt when there are several. Adds them to `found`.
result<std::optional<shard_id>> common_shard(const inside& in, std::span<const bound_parameter> parameters,
                                             std::vector<shard_id> found, bool& none) {
    for (const pin& p : in.pins) {
        auto shards = shards_of(p.keys, in, parameters);
        if (!shards) return std::move(shards).error();
        found.insert(found.end(), shards->begin(), shards->end());
    }
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    none = found.empty();
    if (found.size() > 1) return std::optional<shard_id>{};
    return std::optional{none ? shard_id{0} : found.front()};
}

result<bound_plan> bind_by_key(const inside& in, std::span<const bound_parameter> parameters) {
    bool none = false;
    if (!in.unpinned) {
        auto shard = common_shard(in, parameters, {}, none);
        if (!shard) return ask_everywhere(in, std::move(shard).error());
        if (*shard) return one_shard(**shard, none ? routed_because::key_is_null : in.because, in);
    }
    if (!in.several) return only_one(in);
    if (!in.drive) return on_shards(all_shards(in), in);
    auto shards = shards_of(*in.drive, in, parameters);
    if (!shards) return ask_everywhere(in, std::move(shards).error());
    if (shards->empty()) return one_shard(shard_id{0}, routed_because::key_is_null, in);
    // the outermost rows, and all that is tied to them, are on this one
    if (shards->size() == 1) return one_shard(shards->front(), in.because, in);
    return on_shards(*shards, in);
}

result<bound_plan> bind_by_rows(const inside& in, std::span<const bound_parameter> parameters) {
    std::map<shard_id, std::vector<std::size_t>> by_shard;
    for (std::size_t i = 0; i < in.rows.size(); ++i) {
        auto key = one_key(in.rows[i].key, parameters, in.map->key_type());
        if (!key) return std::move(key).error();
        if (!*key) {
            return error{errc::shard_key_null, "the shard key of a new row is NULL"}.hint(
                "Give each row its key: it decides where the row lives.");
        }
        auto shard = in.map->shard_of(as_stored(std::move(**key), in.key_length_max));
        if (!shard) return std::move(shard).error();
        by_shard[*shard].push_back(i);
    }
    std::vector<shard_id> shards;
    for (const auto& [shard, _] : by_shard) shards.push_back(shard);
    bool none = false;
    auto common = common_shard(in, parameters, shards, none);
    if (!common) return std::move(common).error();
    if (*common) return one_shard(**common, in.because, in);
    if (in.why_one || !in.pins.empty()) return only_one(in);

    bound_plan out;
    out.where = shards.size() == in.map->size() ? target::all_shards : target::some_shards;
    out.because = in.because;
    const std::string& text = in.text_for_one();
    for (const auto& [shard, rows] : by_shard) {
        std::string made = text.substr(0, in.values.begin);
        for (std::size_t i = 0; i < rows.size(); ++i) {
            if (i > 0) made += ", ";
            made.append(text, in.rows[rows[i]].tuple.begin, in.rows[rows[i]].tuple.end - in.rows[rows[i]].tuple.begin);
        }
        made.append(text, in.values.end);
        sql::renumbered numbered = sql::renumber(std::move(made), in.parameter_count);
        step s;
        s.shard = shard;
        s.sql = std::move(numbered.sql);
        s.parameters = std::move(numbered.parameters);
        s.all_parameters = numbered.all;
        out.steps.push_back(std::move(s));
    }
    auto counted = std::make_shared<recipe>();
    out.merge = std::move(counted);
    return out;
}

status check_values(const inside& in, std::span<const bound_parameter> parameters) {
    for (const std::size_t each : in.looked_up) {
        if (each >= parameters.size()) continue;
        if (status s = must_be_name(each, parameters[each]); !s) return s;
    }
    for (const auto& [each, column] : in.numbered) {
        if (each >= parameters.size() || parameters[each].bytes) continue;
        return error{errc::unsupported,
                     fmt::format("column {} is NULL: each shard would number the row by itself", column)}
            .hint("Give the column a value in each row: a number made by the application, or a UUID.");
    }
    return {};
}

// LIMIT and OFFSET: SQLite takes a negative LIMIT for none.
status check_counts(const typed_statement& types, std::span<const bound_parameter> parameters) {
    for (std::size_t i = 0; i < types.parameters.size() && i < parameters.size(); ++i) {
        if (!types.parameters[i].counts_rows || !parameters[i].bytes) continue;
        const std::string_view bytes = *parameters[i].bytes;
        const bool negative = parameters[i].format == cell_format::binary
                                  ? !bytes.empty() && (static_cast<unsigned char>(bytes.front()) & 0x80) != 0
                                  : bytes.find('-') != bytes.npos;
        if (!negative) continue;
        const bool limit = types.parameters[i].is_limit;
        return error{errc::bad_value, limit ? "LIMIT must not be negative" : "OFFSET must not be negative"}.sqlstate(
            limit ? "2201W" : "2201X");
    }
    return {};
}

}  // namespace

result<bound_plan> prepared_plan::bind(std::span<const bound_parameter> parameters) const {
    if (inside_->types) {
        if (status s = check_counts(*inside_->types, parameters); !s) return std::move(s).error();
    }
    auto bound = bind_way(parameters);
    if (bound) {
        bound->types = inside_->types;
        bound->map = inside_->map;
    }
    return bound;
}

result<bound_plan> prepared_plan::bind_way(std::span<const bound_parameter> parameters) const {
    const inside& in = *inside_;
    if (status s = check_values(in, parameters); !s) return std::move(s).error();
    switch (in.way) {
        case way::nowhere: {
            bound_plan out;
            out.where = target::session;
            out.because = in.because;
            return out;
        }
        case way::unsharded: {
            bound_plan out;
            out.where = target::unsharded;
            out.because = in.because;
            out.database = in.database;
            out.steps.push_back(step_for(shard_id{0}, in));
            out.shows = in.shows;
            return out;
        }
        case way::any_shard:
            return one_shard(shard_id{0}, in.because, in);
        case way::by_key:
            return bind_by_key(in, parameters);
        case way::by_rows:
            return bind_by_rows(in, parameters);
        case way::every: {
            if (in.map->size() == 1) return one_shard(shard_id{0}, in.because, in);
            if (in.several) return on_shards(all_shards(in), in);
            return only_one(in);
        }
    }
    return error{errc::internal, "a plan without a way"};
}

result<std::optional<keyspace::shard_id>> prepared_plan::bind_one(std::span<const bound_parameter> parameters) const {
    using found = std::optional<keyspace::shard_id>;
    const inside& in = *inside_;
    if (status s = check_values(in, parameters); !s) return std::move(s).error();
    if (in.fixed) return found{*in.fixed};
    if (in.single) {
        auto key = one_key(*in.single, parameters, in.map->key_type());
        if (!key) {
            auto everywhere = ask_everywhere(in, std::move(key).error());
            if (!everywhere) return std::move(everywhere).error();
            return everywhere->steps.size() == 1 ? found{everywhere->steps.front().shard} : found{};
        }
        if (!*key) {
            if (in.way == way::by_rows) return error{errc::shard_key_null, "the shard key of a new row is NULL"};
            return found{shard_id{0}};
        }
        auto shard = in.map->shard_of(as_stored(std::move(**key), in.key_length_max));
        if (shard) return found{*shard};
        return std::move(shard).error();
    }
    if (in.way == way::unsharded || in.way == way::nowhere) return found{};
    auto bound = bind(parameters);
    if (!bound) return std::move(bound).error();
    if (bound->where != target::one_shard) return found{};
    return found{bound->steps.front().shard};
}

}  // namespace ashlar::route
