#include "config/spelling.hpp"

#include "core/ascii.hpp"

#include <algorithm>

namespace ashlar::config {

namespace {
char folded(char c) {
    return c == '-' ? '_' : to_lower(c);
}

// The one choice that has `written` as one or more of its whole words: port → listen_port.
std::optional<std::string_view> only_longer(std::string_view written, std::span<const std::string_view> choices) {
    std::optional<std::string_view> found;
    for (std::string_view choice : choices) {
        const auto at = choice.find(written);
        if (written.size() < 3 || at == std::string_view::npos) continue;
        const std::size_t end = at + written.size();
        const bool whole =
            (at == 0 || folded(choice[at - 1]) == '_') && (end == choice.size() || folded(choice[end]) == '_');
        if (!whole) continue;
        if (found) return std::nullopt;
        found = choice;
    }
    return found;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> two_back(b.size() + 1), back(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) back[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const bool same = folded(a[i - 1]) == folded(b[j - 1]);
            row[j] = std::min({back[j] + 1, row[j - 1] + 1, back[j - 1] + (same ? 0 : 1)});
            const bool swapped =
                i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1]);
            if (swapped) row[j] = std::min(row[j], two_back[j - 2] + 1);
        }
        two_back.swap(back);
        back.swap(row);
    }
    return back[b.size()];
}

std::optional<std::string_view> nearest(std::string_view written, std::span<const std::string_view> choices) {
    std::optional<std::string_view> best;
    std::size_t best_distance = 0;
    for (std::string_view choice : choices) {
        const std::size_t distance = edit_distance(written, choice);
        const std::size_t longer = std::max(written.size(), choice.size());
        if (distance * 3 > longer + 1) continue;
        if (!best || distance < best_distance) {
            best = choice;
            best_distance = distance;
        }
    }
    return best ? best : only_longer(written, choices);
}

std::string did_you_mean(std::string_view written, std::span<const std::string_view> choices) {
    const auto choice = nearest(written, choices);
    return choice ? "did you mean `" + std::string{*choice} + "`?" : std::string{};
}

std::string listed(std::span<const std::string_view> choices, std::string_view last_word) {
    std::string text;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (i > 0) text += i + 1 == choices.size() ? " " + std::string{last_word} + " " : ", ";
        text += choices[i];
    }
    return text;
}

std::vector<std::string_view> views_of(const std::vector<std::string>& owned) {
    return {owned.begin(), owned.end()};
}

}  // namespace ashlar::config
