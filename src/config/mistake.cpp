#include "config/mistake.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::config {

std::string to_string(const mistake& what, std::string_view file) {
    std::string text{file};
    if (what.at.line != 0) text += fmt::format(":{}:{}", what.at.line, what.at.column);
    text += ": ";
    if (!what.subject.empty()) text += what.subject + ": ";
    text += what.found;
    if (!what.expected.empty()) text += "\n    expected  " + what.expected;
    if (!what.hint.empty()) text += "\n    hint      " + what.hint;
    return text;
}

std::string to_string(const std::vector<mistake>& all, std::string_view file) {
    std::string text;
    for (const mistake& each : all) {
        if (!text.empty()) text += '\n';
        text += to_string(each, file);
    }
    return text;
}

void mistakes::add(position at, std::string subject, std::string found, std::string expected, std::string hint) {
    all_.push_back({at, std::move(subject), std::move(found), std::move(expected), std::move(hint), false, false});
}

void mistakes::add_absence(position at, std::string subject, std::string found, std::string expected,
                           std::string hint) {
    all_.push_back({at, std::move(subject), std::move(found), std::move(expected), std::move(hint), true, false});
}

void mistakes::add_unset(position at, std::string subject, std::string found, std::string hint) {
    all_.push_back({at, std::move(subject), std::move(found), {}, std::move(hint), false, true});
}

namespace {

// Is `inner` a key within `outer`, or the same? "shards.two.from" is within "shards.two".
bool is_within(std::string_view inner, std::string_view outer) {
    if (!inner.starts_with(outer)) return false;
    return inner.size() == outer.size() || inner[outer.size()] == '.' || inner[outer.size()] == '[';
}

bool is_consequence(const mistake& what, const std::vector<mistake>& all) {
    return what.of_absence && std::any_of(all.begin(), all.end(), [&](const mistake& other) {
               return other.of_unset && is_within(other.subject, what.subject);
           });
}

}  // namespace

std::vector<mistake> mistakes::take(bool broken) {
    std::vector<mistake> out = std::move(all_);
    all_.clear();
    if (broken) std::erase_if(out, [](const mistake& m) { return m.of_absence; });
    const std::vector<mistake> told = out;
    std::erase_if(out, [&](const mistake& m) { return is_consequence(m, told); });
    std::stable_sort(out.begin(), out.end(), [](const mistake& a, const mistake& b) { return a.at < b.at; });
    return out;
}

}  // namespace ashlar::config
