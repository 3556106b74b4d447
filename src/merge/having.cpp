#include "merge/having.hpp"

#include "core/codec.hpp"
#include "merge/key_order.hpp"
#include "merge/order_bytes.hpp"

#include <array>

namespace ashlar::merge {

namespace {

using route::condition;
using kind = route::condition::kind;

// One side of a comparison, or a value that is tested by itself.
struct operand {
    bool is_column = false;
    std::size_t column = 0;
    std::optional<std::string> constant;  // nullopt with !is_column: NULL
    std::uint32_t type = 0;               // 0 and oid::unknown: takes the other side's
    cell_format format = cell_format::text;
    route::collation text;
};

// How both sides are made comparable.
enum class common { exact, inexact, characters, padded, same_type };

bool is_untyped(std::uint32_t type) {
    return type == 0 || type == oid::unknown;
}
bool is_number(std::uint32_t type) {
    return codec::is_integer(type) || codec::is_float(type) || type == oid::numeric;
}

bool is_comparison(kind k) {
    return k == kind::eq || k == kind::ne || k == kind::lt || k == kind::le || k == kind::gt || k == kind::ge;
}
bool is_equality(kind k) {
    return k == kind::eq || k == kind::ne;
}

truth of(bool b) {
    return b ? truth::yes : truth::no;
}

error refuse(std::string why) {
    return error{errc::unsupported, "cannot evaluate HAVING across shards: " + std::move(why)}.hint(
        "Cast both sides to one type, or give a shard key so that one shard answers.");
}

}  // namespace

struct having::node {
    kind what = kind::column;
    operand value;                 // column, constant, parameter
    std::array<operand, 2> sides;  // comparisons
    common domain = common::same_type;
    std::uint32_t type = 0;   // same_type: which
    std::vector<node> inner;  // and, or, not, is null
    route::dialect dialect = route::dialect::postgres;

    result<truth> evaluate(const row_batch& rows, std::size_t row) const;
    result<truth> evaluate_all(const row_batch& rows, std::size_t row) const;
    result<truth> compare(const row_batch& rows, std::size_t row) const;
    result<truth> test(const row_batch& rows, std::size_t row) const;
    status append_side(const operand& side, std::string_view bytes, std::string& key) const;
};

namespace {

cell bytes_of(const operand& o, const row_batch& rows, std::size_t row) {
    if (o.is_column) return rows.at(row, o.column);
    if (!o.constant) return std::nullopt;
    return *o.constant;
}

class compiler {
public:
    compiler(const columns& shape, const std::vector<route::collation>& texts,
             std::span<const route::bound_parameter> parameters, route::dialect dialect)
        : shape_(shape), texts_(texts), parameters_(parameters), dialect_(dialect) {}

    result<having::node> compile(const condition& c) const {
        having::node n;
        n.what = c.what;
        n.dialect = dialect_;
        if (is_comparison(c.what)) return compile_comparison(c, std::move(n));
        if (c.what == kind::is_null || c.what == kind::is_not_null) {
            if (c.inner.size() != 1) return error{errc::internal, "IS NULL needs one operand"};
            return compile_null_test(c.inner[0], std::move(n));
        }
        if (c.what == kind::and_ || c.what == kind::or_ || c.what == kind::not_) {
            for (const condition& part : c.inner) {
                auto compiled = compile(part);
                if (!compiled) return compiled;
                n.inner.push_back(std::move(*compiled));
            }
            if (n.inner.empty() || (c.what == kind::not_ && n.inner.size() != 1)) {
                return error{errc::internal, "a condition lacks its operands"};
            }
            return n;
        }
        auto value = operand_of(c);
        if (!value) return std::move(value).error();
        if (dialect_ == route::dialect::postgres && value->type != oid::boolean && !is_untyped(value->type)) {
            return refuse("a condition must be boolean, not " + codec::type_name(value->type));
        }
        n.value = std::move(*value);
        return n;
    }

private:
    result<operand> operand_of(const condition& c) const {
        operand o;
        if (c.what == kind::column) {
            if (c.column >= shape_.size()) return error{errc::internal, "HAVING names a column that is not there"};
            o.is_column = true;
            o.column = c.column;
            o.type = shape_[c.column].type;
            o.format = shape_[c.column].format;
            if (c.column < texts_.size()) o.text = texts_[c.column];
        } else if (c.what == kind::constant) {
            o.constant = c.constant;
            o.type = c.type;
        } else if (c.what == kind::parameter) {
            if (c.parameter >= parameters_.size()) {
                return error{errc::invalid_argument, "there is no parameter $" + std::to_string(c.parameter + 1)}
                    .sqlstate("08P01");
            }
            const route::bound_parameter& p = parameters_[c.parameter];
            if (p.bytes) o.constant = std::string{*p.bytes};
            o.type = p.type;
            o.format = p.format;
        } else {
            return refuse("an operand is neither a column nor a constant");
        }
        return o;
    }

    result<having::node> compile_null_test(const condition& c, having::node n) const {
        auto o = operand_of(c);
        if (!o) return std::move(o).error();
        n.value = std::move(*o);
        return n;
    }

    result<having::node> compile_comparison(const condition& c, having::node n) const {
        if (c.inner.size() != 2) return error{errc::internal, "a comparison needs two operands"};
        for (std::size_t i = 0; i < 2; ++i) {
            auto o = operand_of(c.inner[i]);
            if (!o) return std::move(o).error();
            n.sides[i] = std::move(*o);
        }
        operand &a = n.sides[0], &b = n.sides[1];
        if (is_untyped(a.type)) a.type = b.type;
        if (is_untyped(b.type)) b.type = a.type;
        if (is_untyped(a.type)) a.type = b.type = oid::text;
        for (const operand& o : n.sides) {
            if (!can_compare(o.type))
                return refuse("a value of type " + codec::type_name(o.type) + " cannot be compared");
        }
        if (is_number(a.type) && is_number(b.type)) {
            n.domain = codec::is_float(a.type) || codec::is_float(b.type) ? common::inexact : common::exact;
            return n;
        }
        if (codec::is_text(a.type) && codec::is_text(b.type)) {
            n.domain = a.type == oid::bpchar && b.type == oid::bpchar ? common::padded : common::characters;
            return with_collation(std::move(n));
        }
        if (a.type != b.type) {
            return refuse(codec::type_name(a.type) + " is compared with " + codec::type_name(b.type));
        }
        n.type = a.type;
        return n;
    }

    static result<having::node> with_collation(having::node n) {
        using enum route::collation_kind;
        for (const operand& o : n.sides) {
            if (!o.is_column || o.type == oid::name || o.text.kind == bytes) continue;
            if (o.text.kind == nondeterministic || !is_equality(n.what)) {
                return refuse("text is ordered by a collation that is not \"C\"");
            }
        }
        return n;
    }

    const columns& shape_;
    const std::vector<route::collation>& texts_;
    std::span<const route::bound_parameter> parameters_;
    route::dialect dialect_;
};

result<std::string> exact_text(const operand& side, std::string_view bytes) {
    if (codec::is_integer(side.type)) {
        const auto v = codec::read_integer(bytes, side.type, side.format);
        if (!v) return v.error();
        return std::to_string(*v);
    }
    const auto v = codec::read_numeric(bytes, side.format);
    if (!v) return v.error();
    return v->to_text();
}

result<double> as_double(const operand& side, std::string_view bytes) {
    if (codec::is_float(side.type)) return codec::read_float(bytes, side.type, side.format);
    const auto text = exact_text(side, bytes);
    if (!text) return text.error();
    return decimal::parse(*text).value().to_double();
}

std::string_view without_blanks(std::string_view text) {
    const std::size_t last = text.find_last_not_of(' ');
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

}  // namespace

status having::node::append_side(const operand& side, std::string_view bytes, std::string& key) const {
    switch (domain) {
        case common::exact: {
            const auto text = exact_text(side, bytes);
            if (!text) return text.error();
            order_bytes::append_numeric(key, *text);
            return {};
        }
        case common::inexact: {
            const auto v = as_double(side, bytes);
            if (!v) return v.error();
            order_bytes::append_float(key, *v);
            return {};
        }
        case common::padded:
            order_bytes::append_bytes(key, without_blanks(bytes));
            return {};
        case common::characters:
            // character(n) loses its blanks when it becomes text.
            order_bytes::append_bytes(key, side.type == oid::bpchar ? without_blanks(bytes) : bytes);
            return {};
        case common::same_type:
            return append_value(key, bytes, type, side.format, storage::by_column, dialect);
    }
    return {};
}

result<truth> having::node::compare(const row_batch& rows, std::size_t row) const {
    std::array<std::string, 2> keys;
    for (std::size_t i = 0; i < 2; ++i) {
        const cell bytes = bytes_of(sides[i], rows, row);
        if (!bytes) return truth::unknown;
        if (auto ok = append_side(sides[i], *bytes, keys[i]); !ok) return ok.error();
    }
    const int c = keys[0].compare(keys[1]);
    switch (what) {
        case kind::eq:
            return of(c == 0);
        case kind::ne:
            return of(c != 0);
        case kind::lt:
            return of(c < 0);
        case kind::le:
            return of(c <= 0);
        case kind::gt:
            return of(c > 0);
        default:
            return of(c >= 0);
    }
}

result<truth> having::node::test(const row_batch& rows, std::size_t row) const {
    const cell bytes = bytes_of(value, rows, row);
    if (!bytes) return truth::unknown;
    if (dialect == route::dialect::sqlite && value.type != oid::boolean) {  // any number is a condition there
        const auto v = codec::read_float(*bytes, oid::float8, cell_format::text);
        if (!v) return refuse("text is used as a condition");
        return of(*v != 0);
    }
    const auto v = codec::read_boolean(*bytes, value.format);
    if (!v) return v.error();
    return of(*v);
}

result<truth> having::node::evaluate_all(const row_batch& rows, std::size_t row) const {
    const truth decisive = what == kind::and_ ? truth::no : truth::yes;
    truth all = what == kind::and_ ? truth::yes : truth::no;
    for (const node& part : inner) {
        auto t = part.evaluate(rows, row);
        if (!t) return t;
        if (*t == decisive) return decisive;
        if (*t == truth::unknown) all = truth::unknown;
    }
    return all;
}

result<truth> having::node::evaluate(const row_batch& rows, std::size_t row) const {
    switch (what) {
        case kind::and_:
        case kind::or_:
            return evaluate_all(rows, row);
        case kind::not_: {
            auto t = inner[0].evaluate(rows, row);
            if (!t || *t == truth::unknown) return t;
            return of(*t == truth::no);
        }
        case kind::is_null:
            return of(!bytes_of(value, rows, row).has_value());
        case kind::is_not_null:
            return of(bytes_of(value, rows, row).has_value());
        case kind::column:
        case kind::constant:
        case kind::parameter:
            return test(rows, row);
        default:
            return compare(rows, row);
    }
}

having::having(std::unique_ptr<const node> root) : root_(std::move(root)) {}
having::having(having&&) noexcept = default;
having& having::operator=(having&&) noexcept = default;
having::~having() = default;

result<having> having::make(const condition& what, const columns& shape, const std::vector<route::collation>& texts,
                            std::span<const route::bound_parameter> parameters, route::dialect dialect) {
    auto compiled = compiler{shape, texts, parameters, dialect}.compile(what);
    if (!compiled) return std::move(compiled).error();
    return having{std::make_unique<const node>(std::move(*compiled))};
}

result<bool> having::keeps(const row_batch& rows, std::size_t row) const {
    const auto t = root_->evaluate(rows, row);
    if (!t) return t.error();
    return *t == truth::yes;
}

}  // namespace ashlar::merge
