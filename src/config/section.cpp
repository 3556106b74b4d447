#include "config/section.hpp"

#include "config/quantities.hpp"
#include "config/spelling.hpp"
#include "config/url.hpp"

#include <fmt/format.h>

#include <charconv>

namespace ashlar::config {

namespace {
constexpr std::size_t shown_max = 60;

const node no_table{};

std::string quantity_hint(const node& value, std::string_view example) {
    if (value.what != node::kind::integer) return {};
    return "write the unit: " + std::string{example};
}
}  // namespace

std::string in_quotes(std::string_view text) {
    if (text.size() <= shown_max) return "\"" + std::string{text} + "\"";
    return "\"" + std::string{text.substr(0, shown_max)} + "…\"";
}

section::section(reading& with, const node& what, std::string path)
    : with_(with), what_(what.what == node::kind::table ? what : no_table), path_(std::move(path)) {
    if (what.what != node::kind::table) {
        wrong_type(what, path_, "a table: [" + path_ + "] or { … }",
                   what.what == node::kind::string ? "a URL stands in it: { url = \"…\" }" : "");
    }
}

std::string section::at_path(std::string_view key) const {
    return path_.empty() ? std::string{key} : path_ + "." + std::string{key};
}

const entry* section::find(std::string_view key) {
    known_.emplace(key);
    return what_.find(key);
}

void section::wrong_type(const node& value, const std::string& subject, std::string expected, std::string hint) {
    with_.wrong.add(value.at, subject, std::string{article_and_name(value.what)}, std::move(expected), std::move(hint));
}

std::optional<spelled> section::to_text(const node& value, const std::string& subject, bool also_plain) {
    if (also_plain && value.what == node::kind::integer) {
        const std::string digits = std::to_string(value.integer);
        return spelled{digits, digits, value.at};
    }
    if (also_plain && value.what == node::kind::moment) return spelled{value.text, value.text, value.at};
    if (value.what != node::kind::string) {
        wrong_type(value, subject, "a string in quotes");
        return std::nullopt;
    }
    interpolated got = interpolate(value.text, with_.variables);
    for (const interpolated::fault& fault : got.faults) {
        const position at{value.at.line, value.at.column + 1 + static_cast<std::uint32_t>(fault.offset)};
        if (fault.is_unset) {
            with_.wrong.add_unset(at, subject, fault.found, fault.hint);
        } else {
            with_.wrong.add(at, subject, fault.found, fault.expected, fault.hint);
        }
    }
    if (!got.faults.empty()) return std::nullopt;
    return spelled{std::move(got.text), value.text, value.at};
}

std::optional<spelled> section::from_variable(const node& value, const std::string& subject) {
    if (value.what != node::kind::string || value.text.find("${") == std::string::npos) return std::nullopt;
    return to_text(value, subject, false);
}

std::optional<spelled> section::text(std::string_view key) {
    const entry* found = find(key);
    if (found == nullptr) return std::nullopt;
    return to_text(found->value, at_path(key), false);
}

std::optional<spelled> section::key_text(std::string_view key) {
    const entry* found = find(key);
    if (found == nullptr) return std::nullopt;
    return to_text(found->value, at_path(key), true);
}

std::vector<spelled> section::texts(std::string_view key) {
    const entry* found = find(key);
    std::vector<spelled> out;
    if (found == nullptr) return out;
    if (found->value.what != node::kind::array) {
        wrong_type(found->value, at_path(key), "an array: [\"…\", \"…\"]");
        return out;
    }
    for (std::size_t i = 0; i < found->value.items.size(); ++i) {
        auto item = to_text(found->value.items[i], fmt::format("{}[{}]", at_path(key), i), true);
        if (item) out.push_back(std::move(*item));
    }
    return out;
}

std::optional<std::int64_t> section::integer(std::string_view key, std::int64_t least, std::int64_t most) {
    const entry* found = find(key);
    if (found == nullptr) return std::nullopt;
    const std::string expected = fmt::format("an integer from {} to {}", least, most);
    const node& value = found->value;
    std::int64_t number = value.integer;
    std::string shown = std::to_string(number);
    if (const bool variable = value.what == node::kind::string && value.text.find("${") != std::string::npos;
        variable) {
        const auto named = from_variable(value, at_path(key));
        if (!named) return std::nullopt;
        shown = named->shown;
        const char* const end = named->text.data() + named->text.size();
        const auto [last, failed] = std::from_chars(named->text.data(), end, number);
        if (failed != std::errc{} || last != end) {
            with_.wrong.add(value.at, at_path(key), shown + " does not give an integer", expected);
            return std::nullopt;
        }
    } else if (value.what != node::kind::integer) {
        const bool digits = value.what == node::kind::string && !value.text.empty() &&
                            value.text.find_first_not_of("0123456789-") == std::string::npos;
        wrong_type(value, at_path(key), expected, digits ? "leave the quotes away" : "");
        return std::nullopt;
    }
    if (number < least || number > most) {
        with_.wrong.add(value.at, at_path(key), shown, expected);
        return std::nullopt;
    }
    return number;
}

std::optional<bool> section::boolean(std::string_view key) {
    const entry* found = find(key);
    if (found == nullptr) return std::nullopt;
    if (found->value.what == node::kind::boolean) return found->value.boolean;
    const bool is_variable =
        found->value.what == node::kind::string && found->value.text.find("${") != std::string::npos;
    const auto named = from_variable(found->value, at_path(key));
    if (is_variable && !named) return std::nullopt;  // told already
    if (named && named->text == "true") return true;
    if (named && named->text == "false") return false;
    wrong_type(found->value, at_path(key), "true or false");
    return std::nullopt;
}

std::optional<milliseconds> section::duration(std::string_view key, milliseconds least, milliseconds most) {
    const entry* found = find(key);
    if (found == nullptr) return std::nullopt;
    const node& value = found->value;
    if (value.what != node::kind::string) {
        wrong_type(value, at_path(key), "a duration in quotes, such as \"250ms\" or \"5s\"",
                   quantity_hint(value, fmt::format("\"{}s\" or \"{}ms\"", value.integer, value.integer)));
        return std::nullopt;
    }
    const auto written = to_text(value, at_path(key), false);
    if (!written) return std::nullopt;
    auto parsed = parse_duration(written->text);
    if (!parsed) {
        with_.wrong.add(value.at, at_path(key), in_quotes(written->shown), parsed.error().message());
        return std::nullopt;
    }
    if (*parsed < least || *parsed > most) {
        with_.wrong.add(value.at, at_path(key), in_quotes(written->shown),
                        fmt::format("a duration from {} to {}", duration_text(least), duration_text(most)));
        return std::nullopt;
    }
    return *parsed;
}

std::optional<std::uint64_t> section::size(std::string_view key, std::uint64_t least) {
    const entry* found = find(key);
    if (found == nullptr) return std::nullopt;
    const node& value = found->value;
    if (value.what != node::kind::string) {
        wrong_type(value, at_path(key), "a size in quotes, such as \"256MiB\"",
                   quantity_hint(value, fmt::format("\"{}B\"", value.integer)));
        return std::nullopt;
    }
    const auto written = to_text(value, at_path(key), false);
    if (!written) return std::nullopt;
    auto parsed = parse_size(written->text);
    if (!parsed) {
        with_.wrong.add(value.at, at_path(key), in_quotes(written->shown), parsed.error().message());
        return std::nullopt;
    }
    if (*parsed < least) {
        with_.wrong.add(value.at, at_path(key), in_quotes(written->shown), "at least " + size_text(least));
        return std::nullopt;
    }
    return *parsed;
}

std::vector<const entry*> section::others() const {
    std::vector<const entry*> out;
    for (const entry& each : what_.entries) {
        if (!known_.contains(each.key) && !taken_.contains(each.key)) out.push_back(&each);
    }
    return out;
}

void section::finish() {
    const std::vector<std::string> owned{known_.begin(), known_.end()};
    const std::vector<std::string_view> choices = views_of(owned);
    for (const entry* each : others()) {
        std::string hint = did_you_mean(each->key, choices);
        std::string expected = "one of " + listed(choices, "and");
        with_.wrong.add(each->at, at_path(each->key), "unknown key", std::move(expected), std::move(hint));
    }
}

std::optional<endpoint> to_endpoint(reading& with, const spelled& url, const std::string& subject,
                                    std::optional<std::uint32_t> shard) {
    constexpr std::string_view placeholder = "{shard}";
    std::string text = url.text;
    if (!shard && text.find(placeholder) != std::string::npos) {
        with.wrong.add(url.at, subject, "{shard} where there is no number to put in its place", "a URL of one database",
                       "{shard} belongs in the url of [shards] with a count");
        return std::nullopt;
    }
    if (shard) {
        for (auto i = text.find(placeholder); i != std::string::npos; i = text.find(placeholder)) {
            text.replace(i, placeholder.size(), std::to_string(*shard));
        }
    }
    auto parsed = parse_url(text);
    if (const auto* fault = std::get_if<url_fault>(&parsed)) {
        with.wrong.add(url.at, subject, fault->found, fault->expected, fault->hint);
        return std::nullopt;
    }
    endpoint& place = std::get<endpoint>(parsed);
    if (place.engine == engine::sqlite && !place.database.starts_with('/'))
        place.database = with.folder + place.database;
    return std::move(place);
}

}  // namespace ashlar::config
