#include "cluster/plan_cache.hpp"

#include "route/copy_sizes.hpp"
#include "route/shown_database.hpp"

#include <mutex>

namespace ashlar::detail {

result<std::shared_ptr<const route::prepared_plan>> plan_cache::plan(std::string_view sql,
                                                                     const route::catalogue& known) {
    {
        std::shared_lock hold{guard_};
        if (version_ == known.version) {
            if (auto found = plans_.find(sql); found != plans_.end()) return found->second;
        }
    }
    route::planning_options how;
    how.search_path = known.search_path;
    how.standard_conforming_strings = known.standard_conforming_strings;
    std::optional<std::string> shown;
    if (!shown_name_.empty()) shown = route::with_shown_database(sql, shown_name_, how);
    auto sizes = route::without_sizes_of_copies(shown ? std::string_view{*shown} : sql, known, how);
    if (!sizes) return std::move(sizes).error();
    if (*sizes) shown = std::move(*sizes);
    auto made = route::plan_statement(shown ? std::string_view{*shown} : sql, known, how);
    if (!made) return made;
    std::unique_lock hold{guard_};
    if (version_ > known.version) return made;  // somebody has read a newer catalogue meanwhile
    if (version_ < known.version || plans_.size() >= plans_max || text_bytes_ + sql.size() > text_bytes_max) {
        plans_.clear();
        text_bytes_ = 0;
    }
    version_ = known.version;
    text_bytes_ += sql.size();
    plans_.insert_or_assign(std::string{sql}, *made);
    return made;
}

}  // namespace ashlar::detail
