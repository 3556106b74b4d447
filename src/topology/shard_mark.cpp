#include "topology/shard_mark.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace ashlar::topology {

namespace {

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == ' ' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

// A line's words; nullopt: it ends in the middle of an escape.
std::optional<std::vector<std::string>> words_of(std::string_view line) {
    std::vector<std::string> words{1};
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == ' ') {
            words.emplace_back();
        } else if (line[i] != '\\') {
            words.back() += line[i];
        } else {
            if (++i == line.size()) return std::nullopt;
            words.back() += line[i] == 'n' ? '\n' : line[i];
        }
    }
    return words;
}

std::optional<keyspace::shard_traits> traits_from(std::string_view line) {
    const auto words = words_of(line);
    if (!words || words->front().empty()) return std::nullopt;
    keyspace::shard_traits t;
    t.name = words->front();
    bool in_values = false;
    for (std::size_t i = 1; i < words->size(); ++i) {
        const std::string& word = (*words)[i];
        if (in_values) {
            t.values.push_back(word);
        } else if (word.starts_with("weight=")) {
            const std::string digits = word.substr(7);
            if (digits.empty() || digits.size() > 6 || digits.find_first_not_of("0123456789") != digits.npos)
                return std::nullopt;
            t.weight = static_cast<std::uint32_t>(std::stoul(digits));
        } else if (word.starts_with("from=")) {
            t.from = word.substr(5);
        } else if (word.starts_with("until=")) {
            t.until = word.substr(6);
        } else if (word == "default") {
            t.is_default = true;
        } else if (word == "values") {
            in_values = true;
        } else {
            return std::nullopt;
        }
    }
    return t;
}

std::string listed(const std::vector<std::string>& names) {
    std::string out;
    for (std::size_t i = 0; i < names.size(); ++i) {
        out += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
    }
    return out;
}

std::string names_of(const std::vector<keyspace::shard_traits>& shards) {
    std::string out;
    for (const keyspace::shard_traits& each : shards) out += (out.empty() ? "" : ", ") + each.name;
    return out;
}

// The first that two lists of the same length do not have in common.
std::string shares_differ(const map_description& stored, const map_description& configured) {
    for (std::size_t i = 0; i < stored.shards.size(); ++i) {
        const keyspace::shard_traits& s = stored.shards[i];
        const keyspace::shard_traits& c = configured.shards[i];
        if (s.weight != c.weight)
            return fmt::format("the weight of {} was {} and is configured as {}", s.name, s.weight, c.weight);
    }
    const auto before = keyspace::shard_map::make(stored.function, stored.key_type, stored.shards);
    const auto now = keyspace::shard_map::make(configured.function, configured.key_type, configured.shards);
    if (before && now && before->intervals() == now->intervals()) return {};
    for (std::size_t i = 0; i < stored.shards.size(); ++i) {
        const keyspace::shard_traits& s = stored.shards[i];
        const keyspace::shard_traits& c = configured.shards[i];
        const auto open = [](const std::optional<std::string>& bound) { return bound.value_or("(no bound)"); };
        if (s.from != c.from || s.until != c.until) {
            return fmt::format("the range of {} was {} up to {} and is configured as {} up to {}", s.name, open(s.from),
                               open(s.until), open(c.from), open(c.until));
        }
        if (s.values != c.values || s.is_default != c.is_default)
            return fmt::format("the list of {} is another one than the rows were stored by", s.name);
    }
    return "the ranges or lists of the shards are not those that the rows were stored by";
}

}  // namespace

map_description map_description_of(const config::shards& from) {
    map_description out;
    out.function = from.function;
    out.key_type = from.key_type;
    for (const config::database& d : from.list) {
        out.shards.push_back({d.name, d.weight, d.values, d.from, d.until, d.is_default});
    }
    return out;
}

std::string mark_name_of(const config::shards& all, const config::database& shard) {
    const auto options = shard.primary.options.find("options");
    if (options == shard.primary.options.end()) return all.cluster;
    constexpr std::string_view setting = "search_path=";
    const std::size_t at = options->second.find(setting);
    if (at == std::string::npos) return all.cluster;
    const std::size_t from = at + setting.size();
    return all.cluster + "/" + options->second.substr(from, options->second.find(' ', from) - from);
}

std::string shards_to_text(const std::vector<keyspace::shard_traits>& shards) {
    std::string out;
    for (const keyspace::shard_traits& each : shards) {
        out += (out.empty() ? "" : "\n") + escaped(each.name);
        if (each.weight != 1) out += fmt::format(" weight={}", each.weight);
        if (each.from) out += " from=" + escaped(*each.from);
        if (each.until) out += " until=" + escaped(*each.until);
        if (each.is_default) out += " default";
        if (!each.values.empty()) out += " values";
        for (const std::string& value : each.values) out += " " + escaped(value);
    }
    return out;
}

std::optional<std::vector<keyspace::shard_traits>> shards_from_text(std::string_view text) {
    std::vector<keyspace::shard_traits> out;
    for (std::size_t from = 0; from <= text.size();) {
        const std::size_t end = std::min(text.find('\n', from), text.size());
        auto one = traits_from(text.substr(from, end - from));
        if (!one) return std::nullopt;
        out.push_back(std::move(*one));
        from = end + 1;
    }
    return out;
}

std::string map_differences(const map_description& stored, const map_description& configured) {
    std::vector<std::string> found;
    if (stored.function != configured.function) {
        found.push_back(fmt::format("the function was {} and is configured as {}", keyspace::name_of(stored.function),
                                    keyspace::name_of(configured.function)));
    }
    if (stored.key_type != configured.key_type) {
        found.push_back(fmt::format("the key type was {} and is configured as {}", keyspace::name_of(stored.key_type),
                                    keyspace::name_of(configured.key_type)));
    }
    const auto name = &keyspace::shard_traits::name;
    if (stored.shards.size() != configured.shards.size()) {
        found.push_back(fmt::format("the rows were spread over {} shards and {} are configured", stored.shards.size(),
                                    configured.shards.size()));
    } else if (!std::ranges::equal(stored.shards, configured.shards, {}, name, name)) {
        const bool same_names = std::ranges::is_permutation(stored.shards, configured.shards, {}, name, name);
        found.push_back(fmt::format("the {} {} and {} configured as {}",
                                    same_names ? "order of the shards was" : "shards were", names_of(stored.shards),
                                    same_names ? "is" : "are", names_of(configured.shards)));
    } else if (found.empty()) {
        if (std::string share = shares_differ(stored, configured); !share.empty()) found.push_back(std::move(share));
    }
    return listed(found);
}

bool mark_verdict::is_good() const {
    return std::ranges::all_of(wrong, [](const std::string& each) { return each.empty(); });
}

namespace {

// What is wrong with one mark by itself.
std::string wrong_by_itself(const map_description& configured, const shard_standing& shard, std::size_t index) {
    const shard_mark& mark = *shard.mark;
    if (mark.unknown_form) return "its mark is in a form that this version does not know";
    if (mark.state != shard_mark::serving)
        return fmt::format("its mark is in the state \"{}\", which this version does not know", mark.state);
    if (std::string differs = map_differences(mark.map, configured); !differs.empty()) return differs;
    if (mark.shard != shard.name || mark.number != index + 1)
        return fmt::format("this database is {} and is configured as {}", mark.shard, shard.name);
    return {};
}

// The value that most have; the first of several.
template <class Value>
std::optional<Value> usual(const std::vector<Value>& all) {
    std::optional<Value> out;
    std::ptrdiff_t most = 0;
    for (const Value& each : all) {
        const auto n = std::ranges::count(all, each);
        if (n > most) {
            most = n;
            out = each;
        }
    }
    return out;
}

}  // namespace

mark_verdict judge_marks(const map_description& configured, const std::vector<shard_standing>& all,
                         std::string_view settled) {
    mark_verdict out;
    out.wrong.resize(all.size());
    std::vector<std::string> clusters;
    std::vector<std::uint64_t> epochs;
    bool complete = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (!all[i].mark) continue;
        out.wrong[i] = wrong_by_itself(configured, all[i], i);
        if (all[i].mark->unknown_form) continue;
        clusters.push_back(all[i].mark->cluster);
        epochs.push_back(all[i].mark->epoch);
        complete = complete || (all[i].mark->complete && out.wrong[i].empty());
    }
    out.cluster = settled.empty() ? usual(clusters).value_or("") : std::string{settled};
    out.epoch = usual(epochs).value_or(1);
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (!out.wrong[i].empty()) continue;
        if (!all[i].mark) {
            if (complete && all[i].answered && !all[i].may_have_mark) {
                out.wrong[i] = fmt::format(
                    "it has no mark, though {} had one: an empty or another database stands in its place", all[i].name);
            }
        } else if (all[i].mark->cluster != out.cluster) {
            out.wrong[i] = "it belongs to another cluster than the other shards";
        } else if (all[i].mark->epoch != out.epoch) {
            out.wrong[i] =
                fmt::format("its map has epoch {} and that of the other shards {}", all[i].mark->epoch, out.epoch);
        }
    }
    return out;
}

error map_does_not_fit(const std::vector<shard_standing>& all, const mark_verdict& verdict) {
    std::vector<std::string> order;
    std::map<std::string, std::vector<std::string>> who;  // by what is wrong
    const map_description* stored = nullptr;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (verdict.wrong[i].empty()) continue;
        if (who[verdict.wrong[i]].empty()) order.push_back(verdict.wrong[i]);
        who[verdict.wrong[i]].push_back(all[i].name);
        if (stored == nullptr && all[i].mark && !all[i].mark->unknown_form) stored = &all[i].mark->map;
    }
    std::string told;
    for (const std::string& each : order) {
        const auto& names = who[each];
        const bool every = names.size() == all.size() && names.size() > 1;
        told += (told.empty() ? "" : "; ") + (every ? "on all shards" : "on " + listed(names)) + ", " + each;
    }
    error out{errc::config_invalid, "the configured shards are not those that the rows were stored on: " + told};
    std::string back = "Put the configuration back as it was";
    if (stored != nullptr) {
        back +=
            fmt::format(" (function = \"{}\", key_type = \"{}\", {} shards: {})", keyspace::name_of(stored->function),
                        keyspace::name_of(stored->key_type), stored->shards.size(), names_of(stored->shards));
    }
    return out.hint(back +
                    ", or the right database into each shard's place. If the rows do lie as they are configured, "
                    "`ashlar marks --accept` looks at them and stores the new marks.");
}

}  // namespace ashlar::topology
