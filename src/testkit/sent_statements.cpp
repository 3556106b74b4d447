#include <ashlar/testkit.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>

namespace ashlar::testkit {

namespace {

struct reporter {
    std::mutex guard;
    std::function<void(const std::string&)> tell;
};

reporter& the_reporter() {
    static reporter one;
    return one;
}

std::string_view name_of(server_role role) {
    return role == server_role::reading ? "reading" : "writing";
}

std::string line_of(const statement_event& each) {
    std::string line = fmt::format("{} ({}", each.server, name_of(each.role));
    if (each.in_transaction) line += ", in a transaction";
    line += "): " + each.sql;
    if (each.failure) line += fmt::format("   failed: {}", each.failure->message());
    return line;
}

}  // namespace

void report_failures_to(std::function<void(const std::string&)> tell) {
    reporter& to = the_reporter();
    const std::lock_guard held{to.guard};
    to.tell = std::move(tell);
}

std::size_t sent_statements::count(std::string_view database) const {
    const auto went_there = [&](const statement_event& each) { return each.database == database; };
    return static_cast<std::size_t>(std::ranges::count_if(all_, went_there));
}

std::map<std::string, std::size_t> sent_statements::per_database() const {
    std::map<std::string, std::size_t> counts;
    for (const statement_event& each : all_) ++counts[each.database];
    return counts;
}

std::string sent_statements::describe() const {
    std::string lines;
    for (const statement_event& each : all_) lines += line_of(each) + "\n";
    return lines;
}

void sent_statements::fail(const std::string& expected) const {
    std::string text = "expected " + expected;
    text += all_.empty() ? ", but nothing was sent" : ", but sent were:\n" + describe();
    if (text.ends_with('\n')) text.pop_back();
    std::function<void(const std::string&)> tell;
    {
        reporter& to = the_reporter();
        const std::lock_guard held{to.guard};
        tell = to.tell;
    }
    if (!tell) throw expectation_failed{text};
    tell(text);
}

template <class As>
const sent_statements& sent_statements::expect_each(const std::string& what, const As& is_so) const {
    if (all_.empty() || !std::ranges::all_of(all_, is_so)) fail(what);
    return *this;
}

const sent_statements& sent_statements::expect_shard(std::string_view database) const {
    return expect_each(fmt::format("every statement on {}", database),
                       [&](const statement_event& each) { return each.database == database; });
}

const sent_statements& sent_statements::expect_shards(const std::set<std::string>& databases) const {
    std::set<std::string> seen;
    for (const statement_event& each : all_) seen.insert(each.database);
    if (seen != databases) fail(fmt::format("statements on {}, each of them and no other", fmt::join(databases, ", ")));
    return *this;
}

const sent_statements& sent_statements::expect_role(server_role role) const {
    return expect_each(fmt::format("every statement to be asked for {}", name_of(role)),
                       [&](const statement_event& each) { return each.role == role; });
}

const sent_statements& sent_statements::expect_replica() const {
    return expect_each("every statement on a replica", [](const statement_event& each) { return each.on_replica; });
}

const sent_statements& sent_statements::expect_primary() const {
    return expect_each("every statement on a server that takes the writes",
                       [](const statement_event& each) { return !each.on_replica; });
}

const sent_statements& sent_statements::expect_transaction() const {
    return expect_each("every statement in a transaction",
                       [](const statement_event& each) { return each.in_transaction; });
}

const sent_statements& sent_statements::expect_count(std::size_t statements) const {
    if (count() != statements) fail(fmt::format("{} statements", statements));
    return *this;
}

const sent_statements& sent_statements::expect_count(std::string_view database, std::size_t statements) const {
    if (count(database) != statements) fail(fmt::format("{} statements on {}", statements, database));
    return *this;
}

struct recorder::inside {
    mutable std::mutex guard;
    std::vector<statement_event> noted;
};

recorder::recorder() : inside_(std::make_shared<inside>()) {}

std::function<void(const statement_event&)> recorder::observer() const {
    return [to = inside_](const statement_event& each) {
        const std::lock_guard held{to->guard};
        to->noted.push_back(each);
    };
}

sent_statements recorder::take() const {
    const std::lock_guard held{inside_->guard};
    return sent_statements{std::exchange(inside_->noted, {})};
}

std::size_t recorder::size() const {
    const std::lock_guard held{inside_->guard};
    return inside_->noted.size();
}

sent_statements recorder::since(std::size_t number) const {
    const std::lock_guard held{inside_->guard};
    const auto first = inside_->noted.begin() + static_cast<std::ptrdiff_t>(std::min(number, inside_->noted.size()));
    return sent_statements{std::vector<statement_event>{first, inside_->noted.end()}};
}

}  // namespace ashlar::testkit
