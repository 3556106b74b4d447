#include "proxy/session_settings.hpp"

#include "core/ascii.hpp"
#include "core/letter_case.hpp"
#include "core/quoting.hpp"
#include "proxy/our_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace ashlar::proxy {

namespace {

// Reads words, quoted names and everything else of a short statement, skipping blanks and comments.
class words {
public:
    explicit words(std::string_view text) : text_(text) { skip(); }

    bool at_end() const { return at_ >= text_.size() || text_[at_] == ';'; }
    std::size_t place() const { return at_; }
    std::string_view rest() const {
        std::string_view r = text_.substr(std::min(at_, text_.size()));
        while (!r.empty() && (std::isspace(static_cast<unsigned char>(r.back())) != 0 || r.back() == ';'))
            r.remove_suffix(1);
        return r;
    }

    // The next word in lower case (a quoted name as it is), empty when something else stands there.
    std::string word() {
        std::string out;
        if (at_end()) return out;
        if (text_[at_] == '"') {
            for (++at_; at_ < text_.size(); ++at_) {
                if (text_[at_] == '"') {
                    if (at_ + 1 >= text_.size() || text_[at_ + 1] != '"') break;
                    ++at_;
                }
                out += text_[at_];
            }
            ++at_;
        } else {
            while (at_ < text_.size() && is_word(text_[at_])) {
                out += to_lower(text_[at_++]);
            }
        }
        skip();
        return out;
    }
    // A name with dots: "work_mem", "ashlar.trace".
    std::string name() {
        std::string out = word();
        while (!at_end() && text_[at_] == '.') {
            ++at_;
            skip();
            out += '.' + word();
        }
        return out;
    }
    bool take(char c) {
        if (at_end() || text_[at_] != c) return false;
        ++at_;
        skip();
        return true;
    }
    std::string peek() const {
        words copy = *this;
        return copy.word();
    }

private:
    static bool is_word(char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || (c & 0x80) != 0;
    }
    void skip() {
        for (;;) {
            while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
            if (text_.substr(at_, 2) == "--") {
                while (at_ < text_.size() && text_[at_] != '\n') ++at_;
            } else if (text_.substr(at_, 2) == "/*") {
                int depth = 0;
                do {
                    if (text_.substr(at_, 2) == "/*") {
                        ++depth;
                        at_ += 2;
                    } else if (text_.substr(at_, 2) == "*/") {
                        --depth;
                        at_ += 2;
                    } else {
                        ++at_;
                    }
                } while (depth > 0 && at_ < text_.size());
            } else {
                return;
            }
        }
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

std::string reset_statement(const std::string& name) {
    if (name == "role") return "RESET ROLE";
    if (name == "session_authorization") return "RESET SESSION AUTHORIZATION";
    return "RESET " + quoted_setting_name(name);
}

// Who may do what stands last when it goes on and first when it comes off.
int rank(const std::string& name) {
    if (name == "session_authorization") return 1;
    if (name == "role") return 2;
    return 0;
}

// The value part of a statement made by set() or set_from_value(), as a list of names.
std::vector<std::string> list_of(std::string_view statement) {
    std::string held;
    constexpr std::string_view by_value = "SELECT pg_catalog.set_config(";
    std::string_view list;
    if (statement.starts_with(by_value)) {
        // set_config('search_path', '<value>', false): the value as a flat list
        const std::size_t comma = statement.find(',', by_value.size());
        std::size_t from = statement.find('\'', comma);
        if (from == std::string_view::npos) return {};
        const std::size_t until = statement.rfind('\'');
        for (++from; from < until; ++from) {
            if ((statement[from] == '\'' || statement[from] == '\\') && from + 1 < until) ++from;
            held += statement[from];
        }
        list = held;
    } else {
        words w{statement};
        (void)w.word();  // set
        (void)w.name();  // search_path, or SCHEMA
        if (!w.take('=') && w.peek() == "to") (void)w.word();
        list = w.rest();
    }
    std::vector<std::string> out;
    words w{list};
    while (!w.at_end()) {
        if (w.take('\'')) {  // a quoted literal names one schema
            std::string_view rest = list.substr(w.place());
            const std::size_t end = rest.find('\'');
            out.emplace_back(rest.substr(0, end));
            if (end == std::string_view::npos) break;
            list = rest.substr(end + 1);
            w = words{list};
        } else {
            const std::string name = w.word();
            if (name.empty()) break;
            out.push_back(name);
        }
        if (!w.take(',')) break;
    }
    return out;
}

bool is_local(std::string_view statement) {
    if (statement.starts_with("RESET ") || statement.ends_with(", false)")) return false;
    return !statement.starts_with("SET ") || statement.starts_with("SET LOCAL ");
}

bool says_off(std::string_view statement) {
    std::string s = lowered(statement);
    for (char& c : s) {
        if (c == '\'' || c == ',' || c == '=' || c == ')' || c == '(') c = ' ';
    }
    s += ' ';
    for (const char* word : {" off ", " false ", " no ", " 0 ", " f ", " n ", " of "}) {
        if (s.find(word) != std::string::npos && s.find("set_config") == std::string::npos) return true;
    }
    // set_config('standard_conforming_strings', 'off', false): look at the second argument only
    const std::size_t at = s.find("set_config");
    if (at == std::string::npos) return false;
    words w{std::string_view{s}.substr(at)};
    (void)w.word();
    (void)w.word();
    const std::string v = w.word();
    return v == "off" || v == "false" || v == "no" || v == "0" || v == "f" || v == "n" || v == "of";
}

// Of "characteristics as transaction isolation level serializable, read only": a SET for each mode.
setting_command read_characteristics(words w) {
    setting_command out;
    for (const char* skipped : {"characteristics", "as", "transaction"}) {
        (void)skipped;
        (void)w.word();
    }
    const auto add = [&out](std::string name, std::string_view value) {
        std::string statement = fmt::format("SET {} = '{}'", name, value);
        if (out.name.empty()) {
            out.name = std::move(name);
            out.statement = std::move(statement);
        } else {
            out.more.emplace_back(std::move(name), std::move(statement));
        }
    };
    while (!w.at_end()) {
        const std::string mode = w.word();
        if (mode == "isolation") {
            (void)w.word();
            std::string level = w.word();
            if (level == "read" || level == "repeatable") level += ' ' + w.word();
            add("default_transaction_isolation", level);
        } else if (mode == "read") {
            add("default_transaction_read_only", w.word() == "only" ? "on" : "off");
        } else if (mode == "not") {
            (void)w.word();
            add("default_transaction_deferrable", "off");
        } else if (mode == "deferrable") {
            add("default_transaction_deferrable", "on");
        } else if (!w.take(',')) {
            break;
        }
    }
    return out;
}

}  // namespace

result<setting_command> read_setting_command(std::string_view sql) {
    words w{sql};
    setting_command out;
    const std::string verb = w.word();
    if (verb == "reset") {
        out.name = w.name();
        if (out.name == "all")
            out.what = setting_command::verb::reset_all;
        else
            out.what = setting_command::verb::reset;
        if (out.name == "time" && w.peek() == "zone") out.name = "timezone";
        if (out.name == "session" && w.peek() == "authorization") out.name = "session_authorization";
        if (out.name == "transaction") out.name = "transaction_isolation";
        out.statement = std::string{sql};
        return out;
    }
    if (verb != "set") return error{errc::internal, fmt::format("'{}' is not a SET statement", verb)};

    std::string scope;
    std::string first = w.peek();
    if (first == "local" || first == "session") {
        words ahead = w;
        (void)ahead.word();
        const std::string after = ahead.peek();
        // "SET session TO …" would set a parameter of that name, which does not exist.
        if (first == "session" && after == "characteristics") {
            return read_characteristics(ahead);
        }
        if (first == "local" || after != "authorization") {
            scope = w.word();
        } else {
            words further = ahead;
            (void)further.word();
            if (further.peek() == "authorization") scope = w.word();  // SET SESSION SESSION AUTHORIZATION
        }
    }
    const bool local = scope == "local";
    const std::size_t from = w.place();
    std::string_view whole = sql.substr(from);
    while (!whole.empty() && (std::isspace(static_cast<unsigned char>(whole.back())) != 0 || whole.back() == ';')) {
        whole.remove_suffix(1);
    }
    out.name = w.name();
    if (out.name == "transaction" || out.name == "constraints") {
        out.what = setting_command::verb::transaction;
        out.statement = fmt::format("SET {}", whole);
        return out;
    }
    bool to_default = false;
    if (out.name == "time" && w.peek() == "zone") {
        (void)w.word();
        out.name = "timezone";
        to_default = w.peek() == "default" || w.peek() == "local";
    } else if (out.name == "names") {
        out.name = "client_encoding";
        to_default = w.at_end() || w.peek() == "default";
    } else if (out.name == "schema") {
        out.name = "search_path";
        // kept in the one form that list_of reads
        whole = {};
        out.statement = fmt::format("SET search_path TO {}", w.rest());
    } else if (out.name == "role") {
        to_default = w.peek() == "none" || w.peek() == "default";
    } else if (out.name == "session" && w.peek() == "authorization") {
        (void)w.word();
        out.name = "session_authorization";
        to_default = w.peek() == "default";
    } else if (out.name == "xml") {
        out.name = "xmloption";
    } else {
        if (!w.take('=') && w.peek() == "to") (void)w.word();
        to_default = w.peek() == "default";
    }
    if (out.statement.empty()) out.statement = fmt::format("SET {}", whole);
    if (local) {
        out.what = setting_command::verb::set_local;
        out.statement.insert(4, "LOCAL ");
        return out;
    }
    if (to_default) {
        out.what = setting_command::verb::reset;
        out.statement = reset_statement(out.name);
    }
    return out;
}

void settings::set_from_value(const std::string& name, std::string_view value) {
    made_by_[name] =
        fmt::format("SELECT pg_catalog.set_config({}, {}, false)", quoted_literal(name), quoted_literal(value));
}

std::uint64_t settings::bytes() const noexcept {
    std::uint64_t all = 0;
    for (const auto& [name, statement] : made_by_) all += 128 + name.size() + statement.size();
    return all;
}

const std::string* settings::find(const std::string& name) const {
    const auto at = made_by_.find(name);
    return at == made_by_.end() ? nullptr : &at->second;
}

std::string as_local(std::string_view statement) {
    std::string out{statement};
    constexpr std::string_view lasting = ", false)";
    if (out.starts_with("SET "))
        out.insert(4, "LOCAL ");
    else if (out.ends_with(lasting))
        out.replace(out.size() - lasting.size(), lasting.size(), ", true)");
    return out;
}

bool writes_floats_whole(const settings& now, const std::vector<std::string>& local) {
    const auto is_whole = [](std::string_view statement) {
        const std::size_t last = statement.find_last_not_of(" ;'\"\n");
        if (last == statement.npos || last == 0 || statement.find('-') != statement.npos) return false;
        const char digit = statement[last], before = statement[last - 1];
        return digit >= '1' && digit <= '3' && (before == ' ' || before == '=' || before == '\'');
    };
    const std::string* const set = now.find("extra_float_digits");
    if (set != nullptr && !is_whole(*set)) return false;
    return std::none_of(local.begin(), local.end(), [&](const std::string& each) {
        if (!is_local(each)) return false;  // `now` has it
        constexpr std::string_view name = "extra_float_digits";
        const auto same = [](char a, char b) { return to_lower(a) == b; };
        return std::search(each.begin(), each.end(), name.begin(), name.end(), same) != each.end() && !is_whole(each);
    });
}

std::string quoted_value(std::string_view value) {
    return quoted_literal(value);
}

std::string quoted_setting_name(std::string_view name) {
    std::string dotted;
    for (std::size_t at = 0;;) {
        const std::size_t dot = name.find('.', at);
        dotted += quoted_name(name.substr(at, dot - at));
        if (dot == std::string_view::npos) return dotted;
        dotted += '.';
        at = dot + 1;
    }
}

std::vector<std::string> custom_settings_named_in(std::string_view sql) {
    const auto begins = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; };
    const auto goes_on = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$';
    };
    constexpr std::size_t name_max = 128;
    std::vector<std::string> out;
    for (std::size_t i = 0; i < sql.size();) {
        if (!begins(sql[i])) {
            ++i;
            continue;
        }
        const std::size_t from = i;
        bool dotted = false;
        while (i < sql.size() && (goes_on(sql[i]) || (sql[i] == '.' && i + 1 < sql.size() && begins(sql[i + 1])))) {
            dotted = dotted || sql[i] == '.';
            ++i;
        }
        if (!dotted || i - from > name_max) continue;
        const bool as_string = from > 0 && sql[from - 1] == '\'' && i < sql.size() && sql[i] == '\'';
        std::size_t after = i;
        while (after < sql.size() && std::isspace(static_cast<unsigned char>(sql[after])) != 0) ++after;
        const std::string next = lowered(sql.substr(after, 3));
        const bool is_set = next.starts_with("=") || next.starts_with("to ");
        if (as_string || is_set) out.push_back(lowered(sql.substr(from, i - from)));
    }
    return out;
}

std::string difference(const settings& from, const settings& to) {
    std::vector<std::pair<int, std::string>> steps;
    for (const auto& [name, statement] : from.all()) {
        if (is_our_setting(name)) continue;  // no server's business
        if (to.find(name) == nullptr) steps.emplace_back(-rank(name), reset_statement(name));
    }
    // A role that stays or changes comes off before anything else is set.
    const bool others = std::any_of(to.all().begin(), to.all().end(),
                                    [&](const auto& each) {
                                        const std::string* had = from.find(each.first);
                                        if (is_our_setting(each.first)) return false;
                                        return rank(each.first) == 0 && (had == nullptr || *had != each.second);
                                    }) ||
                        !steps.empty();
    std::array<bool, 3> off{};
    for (const auto& [name, statement] : from.all()) {
        const int r = rank(name);
        if (r == 0 || to.find(name) == nullptr) continue;
        if (!others && *to.find(name) == statement) continue;
        steps.emplace_back(-r, reset_statement(name));
        off[static_cast<std::size_t>(r)] = true;
    }
    for (const auto& [name, statement] : to.all()) {
        const std::string* had = from.find(name);
        const int r = rank(name);
        if (is_our_setting(name)) continue;
        if (had != nullptr && *had == statement && !(r > 0 && off[static_cast<std::size_t>(r)])) continue;
        steps.emplace_back(10 + r, statement);
    }
    std::stable_sort(steps.begin(), steps.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string out;
    for (const auto& [order, statement] : steps) {
        if (!out.empty()) out += ';';
        out += statement;
    }
    return out;
}

result<std::vector<std::pair<std::string, std::string>>> read_start_up_options(std::string_view options) {
    std::vector<std::string> parts;
    std::string part;
    bool inside = false;
    for (std::size_t i = 0; i < options.size(); ++i) {
        const char c = options[i];
        if (c == '\\' && i + 1 < options.size()) {
            part += options[++i];
            inside = true;
        } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
            if (inside) parts.push_back(std::exchange(part, {}));
            inside = false;
        } else {
            part += c;
            inside = true;
        }
    }
    if (inside) parts.push_back(part);

    std::vector<std::pair<std::string, std::string>> out;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        std::string_view p = parts[i];
        if (p == "-c") {
            if (++i == parts.size()) return error{errc::invalid_argument, "-c in the start-up options lacks a setting"};
            p = parts[i];
        } else if (p.starts_with("-c") || p.starts_with("--")) {
            p.remove_prefix(2);
        } else {
            return error{errc::invalid_argument, fmt::format("the start-up option \"{}\" is not a setting", p)}.hint(
                "Only -c name=value and --name=value are taken.");
        }
        const std::size_t sign = p.find('=');
        if (sign == std::string_view::npos || sign == 0) {
            return error{errc::invalid_argument, fmt::format("the start-up option \"{}\" lacks a value", p)};
        }
        std::string name = lowered(p.substr(0, sign));
        std::replace(name.begin(), name.end(), '-', '_');
        out.emplace_back(std::move(name), std::string{p.substr(sign + 1)});
    }
    return out;
}

reading_environment environment_of(const settings& s, const driver::session_values* told, const settings& local) {
    reading_environment out;
    settings all;
    for (const char* name : {"search_path", "standard_conforming_strings"}) {
        const driver::session_value* first = told == nullptr ? nullptr : driver::find(*told, name);
        const std::string* const set_here = local.find(name);
        const std::string* const set = s.find(name);
        if (set_here != nullptr) {
            all.set(name, *set_here);
            out.fingerprint += "local " + *set_here + '\n';
        } else if (set != nullptr) {
            all.set(name, *set);
        } else if (first != nullptr) {
            all.set_from_value(name, first->value);
            out.fingerprint += *all.find(name) + '\n';
        }
    }
    if (const std::string* path = all.find("search_path")) {
        out.search_path = list_of(*path);
        std::erase_if(out.search_path, [](const std::string& name) { return name.empty() || name == "$user"; });
    }
    if (const std::string* strings = all.find("standard_conforming_strings")) {
        out.standard_conforming_strings = !says_off(*strings);
    }
    // Everything set is part of the fingerprint but what only names the client: cheap to be safe, since few settings
    // differ between clients.
    for (const auto& [name, statement] : s.all()) {
        if (name == "application_name" || name == "client_encoding" || is_our_setting(name)) continue;
        out.fingerprint += statement;
        out.fingerprint += '\n';
    }
    return out;
}

}  // namespace ashlar::proxy
