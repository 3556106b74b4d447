#include "cli/load/splitter.hpp"

#include "route/key_column.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

namespace ashlar::cli::load {

namespace {
constexpr std::size_t batch_bytes = 1u << 20;

struct state_deleter {
    void operator()(XXH3_state_t* s) const noexcept { XXH3_freeState(s); }
};
}  // namespace

// The hash of the file's bytes up to a place that only moves forward.
class splitter::prefix_hash {
public:
    explicit prefix_hash(std::string_view file) : file_(file), state_(XXH3_createState()) {
        XXH3_64bits_reset(state_.get());
    }
    std::uint64_t up_to(std::size_t offset) {
        XXH3_64bits_update(state_.get(), file_.data() + at_, offset - at_);
        at_ = offset;
        return XXH3_64bits_digest(state_.get());
    }

private:
    const std::string_view file_;
    std::size_t at_ = 0;
    std::unique_ptr<XXH3_state_t, state_deleter> state_;
};

splitter::splitter(const plan& what, routing how, std::vector<std::unique_ptr<writer>>& to, bad_rows& bad,
                   std::size_t batch_rows)
    : plan_(what), how_(std::move(how)), to_(to), bad_(bad), batch_rows_(batch_rows), open_(to.size()) {}

status splitter::check_prefixes() {
    std::vector<const writer*> begun;
    for (const auto& each : to_) {
        if (each->reached()) begun.push_back(each.get());
    }
    std::sort(begun.begin(), begun.end(),
              [](const writer* a, const writer* b) { return a->reached()->offset < b->reached()->offset; });
    prefix_hash hash{plan_.file};
    for (const writer* each : begun) {
        const checkpoint& c = *each->reached();
        if (c.offset <= plan_.file.size() && hash.up_to(c.offset) == c.prefix) continue;
        return error{
            errc::invalid_argument,
            fmt::format("the file has changed before line {}, which {} has loaded already", c.line, each->name())}
            .hint(
                "Lines that were not yet loaded may be mended. --restart loads the whole file anew: rows that are in "
                "stay.");
    }
    return {};
}

result<std::optional<std::size_t>> splitter::owner(const record& row) const {
    if (!row.problem.empty()) return error{errc::bad_value, row.problem};
    if (row.fields.size() != plan_.columns.size()) {
        return error{errc::bad_value,
                     fmt::format("{} fields where {} are expected", row.fields.size(), plan_.columns.size())};
    }
    for (const std::size_t each : how_.numbered) {
        if (row.fields[each]) continue;
        return error{errc::bad_value, fmt::format("column \"{}\" is NULL: each shard would number the row by itself",
                                                  plan_.columns[each])};
    }
    if (!how_.map) return std::optional<std::size_t>{};
    const field& text = row.fields[how_.key_column];
    if (!text) return error{errc::shard_key_null, "the shard key is NULL"};
    auto key = keyspace::key::from_text(*text, how_.map->key_type());
    if (!key) return std::move(key).error();
    const auto shard = how_.map->shard_of(route::as_stored(std::move(*key), how_.key_length_max));
    if (!shard) return shard.error();
    return std::optional<std::size_t>{keyspace::index_of(*shard)};
}

bool splitter::hand_over(std::size_t target, const checkpoint& here) {
    batch full = std::move(open_[target]);
    open_[target] = {};
    full.up_to = here;
    return to_[target]->push(std::move(full));
}

status splitter::run(std::size_t data_begin, std::uint64_t data_line) {
    if (status s = check_prefixes(); !s) return s;
    checkpoint first{plan_.file.size() + 1, 1, 0};
    for (const auto& each : to_) {
        const checkpoint from = each->reached().value_or(checkpoint{data_begin, data_line, 0});
        if (from.offset < first.offset) first = from;
    }
    record_reader reader{plan_.file, plan_.style, first.offset, first.line};
    prefix_hash hash{plan_.file};
    const std::set<std::uint64_t> judged = bad_.earlier();
    record row;
    while (reader.next(row)) {
        if (!judged.empty() && judged.contains(row.line)) continue;
        const place at{row.begin, row.end, row.line};
        auto whose = owner(row);
        if (!whose) {
            if (status s = bad_.set_aside_unreadable(at, whose.error().message()); !s) return s;
            continue;
        }
        for (std::size_t t = *whose ? **whose : 0; t < (*whose ? **whose + 1 : to_.size()); ++t) {
            if (to_[t]->reached() && row.begin < to_[t]->reached()->offset) continue;  // it has this one
            open_[t].rows.push_back(at);
            open_[t].bytes += row.end - row.begin;
            if (open_[t].rows.size() < batch_rows_ && open_[t].bytes < batch_bytes) continue;
            const checkpoint here{reader.offset(), reader.line(), hash.up_to(reader.offset())};
            if (!hand_over(t, here)) return {};
        }
    }
    const checkpoint end{plan_.file.size(), reader.line(), hash.up_to(plan_.file.size())};
    for (std::size_t t = 0; t < to_.size(); ++t) {
        const bool has_all = to_[t]->reached() && to_[t]->reached()->offset >= end.offset;
        if (!has_all && !hand_over(t, end)) return {};
    }
    return {};
}

}  // namespace ashlar::cli::load
