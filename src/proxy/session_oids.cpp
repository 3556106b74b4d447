// Where a server numbers its own types otherwise than the database that clients ask for the catalogue: text passes with its
// numbers translated, in the relay; binary values that hold numbers are refused before they are asked for.
#include "core/letter_case.hpp"
#include "driver/pgwire/own_types.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"
#include "wire/message_types.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::proxy {

namespace {

using driver::pgwire::binary_holds_numbers;
using driver::pgwire::may_translate;
using driver::pgwire::missing_in;
using driver::pgwire::oids_for_server;
using driver::pgwire::write_for_client;

bool is_binary(cell_format format) {
    return format == cell_format::binary;
}

// DECLARE … BINARY … CURSOR: what stands before the last of the words is a name and options.
bool declares_binary(std::string_view text) {
    const std::string beginning = lowered(text.substr(0, 1'000));
    return beginning.substr(0, beginning.find("cursor")).find("binary") != beginning.npos;
}

bool copies_binary(const sql::copy_facts& copy) {
    return std::any_of(copy.options.begin(), copy.options.end(), [](const auto& each) {
        return each.first == "format" && each.second.find("binary") != each.second.npos;
    });
}

}  // namespace

void session::use_oids(participant& p) const {
    if (p.link == nullptr) return;
    std::shared_ptr<const oid_map> mine;
    if (oids_ != nullptr) {
        const auto at = oids_->find(shared_.place(p.place()).name);
        if (at != oids_->end()) mine = at->second;
    }
    p.link->use_oids(std::move(mine), &shared_.world());
}

// For what is binary without a Bind saying so.
status session::may_pass_binary(const known_statement& what, const participant& p) const {
    const route::prepared_plan& plan = *what.plan;
    const std::string& server = p.link->oids()->database();
    if (plan.session().command == "DECLARE CURSOR" && declares_binary(what.text)) {
        return error{errc::unsupported,
                     fmt::format("a binary cursor on {}, which numbers its types otherwise than the catalogue", server)}
            .hint("Declare it without BINARY.");
    }
    const sql::copy_facts* const copy = plan.copy();
    if (copy == nullptr || !copies_binary(*copy)) return {};
    const route::table_facts* const table = plan.table();
    const bool built_in = copy->of == nullptr && table != nullptr && !table->columns.empty() &&
                          std::all_of(table->columns.begin(), table->columns.end(), [&](const auto& each) {
                              return each.type != 0 && !p.link->oids()->differs_in_binary(each.type);
                          });
    if (built_in) return {};
    return error{
        errc::unsupported,
        fmt::format("COPY in binary format on {}, which numbers its types otherwise than the catalogue", server)}
        .hint("Copy as text or CSV.");
}

// By the client's object id; 0: unknown.
std::uint32_t declared_type(const known_statement& what, std::size_t parameter) {
    std::uint32_t type = parameter < what.types.size() ? what.types[parameter] : 0;
    if (type == oid::unknown) type = 0;
    if (type == 0 && what.described && parameter < what.described->size()) type = (*what.described)[parameter];
    return type;
}

// For a Bind to current_. What the statement takes and gives is asked once, unless a Describe has told already.
task<result<bool>> session::check_binary(std::shared_ptr<known_statement> what, const wire::bind_message& bind) {
    const bool results = std::any_of(bind.result_formats.begin(), bind.result_formats.end(), is_binary);
    bool binary = false, undeclared = false;
    for (std::size_t i = 0; i < bind.parameters.size(); ++i) {
        if (!bind.parameters[i] || !is_binary(bind.format_of_parameter(i))) continue;
        binary = true;
        const std::uint32_t type = i < what->types.size() ? what->types[i] : 0;
        undeclared = undeclared || type == 0 || type == oid::unknown;
    }
    if (!results && !binary) co_return false;
    // The column types of FETCH depend on the cursor.
    const bool changes = what->plan->kind() == route::statement_kind::utility;
    const bool unsure = what->types_unsure || changes;
    if ((results && (unsure || !what->result_types)) || (undeclared && (what->types_unsure || !what->described))) {
        status asked = ask_to_describe(what);
        if (!asked) co_return std::move(asked).error();
        status settled = co_await drain(false);
        if (!settled) co_return std::move(settled).error();
        if (skipping_) co_return false;
        if ((results && !what->result_types) || (undeclared && !what->described)) {
            co_return error{errc::protocol_violation, "the server did not describe the statement"};
        }
    }
    const oid_map* const oids = current_->link->differing_oids();
    if (oids == nullptr) co_return false;
    const std::shared_ptr<const type_book> types = current_->link->types();
    const auto passes = [&](std::uint32_t type) { return types != nullptr && may_translate(type, *types); };
    for (std::size_t i = 0; i < bind.parameters.size(); ++i) {
        if (!bind.parameters[i] || !is_binary(bind.format_of_parameter(i))) continue;
        const std::uint32_t type = declared_type(*what, i);
        if (oids->differs_in_binary(type) && !passes(type)) {
            co_return binary_holds_numbers(fmt::format("parameter ${}", i + 1), type, *oids);
        }
    }
    if (!results) co_return false;
    bool translated = false;
    // Only what reads, and by itself, may be answered in another way than by the server's own bytes.
    const bool reads = what->plan->kind() == route::statement_kind::select && !what->plan->writes();
    const std::vector<std::uint32_t>& columns = *what->result_types;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::size_t format = bind.result_formats.size() == 1 ? 0 : i;
        if (format >= bind.result_formats.size() || !is_binary(bind.result_formats[format])) continue;
        if (!oids->differs_in_binary(columns[i])) continue;
        if (!reads || !passes(columns[i]))
            co_return binary_holds_numbers(fmt::format("column {}", i + 1), columns[i], *oids);
        translated = true;
    }
    co_return translated;
}

// The Bind at the end of to_server_, whose body the client sent so: its binary values that hold object ids, as the server numbers.
status session::translate_bound(std::string_view body, const known_statement& what) {
    const oid_map& oids = *current_->link->differing_oids();
    std::shared_ptr<const type_book> types;
    for (std::size_t i = 0; i < bind_.parameters.size(); ++i) {
        const cell& value = bind_.parameters[i];
        const std::uint32_t type = declared_type(what, i);
        if (!value || !is_binary(bind_.format_of_parameter(i)) || !oids.differs_in_binary(type)) continue;
        if (types == nullptr) types = current_->link->types();
        if (types == nullptr) return binary_holds_numbers(fmt::format("parameter ${}", i + 1), type, oids);
        // what follows the names is the same in both
        const auto behind = static_cast<std::size_t>(body.data() + body.size() - value->data());
        const std::span<char> there{to_server_.data() + (to_server_.size() - behind), value->size()};
        if (status done = oids_for_server(there, type, oids, *types); !done) return done;
    }
    return {};
}

// --- what is not known yet ----------------------------------------------------------------------------------------

namespace {

void append(std::vector<std::uint32_t>& to, const std::vector<std::uint32_t>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

task<bool> session::learn(participant& p, missing_oids what) {
    const bool known = co_await p.link->learn(std::move(what));
    (void)catalogue();
    co_return known;
}

bool session::lacks_types(const participant& p, const known_statement& what) noexcept {
    const oid_map* const oids = p.link->oids();
    return oids != nullptr && std::ranges::any_of(what.types, [&](auto each) { return !oids->type_for_server(each); });
}

task<void> session::learn_declared(participant& p, std::shared_ptr<known_statement> what) {
    missing_oids lacking = missing_in(what->types, *p.link->oids());
    (void)co_await learn(p, std::move(lacking));
}

// Keeps what a server told of a statement's parameters or columns, by the client's numbers.
void session::note_types(char message_type, std::string_view body, const server_link& link, known_statement& in) {
    std::vector<std::uint32_t> types;
    const bool of_parameters = message_type == wire::server_says::parameter_description;
    if (of_parameters) {
        auto told = wire::read_parameter_description(body);
        if (!told) return;
        types = std::move(*told);
    } else if (message_type == wire::server_says::row_description) {
        auto shape = wire::read_row_description(body);
        if (!shape) return;
        for (const column& each : *shape) types.push_back(each.type);
    }
    for (std::uint32_t& each : types) each = link.oids() == nullptr ? each : link.oids()->type_for_client(each);
    (of_parameters ? in.described : in.result_types) = std::move(types);
}

// Notes a message that tells of types which are not known. True: it does.
bool session::note_gap(const wire::frame& f, const oid_map& oids, const std::shared_ptr<known_statement>& told_of) {
    if (missing_in(f.type, f.body, oids).empty()) return false;
    gap made;
    made.type = f.type;
    made.body = f.body;
    made.statement = told_of;
    gaps_.push_back(std::move(made));
    return true;
}

// Before the client is sent what was walked: numbers have one width, so that a message is put right in its place.
task<void> session::fill_gaps(participant& p) {
    const std::vector<gap> gaps = std::exchange(gaps_, {});
    missing_oids all;
    for (const gap& each : gaps) {
        const missing_oids here = missing_in(each.type, each.body, *p.link->oids());
        append(all.types, here.types);
        append(all.relations, here.relations);
    }
    const bool known = co_await learn(p, std::move(all));
    for (const gap& each : gaps) {
        if (each.at) {
            std::string again;
            const bool written = write_for_client(again, each.type, each.body, *p.link->oids());
            if (written) stream_.out().replace(*each.at, again.size(), again);
        }
        if (each.statement == nullptr) continue;
        note_types(each.type, each.body, *p.link, *each.statement);
        each.statement->types_unsure = !known;
    }
}

}  // namespace ashlar::proxy
