// rows.hpp: merges written down as tables of text, for the tests of this folder.
#pragma once

#include "core/codec.hpp"
#include "merge/merger.hpp"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace ashlar::merge::test {

using cells = std::vector<std::optional<std::string>>;
using table = std::vector<cells>;
inline constexpr std::nullopt_t NULL_CELL = std::nullopt;

inline column col(std::string name, std::uint32_t type, cell_format format = cell_format::text) {
    column c;
    c.name = std::move(name);
    c.type = type;
    c.type_size = codec::type_size(type);
    c.format = format;
    return c;
}

inline route::collation bytewise() {
    route::collation c;
    c.kind = route::collation_kind::bytes;
    return c;
}

inline row_batch batch_of(const table& rows, storage kind = storage::by_column) {
    row_batch b;
    for (const cells& row : rows) {
        for (const auto& c : row) b.add(c ? cell{*c} : cell{}, kind);
        b.end_row();
    }
    return b;
}

inline void append_to(table& all, const row_batch& b) {
    for (std::size_t r = 0; r < b.rows(); ++r) {
        cells& row = all.emplace_back();
        for (std::size_t c = 0; c < b.width(); ++c) {
            const cell v = b.at(r, c);
            row.push_back(v ? std::optional{std::string{*v}} : std::nullopt);
        }
    }
}

// The whole course of a merge: each source's rows are handed over in batches of `batch_rows` whenever they are wanted.
struct course {
    table rows;
    columns shape;
    std::optional<error> failure;
    std::vector<std::size_t> batches_read;  // of each source
};

inline course run(const route::recipe& what, const columns& shape, const std::vector<table>& sources,
                  std::vector<route::bound_parameter> parameters = {}, merge_options options = {},
                  std::size_t batch_rows = 2, storage kind = storage::by_column) {
    course c;
    c.batches_read.resize(sources.size());
    auto made = merger::make(what, std::vector<columns>(sources.size(), shape), parameters, options);
    if (!made) {
        c.failure = std::move(made).error();
        return c;
    }
    merger& m = **made;
    c.shape = m.shape();
    std::vector<std::size_t> given(sources.size());
    for (int turns = 0; turns < 1'000'000; ++turns) {
        row_batch out;
        auto took = m.take(out);
        if (!took) {
            c.failure = std::move(took).error();
            return c;
        }
        append_to(c.rows, out);
        if (m.finished()) return c;
        const auto next = m.wants();
        if (!next) continue;
        const table& all = sources[*next];
        std::size_t& from = given[*next];
        status ok;
        if (from == all.size()) {
            ok = m.end(*next);
        } else {
            const std::size_t until = std::min(all.size(), from + batch_rows);
            const table part{all.begin() + static_cast<std::ptrdiff_t>(from),
                             all.begin() + static_cast<std::ptrdiff_t>(until)};
            ok = m.add(*next, batch_of(part, kind));
            from = until;
            ++c.batches_read[*next];
        }
        if (!ok) {
            c.failure = std::move(ok).error();
            return c;
        }
    }
    ADD_FAILURE() << "the merge does not end";
    return c;
}

}  // namespace ashlar::merge::test
