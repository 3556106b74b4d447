// The recipe, followed step by step: bring together, group, having, distinct, order, offset, limit, drop helpers. What can
// stream does: only grouping and sorting wait for all rows.
#include "merge/merger.hpp"

#include "core/assert.hpp"
#include "core/codec.hpp"
#include "merge/grouping.hpp"
#include "merge/having.hpp"
#include "merge/held_rows.hpp"
#include "merge/intake.hpp"
#include "merge/key_order.hpp"
#include "merge/row_counts.hpp"
#include "merge/shapes.hpp"

#include <algorithm>
#include <unordered_set>

namespace ashlar::merge {

namespace {

constexpr std::size_t part_bytes = 64u << 10;  // what take() gives at once
constexpr std::size_t part_rows = 4096;

std::vector<key_column> keys_of(const std::vector<route::sort_key>& order) {
    std::vector<key_column> by;
    for (const route::sort_key& k : order) {
        key_column& c = by.emplace_back();
        c.column = k.column;
        c.descending = k.descending;
        c.nulls_first = k.nulls_first;
        c.text = k.text;
    }
    return by;
}

class recipe_merger final : public merger {
public:
    static result<std::unique_ptr<merger>> make(const route::recipe& what, const std::vector<columns>& shapes,
                                                std::span<const route::bound_parameter> parameters,
                                                merge_options options) {
        auto common = common_shape(shapes, options.names, what.dialect);
        if (!common) return std::move(common).error();
        std::unique_ptr<recipe_merger> m{new recipe_merger{std::move(options)}};
        m->rows_ = std::move(*common);
        m->rules_.dialect = what.dialect;
        m->rules_.types = what.types.get();
        m->rules_.database_text = what.database_text;
        m->rules_.sources = &m->options_.names;
        if (auto ok = m->check_floats(what); !ok) return std::move(ok).error();
        if (auto ok = m->prepare_limits(what, parameters); !ok) return std::move(ok).error();
        if (auto ok = m->prepare_grouping(what, parameters); !ok) return std::move(ok).error();
        if (auto ok = m->prepare_visible(what); !ok) return std::move(ok).error();
        if (auto ok = m->prepare_distinct(what); !ok) return std::move(ok).error();
        if (auto ok = m->prepare_order(what, shapes.size()); !ok) return std::move(ok).error();
        return std::unique_ptr<merger>{std::move(m)};
    }

    const columns& shape() const noexcept override { return visible_; }

    std::optional<std::size_t> wants() const noexcept override {
        if (finished()) return std::nullopt;
        return intake_->wants();
    }

    status add(std::size_t source, row_batch&& batch) override {
        if (finished()) return {};
        if (!batch.empty() && batch.width() != width_in_) {
            return error{errc::shards_disagree, "a row has another number of columns than was announced"};
        }
        if (auto ok = intake_->add(source, std::move(batch)); !ok) return ok;
        if (holds()) {
            if (auto ok = absorb(); !ok) return ok;
        }
        return check_memory();
    }

    status end(std::size_t source) override {
        intake_->end(source);
        if (!holds()) return {};
        if (auto ok = absorb(); !ok) return ok;
        return intake_->done() ? settle() : status{};
    }

    result<bool> take(row_batch& into) override {
        // What stands in `into` already is not of this part: callers may collect part after part in one batch.
        const std::size_t before = into.rows(), rows_end = before + part_rows,
                          bytes_end = into.byte_size() + part_bytes;
        while (!finished() && into.rows() < rows_end && into.byte_size() < bytes_end) {
            auto next = holds() ? next_held() : intake_->next();
            if (!next) return std::move(next).error();
            if (!*next) break;
            if (auto ok = give(**next, into); !ok) return std::move(ok).error();
        }
        if (auto ok = check_memory(); !ok) return std::move(ok).error();
        return into.rows() != before;
    }

    bool finished() const noexcept override {
        if (limit_ && given_ >= *limit_) return true;
        return holds() ? settled_ && next_place_ == places_.size() : intake_->done();
    }

private:
    explicit recipe_merger(merge_options options) : options_(options), memory_(options.account) {}

    // --- birth ----------------------------------------------------------------------------------------------------

    // Rounded texts of different floats may be equal, or be summed to something else.
    status check_floats(const route::recipe& what) const {
        if (options_.text_floats_exact || what.dialect != route::dialect::postgres) return {};
        const auto fits = [&](std::size_t column) {
            return column >= rows_.size() || !holds_floats(rows_[column].type, what.types.get()) ||
                   rows_[column].format == cell_format::binary;
        };
        bool good = true;
        for (const std::size_t key : what.group_keys) good = good && fits(key);
        for (const route::output& o : what.outputs) good = good && (o.how == route::combine::count || fits(o.column));
        for (std::size_t i = 0; what.distinct && i < rows_.size(); ++i) good = good && fits(i);
        if (!what.grouped) {
            for (const route::sort_key& k : what.order) good = good && fits(k.column);
        }
        if (good) return {};
        return error{errc::unsupported, "floats that are written with fewer digits than they have cannot be merged"}
            .hint("SET extra_float_digits = 1, PostgreSQL's default, or ask for the rows in binary.");
    }

    status prepare_limits(const route::recipe& what, std::span<const route::bound_parameter> parameters) {
        auto offset = count_of(what.offset, clause::offset, parameters);
        if (!offset) return std::move(offset).error();
        auto limit = count_of(what.limit, clause::limit, parameters);
        if (!limit) return std::move(limit).error();
        to_skip_ = offset->value_or(0);
        limit_ = *limit;
        return {};
    }

    status prepare_grouping(const route::recipe& what, std::span<const route::bound_parameter> parameters) {
        width_in_ = rows_.size();
        if (!what.grouped) return {};
        auto made = grouping::make(what, rows_, rules_, options_.results);
        if (!made) return std::move(made).error();
        rows_ = made->shape();
        grouping_.emplace(std::move(*made));
        if (!what.having) return {};
        std::vector<route::collation> texts;
        for (const route::output& o : what.outputs) texts.push_back(o.text);
        auto condition = having::make(*what.having, rows_, texts, parameters, what.dialect);
        if (!condition) return std::move(condition).error();
        having_.emplace(std::move(*condition));
        return {};
    }

    status prepare_visible(const route::recipe& what) {
        const std::size_t helpers = std::min(what.helpers, rows_.size());
        const std::size_t count = what.star ? rows_.size() - helpers : what.visible_columns;
        if (count > rows_.size()) return error{errc::internal, "the recipe shows more columns than the shards send"};
        visible_.assign(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(count));
        const auto& counted = what.star_columns;
        const bool as_counted = std::equal(counted.begin(), counted.end(), visible_.begin(), visible_.end(),
                                           [](const std::string& name, const column& c) { return name == c.name; });
        if (!counted.empty() && !as_counted) {
            return error{errc::shards_disagree, "the columns of * are not those that the catalogue knows"}.hint(
                "The table was changed: try again when the catalogue has been read anew.");
        }
        return {};
    }

    status prepare_distinct(const route::recipe& what) {
        if (!what.distinct) return {};
        std::vector<key_column> by(visible_.size());
        for (std::size_t i = 0; i < by.size(); ++i) by[i].column = i;
        // Equality of text is bytewise under every deterministic collation; the planner refuses the others.
        auto made = key_order::make(by, rows_, rules_, purpose::equality);
        if (!made) return std::move(made).error();
        distinct_.emplace(std::move(*made));
        return {};
    }

    status prepare_order(const route::recipe& what, std::size_t sources) {
        key_order order;
        if (!what.order.empty()) {
            auto made = key_order::make(keys_of(what.order), rows_, rules_, purpose::order);
            if (!made) return std::move(made).error();
            order = std::move(*made);
        }
        const bool streams = what.shards_are_sorted && !what.grouped && !order.empty();
        if (streams) {
            intake_ = make_ordered_intake(sources, std::move(order));
        } else {
            intake_ = make_concatenation(sources);
            if (!order.empty()) sort_.emplace(std::move(order));
        }
        return {};
    }

    // --- rows that must be held ------------------------------------------------------------------------------------

    bool holds() const noexcept { return grouping_ || sort_; }

    // Takes what the intake has into the groups or the rows to be sorted.
    status absorb() {
        for (;;) {
            auto next = intake_->next();
            if (!next) return std::move(next).error();
            if (!*next) return {};
            const row_view v = **next;
            if (grouping_) {
                if (auto ok = grouping_->add(*v.rows, v.row); !ok) return ok;
                continue;
            }
            const auto fresh = is_fresh(*v.rows, v.row);
            if (!fresh) return fresh.error();
            if (*fresh) {
                if (auto ok = hold(held_.add(*v.rows, v.row)); !ok) return ok;
            }
            if (auto ok = check_memory(); !ok) return ok;
        }
    }

    status hold(held_rows::place where) {
        held& h = places_.emplace_back();
        h.where = where;
        if (!sort_) return {};
        if (auto ok = sort_->append_key(held_.chunk(where), where.row, h.key); !ok) return ok;
        key_bytes_ += h.key.capacity();
        return {};
    }

    // All rows are in: finish the groups, and sort.
    status settle() {
        if (settled_) return {};
        settled_ = true;
        if (grouping_) {
            std::vector<held_rows::place> finished;
            if (auto ok = grouping_->finish(held_, finished); !ok) return ok;
            for (const held_rows::place where : finished) {
                auto stays = stays_in_answer(where);
                if (!stays) return std::move(stays).error();
                if (!*stays) continue;
                if (auto ok = hold(where); !ok) return ok;
            }
        }
        if (sort_) {
            std::stable_sort(places_.begin(), places_.end(),
                             [this](const held& a, const held& b) { return sort_->compare(a.key, b.key) < 0; });
        }
        return check_memory();
    }

    result<bool> stays_in_answer(held_rows::place where) {
        const row_batch& rows = held_.chunk(where);
        if (having_) {
            auto kept = having_->keeps(rows, where.row);
            if (!kept || !*kept) return kept;
        }
        return is_fresh(rows, where.row);
    }

    result<std::optional<row_view>> next_held() {
        if (!settled_ || next_place_ == places_.size()) return std::optional<row_view>{};
        const held_rows::place where = places_[next_place_++].where;
        return std::optional{row_view{&held_.chunk(where), where.row}};
    }

    // --- rows that go out ------------------------------------------------------------------------------------------

    // False for a row that DISTINCT has seen. Held rows were asked when they came in.
    result<bool> is_fresh(const row_batch& rows, std::size_t row) {
        if (!distinct_) return true;
        std::string key;
        if (auto ok = distinct_->append_key(rows, row, key); !ok) return std::move(ok).error();
        constexpr std::uint64_t node_bytes = 72;  // of the set, beside the key's own characters
        const std::uint64_t key_bytes = key.capacity();
        const bool fresh = seen_.insert(std::move(key)).second;
        if (fresh) key_bytes_ += node_bytes + key_bytes;
        return fresh;
    }

    status give(row_view v, row_batch& into) {
        if (!holds()) {
            const auto fresh = is_fresh(*v.rows, v.row);
            if (!fresh) return fresh.error();
            if (!*fresh) return {};
        }
        if (to_skip_ > 0) {
            --to_skip_;
            return {};
        }
        constexpr std::size_t long_row = 64u << 10;
        const bool whole = v.rows->rows() == 1 && v.rows->width() == visible_.size() && into.empty();
        ++given_;
        if (!holds() && whole && v.rows->byte_size() > long_row) return intake_->hand_over(into);
        append_row(into, *v.rows, v.row, visible_.size());
        return {};
    }

    status check_memory() {
        const std::uint64_t kept = held_.byte_size() + places_.capacity() * sizeof(places_[0]) + key_bytes_ +
                                   (grouping_ ? grouping_->byte_size() : 0);
        const std::uint64_t waiting = intake_->byte_size();
        if (kept + waiting <= options_.memory_max) return memory_.set(kept + waiting);
        return error{errc::limit_reached, "merging the shards' rows takes more than the " +
                                              std::to_string(options_.memory_max) + " bytes allowed"}
            .hint("Ask for fewer rows or groups, give a shard key, or raise the memory allowed for a merge.");
    }

    struct held {
        held_rows::place where;
        std::string key;  // for sorting
    };

    const merge_options options_;
    value_rules rules_;  // while it is made
    memory_part memory_;
    std::size_t width_in_ = 0;  // of the shards' rows
    columns rows_;              // after grouping, helpers included
    columns visible_;
    std::optional<grouping> grouping_;
    std::optional<having> having_;
    std::optional<key_order> distinct_;
    std::optional<key_order> sort_;
    std::uint64_t to_skip_ = 0;
    std::optional<std::uint64_t> limit_;

    std::unique_ptr<intake> intake_;
    held_rows held_;
    std::vector<held> places_;
    std::size_t next_place_ = 0;
    bool settled_ = false;
    std::unordered_set<std::string> seen_;
    std::uint64_t key_bytes_ = 0;
    std::uint64_t given_ = 0;
};

}  // namespace

result<std::unique_ptr<merger>> merger::make(const route::recipe& what, const std::vector<columns>& shapes,
                                             std::span<const route::bound_parameter> parameters,
                                             merge_options options) {
    return recipe_merger::make(what, shapes, parameters, options);
}

}  // namespace ashlar::merge
