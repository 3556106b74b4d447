// value_order.hpp: the order and the equality of one column's values, whatever their type: what PostgreSQL's default btree
// comparison of the type says. Types that hold others (arrays, ranges, composites, domains) are taken apart down to those
// that key_order and further_types know; enums go by the order of their labels. Pure.
//
// Right     A type whose comparison is not computed here exactly, text in a collation that is not known, and a user's type that
//           a shard has otherwise are refused at make(), with the reason.
#pragma once

#include "core/own_type.hpp"
#include "core/rows.hpp"
#include "merge/key_writer.hpp"
#include "route/catalogue.hpp"

#include <ashlar/result.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::merge {

enum class purpose { order, equality };
struct range_value;

// What comparing needs to know beside a column.
struct value_rules {
    route::dialect dialect = route::dialect::postgres;
    const type_book* types = nullptr;                   // of users' types; nullptr: none is known
    const std::vector<std::string>* sources = nullptr;  // the databases that send rows; nullptr: they have no names
    collation database_text;                            // of strings in a jsonb
};

class value_order {
public:
    // Fails with `unsupported`; the message is the reason, as it follows "across shards: ".
    static result<value_order> make(std::uint32_t type, const collation& text, const value_rules& rules, purpose why);

    bool in_pieces() const noexcept { return !locales_.empty(); }
    const std::vector<shared_locale>& locales() const noexcept { return locales_; }
    // Fails with `unsupported` or bad_value when the bytes are not of the type.
    status append(std::string& out, std::string_view bytes, cell_format format) const;

private:
    struct node;
    class maker;
    static status append_node(const node& of, key_writer& out, std::string_view bytes, cell_format format);
    static status append_array(const node& of, key_writer& out, std::string_view bytes, cell_format format);
    static status append_range(const node& of, key_writer& out, const range_value& range, cell_format format);
    static status append_multirange(const node& of, key_writer& out, std::string_view bytes, cell_format format);
    static status append_record(const node& of, key_writer& out, std::string_view bytes, cell_format format);

    std::shared_ptr<const node> root_;
    std::vector<shared_locale> locales_;
};

// Do values of the type, or of what it holds, have digits that text may leave out?
bool holds_floats(std::uint32_t type, const type_book* types);

}  // namespace ashlar::merge
