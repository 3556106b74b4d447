// `ashlar load TABLE FILE`: a file's rows into a table, each to the shard of its key, all shards at once.
//
// One thread reads and splits (splitter.hpp), one for each database commits (writer.hpp). What is in is known by the
// databases themselves (target.hpp), so that the same command goes on after any end and no row is lost or doubled.

#include "cli/commands.hpp"
#include "cli/json_text.hpp"
#include "cli/load/named_table.hpp"
#include "cli/load/progress_bar.hpp"
#include "cli/load/splitter.hpp"
#include "cli/run.hpp"
#include "cli/terminal.hpp"

#include "config/load.hpp"
#include "config/spelling.hpp"
#include "core/assert.hpp"
#include "core/errno_text.hpp"
#include "core/letter_case.hpp"
#include "route/hindering.hpp"
#include "route/key_column.hpp"
#include "route/refusal.hpp"
#include "route/types.hpp"
#include "topology/world.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>

namespace ashlar::cli {

namespace {

using namespace std::chrono_literals;
using namespace load;

// A file's bytes, mapped: they are read once and in order, by several threads.
class mapped_file {
public:
    ~mapped_file() {
        if (at_ != nullptr) ::munmap(at_, size_);
    }
    status open(const std::string& path) {
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        struct stat facts {};
        if (fd < 0 || ::fstat(fd, &facts) != 0) {
            const error why{errc::io_failure, path + " cannot be read: " + errno_text(errno)};
            if (fd >= 0) ::close(fd);
            return why;
        }
        if (!S_ISREG(facts.st_mode)) {
            ::close(fd);
            return error{errc::invalid_argument, path + " is not a regular file"}.hint(
                "A load can go on after a failure only if it can read the file again.");
        }
        size_ = static_cast<std::size_t>(facts.st_size);
        if (size_ > 0) {
            void* const mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
            if (mapped != MAP_FAILED) at_ = mapped;
        }
        ::close(fd);
        if (size_ > 0 && at_ == nullptr)
            return error{errc::io_failure, path + " cannot be mapped: " + errno_text(errno)};
        if (at_ != nullptr) ::madvise(at_, size_, MADV_SEQUENTIAL);
        return {};
    }
    std::string_view bytes() const noexcept { return {static_cast<const char*>(at_), size_}; }

private:
    void* at_ = nullptr;
    std::size_t size_ = 0;
};

// Everything that is decided before the first row moves.
struct preparation {
    config::description described;
    mapped_file file;
    route::table_facts table;
    load::plan plan;
    routing how;
    std::vector<const config::database*> targets;
    std::size_t data_begin = 0;  // behind the head
    std::uint64_t data_line = 1;
};

result<record_style> style_of(const load_options& asked) {
    record_style style;
    style.format = asked.format == "text" ? file_format::text : file_format::csv;
    style.delimiter = style.format == file_format::text ? '\t' : ',';
    style.null_text = style.format == file_format::text ? "\\N" : "";
    if (asked.null_text) style.null_text = *asked.null_text;
    if (asked.delimiter.empty()) return style;
    const std::string& d = asked.delimiter;
    style.delimiter = d == "\\t" || d == "tab" ? '\t' : d[0];
    const bool usable =
        (d.size() == 1 || d == "\\t" || d == "tab") && std::strchr("\"\\\r\n", style.delimiter) == nullptr;
    if (!usable) {
        return error{errc::invalid_argument,
                     "--delimiter must be one byte, or tab, and no quote, backslash or line end"};
    }
    return style;
}

// What the databases say of the table, read through pools that end here.
result<std::shared_ptr<const route::catalogue>> read_catalogue(config::description described) {
    for (auto& [name, d] : described.databases) d.pool.min_connections = 0;
    if (described.shards_) {
        for (config::database& d : described.shards_->list) d.pool.min_connections = 0;
    }
    auto world = topology::world::open(std::move(described));
    if (!world) return std::move(world).error();
    const auto loop = io::make_poll_loop();
    (*world)->start();
    status done = loop->run((*world)->read_catalogue(*loop, deadline::in(60s)));
    if (!done) return std::move(done).error();
    for (const auto& [name, why] : (*world)->unread()) return why;  // rows may go to any of them
    return (*world)->catalogue();
}

status find_table(preparation& p, const std::string& written, const route::catalogue& known) {
    const auto dot = written.find('.');
    const std::string schema = dot == std::string::npos ? "" : written.substr(0, dot);
    const std::string name = dot == std::string::npos ? written : written.substr(dot + 1);
    const route::table_facts* found = known.find(schema, name);
    if (found == nullptr || found->columns.empty()) {
        std::vector<std::string_view> names;
        for (const auto& [each, facts] : known.tables) names.push_back(each);
        return error{errc::table_unknown, "the databases have no table " + written}.hint(
            config::did_you_mean(written, names));
    }
    if (found->differs != nullptr) return route::refuse_differing(*found);
    if (found->is_view) return error{errc::unsupported, written + " is a view"}.hint("Load into its tables.");
    p.table = *found;
    return {};
}

bool has_head(const preparation& p, const load_options& asked) {
    return asked.head.value_or(p.plan.style.format == file_format::csv);
}

// The columns of the file: from its head, from --columns, or all of the table's in their order.
status name_columns(preparation& p, const load_options& asked) {
    if (has_head(p, asked)) {
        record_style style = p.plan.style;
        style.null_text = std::string(1, '\0');  // no name is NULL
        record_reader reader{p.plan.file, style};
        record first;
        if (!reader.next(first)) return error{errc::bad_value, asked.file + " is empty, and has no head"};
        if (!first.problem.empty()) return error{errc::bad_value, "line 1: " + first.problem};
        for (const field& name : first.fields) p.plan.columns.emplace_back(name.value_or(""));
        if (!p.plan.columns.empty() && p.plan.columns[0].starts_with("\xef\xbb\xbf")) p.plan.columns[0].erase(0, 3);
        p.data_begin = reader.offset();
        p.data_line = reader.line();
    }
    if (!asked.columns.empty()) p.plan.columns = asked.columns;
    if (p.plan.columns.empty()) {
        for (const route::column_facts& c : p.table.columns) {
            const bool numbered = c.default_is_sequence && p.table.kind != route::table_kind::unsharded;
            if (!c.generated || numbered) p.plan.columns.push_back(c.name);
        }
    }
    return {};
}

status find_columns(preparation& p, const load_options& asked) {
    std::vector<std::string_view> names;
    for (const route::column_facts& c : p.table.columns) names.push_back(c.name);
    for (std::size_t i = 0; i < p.plan.columns.size(); ++i) {
        const std::string& name = p.plan.columns[i];
        const route::column_facts* facts = p.table.find(name);
        if (facts == nullptr) {
            return error{errc::column_unknown, p.table.name + " has no column \"" + name + "\""}
                .detail("Its columns are " + config::listed(names, "and") + ".")
                .hint(has_head(p, asked) && asked.columns.empty()
                          ? "The first line of the file is taken for the names of its columns; "
                            "--no-header says that it is not. " +
                                config::did_you_mean(name, names)
                          : config::did_you_mean(name, names));
        }
        if (std::find(p.plan.columns.begin(), p.plan.columns.begin() + static_cast<std::ptrdiff_t>(i), name) !=
            p.plan.columns.begin() + static_cast<std::ptrdiff_t>(i)) {
            return error{errc::invalid_argument, "the file names column \"" + name + "\" twice"};
        }
        if (p.table.kind != route::table_kind::unsharded && route::holds_objects(*facts)) {
            return error{errc::unsupported, "column \"" + name + "\" holds oids, which differ from server to server"}
                .hint("Load the other columns, and set this one by the names of what it stands for.");
        }
        p.plan.types.push_back(facts->type);
    }
    return {};
}

// Where each shard would number the rows for itself, the file must have the numbers.
status check_numbers(preparation& p) {
    if (p.table.kind == route::table_kind::unsharded) return {};
    for (const route::column_facts& c : p.table.columns) {
        const auto at = std::find(p.plan.columns.begin(), p.plan.columns.end(), c.name);
        if (!c.default_is_sequence) continue;
        if (at == p.plan.columns.end()) {
            return error{errc::unsupported, fmt::format("the file has no column \"{}\", which a sequence numbers: each "
                                                        "shard would count for itself",
                                                        c.name)}
                .hint("Add the column to the file, with a number for each row.");
        }
        p.how.numbered.push_back(static_cast<std::size_t>(at - p.plan.columns.begin()));
    }
    return {};
}

// Triggers, foreign keys and the like that forbid inserts.
status check_hindrances(const preparation& p) {
    const route::columns_written columns{p.plan.columns, p.plan.columns};
    const bool several = p.table.kind != route::table_kind::unsharded;
    const route::hindrance* const found = route::first_hindrance(p.table, route::verb::insert, &columns, several);
    if (found == nullptr) return {};
    return error{errc::unsupported, fmt::format("{} cannot be loaded: it is a table {}", p.table.name, found->what)}
        .hint(found->hint);
}

status find_targets(preparation& p, const route::catalogue& known) {
    if (p.table.kind == route::table_kind::unsharded) {
        const std::string& name = p.table.database.empty() ? known.unsharded_database : p.table.database;
        const auto found = p.described.databases.find(name);
        if (found == p.described.databases.end()) return error{errc::database_unknown, "there is no database " + name};
        p.targets.push_back(&found->second);
        return {};
    }
    for (const config::database& d : p.described.shards_->list) p.targets.push_back(&d);
    if (p.table.kind == route::table_kind::reference) return {};
    const auto& columns = p.plan.columns;
    const auto key = std::find(columns.begin(), columns.end(), p.table.shard_key);
    if (key == columns.end()) {
        return error{errc::shard_key_absent,
                     "the file has no column \"" + p.table.shard_key + "\", the shard key of " + p.table.name};
    }
    if (known.shards) {
        const auto misfit = route::misfit_of(p.table, known.shards->key_type());
        if (misfit) return error{errc::unsupported, "cannot load: " + misfit->what}.hint(misfit->hint);
    }
    p.how.key_column = static_cast<std::size_t>(key - columns.begin());
    p.how.key_length_max = route::key_length_max(p.table);
    p.how.map = known.shards;
    return {};
}

// Some tables are found without the catalogue: the load names their database, [tables] names it, or the primary is MySQL, whose
// statements are not planned. This returns that database. nullptr: look in the catalogue.
result<const config::database*> named_database(const config::description& described, const load_options& asked) {
    const config::database* const primary = described.primary();
    std::string name = asked.database;
    for (const config::table& each : described.tables) {
        const bool is_it = asked.table == each.name || asked.table == each.schema + "." + each.name;
        if (name.empty() && is_it) name = each.database;
    }
    if (name.empty() || (primary != nullptr && name == primary->name)) {
        const bool is_planned = primary == nullptr || primary->primary.engine != config::engine::mysql;
        return is_planned ? nullptr : primary;
    }
    if (const auto found = described.databases.find(name); found != described.databases.end()) return &found->second;
    if (described.shards_) {
        for (const config::database& each : described.shards_->list) {
            if (each.name != name) continue;
            return error{errc::unsupported, name + " is a shard, and a load sends each row to the shard of its key"}
                .hint("Leave out --database.");
        }
    }
    std::vector<std::string_view> names;
    for (const auto& [each, d] : described.databases) names.push_back(each);
    return error{errc::database_unknown, "there is no database " + name}.hint(config::did_you_mean(name, names));
}

// The names of columns as the table spells them, where the engine takes them in any case.
void spell_columns(preparation& p) {
    for (std::string& name : p.plan.columns) {
        if (p.table.find(name) != nullptr) continue;
        for (const route::column_facts& c : p.table.columns) {
            if (lowered(c.name) == lowered(name)) name = c.name;
        }
    }
}

// The table, its columns and its database, where the catalogue has no part in it.
status prepare_named(preparation& p, const load_options& asked, const config::database& where) {
    auto found = find_in_database(where, asked.table);
    if (!found) return std::move(found).error();
    p.table = std::move(*found);
    if (status s = name_columns(p, asked); !s) return s;
    if (where.primary.engine == config::engine::mysql) spell_columns(p);
    if (status s = find_columns(p, asked); !s) return s;
    p.targets.push_back(&where);
    return {};
}

status prepare_planned(preparation& p, const load_options& asked) {
    auto known = read_catalogue(p.described);
    if (!known) return std::move(known).error();
    if (status s = find_table(p, asked.table, **known); !s) return s;
    if (status s = name_columns(p, asked); !s) return s;
    if (status s = find_columns(p, asked); !s) return s;
    if (status s = find_targets(p, **known); !s) return s;
    if (status s = check_numbers(p); !s) return s;
    return check_hindrances(p);
}

status prepare(preparation& p, const load_options& asked) {
    auto described = config::load(asked.config, config::process_environment());
    if (!described) return std::move(described).error();
    p.described = std::move(*described);
    auto style = style_of(asked);
    if (!style) return std::move(style).error();
    p.plan.style = *style;
    if (status s = p.file.open(asked.file); !s) return s;
    p.plan.file = p.file.bytes();
    auto named = named_database(p.described, asked);
    if (!named) return std::move(named).error();
    status table = *named == nullptr ? prepare_planned(p, asked) : prepare_named(p, asked, **named);
    if (!table) return table;
    p.plan.schema = p.table.schema;
    p.plan.table = p.table.name;
    return {};
}

journal_head head_of(const preparation& p) {
    journal_head h;
    h.table = p.plan.schema + "." + p.plan.table;
    h.style = fmt::format("{} {:02x} {}", p.plan.style.format == file_format::csv ? "csv" : "text",
                          static_cast<unsigned char>(p.plan.style.delimiter), p.plan.style.null_text);
    for (const std::string& c : p.plan.columns) h.columns += c + ",";
    for (const config::database* d : p.targets) h.targets += d->primary.display() + " ";
    return h;
}

std::unique_ptr<target> make_target(const load::plan& what, const config::database& where) {
    switch (where.primary.engine) {
        case config::engine::sqlite:
            return make_sqlite_target(what, where);
        case config::engine::postgres:
            return make_postgres_target(what, where);
        case config::engine::mysql:
            return make_mysql_target(what, where);
    }
    ASHLAR_ASSERT(false);
    return nullptr;
}

// All at once: with many shards, one after the other would take its time.
status open_all(std::vector<std::unique_ptr<writer>>& writers) {
    std::vector<std::future<status>> opening;
    for (auto& each : writers) opening.push_back(std::async(std::launch::async, [&each] { return each->open(); }));
    status first;
    for (auto& each : opening) {
        if (status s = each.get(); !s && first) first = std::move(s);
    }
    return first;
}

// Hands everything over and waits for the writers. The first error that stopped the load.
status run_all(const preparation& p, const load_options& asked, std::vector<std::unique_ptr<writer>>& writers,
               bad_rows& bad, counters& all) {
    for (auto& each : writers) each->start();
    const progress_bar bar{p.table.name, p.plan.file.size() - p.data_begin, p.how.map ? 1 : writers.size(), all};
    splitter split{p.plan, p.how, writers, bad, asked.batch_rows};
    status done = split.run(p.data_begin, p.data_line);  // what was handed over before an error is committed still
    for (auto& each : writers) {
        if (status s = each->finish(); !s && done) done = std::move(s);
    }
    return done;
}

struct outcome {
    double seconds = 0;
    std::uint64_t rows = 0, bad = 0;
    bool resumed = false;
};

std::string json_of(const preparation& p, const outcome& o, const std::vector<std::unique_ptr<writer>>& writers) {
    json_array databases;
    for (const auto& each : writers) {
        databases.add(json_object{}.add("database", each->name()).add("rows", each->rows()));
    }
    json_object out;
    out.add("table", p.table.name).add("rows", o.rows).add("bad_rows", o.bad).add("resumed", o.resumed);
    out.add("seconds", o.seconds).add_raw("databases", databases.text());
    return out.text() + "\n";
}

std::string text_of(const preparation& p, const outcome& o, const std::vector<std::unique_ptr<writer>>& writers) {
    const double rate = o.seconds > 0 ? static_cast<double>(o.rows) / o.seconds : 0;
    std::string text =
        fmt::format("{}: {} row{}{} in {:.1f} s ({}/s)", p.table.name, with_commas(o.rows), o.rows == 1 ? "" : "s",
                    o.resumed ? " more" : "", o.seconds, with_commas(static_cast<std::uint64_t>(rate)));
    if (!p.how.map && writers.size() > 1) text += fmt::format(", the same on each of {} shards", writers.size());
    if (o.bad > 0) text += fmt::format("; {} bad rows set aside", o.bad);
    text += "\n";
    if (p.how.map && writers.size() <= 16) {
        for (const auto& each : writers)
            text += fmt::format("  {:<12} {:>12}\n", each->name(), with_commas(each->rows()));
    }
    return text;
}

// Which bytes were loaded: the same hash as the databases' checkpoints carry.
std::string fingerprint(std::string_view file) {
    return fmt::format("{} bytes {:016x}", file.size(), XXH3_64bits(file.data(), file.size()));
}

int tell_finished(const preparation& p, const load_options& asked, const journal::ending& then) {
    if (asked.json) {
        json_object out;
        out.add("table", p.table.name).add("rows", 0).add("loaded_before", then.rows).add("loaded_at", then.at);
        print(out.text() + "\n");
    } else {
        print(fmt::format("{}: nothing to do, all {} rows of {} went in at {}. --restart loads them once more.\n",
                          p.table.name, with_commas(then.rows), asked.file, then.at));
    }
    return exit_ok;
}

int run(const load_options& asked) {
    preparation p;
    if (status s = prepare(p, asked); !s) return print_error(s.error()), exit_failed;
    journal notes;
    const std::string journal_path =
        asked.journal.empty() ? asked.file + ".ashlar-load-" + p.table.name : asked.journal;
    if (status s = notes.open(journal_path, head_of(p), asked.restart); !s) return print_error(s.error()), exit_failed;
    std::string earlier;  // the id of a finished load that this one takes the place of
    if (notes.finished() && notes.finished()->file != fingerprint(p.plan.file)) {
        earlier = notes.id();
        if (status s = notes.begin(head_of(p)); !s) return print_error(s.error()), exit_failed;
    }
    p.plan.id = notes.id();
    bad_rows bad{asked.bad_rows, asked.bad_rows_max, notes, p.plan.file};
    if (status s = bad.open(p.plan.file.substr(0, p.data_begin), p.table.kind == route::table_kind::reference); !s)
        return print_error(s.error()), exit_failed;

    counters all;
    std::vector<std::unique_ptr<writer>> writers;
    for (const config::database* d : p.targets) {
        writers.push_back(std::make_unique<writer>(d->name, make_target(p.plan, *d), bad, all));
    }
    if (status s = open_all(writers); !s) return print_error(s.error()), exit_failed;
    const auto has_all = [&](const auto& each) {
        return each->reached() && each->reached()->offset >= p.plan.file.size();
    };
    if (notes.finished() && std::all_of(writers.begin(), writers.end(), has_all)) {
        return tell_finished(p, asked, *notes.finished());
    }
    for (auto& each : writers) {
        if (earlier.empty()) break;
        if (status s = each->forget(earlier); !s) return print_error(s.error()), exit_failed;
    }
    const auto began = std::chrono::steady_clock::now();
    if (status s = run_all(p, asked, writers, bad, all); !s) {
        print_error(s.error());
        print_to_stderr("The load stopped. The same command goes on where it stopped.\n");
        return exit_failed;
    }
    outcome o;
    o.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    o.rows = p.how.map ? all.rows.load() : writers.front()->rows();
    o.bad = bad.count();
    o.resumed =
        std::any_of(writers.begin(), writers.end(), [](const auto& each) { return each->reached().has_value(); });
    // The rows of progress stay in the databases: they are what tells the same command, later, that all is in.
    if (status s = notes.finish(fingerprint(p.plan.file), o.rows); !s) return print_error(s.error()), exit_failed;
    print(asked.json ? json_of(p, o, writers) : text_of(p, o, writers));
    return exit_ok;
}

}  // namespace

int run_load(const load_options& asked) {
    return run(asked);
}

}  // namespace ashlar::cli
