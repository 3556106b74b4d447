// Where a server numbers its own types otherwise than the database that clients ask for the catalogue: text passes with its
// numbers translated, in the relay; binary values that hold numbers are refused before they are asked for.
#include "proxy/own_types.hpp"
#include "proxy/session.hpp"
#include "proxy/worker.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::proxy {

namespace {

bool is_binary(cell_format format) {
    return format == cell_format::binary;
}

// DECLARE … BINARY … CURSOR: what stands before the last of the words is a name and options.
bool declares_binary(std::string_view text) {
    std::string lower;
    for (const char c : text.substr(0, 1'000)) lower += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    return lower.substr(0, lower.find("cursor")).find("binary") != lower.npos;
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
        const auto at = oids_->find(shared_.place(p.place).name);
        if (at != oids_->end()) mine = at->second;
    }
    p.link->use_oids(std::move(mine));
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

// For a Bind to current_. What the statement takes and gives is asked once, unless a Describe has told already.
task<status> session::check_binary(std::shared_ptr<known_statement> what, const wire::bind_message& bind) {
    const bool results = std::any_of(bind.result_formats.begin(), bind.result_formats.end(), is_binary);
    const auto declared = [&](std::size_t i) -> std::uint32_t {
        const std::uint32_t type = i < what->types.size() ? what->types[i] : 0;
        return type == oid::unknown ? 0 : type;
    };
    bool binary = false, undeclared = false;
    for (std::size_t i = 0; i < bind.parameters.size(); ++i) {
        if (!bind.parameters[i] || !is_binary(bind.format_of_parameter(i))) continue;
        binary = true;
        undeclared = undeclared || declared(i) == 0;
    }
    if (!results && !binary) co_return status{};
    // What FETCH gives hangs on the cursor.
    const bool changes = what->plan->kind() == route::statement_kind::utility;
    if ((results && (changes || !what->result_types)) || (undeclared && !what->described)) {
        status asked = ask_to_describe(what);
        if (!asked) co_return asked;
        status settled = co_await drain(false);
        if (!settled || skipping_) co_return settled;
        if ((results && !what->result_types) || (undeclared && !what->described)) {
            co_return error{errc::protocol_violation, "the server did not describe the statement"};
        }
    }
    const oid_map* const oids = current_->link->oids();
    if (oids == nullptr) co_return status{};
    for (std::size_t i = 0; i < bind.parameters.size(); ++i) {
        if (!bind.parameters[i] || !is_binary(bind.format_of_parameter(i))) continue;
        std::uint32_t type = declared(i);
        if (type == 0 && i < what->described->size()) type = (*what->described)[i];
        if (oids->differs_in_binary(type)) {
            co_return binary_holds_numbers(fmt::format("parameter ${}", i + 1), type, *oids);
        }
    }
    if (!results) co_return status{};
    const std::vector<std::uint32_t>& columns = *what->result_types;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::size_t format = bind.result_formats.size() == 1 ? 0 : i;
        if (format >= bind.result_formats.size() || !is_binary(bind.result_formats[format])) continue;
        if (oids->differs_in_binary(columns[i])) {
            co_return binary_holds_numbers(fmt::format("column {}", i + 1), columns[i], *oids);
        }
    }
    co_return status{};
}

}  // namespace ashlar::proxy
