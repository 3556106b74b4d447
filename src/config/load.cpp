#include "config/load.hpp"

#include "config/parts.hpp"
#include "core/errno_text.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace ashlar::config {

namespace {

constexpr std::size_t file_most = 16u << 20;

std::string folder_of(std::string_view file) {
    const auto slash = file.rfind('/');
    return slash == std::string_view::npos ? std::string{} : std::string{file.substr(0, slash + 1)};
}

const node* value_of(section& from, std::string_view key) {
    const entry* found = from.find(key);
    return found == nullptr ? nullptr : &found->value;
}

// One that the file shows, and no variable of the environment.
bool holds_a_password(const description& what, std::string_view text) {
    const auto shows = [&](const std::string& secret) {
        return !secret.empty() && text.find(secret) != std::string_view::npos;
    };
    const auto of_database = [&](const database& d) {
        return shows(d.primary.password) ||
               std::any_of(d.replicas.begin(), d.replicas.end(), [&](const auto& r) { return shows(r.password); });
    };
    for (const auto& [name, each] : what.databases) {
        if (of_database(each)) return true;
    }
    if (what.shards_ && std::any_of(what.shards_->list.begin(), what.shards_->list.end(), of_database)) return true;
    return std::any_of(what.serve.users.begin(), what.serve.users.end(),
                       [&](const auto& user) { return shows(user.password); });
}

void advise(const description& what, std::vector<std::string>& advice) {
    if (!what.shards_) return;
    advise_on_places(what, advice);
    advise_on_ranges(*what.shards_, advice);
    if (what.shards_->function == keyspace::function_kind::list) {
        bool any_default = false;
        for (const database& each : what.shards_->list) any_default = any_default || each.is_default;
        if (!any_default) advice.push_back("no shard has default = true: a key that no list names is an error");
    }
    bool any_sharded = false;
    for (const table& each : what.tables) any_sharded = any_sharded || each.kind == table_kind::sharded;
    if (!any_sharded) advice.push_back("[shards] without a sharded table in [tables]: nothing will be spread");
}

void read_sections(reading& with, const node& root, description& into) {
    section file{with, root, ""};
    const pool_reading pool = read_pool(with, value_of(file, "pool"), "pool", {});
    if (const node* found = value_of(file, "databases")) into.databases = read_databases(with, *found, pool);
    if (const entry* found = file.find("shards")) into.shards_ = read_shards(with, *found, pool, into.databases);
    if (const entry* found = root.find("databases"); found != nullptr && into.shards_) {
        check_primary(with, found->value, into.databases, *into.shards_);
    }
    known_places known;
    known.has_shards = root.find("shards") != nullptr;
    known.databases = &into.databases;
    if (const node* found = value_of(file, "tables")) into.tables = read_tables(with, *found, known);
    if (const node* found = value_of(file, "serve")) into.serve = read_serve(with, *found);
    if (const node* found = value_of(file, "replicas")) into.replicas = read_replica_settings(with, *found);
    if (const node* found = value_of(file, "breaker")) into.breaker = read_breaker(with, *found);
    if (const node* found = value_of(file, "alerts")) into.alerts = read_alerts(with, *found);
    if (const node* found = value_of(file, "session_defaults"))
        into.session_defaults = read_session_defaults(with, *found);
    file.finish();
    if (into.databases.empty() && !known.has_shards) {
        with.wrong.add_absence({}, "", "no database", "[databases.primary] with a url, or [shards]");
    }
}

}  // namespace

reading_result read(std::string_view text, std::string_view file, const environment& variables) {
    reading_result out;
    mistakes wrong;
    out.what.file = std::string{file};
    const document parsed = read_document(text, wrong);
    if (parsed.readable) {
        reading with{variables, wrong, folder_of(file)};
        read_sections(with, parsed.root, out.what);
    }
    out.wrong = wrong.take(!parsed.whole);
    if (out.is_good()) advise(out.what, out.advice);
    return out;
}

reading_result read_file(const std::string& path, const environment& variables) {
    const auto refuse = [&](std::string why, std::string hint) {
        reading_result out;
        out.what.file = path;
        out.wrong.push_back({{}, "", std::move(why), "", std::move(hint), false});
        return out;
    };
    struct stat facts {};
    if (::stat(path.c_str(), &facts) != 0) {
        return refuse(fmt::format("cannot be read: {}", errno_text(errno)),
                      errno == ENOENT ? "`ashlar init` writes one; --config names another" : "");
    }
    if (S_ISDIR(facts.st_mode)) return refuse("is a folder", "name the file in it");
    std::ifstream in{path, std::ios::binary};
    std::ostringstream all;
    if (!in) return refuse(fmt::format("cannot be read: {}", errno_text(errno)), "");
    if (facts.st_size > static_cast<off_t>(file_most)) return refuse("is larger than 16 MiB", "");
    all << in.rdbuf();
    const std::string text = all.str();
    reading_result out = read(text, path, variables);
    if (out.is_good() && (facts.st_mode & S_IROTH) != 0 && holds_a_password(out.what, text)) {
        out.advice.push_back(path + " holds passwords, and every user of this machine may read it: chmod o-r " + path);
    }
    return out;
}

error to_error(const reading_result& bad) {
    const std::size_t n = bad.wrong.size();
    return error{errc::config_invalid, fmt::format("{} has {} mistake{}", bad.what.file, n, n == 1 ? "" : "s")}
        .detail(to_string(bad.wrong, bad.what.file))
        .hint("`ashlar check` lists them again.");
}

result<description> load(const std::string& path, const environment& variables) {
    reading_result got = read_file(path, variables);
    if (!got.is_good()) return to_error(got);
    return std::move(got.what);
}

}  // namespace ashlar::config
