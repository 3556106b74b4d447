#include "proxy/plan_cache.hpp"

#include "proxy/our_settings.hpp"
#include "proxy/session_bound.hpp"
#include "route/copy_sizes.hpp"
#include "route/shown_database.hpp"
#include "sql/lexer.hpp"

#include <fmt/format.h>

namespace ashlar::proxy {

namespace {

constexpr std::size_t literals_max = 32;
constexpr std::size_t our_words_max = 1000;  // PgCat's commands are short
// Parsing takes some 40 ms a megabyte, in which the worker's other clients wait.
constexpr std::size_t planned_length_max = 16u << 20;

// A literal's value as a parameter would carry it: 7 → 7, 'it''s' → it's. Nothing for forms that need more care.
bool read_literal(std::string_view spelled, std::string& into) {
    into.clear();
    if (spelled.empty()) return false;
    if (spelled.front() != '\'') {
        for (const char c : spelled) {
            if (c < '0' || c > '9') return false;  // whole numbers only
        }
        into = spelled;
        return true;
    }
    if (spelled.size() < 2 || spelled.back() != '\'') return false;
    for (std::size_t i = 1; i + 1 < spelled.size(); ++i) {
        if (spelled[i] == '\\') return false;
        if (spelled[i] == '\'') {
            if (spelled[++i] != '\'' || i + 1 >= spelled.size()) return false;
        }
        into += spelled[i];
    }
    return true;
}

// What a statement takes, by and large: its text is here and in the key, and its plan has what the text names.
std::size_t cost_of(std::string_view key) {
    return 2'048 + 5 * key.size();
}

void append_number(std::string& to, std::uint64_t n) {
    to.append(reinterpret_cast<const char*>(&n), sizeof n);
}

}  // namespace

plan_cache::slot* plan_cache::level::find(std::string_view key) {
    const auto at = by_key.find(key);
    if (at == by_key.end()) return nullptr;
    if (at->second != recent.begin()) recent.splice(recent.begin(), recent, at->second);
    return &*at->second;
}

void plan_cache::level::add(std::string key, std::shared_ptr<known_statement> what) {
    bytes += cost_of(key);
    while (!recent.empty() && (by_key.size() >= entries_max || bytes > bytes_max)) {
        bytes -= cost_of(recent.back().key);
        by_key.erase(recent.back().key);
        recent.pop_back();
    }
    recent.push_front(slot{std::move(key), std::move(what)});
    by_key.emplace(recent.front().key, recent.begin());
}

void plan_cache::level::clear() {
    by_key.clear();
    recent.clear();
    bytes = 0;
}

void plan_cache::follow(const route::catalogue& known) {
    if (known.version == version_) return;
    version_ = known.version;
    exact_.clear();
    shapes_.clear();
    bare_.reset();
}

const route::catalogue& plan_cache::bare(const route::catalogue& known) {
    if (!bare_ || bare_->version != known.version) bare_ = without_tables(known);
    return *bare_;
}

namespace {

// A statement that would tell a server of our settings.
std::optional<error> tells_a_server(std::string_view text, const route::prepared_plan& plan) {
    const bool defines = plan.kind() == route::statement_kind::ddl || plan.kind() == route::statement_kind::utility;
    if (!defines && !plan.may_change_session()) return std::nullopt;
    return sets_ours_on_a_server(text);
}

}  // namespace

std::string plan_cache::next_key() {
    return fmt::format("w{}.{}", worker_, next_++);
}

shared_environment plan_cache::environment(const settings& of, const driver::session_values* told,
                                           const settings& local, bool pinned) {
    reading_environment e = environment_of(of, told, local);
    e.pinned = pinned;
    if (pinned) e.fingerprint += "pinned\n";
    const std::string key = e.fingerprint;
    return environments_.same(key, [&] { return std::make_shared<const reading_environment>(std::move(e)); });
}

std::shared_ptr<known_statement> plan_cache::plan(std::string_view text, std::span<const std::uint32_t> types,
                                                  const shared_environment& environment,
                                                  const route::catalogue& known) {
    ++misses_;
    auto out = std::make_shared<known_statement>();
    out->text = text;
    out->types.assign(types.begin(), types.end());
    out->environment = environment;
    out->key = next_key();
    const auto use = [&out](std::string better) {
        if (out->written.empty()) out->written = std::move(out->text);
        out->text = std::move(better);
    };
    out->catalogue_version = known.version;
    route::planning_options options;
    options.length_max = planned_length_max;
    options.search_path = environment->search_path;
    options.standard_conforming_strings = environment->standard_conforming_strings;
    auto hints = hints_in_comments(text);
    const bool pinned = environment->pinned || (hints && hints->where && hints->where->what != shard_hint::kind::none);
    const route::catalogue& tables = pinned ? bare(known) : known;
    if (!pinned && !shown_name_.empty()) {
        if (auto shown = route::with_shown_database(out->text, shown_name_, options)) {
            use(std::move(*shown));
            out->is_rewritten = true;
        }
    }
    result<std::optional<std::string>> sizes = std::optional<std::string>{};
    if (!pinned) sizes = route::without_sizes_of_copies(out->text, known, options);
    if (sizes && *sizes) {
        use(std::move(**sizes));
        out->is_rewritten = true;
    }
    // PgCat's words; some are grammatical, and mean a setting that no server has.
    if (text.size() <= our_words_max) {
        if (auto ours = in_our_words(text)) use(std::move(*ours));
    }
    using made = decltype(route::plan_statement(out->text, tables, options, out->types));
    made planned = sizes ? route::plan_statement(out->text, tables, options, out->types) : made{sizes.error()};
    auto bound =
        planned ? bound_to_a_session(text, options.standard_conforming_strings, known.dialect == route::dialect::sqlite)
                : std::nullopt;
    if (bound) {
        out->refused = std::move(*bound);
    } else if (!hints) {
        out->refused = std::move(hints).error();
    } else if (planned) {
        out->refused = tells_a_server(text, **planned);
        out->plan = std::move(*planned);
        out->hints = std::move(*hints);
        if (pinned) out->pinned = judge_pinned(out->text, known, options, out->types);
    } else {
        out->refused = std::move(planned).error();
    }
    return out;
}

// Leaves the key in scratch_.
plan_cache::slot* plan_cache::look_up_slot(std::string_view text, std::span<const std::uint32_t> types,
                                           const shared_environment& environment) {
    // The environment lives as long as an entry that names its address.
    scratch_.clear();
    append_number(scratch_, reinterpret_cast<std::uintptr_t>(environment.get()));
    append_number(scratch_, types.size());
    scratch_.append(reinterpret_cast<const char*>(types.data()), types.size_bytes());
    scratch_ += text;
    return exact_.find(scratch_);
}

std::shared_ptr<known_statement> plan_cache::look_up(std::string_view text, std::span<const std::uint32_t> types,
                                                     const shared_environment& environment,
                                                     const route::catalogue& known) {
    follow(known);
    if (text.size() > text_max) return nullptr;
    slot* s = look_up_slot(text, types, environment);
    if (s == nullptr) return nullptr;
    ++hits_;
    return s->what;
}

std::shared_ptr<known_statement> plan_cache::find(std::string_view text, std::span<const std::uint32_t> types,
                                                  const shared_environment& environment,
                                                  const route::catalogue& known) {
    if (auto seen = look_up(text, types, environment, known)) return seen;
    if (text.size() > text_max) return plan(text, types, environment, known);
    std::string key = scratch_;
    auto made = plan(text, types, environment, known);
    exact_.add(std::move(key), made);
    return made;
}

std::optional<plan_cache::shortcut> plan_cache::find_by_shape(std::string_view text,
                                                              const shared_environment& environment,
                                                              const route::catalogue& known) {
    follow(known);
    if (text.size() > text_max) return std::nullopt;
    sql::normalised& shape = shape_;
    sql::normalise(text, environment->standard_conforming_strings, shape);
    // Comments may carry hints, and a shape has none.
    if (!shape.understood || shape.has_comments || shape.literals.empty() || shape.literals.size() > literals_max)
        return std::nullopt;

    // How each literal is written is part of the shape, for a number and a string are not parsed alike.
    if (values_.size() < shape.literals.size()) {
        values_.resize(shape.literals.size());
        bound_.resize(shape.literals.size());
    }
    scratch_.clear();
    append_number(scratch_, reinterpret_cast<std::uintptr_t>(environment.get()));
    for (std::size_t i = 0; i < shape.literals.size(); ++i) {
        const sql::span where = shape.literals[i];
        const std::string_view spelled = text.substr(where.begin, where.end - where.begin);
        if (!read_literal(spelled, values_[i])) return std::nullopt;
        scratch_ += spelled.front() == '\'' ? 's' : 'n';
        bound_[i].bytes = values_[i];
    }
    scratch_ += shape.text;

    slot* found = shapes_.find(scratch_);
    if (found == nullptr) {
        std::string key = scratch_;
        std::string parametrised;
        std::size_t from = 0;
        for (std::size_t i = 0; i < shape.literals.size(); ++i) {
            parametrised += text.substr(from, shape.literals[i].begin - from);
            parametrised += fmt::format("${}", i + 1);
            from = shape.literals[i].end;
        }
        parametrised += text.substr(from);
        std::shared_ptr<known_statement> made;
        if (text.find('$') == std::string_view::npos) {
            made = plan(parametrised, {}, environment, known);
            const bool eligible = made->plan != nullptr && !made->refused && !made->is_rewritten &&
                                  made->plan->single_step_unchanged() &&
                                  made->plan->where() == route::target::one_shard &&
                                  (made->plan->because() == route::routed_because::key_equals ||
                                   made->plan->because() == route::routed_because::insert_key);
            if (!eligible) made = nullptr;
        }
        shapes_.add(std::move(key), std::move(made));
        return std::nullopt;  // the first of its shape takes the full path
    }
    if (found->what == nullptr) return std::nullopt;
    auto shard = found->what->plan->bind_one(std::span{bound_.data(), shape.literals.size()});
    if (!shard || !*shard) return std::nullopt;  // the full path tells the client why
    ++hits_;
    return shortcut{found->what, **shard};
}

}  // namespace ashlar::proxy
