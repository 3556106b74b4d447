// plan_cache.hpp: plans by their statement's text, so that a program that asks the same again plans once.
//
// Holds plans of one catalogue: another version empties it. At most `plans_max`; full, it starts over, since programs that
// never repeat a text gain nothing from a cleverer choice. Any thread.
#pragma once

#include "route/plan.hpp"

#include <ashlar/result.hpp>

#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace ashlar::detail {

class plan_cache {
public:
    static constexpr std::size_t plans_max = 1000;
    static constexpr std::size_t text_bytes_max = 8u << 20;  // of all texts together

    // What statements get for their database's name; "": what the servers say. Before the first plan.
    void show_name(std::string name) { shown_name_ = std::move(name); }
    // The plan of this text against this catalogue. Errors are not kept.
    result<std::shared_ptr<const route::prepared_plan>> plan(std::string_view sql, const route::catalogue& known);

private:
    struct text_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
    };
    std::string shown_name_;
    std::shared_mutex guard_;  // of all below
    std::uint64_t version_ = 0;
    std::size_t text_bytes_ = 0;
    std::unordered_map<std::string, std::shared_ptr<const route::prepared_plan>, text_hash, std::equal_to<>> plans_;
};

}  // namespace ashlar::detail
