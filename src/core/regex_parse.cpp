// Pattern → program.
#include "core/ascii.hpp"
#include "core/regex_program.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar {

namespace {

constexpr std::size_t states_max = 4'000;
constexpr std::size_t atoms_max = 4'000;
constexpr int depth_max = 100;
constexpr unsigned repeats_max = 255;
constexpr unsigned no_end = 0xFFFF;

// Which of its matches a part takes; `none`: it has no choice.
enum class preference : std::uint8_t { none, longest, shortest };

struct part {
    enum class kind : std::uint8_t { empty, set, sequence, choice, repeat, check };
    kind what = kind::empty;
    preference prefers = preference::none;
    std::vector<part> inner;
    std::uint32_t set = 0;  // of the program's
    assertion where = assertion::begin;
    unsigned least = 1, most = 1;
};

class pattern_reader {
public:
    pattern_reader(std::u32string pattern, bool ignores_case) : all_(std::move(pattern)), ignores_case_(ignores_case) {}

    result<std::shared_ptr<const regex::program>> run() {
        auto out = std::make_shared<regex::program>();
        program_ = out.get();
        read_options();
        part whole = read_choice(0);
        if (!failed_ && at_ < all_.size()) (void)wrong("parentheses () not balanced");
        if (failed_) return std::move(*failed_);
        out->ignores_case = ignores_case_;
        out->shortest = whole.prefers == preference::shortest;
        out->groups = groups_;
        const std::uint32_t accept = add({});
        out->start = write(whole, accept);
        if (failed_) return std::move(*failed_);
        return std::shared_ptr<const regex::program>{std::move(out)};
    }

private:
    // --- reading

    part wrong(std::string_view why) {
        if (!failed_) {
            failed_ = error{errc::bad_value, fmt::format("invalid regular expression: {}", why)}.sqlstate("2201B");
        }
        return {};
    }
    part refuse(std::string_view what) {
        if (!failed_) {
            failed_ = error{errc::unsupported,
                            fmt::format("{} in a regular expression: not available over SQLite databases", what)}
                          .hint("Write the pattern without it, or compute it in the program.");
        }
        return {};
    }
    bool more() const { return !failed_ && at_ < all_.size(); }
    char32_t peek(std::size_t ahead = 0) const { return at_ + ahead < all_.size() ? all_[at_ + ahead] : U'\0'; }
    bool looking_at(std::u32string_view what) const { return std::u32string_view{all_}.substr(at_).starts_with(what); }
    bool take(std::u32string_view what) {
        if (!looking_at(what)) return false;
        at_ += what.size();
        return true;
    }

    void read_options() {
        if (looking_at(U"***")) {
            (void)refuse("*** in front");
            return;
        }
        if (!looking_at(U"(?") || peek(2) < U'a' || peek(2) > U'z') return;
        at_ += 2;
        for (; more() && peek() != U')'; ++at_) {
            if (peek() == U'i') {
                ignores_case_ = true;
            } else if (peek() == U'c') {
                ignores_case_ = false;
            } else if (peek() != U's' && peek() != U't') {
                (void)refuse("an embedded option other than i, c, s and t");
            }
        }
        if (!take(U")")) (void)wrong("invalid embedded option");
    }

    part read_choice(int depth) {
        if (depth > depth_max) return refuse("deep nesting");
        part first = read_sequence(depth);
        if (peek() != U'|' || !more()) return first;
        part out;
        out.what = part::kind::choice;
        out.prefers = preference::longest;
        out.inner.push_back(std::move(first));
        while (more() && take(U"|")) out.inner.push_back(read_sequence(depth));
        return out;
    }

    part read_sequence(int depth) {
        part out;
        out.what = part::kind::sequence;
        while (more() && peek() != U'|' && peek() != U')') {
            part one = read_atom(depth);
            if (failed_) return {};
            one = read_quantifier(std::move(one));
            if (failed_) return {};
            if (out.prefers == preference::none) out.prefers = one.prefers;
            out.inner.push_back(std::move(one));
        }
        return out;
    }

    static part check(assertion where) {
        part out;
        out.what = part::kind::check;
        out.where = where;
        return out;
    }
    // Each set is there once, however often it is repeated.
    part one_of(character_set set) {
        set.settle();
        part out;
        out.what = part::kind::set;
        out.set = static_cast<std::uint32_t>(program_->sets.size());
        program_->sets.push_back(std::move(set));
        return out;
    }
    part exactly(char32_t c) {
        character_set set;
        set.ranges.emplace_back(c, c);
        return one_of(std::move(set));
    }

    part read_atom(int depth) {
        if (++atoms_ > atoms_max) return refuse(fmt::format("more than {} atoms", atoms_max));
        const char32_t c = all_[at_++];
        switch (c) {
            case U'^':
                return check(assertion::begin);
            case U'$':
                return check(assertion::end);
            case U'.': {
                character_set any;
                any.negated = true;
                return one_of(std::move(any));
            }
            case U'(':
                return read_group(depth);
            case U'[':
                return read_brackets();
            case U'\\':
                return read_escape();
            case U'*':
            case U'+':
            case U'?':
                return wrong("quantifier operand invalid");
            case U'{':
                if (peek() >= U'0' && peek() <= U'9') return wrong("quantifier operand invalid");
                return exactly(c);
            default:
                return exactly(c);
        }
    }

    part read_group(int depth) {
        if (peek() == U'?') {
            ++at_;
            if (!take(U":")) return refuse("a look-around constraint");
        } else {
            groups_ = true;
        }
        part inner = read_choice(depth + 1);
        if (failed_) return {};
        if (!take(U")")) return wrong("parentheses () not balanced");
        return inner;
    }

    part read_quantifier(part of) {
        unsigned least = 1, most = 1;
        if (!more()) return of;
        const std::size_t before = at_;
        if (take(U"*")) {
            least = 0, most = no_end;
        } else if (take(U"+")) {
            most = no_end;
        } else if (take(U"?")) {
            least = 0;
        } else if (peek() == U'{' && peek(1) >= U'0' && peek(1) <= U'9') {
            ++at_;
            least = most = read_number();
            if (take(U",")) most = peek() >= U'0' && peek() <= U'9' ? read_number() : no_end;
            if (failed_) return {};
            if (!take(U"}")) return wrong("invalid repetition count(s)");
            if (most < least) return wrong("invalid repetition count(s)");
        } else {
            return of;
        }
        if (of.what == part::kind::check) return wrong("quantifier operand invalid");
        const bool exact = all_[before] == U'{' && all_.find(U',', before) >= at_;
        const bool short_one = take(U"?");
        if (peek() == U'*' || peek() == U'+' || peek() == U'?' ||
            (peek() == U'{' && peek(1) >= U'0' && peek(1) <= U'9')) {
            if (more()) return wrong("quantifier operand invalid");
        }
        if (most == 0) return {};  // {0}: nothing, whose preference does not count
        part out;
        out.what = part::kind::repeat;
        out.least = least;
        out.most = most;
        out.prefers = exact ? of.prefers : short_one ? preference::shortest : preference::longest;
        out.inner.push_back(std::move(of));
        return out;
    }

    unsigned read_number() {
        unsigned n = 0;
        while (more() && peek() >= U'0' && peek() <= U'9') {
            n = n * 10 + static_cast<unsigned>(all_[at_++] - U'0');
            if (n > repeats_max) {
                (void)wrong("invalid repetition count(s)");
                return 0;
            }
        }
        return n;
    }

    // \d and its kin, into a set. False: it is none of them.
    static bool add_class(char32_t letter, character_set& into) {
        switch (letter) {
            case U'd':
            case U'D':
                into.classes.emplace_back(wctype_l("digit", regex_locale()), letter == U'D');
                return true;
            case U's':
            case U'S':
                into.classes.emplace_back(wctype_l("space", regex_locale()), letter == U'S');
                return true;
            case U'w':
                into.word = true;
                return true;
            case U'W':
                into.not_word = true;
                return true;
            default:
                return false;
        }
    }

    part read_escape() {
        if (!more()) return wrong("invalid escape \\ sequence");
        const char32_t c = peek();
        character_set set;
        if (add_class(c, set)) {
            ++at_;
            return one_of(std::move(set));
        }
        ++at_;
        switch (c) {
            case U'A':
                return check(assertion::begin);
            case U'Z':
                return check(assertion::end);
            case U'm':
                return check(assertion::word_begin);
            case U'M':
                return check(assertion::word_end);
            case U'y':
                return check(assertion::word_edge);
            case U'Y':
                return check(assertion::no_word_edge);
            default:
                break;
        }
        if (c >= U'1' && c <= U'9') return refuse("a back reference");
        --at_;
        const char32_t meant = read_character_escape();
        return failed_ ? part{} : exactly(meant);
    }

    // Behind the backslash.
    char32_t read_character_escape() {
        const char32_t c = all_[at_++];
        switch (c) {
            case U'a':
                return 7;
            case U'b':
                return 8;
            case U'B':
                return U'\\';
            case U'e':
                return 27;
            case U'f':
                return 12;
            case U'n':
                return 10;
            case U'r':
                return 13;
            case U't':
                return 9;
            case U'v':
                return 11;
            case U'u':
                return read_hex(4);
            case U'U':
                return read_hex(8);
            default:
                break;
        }
        const bool alphanumeric = (c >= U'0' && c <= U'9') || (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z');
        if (!alphanumeric) return c;
        if (c == U'x' || c == U'c' || (c >= U'0' && c <= U'9')) {
            (void)refuse(fmt::format("the escape \\{}", static_cast<char>(c)));
        } else {
            (void)wrong("invalid escape \\ sequence");
        }
        return 0;
    }

    char32_t read_hex(int digits) {
        std::uint64_t n = 0;
        for (int i = 0; i < digits; ++i) {
            const char32_t c = peek();
            const int digit = c >= U'0' && c <= U'9'   ? static_cast<int>(c - U'0')
                              : c >= U'a' && c <= U'f' ? static_cast<int>(c - U'a') + 10
                              : c >= U'A' && c <= U'F' ? static_cast<int>(c - U'A') + 10
                                                       : -1;
            if (digit < 0 || !more()) {
                (void)wrong("invalid escape \\ sequence");
                return 0;
            }
            n = n * 16 + static_cast<unsigned>(digit);
            ++at_;
        }
        if (n > 0x10FFFF) (void)wrong("invalid escape \\ sequence");
        return static_cast<char32_t>(n);
    }

    part read_brackets() {
        character_set set;
        if (looking_at(U"[:<:]]") || looking_at(U"[:>:]]")) return refuse("[[:<:]]");
        set.negated = take(U"^");
        for (bool first = true;; first = false) {
            if (!more()) return wrong("brackets [] not balanced");
            if (!first && take(U"]")) break;  // a ] in front stands for itself
            if (take(U"[:")) {
                if (!read_named_class(set)) return {};
                continue;
            }
            if (looking_at(U"[=") || looking_at(U"[.")) return refuse("a collating element");
            if (peek() == U'\\') {
                if (at_ + 1 >= all_.size()) return wrong("brackets [] not balanced");
                const char32_t letter = peek(1);
                if (letter == U'D' || letter == U'S' || letter == U'W') return refuse("\\D, \\S or \\W in brackets");
                if (add_class(letter, set)) {
                    at_ += 2;
                    continue;
                }
            }
            const char32_t from = read_end();
            if (failed_) return {};
            char32_t to = from;
            if (peek() == U'-' && peek(1) != U']' && at_ + 1 < all_.size()) {
                ++at_;
                if (looking_at(U"[:")) return wrong("invalid character range");
                to = read_end();
                if (failed_) return {};
                if (to < from) return wrong("invalid character range");
            }
            set.ranges.emplace_back(from, to);
        }
        return failed_ ? part{} : one_of(std::move(set));
    }

    // One end of a range.
    char32_t read_end() {
        const char32_t c = all_[at_++];
        if (c != U'\\') return c;
        if (!more()) {
            (void)wrong("invalid escape \\ sequence");
            return 0;
        }
        return read_character_escape();
    }

    bool read_named_class(character_set& into) {
        const std::size_t end = all_.find(U":]", at_);
        if (end == all_.npos) {
            (void)wrong("invalid character class");
            return false;
        }
        std::string name;
        for (; at_ < end; ++at_) name += static_cast<char>(all_[at_] < 128 ? all_[at_] : U'?');
        at_ += 2;
        if (name == "word") {
            into.word = true;
            return true;
        }
        if (name == "ascii") {
            into.ranges.emplace_back(U'\0', U'\x7f');
            return true;
        }
        if (ignores_case_ && (name == "lower" || name == "upper")) name = "alpha";  // as PostgreSQL reads them
        constexpr std::string_view known[] = {"alnum", "alpha", "blank", "cntrl", "digit", "graph",
                                              "lower", "print", "punct", "space", "upper", "xdigit"};
        if (std::find(std::begin(known), std::end(known), name) == std::end(known)) {
            (void)wrong("invalid character class");
            return false;
        }
        into.classes.emplace_back(wctype_l(name.c_str(), regex_locale()), false);
        return true;
    }

    // --- writing, from behind: what follows is there already

    std::uint32_t add(regex_state s) {
        if (program_->states.size() >= states_max) {
            (void)refuse(fmt::format("more than {} states", states_max));
            return 0;
        }
        program_->states.push_back(s);
        return static_cast<std::uint32_t>(program_->states.size() - 1);
    }

    std::uint32_t add_split(std::uint32_t next, std::uint32_t other) {
        regex_state s;
        s.what = regex_state::kind::split;
        s.next = next;
        s.other = other;
        return add(s);
    }

    std::uint32_t write(const part& p, std::uint32_t next) {
        if (failed_) return 0;
        regex_state s;
        s.next = next;
        switch (p.what) {
            case part::kind::empty:
                return next;
            case part::kind::set:
                s.what = regex_state::kind::character;
                s.set = p.set;
                return add(s);
            case part::kind::check:
                s.what = regex_state::kind::check;
                s.where = p.where;
                return add(s);
            case part::kind::sequence:
                for (auto each = p.inner.rbegin(); each != p.inner.rend(); ++each) next = write(*each, next);
                return next;
            case part::kind::choice: {
                std::uint32_t at = write(p.inner.back(), next);
                for (std::size_t i = p.inner.size() - 1; i-- > 0;) at = add_split(write(p.inner[i], next), at);
                return at;
            }
            case part::kind::repeat:
                return write_repeat(p, next);
        }
        return next;
    }

    std::uint32_t write_repeat(const part& p, std::uint32_t next) {
        const part& inner = p.inner.front();
        std::uint32_t at = next;
        if (p.most == no_end) {
            const std::uint32_t loop = add_split(0, next);
            const std::uint32_t begin = write(inner, loop);
            if (failed_) return 0;
            program_->states[loop].next = begin;
            at = loop;
        } else {
            for (unsigned i = p.least; i < p.most && !failed_; ++i) at = add_split(write(inner, at), next);
        }
        for (unsigned i = 0; i < p.least && !failed_; ++i) {
            const std::size_t before = program_->states.size();
            at = write(inner, at);
            if (program_->states.size() == before) break;  // empty, as it will be each time
        }
        return at;
    }

    const std::u32string all_;
    std::size_t at_ = 0, atoms_ = 0;
    bool ignores_case_;
    bool groups_ = false;
    std::optional<error> failed_;
    regex::program* program_ = nullptr;
};

std::u32string code_points(std::string_view text) {
    std::u32string out;
    for (std::size_t i = 0; i < text.size();) {
        const auto first = static_cast<unsigned char>(text[i]);
        const std::size_t size = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
        char32_t c = size == 1 ? first : first & (0xffu >> (size + 1));
        for (std::size_t k = 1; k < size && i + k < text.size(); ++k)
            c = c << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3fu);
        out += c;
        i += size;
    }
    return out;
}

}  // namespace

result<std::shared_ptr<const regex::program>> parse_regex(std::string_view pattern, bool ignores_case) {
    return pattern_reader{code_points(pattern), ignores_case}.run();
}

}  // namespace ashlar
