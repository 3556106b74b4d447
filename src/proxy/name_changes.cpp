#include "proxy/name_changes.hpp"

namespace ashlar::proxy {

void name_changes::statement(std::uint64_t answer, std::string_view name, std::shared_ptr<known_statement> before) {
    change& made = all_.emplace_back();
    made.answer = answer;
    made.name = name;
    made.before = std::move(before);
}

void name_changes::portal(std::uint64_t answer, std::string_view name) {
    change& made = all_.emplace_back();
    made.answer = answer;
    made.is_portal = true;
    made.name = name;
}

void name_changes::owed_is(std::uint64_t answer) noexcept {
    for (change& each : all_) {
        if (each.answer == not_asked) each.answer = answer;
    }
}

void name_changes::undo_from(std::uint64_t answer, bool parse_failed, statements& in) {
    while (!all_.empty() && all_.back().answer >= answer) {
        change& last = all_.back();
        // The unnamed statement is gone as soon as another is parsed.
        const bool gone = parse_failed && last.name.empty() && (last.answer == answer || last.answer == not_asked);
        if (last.is_portal)
            in.close_portal(last.name);
        else
            in.put_back(last.name, gone ? nullptr : std::move(last.before));
        all_.pop_back();
    }
}

}  // namespace ashlar::proxy
