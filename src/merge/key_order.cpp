#include "merge/key_order.hpp"

#include "core/codec.hpp"
#include "merge/further_types.hpp"

#include <fmt/format.h>
#include "merge/order_bytes.hpp"

namespace ashlar::merge {

namespace {

error refuse(const column& c, const error& reason, purpose why) {
    const std::string verb = why == purpose::order ? "order" : "compare";
    // a column that was added to the statement, for an expression that is not selected
    const std::string named = c.name.starts_with("ashlar_helper_") ? "an expression" : "column \"" + c.name + '"';
    error out{errc::unsupported, "cannot " + verb + " " + named + " across shards: " + std::string{reason.message()}};
    return out.hint(reason.hint().empty() ? "Give a shard key so that one shard answers." : std::string{reason.hint()});
}

std::string_view without_trailing_blanks(std::string_view text) {
    return text.substr(0, text.find_last_not_of(' ') + 1);
}

status append_sqlite(std::string& out, std::string_view bytes, storage kind) {
    constexpr char number = 1, text = 2, blob = 3;
    if (kind == storage::integer) {
        const auto v = codec::read_integer(bytes, oid::int8, cell_format::text);
        if (!v) return v.error();
        out += number;
        order_bytes::append_sqlite_integer(out, *v);
    } else if (kind == storage::real) {
        const auto v = codec::read_float(bytes, oid::float8, cell_format::text);
        if (!v) return v.error();
        out += number;
        order_bytes::append_sqlite_real(out, *v);
    } else {
        // A blob's cell is its hexadecimal text, which orders as its bytes do.
        out += kind == storage::blob ? blob : text;
        order_bytes::append_bytes(out, bytes);
    }
    return {};
}

// A shard sent a value that we cannot read: written in another style.
error not_comparable(const error& why, std::uint32_t type) {
    return error{errc::unsupported, fmt::format("this {} cannot be compared across shards", codec::type_name(type))}
        .detail(why.message())
        .hint(
            "SET datestyle = 'ISO' and intervalstyle = 'postgres', PostgreSQL's defaults, or ask for the rows in "
            "binary.");
}

}  // namespace

bool can_compare(std::uint32_t type) noexcept {
    switch (type) {
        case oid::boolean:
        case oid::numeric:
        case oid::uuid:
        case oid::bytea:
        case oid::date:
        case oid::timestamp:
        case oid::timestamptz:
            return true;
        default:
            return codec::is_integer(type) || codec::is_float(type) || codec::is_text(type);
    }
}

status append_value(std::string& out, std::string_view bytes, std::uint32_t type, cell_format format, storage kind,
                    route::dialect dialect) {
    // Cells of SQLite's columns without a type; those with one are written as PostgreSQL writes them.
    if (dialect == route::dialect::sqlite && kind != storage::by_column) return append_sqlite(out, bytes, kind);
    if (codec::is_integer(type)) {
        const auto v = codec::read_integer(bytes, type, format);
        if (!v) return v.error();
        order_bytes::append_integer(out, *v);
        return {};
    }
    if (codec::is_float(type)) {
        const auto v = codec::read_float(bytes, type, format);
        if (!v) return v.error();
        order_bytes::append_float(out, *v);
        return {};
    }
    if (further_type(type) != comparable::no) {
        const status made = append_further(out, bytes, type, format);
        return made ? status{} : status{not_comparable(made.error(), type)};
    }
    switch (type) {
        case oid::boolean: {
            const auto v = codec::read_boolean(bytes, format);
            if (!v) return v.error();
            out += static_cast<char>(*v);
            return {};
        }
        case oid::numeric: {
            const auto v = codec::read_numeric(bytes, format);
            if (!v) return v.error();
            order_bytes::append_numeric(out, v->to_text());
            return {};
        }
        case oid::uuid: {
            const auto v = codec::read_uuid(bytes, format);
            if (!v) return v.error();
            out.append(v->bytes().begin(), v->bytes().end());
            return {};
        }
        case oid::bytea: {
            const auto v = codec::read_bytea(bytes, format);
            if (!v) return v.error();
            order_bytes::append_bytes(out, *v);
            return {};
        }
        case oid::date:
        case oid::timestamp:
        case oid::timestamptz: {
            const auto v = codec::read_moment(bytes, type, format);
            if (!v) return not_comparable(v.error(), type);
            order_bytes::append_integer(out, *v);
            return {};
        }
        case oid::bpchar:
            order_bytes::append_bytes(out, without_trailing_blanks(bytes));
            return {};
        default:
            order_bytes::append_bytes(out, bytes);
            return {};
    }
}

result<key_order> key_order::make(const std::vector<key_column>& by, const columns& shape, const value_rules& rules,
                                  purpose why) {
    key_order order;
    order.dialect_ = rules.dialect;
    for (const key_column& k : by) {
        if (k.column >= shape.size()) return error{errc::internal, "a key names a column that the rows do not have"};
        const column& c = shape[k.column];
        part p{k, c.type, c.format, {}};
        if (rules.dialect == route::dialect::postgres) {
            auto how = value_order::make(c.type, k.text, rules, why);
            if (!how) return refuse(c, how.error(), why);
            p.order = std::move(*how);
            order.by_parts_ = order.by_parts_ || p.order.in_pieces();
        }
        order.parts_.push_back(std::move(p));
    }
    return order;
}

status key_order::append_key(const row_batch& rows, std::size_t row, std::string& key) const {
    for (const part& p : parts_) {
        const std::size_t begin = key.size();
        if (by_parts_) key.append(4, '\0');
        if (auto ok = append_part(p, rows.at(row, p.what.column), rows.kind_at(row, p.what.column), key); !ok)
            return ok;
        if (!by_parts_) continue;
        std::string length;
        wire::append32(length, static_cast<std::uint32_t>(key.size() - begin - 4));
        key.replace(begin, 4, length);
    }
    return {};
}

status key_order::append_part(const part& p, cell bytes, storage kind, std::string& key) const {
    // The place of NULL does not turn round with the values.
    constexpr char null_before = 0, present = 1, null_after = 2;
    if (!bytes) {
        key += p.what.nulls_first ? null_before : null_after;
        return {};
    }
    key += present;
    const std::size_t begin = key.size();
    const bool typed = dialect_ == route::dialect::postgres;
    status made =
        typed ? p.order.append(key, *bytes, p.format) : append_value(key, *bytes, p.type, p.format, kind, dialect_);
    if (!made) return made;
    if (p.what.descending && !p.order.in_pieces()) order_bytes::reverse(key, begin);
    return {};
}

int key_order::compare(std::string_view a, std::string_view b) const noexcept {
    if (!by_parts_) return a.compare(b);
    for (const part& p : parts_) {
        const std::size_t size_a = wire::read32(a), size_b = wire::read32(b);
        if (const int c = compare_part(p, a.substr(4, size_a), b.substr(4, size_b)); c != 0) return c;
        a.remove_prefix(4 + size_a);
        b.remove_prefix(4 + size_b);
    }
    return 0;
}

int key_order::compare_part(const part& p, std::string_view a, std::string_view b) noexcept {
    if (!p.order.in_pieces() || a[0] != b[0] || a.size() == 1) return a.compare(b);
    const int c = compare_pieces(a.substr(1), b.substr(1), p.order.locales());
    return p.what.descending ? -c : c;
}

}  // namespace ashlar::merge
