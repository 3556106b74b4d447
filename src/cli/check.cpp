// `ashlar check`: every mistake in the configuration at once; and a summary when there is none.

#include "cli/commands.hpp"
#include "cli/deep_check.hpp"
#include "cli/json_text.hpp"
#include "cli/run.hpp"
#include "cli/terminal.hpp"

#include "config/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace ashlar::cli {

namespace {

std::string kind_of(const config::table& t) {
    switch (t.kind) {
        case config::table_kind::sharded:
            return "sharded by " + t.shard_key;
        case config::table_kind::reference:
            return "reference: the same rows on every shard";
        case config::table_kind::unsharded:
            return "unsharded, on " + (t.database.empty() ? "primary" : t.database);
    }
    return {};
}

std::string count_of(std::size_t mistakes) {
    return fmt::format("{} mistake{}.", mistakes, mistakes == 1 ? "" : "s");
}

std::string name_of(const config::table& t) {
    return t.schema.empty() ? t.name : t.schema + "." + t.name;
}

std::string share_of(const config::database& d, keyspace::function_kind function) {
    std::string text;
    if (function == keyspace::function_kind::ring && d.weight != 1) text = fmt::format("weight {}", d.weight);
    if (function == keyspace::function_kind::range) {
        text = fmt::format("{} up to {}", d.from.value_or("everything below"), d.until.value_or("everything above"));
    }
    if (function == keyspace::function_kind::list) {
        text = fmt::format("{} key{}", d.values.size(), d.values.size() == 1 ? "" : "s");
        if (d.is_default) text += " and all others";
    }
    return text;
}

std::string place_line(const config::database& d, std::size_t name_width, std::size_t place_width, std::string note) {
    std::string text = fmt::format("  {:<{}}  {:<{}}", d.name, name_width, d.primary.display(), place_width);
    if (!d.replicas.empty()) {
        if (!note.empty()) note += ", ";
        note += fmt::format("{} replica{}", d.replicas.size(), d.replicas.size() == 1 ? "" : "s");
    }
    if (!note.empty()) text += "  " + note;
    while (text.ends_with(' ')) text.pop_back();
    return text + "\n";
}

std::string summary_of(const config::description& what) {
    std::size_t names = 0, places = 0;
    const auto widen = [&](const config::database& d) {
        names = std::max(names, d.name.size());
        places = std::max(places, d.primary.display().size());
    };
    for (const auto& [name, d] : what.databases) widen(d);
    if (what.shards_) std::for_each(what.shards_->list.begin(), what.shards_->list.end(), widen);
    for (const config::table& t : what.tables) names = std::max(names, name_of(t).size());

    std::string text;
    if (!what.databases.empty()) text += "\n" + styled("Databases", style::bold) + "\n";
    for (const auto& [name, d] : what.databases) text += place_line(d, names, places, "");
    if (what.shards_) {
        text += "\n" + styled("Shards", style::bold) +
                fmt::format(": {} by {} of a key of type {}\n", what.shards_->list.size(),
                            keyspace::name_of(what.shards_->function), keyspace::name_of(what.shards_->key_type));
        for (const config::database& d : what.shards_->list) {
            text += place_line(d, names, places, share_of(d, what.shards_->function));
        }
    }
    if (!what.tables.empty()) text += "\n" + styled("Tables", style::bold) + "\n";
    for (const config::table& t : what.tables) text += fmt::format("  {:<{}}  {}\n", name_of(t), names, kind_of(t));
    if (what.serve.given) {
        const auto& s = what.serve;
        const bool v6 = s.listen_addr.find(':') != std::string::npos;
        text += "\n" + styled("Serve", style::bold) +
                fmt::format("\n  {}:{}, database {}, {}\n", v6 ? "[" + s.listen_addr + "]" : s.listen_addr,
                            s.listen_port, s.database, s.auth_type);
    }
    return text;
}

std::string json_of(const config::reading_result& got, const std::optional<deep_findings>& deep) {
    const std::vector<finding> found = deep ? deep->wrong : std::vector<finding>{};
    json_array wrong, advice, databases, shards, tables;
    for (const config::mistake& m : got.wrong) {
        json_object each;
        each.add("line", m.at.line).add("column", m.at.column).add("subject", m.subject).add("found", m.found);
        each.add("expected", m.expected).add("hint", m.hint);
        wrong.add(each);
    }
    for (const std::string& a : got.advice) advice.add(a);
    for (const finding& f : found) {
        json_object each;
        each.add("found", f.what).add("hint", f.hint);
        wrong.add(each);
    }
    json_object all;
    all.add("file", got.what.file).add("good", got.is_good() && found.empty()).add_raw("mistakes", wrong.text());
    all.add_raw("advice", advice.text());
    if (!got.is_good()) return all.text();
    const auto described = [](const config::database& d) {
        json_object each;
        each.add("name", d.name).add("url", d.primary.display()).add("replicas", d.replicas.size());
        return each;
    };
    for (const auto& [name, d] : got.what.databases) databases.add(described(d));
    all.add_raw("databases", databases.text());
    if (got.what.shards_) {
        all.add("function", keyspace::name_of(got.what.shards_->function));
        all.add("key_type", keyspace::name_of(got.what.shards_->key_type));
        for (const config::database& d : got.what.shards_->list) shards.add(described(d));
        all.add_raw("shards", shards.text());
    }
    for (const config::table& t : got.what.tables) {
        json_object each;
        constexpr std::string_view kinds[] = {"sharded", "reference", "unsharded"};
        each.add("name", name_of(t)).add("kind", kinds[static_cast<std::size_t>(t.kind)]);
        if (t.kind == config::table_kind::sharded) each.add("shard_key", t.shard_key);
        tables.add(each);
    }
    all.add_raw("tables", tables.text());
    if (deep && !deep->json.empty()) all.add_raw("deep", deep->json);
    return all.text();
}

}  // namespace

int run_check(const check_options& asked) {
    const config::reading_result got = config::read_file(asked.config, config::process_environment());
    std::optional<deep_findings> deep;
    if (asked.deep && got.is_good()) {
        auto looked = look_into_databases(got.what, asked.rows);
        if (!looked) return print_error(looked.error()), exit_failed;
        deep = std::move(*looked);
    }
    const std::vector<finding> found = deep ? deep->wrong : std::vector<finding>{};
    const int code = got.is_good() && found.empty() ? exit_ok : exit_failed;
    if (asked.json) {
        print(json_of(got, deep) + "\n");
        return code;
    }
    if (!got.is_good()) {
        print(config::to_string(got.wrong, asked.config) + "\n\n");
        print(styled(count_of(got.wrong.size()), style::red) + "\n");
        return code;
    }
    for (const finding& f : found) print(fmt::format("{}\n  {}\n", f.what, f.hint));
    if (!found.empty()) {
        print("\n" + styled(count_of(found.size()), style::red) + "\n");
        return code;
    }
    print(styled(asked.config + " is good.", style::green) + "\n" + summary_of(got.what));
    for (const std::string& a : got.advice) print("\n" + styled("Note", style::yellow) + ": " + a + ".\n");
    if (deep) print(deep->text);
    return code;
}

}  // namespace ashlar::cli
