#include "health/role_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::health {

bool role_rules::round(std::span<const std::optional<finding>> found) {
    const auto writer = writer_;
    const std::string trouble = trouble_;
    choose(found);
    first_ = false;
    return writer != writer_ || trouble != trouble_;
}

void role_rules::refuse(std::string why) {
    writer_.reset();
    trouble_ = std::move(why);
}

void role_rules::choose(std::span<const std::optional<finding>> found) {
    std::vector<std::size_t> writable;
    for (std::size_t i = 0; i < found.size(); ++i) {
        if (found[i] && found[i]->writable) writable.push_back(i);
    }
    if (writable.empty()) {
        const std::size_t last = writer_.value_or(last_);
        if (found[last])
            return refuse(fmt::format("{} takes no writes now, and no other server of it does", names_[last]));
        // Nobody knows better: what is sent there fails by itself.
        if (!writer_ && !first_) return;
        writer_ = last;
        trouble_.clear();
        return;
    }
    const auto take = [&](std::size_t who) {
        writer_ = last_ = who;
        timeline_ = std::max(timeline_, found[who]->timeline);
        trouble_.clear();
    };
    if (writable.size() == 1) {
        const std::size_t who = writable.front();
        if (found[who]->timeline < timeline_) {
            return refuse(
                fmt::format("{} takes writes on timeline {}, but timeline {} has been seen: it is an old primary",
                            names_[who], found[who]->timeline, timeline_));
        }
        if (last_ != who) was_alone_ = false;
        take(who);
        was_alone_ = true;
        return;
    }
    const std::size_t last = last_;
    const bool ahead = was_alone_ && found[last] && found[last]->writable &&
                       std::all_of(writable.begin(), writable.end(), [&](std::size_t each) {
                           return each == last || found[each]->timeline < found[last]->timeline;
                       });
    if (ahead) return take(last);
    std::string all;
    for (const std::size_t each : writable) {
        if (!all.empty()) all += " and ";
        all += names_[each];
        if (found[each]->timeline != 0) all += fmt::format(" (timeline {})", found[each]->timeline);
    }
    was_alone_ = false;
    refuse(fmt::format("{} both take writes: one of them must be stopped or made a replica", all));
}

}  // namespace ashlar::health
