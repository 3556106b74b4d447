#include "core/regex.hpp"

#include "core/regex_program.hpp"

#include <limits>

namespace ashlar {

namespace {

constexpr char32_t no_character = 0xFFFFFFFF;
constexpr std::size_t steps_between_looks = 100'000;
constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

struct decoded {
    char32_t c = no_character;
    std::size_t size = 0;
};

// One character of UTF-8; a byte that is none stands for itself.
decoded character_at(std::string_view text, std::size_t at) {
    if (at >= text.size()) return {};
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char first = byte(at);
    const std::size_t size = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
    if (size == 1 || at + size > text.size()) return {first, 1};
    char32_t c = first & (0xffu >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) c = c << 6 | (byte(at + i) & 0x3fu);
    return {c, size};
}

char32_t character_before(std::string_view text, std::size_t at) {
    if (at == 0) return no_character;
    std::size_t begin = at - 1;
    while (begin > 0 && at - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xc0) == 0x80) --begin;
    return character_at(text, begin).c;
}

bool holds(assertion a, char32_t before, char32_t after) {
    const bool left = before != no_character && is_word_character(before);
    const bool right = after != no_character && is_word_character(after);
    switch (a) {
        case assertion::begin:
            return before == no_character;
        case assertion::end:
            return after == no_character;
        case assertion::word_begin:
            return !left && right;
        case assertion::word_end:
            return left && !right;
        case assertion::word_edge:
            return left != right;
        case assertion::no_word_edge:
            return left == right;
    }
    return false;
}

// The states that are reached, each with the leftmost place where its match began.
class reached {
public:
    explicit reached(std::size_t states) : begin_(states, nowhere) {}

    void clear() {
        for (const std::uint32_t s : list_) begin_[s] = nowhere;
        list_.clear();
    }
    bool add(std::uint32_t state, std::size_t begin) {
        if (begin_[state] == nowhere) list_.push_back(state);
        if (begin_[state] <= begin) return false;
        begin_[state] = begin;
        return true;
    }
    const std::vector<std::uint32_t>& list() const { return list_; }
    std::size_t begin_of(std::uint32_t state) const { return begin_[state]; }

private:
    std::vector<std::size_t> begin_;
    std::vector<std::uint32_t> list_;
};

class search {
public:
    search(const regex::program& p, std::string_view text, regex::stop_check stop)
        : program_(p), text_(text), stop_(stop), now_(p.states.size()), next_(p.states.size()) {}

    // any: where the match is does not matter.
    std::optional<regex::match> run(std::size_t from, bool any) {
        char32_t before = character_before(text_, from);
        for (std::size_t at = from;;) {
            const decoded here = character_at(text_, at);
            if (!found_) enter(now_, program_.start, at, before, here.c);
            note_match(at);
            if (any && found_) return found_;
            if (here.c == no_character || (found_ && !may_improve())) return found_;
            steps_ += 1 + now_.list().size();
            if (steps_ >= steps_between_looks) {
                steps_ = 0;
                if (stop_()) return std::nullopt;
            }
            step(here, before, at);
            before = here.c;
            at += here.size;
        }
    }

private:
    // With the states that need no character, as seen between `before` and `after`.
    void enter(reached& into, std::uint32_t first, std::size_t begin, char32_t before, char32_t after) {
        todo_.push_back(first);
        while (!todo_.empty()) {
            const std::uint32_t at = todo_.back();
            todo_.pop_back();
            if (!into.add(at, begin)) continue;
            const regex_state& s = program_.states[at];
            if (s.what == regex_state::kind::split) {
                todo_.push_back(s.other);
                todo_.push_back(s.next);
            } else if (s.what == regex_state::kind::check && holds(s.where, before, after)) {
                todo_.push_back(s.next);
            }
        }
    }

    void note_match(std::size_t at) {
        for (const std::uint32_t s : now_.list()) {
            if (program_.states[s].what != regex_state::kind::accept) continue;
            const std::size_t begin = now_.begin_of(s);
            const bool further_left = !found_ || begin < found_->begin;
            if (further_left || (begin == found_->begin && !program_.shortest)) found_ = regex::match{begin, at};
        }
    }

    bool may_improve() const {
        for (const std::uint32_t s : now_.list()) {
            const std::size_t begin = now_.begin_of(s);
            if (begin < found_->begin || (begin == found_->begin && !program_.shortest)) return true;
        }
        return false;
    }

    void step(decoded here, char32_t, std::size_t at) {
        const char32_t after = character_at(text_, at + here.size).c;
        for (const std::uint32_t s : now_.list()) {
            const regex_state& state = program_.states[s];
            if (state.what != regex_state::kind::character) continue;
            const std::size_t begin = now_.begin_of(s);
            if (found_ && begin > found_->begin) continue;
            if (program_.sets[state.set].has(here.c, program_.ignores_case))
                enter(next_, state.next, begin, here.c, after);
        }
        std::swap(now_, next_);
        next_.clear();
    }

    const regex::program& program_;
    const std::string_view text_;
    const regex::stop_check stop_;
    std::size_t steps_ = 0;
    reached now_, next_;
    std::vector<std::uint32_t> todo_;
    std::optional<regex::match> found_;
};

}  // namespace

result<regex> regex::compile(std::string_view pattern, options how) {
    auto made = parse_regex(pattern, how.ignores_case);
    if (!made) return std::move(made).error();
    return regex{std::move(*made)};
}

std::optional<regex::match> regex::find(std::string_view text, std::size_t from, stop_check stop) const {
    return search{*program_, text, stop}.run(from, false);
}

bool regex::is_in(std::string_view text, stop_check stop) const {
    return search{*program_, text, stop}.run(0, true).has_value();
}

bool regex::has_groups() const noexcept {
    return program_->groups;
}

result<std::string> similar_pattern(std::string_view pattern, std::string_view escape) {
    std::string out = "^(?:";
    bool escaped = false, in_brackets = false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const std::string_view rest = pattern.substr(i);
        const char c = pattern[i];
        if (escaped) {
            if (c == '"') {
                return error{errc::unsupported, "SIMILAR TO with escaped double quotes is not available"}.hint(
                    "Write the pattern without them.");
            }
            out += '\\';
            out += c;
            escaped = false;
        } else if (!escape.empty() && rest.starts_with(escape)) {
            escaped = true;
            i += escape.size() - 1;
        } else if (in_brackets) {
            if (c == '\\') out += '\\';
            out += c;
            if (c == ']') in_brackets = false;
        } else if (c == '[') {
            out += c;
            in_brackets = true;
        } else if (c == '%') {
            out += ".*";
        } else if (c == '_') {
            out += '.';
        } else if (c == '(') {
            out += "(?:";
        } else {
            if (c == '\\' || c == '.' || c == '^' || c == '$') out += '\\';
            out += c;
        }
    }
    return out + ")$";
}

}  // namespace ashlar
