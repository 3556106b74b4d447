// Runs tests/golden/route/*.test: a schema, statements, and what `explain (ashlar)` says of each, or why it is refused.
//
//     # a comment
//     map        modulo, integer, 4 shards        the shard map of the statements that follow
//     dialect    sqlite                           default: postgres
//     collation  deterministic                    of the databases; default: bytes
//     primary    none                             no database for unsharded tables
//     catalogue  primary                          it has all tables, and clients see its catalogue; default: shard_1's
//     types      23, 0                            the types that the client declares for $1, $2 …
//     sharded    orders by user_id: id int8, user_id int8, total numeric
//     reference  countries: code text, name text
//     unsharded  settings: name text
//     unique     orders: user_id, id
//
//     query      select * from orders where user_id = $1
//     with       7 | null                         the parameters' values: text, or null
//     ----
//     route      …                                up to an empty line
//
// A column is `name type`, with `collate bytes|system_locale|deterministic|nondeterministic`, `volatile` (default) or
// `serial` behind it, `oids` (a type that holds some), `numbered` (by default an oid of the server's own); the type 0 is one
// that is not built in. ASHLAR_GOLDEN_ACCEPT=1 writes what came out.
#include "route/plan.hpp"
#include "route/types.hpp"
#include "support/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

using namespace ashlar;
using namespace ashlar::route;

namespace {

std::string_view trimmed(std::string_view s) {
    while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
    while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
    return s;
}

std::vector<std::string> cut(std::string_view s, char at) {
    std::vector<std::string> out;
    for (std::size_t start = 0; start <= s.size();) {
        const std::size_t end = std::min(s.find(at, start), s.size());
        out.emplace_back(trimmed(s.substr(start, end - start)));
        start = end + 1;
    }
    return out;
}

collation_kind collation_named(std::string_view name) {
    if (name == "bytes") return collation_kind::bytes;
    if (name == "system_locale") return collation_kind::system_locale;
    if (name == "nondeterministic") return collation_kind::nondeterministic;
    return collation_kind::deterministic;
}

struct world {
    catalogue known;
    std::vector<std::uint32_t> types;

    world() { known.default_collation.kind = collation_kind::bytes; }

    bool obey(std::string_view word, const std::string& rest) {
        if (word == "map") return make_map(rest);
        if (word == "dialect") return known.dialect = rest == "sqlite" ? dialect::sqlite : dialect::postgres, true;
        if (word == "collation") return known.default_collation.kind = collation_named(rest), true;
        if (word == "primary") return known.unsharded_database = rest == "none" ? "" : rest, true;
        if (word == "catalogue") return known.unsharded_database_has_all = rest == known.unsharded_database, true;
        if (word == "types") {
            types.clear();
            for (const auto& t : cut(rest, ',')) types.push_back(static_cast<std::uint32_t>(std::stoul(t)));
            return true;
        }
        if (word == "sharded" || word == "reference" || word == "unsharded") return add_table(word, rest);
        if (word == "unique") {
            const auto parts = cut(rest, ':');
            for (const auto& name : {parts[0], "public." + parts[0]})
                known.tables[name].unique_keys.push_back(cut(parts[1], ','));
            return true;
        }
        return false;
    }

    bool make_map(const std::string& rest) {
        const auto parts = cut(rest, ',');
        std::vector<keyspace::shard_traits> shards;
        const int count = std::stoi(parts[2]);
        for (int i = 1; i <= count; ++i) {
            keyspace::shard_traits t;
            t.name = fmt::format("shard_{}", i);
            shards.push_back(std::move(t));
        }
        known.shards =
            keyspace::shard_map::make(*keyspace::function_named(parts[0]), *keyspace::key_type_named(parts[1]), shards)
                .value();
        return true;
    }

    bool add_table(std::string_view word, const std::string& rest) {
        const auto parts = cut(rest, ':');
        const auto head = cut(parts[0], ' ');
        table_facts t;
        t.schema = "public";
        t.name = head[0];
        if (const auto point = t.name.find('.'); point != std::string::npos) {
            t.schema = t.name.substr(0, point);
            t.name = t.name.substr(point + 1);
        }
        t.kind = word == "sharded"     ? table_kind::sharded
                 : word == "reference" ? table_kind::reference
                                       : table_kind::unsharded;
        if (head.size() == 3) t.shard_key = head[2];
        for (const auto& column : parts.size() > 1 ? cut(parts[1], ',') : std::vector<std::string>{})
            t.columns.push_back(make_column(column));
        known.tables[t.schema + "." + t.name] = t;
        if (t.schema == "public") known.tables[t.name] = t;
        return true;
    }

    column_facts make_column(const std::string& said) {
        const auto words = cut(said, ' ');
        column_facts c;
        c.name = words[0];
        sql::type_name type;
        type.name = words[1];
        c.type = words[1] == "0" ? 0 : type_named(type);
        for (const auto& [name, oid] : std::map<std::string_view, std::uint32_t>{
                 {"oid", oid::oid}, {"regclass", 2205}, {"regclass[]", 2210}, {"regtype", 2206}, {"regconfig", 3734}}) {
            if (words[1] == name) c.type = oid;
        }
        c.collation = known.default_collation;
        for (std::size_t i = 2; i < words.size(); ++i) {
            if (words[i] == "volatile") c.has_volatile_default = true;
            if (words[i] == "serial") c.has_volatile_default = c.default_is_sequence = true;
            if (words[i] == "oids") c.holds_oids = true;
            if (words[i] == "numbered") c.default_is_oid = true;
            if (words[i] == "collate") {
                c.collation.kind = collation_named(words[++i]);
                if (c.collation != known.default_collation) known.any_column_collation_differs = true;
            }
        }
        return c;
    }
};

std::string answer(const world& w, const std::string& query, const std::vector<std::string>& values) {
    const auto refused = [](const error& e) {
        std::string out = fmt::format("refused  {} {}{}\n", e.sqlstate(), e.message(),
                                      e.position() > 0 ? fmt::format(", at {}", e.position()) : "");
        if (!e.hint().empty()) out += "hint     " + e.hint() + "\n";
        return out;
    };
    auto plan = plan_statement(query, w.known, {}, w.types);
    if (!plan) return refused(plan.error());
    std::vector<bound_parameter> bound;
    for (std::size_t i = 0; i < values.size(); ++i) {
        bound_parameter p;
        if (values[i] != "null") p.bytes = values[i];
        if (i < w.types.size()) p.type = w.types[i];
        bound.push_back(p);
    }
    auto lines = (*plan)->explain(bound);
    if (!lines) return refused(lines.error());
    std::string out;
    for (const auto& line : *lines) out += line + "\n";
    // the short way must agree with the long one
    auto one = (*plan)->bind_one(bound);
    auto all = (*plan)->bind(bound);
    if (one && all && one->has_value() && (all->where != target::one_shard || all->steps.front().shard != **one))
        out += "bind_one and bind DISAGREE\n";
    if (one && all && !one->has_value() && all->where == target::one_shard)
        out += "bind_one finds no shard where bind finds one\n";
    return out;
}

void run(const std::filesystem::path& path) {
    std::istringstream in{test::read_file(path.string())};
    std::ostringstream made;
    std::string line;
    world w;
    bool failed = false;
    int number = 0;
    while (std::getline(in, line)) {
        ++number;
        const auto space = line.find(' ');
        const std::string word = line.substr(0, space),
                          rest{trimmed(space == std::string::npos ? "" : std::string_view{line}.substr(space))};
        made << line << '\n';
        if (line.empty() || line[0] == '#') continue;
        if (word != "query") {
            ASSERT_TRUE(w.obey(word, rest)) << path << ":" << number << ": " << line;
            continue;
        }
        const int where = number;
        std::string query = rest;
        std::vector<std::string> values;
        while (std::getline(in, line) && line != "----") {
            ++number;
            made << line << '\n';
            if (line.starts_with("with ")) {
                values = cut(std::string_view{line}.substr(5), '|');
            } else {
                query += "\n" + line;
            }
        }
        ++number;
        made << "----\n";
        std::string expected;
        while (std::getline(in, line) && !line.empty()) {
            ++number;
            expected += line + "\n";
        }
        ++number;
        const std::string got = answer(w, query, values);
        made << got << '\n';
        if (got != expected) {
            failed = true;
            if (!std::getenv("ASHLAR_GOLDEN_ACCEPT"))
                ADD_FAILURE() << path.filename() << ":" << where << ": " << query << "\nexpected\n"
                              << expected << "got\n"
                              << got;
        }
    }
    std::string text = made.str();
    while (text.ends_with("\n\n")) text.pop_back();
    if (failed && std::getenv("ASHLAR_GOLDEN_ACCEPT")) std::ofstream{path} << text;
}

}  // namespace

TEST(Routing, SaysWhereEachStatementGoesAndWhy) {
    for (const auto& entry : std::filesystem::directory_iterator{test::source_path("tests/golden/route")}) {
        if (entry.path().extension() == ".test") run(entry.path());
    }
}
