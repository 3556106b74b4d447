#include "execute/typed_parameters.hpp"

#include "core/numeric.hpp"
#include "core/stored_form.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::execute {

namespace {

// varchar(5), numeric(10, 2): checked, cut and rounded as an assignment.
status keep_to(const route::parameter_kind& kind, std::size_t index, driver::parameter& p) {
    std::string text = *p.bytes;
    if (p.format == cell_format::binary && kind.type == oid::numeric) {
        const auto n = numeric::from_binary(text);
        if (!n) return n.error();
        text = n->to_text();
    }
    const auto kept = stored_form(text, kind.type, kind.modifier);
    if (!kept) {
        error why = kept.error();
        why.detail(fmt::format("It is the value of parameter ${}.", index + 1));
        return why;
    }
    if (kept->kind == storage::text) {
        p.bytes = kept->text;
    } else {
        p.bytes = literal_of(*kept);
    }
    p.format = cell_format::text;
    return {};
}

}  // namespace

status type_parameters(const route::typed_statement& types, bool alone, const session_names& names,
                       std::vector<driver::parameter>& parameters) {
    const auto& kinds = types.parameters;
    for (std::size_t i = 0; i < std::min(kinds.size(), parameters.size()); ++i) {
        driver::parameter& p = parameters[i];
        if (kinds[i].type != 0) p.type = kinds[i].type;
        if (kinds[i].modifier >= 0 && p.bytes) {
            if (status s = keep_to(kinds[i], i, p); !s) return s;
        }
        // SQLite refuses NULL there, where PostgreSQL takes it for no limit and no offset
        if (kinds[i].counts_rows && !p.bytes && alone) {
            p.bytes = kinds[i].is_limit ? "-1" : "0";
            p.format = cell_format::text;
        }
    }
    if (parameters.size() < kinds.size()) return {};  // too few: the caller says so
    for (const route::session_name each : types.session_names) {
        driver::parameter& p = parameters.emplace_back();
        p.bytes = each == route::session_name::user ? names.user : names.database;
        p.type = oid::text;
    }
    return {};
}

}  // namespace ashlar::execute
