#include "merge/value_order.hpp"

#include "core/codec.hpp"
#include "core/oid_map.hpp"
#include "merge/built_in_containers.hpp"
#include "merge/further_types.hpp"
#include "merge/jsonb_order.hpp"
#include "merge/key_order.hpp"
#include "merge/nested_values.hpp"
#include "merge/order_bytes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

namespace ashlar::merge {

struct value_order::node {
    enum class kind : std::uint8_t { plain, text, json, enumeration, array, range, multirange, record };
    kind what = kind::plain;
    std::uint32_t type = 0;
    std::string name;  // for messages
    text_way text;     // text, json
    char delimiter = ',';
    std::vector<std::shared_ptr<const node>> inner;  // one, or a composite's columns
    std::map<std::string, std::uint32_t, std::less<>> labels;
};

namespace {

constexpr int nesting_max = 100;  // types hold types no deeper than users write them

error not_a_value(const std::string& type, std::string_view bytes) {
    return error{errc::bad_value, fmt::format("a value of {} cannot be compared across shards", type)}.detail(
        fmt::format("The shard sent {} bytes that are not of the type.", bytes.size()));
}

error unknown_label(const std::string& type, std::string_view label) {
    return error{errc::shards_disagree, fmt::format("a shard sent \"{}\", which is not among the known labels of {}",
                                                    label.substr(0, 64), type)}
        .hint("The type was changed on the servers: try again when the catalogue has been read anew.");
}

}  // namespace

// --- how a type is compared -------------------------------------------------------------------------------------------

class value_order::maker {
public:
    maker(const value_rules& rules, purpose why, std::vector<shared_locale>& locales)
        : rules_(rules), why_(why), locales_(locales) {}

    using made = result<std::shared_ptr<const node>>;

    made of(std::uint32_t type, const collation& text, int depth = 0) {
        if (depth > nesting_max) return refuse(type, "holds too many types");
        if (type >= oid_map::first_own) return of_own(type, text, depth);
        auto n = std::make_shared<node>();
        n->type = type;
        n->name = name_of(type);
        if (const container_type* const c = built_in_container(type)) {
            n->what = c->what == own_type::kind::array   ? node::kind::array
                      : c->what == own_type::kind::range ? node::kind::range
                                                         : node::kind::multirange;
            return with_inner(std::move(n), c->inner, text, depth);
        }
        if (codec::is_text(type)) return text_node(std::move(n), text);
        if (type == oid::jsonb) {
            n->what = node::kind::json;
            const collation bytes{collation_kind::bytes, {}};
            return with_text(std::move(n), why_ == purpose::equality ? bytes : rules_.database_text);
        }
        if (!can_compare(type)) {
            const comparable how = further_type(type);
            const bool good = how == comparable::in_order || (how == comparable::as_equal && why_ == purpose::equality);
            if (!good) return refuse(type, "");
        }
        return std::shared_ptr<const node>{std::move(n)};
    }

private:
    std::string name_of(std::uint32_t type) const {
        if (rules_.types != nullptr) {
            if (const auto at = rules_.types->names.find(type); at != rules_.types->names.end()) return at->second;
        }
        const container_type* const c = built_in_container(type);
        if (c == nullptr) return codec::type_name(type);
        return c->what == own_type::kind::array ? name_of(c->inner) + "[]" : std::string{c->name};
    }

    error refuse(std::uint32_t type, std::string_view why) const {
        const std::string name = name_of(type);
        return error{errc::unsupported,
                     why.empty() ? "its type is " + name : fmt::format("its type is {}, which {}", name, why)};
    }

    made with_inner(std::shared_ptr<node> n, std::uint32_t inner, const collation& text, int depth) {
        auto one = of(inner, text, depth + 1);
        if (!one) return one;
        n->inner.push_back(std::move(*one));
        return std::shared_ptr<const node>{std::move(n)};
    }

    made text_node(std::shared_ptr<node> n, const collation& text) {
        n->what = node::kind::text;
        if (n->type == oid::name)
            return std::shared_ptr<const node>{std::move(n)};  // by bytes, whatever the database's
        return with_text(std::move(n), text);
    }

    made with_text(std::shared_ptr<node> n, const collation& text) {
        using enum collation_kind;
        if (text.kind == nondeterministic || (why_ == purpose::order && text.kind == deterministic))
            return refuse_collation(text);
        if (text.kind == system_locale && why_ == purpose::order) {
            auto at = locale_of(text);
            if (!at) return std::move(at).error();
            n->text.locale = *at;
        }
        return std::shared_ptr<const node>{std::move(n)};
    }

    static error refuse_collation(const collation& text) {
        const std::string name = text.locale.empty() ? "its collation" : "collation \"" + text.locale + "\"";
        return error{errc::unsupported, name + " cannot be computed here"}.hint(
            "Write COLLATE \"C\", or give a shard key so that one shard answers.");
    }

    result<int> locale_of(const collation& text) {
        for (std::size_t i = 0; i < names_.size(); ++i) {
            if (names_[i] == text.locale) return static_cast<int>(i);
        }
        constexpr std::size_t locales_max = 100;  // a piece names its locale in one byte
        const locale_t opened = locales_.size() == locales_max
                                    ? nullptr
                                    : ::newlocale(LC_COLLATE_MASK | LC_CTYPE_MASK, text.locale.c_str(), nullptr);
        if (opened == nullptr) return refuse_collation(text);
        locales_.emplace_back(opened, ::freelocale);
        names_.push_back(text.locale);
        return static_cast<int>(names_.size() - 1);
    }

    made of_own(std::uint32_t type, const collation& text, int depth) {
        const own_type* const own = rules_.types == nullptr ? nullptr : rules_.types->find(type);
        if (own == nullptr) return refuse(type, "the catalogue does not know yet");
        if (auto why = differs_on_a_source(type); !why.empty()) return refuse(type, why);
        auto n = std::make_shared<node>();
        n->type = type;
        n->name = name_of(type);
        n->delimiter = own->delimiter;
        switch (own->what) {
            case own_type::kind::opaque:
                return refuse(type, "");
            case own_type::kind::enumeration:
                n->what = node::kind::enumeration;
                for (const std::string& label : own->labels)
                    n->labels.emplace(label, static_cast<std::uint32_t>(n->labels.size()));
                return std::shared_ptr<const node>{std::move(n)};
            case own_type::kind::domain:
                return of(own->inner, text, depth + 1);
            case own_type::kind::array:
                n->what = node::kind::array;
                return with_inner(std::move(n), own->inner, text, depth);
            case own_type::kind::range:
                n->what = node::kind::range;
                return with_inner(std::move(n), own->inner, own->text, depth);
            case own_type::kind::multirange:
                n->what = node::kind::multirange;
                return with_inner(std::move(n), own->inner, own->text, depth);
            case own_type::kind::composite:
                break;
        }
        n->what = node::kind::record;
        for (const own_type::attribute& each : own->attributes) {
            auto one = of(each.type, each.text, depth + 1);
            if (!one) return one;
            n->inner.push_back(std::move(*one));
        }
        return std::shared_ptr<const node>{std::move(n)};
    }

    // In words; empty: none does.
    std::string differs_on_a_source(std::uint32_t type) const {
        const auto at = rules_.types->differences.find(type);
        if (at == rules_.types->differences.end()) return {};
        for (const auto& [database, what] : at->second) {
            const bool asked =
                rules_.sources == nullptr || rules_.sources->empty() ||
                std::find(rules_.sources->begin(), rules_.sources->end(), database) != rules_.sources->end();
            if (asked) return fmt::format("{} on {}", what, database);
        }
        return {};
    }

    const value_rules& rules_;
    const purpose why_;
    std::vector<shared_locale>& locales_;
    std::vector<std::string> names_;  // of the locales
};

result<value_order> value_order::make(std::uint32_t type, const collation& text, const value_rules& rules,
                                      purpose why) {
    value_order out;
    maker makes{rules, why, out.locales_};
    auto root = makes.of(type, text);
    if (!root) return std::move(root).error();
    out.root_ = std::move(*root);
    return out;
}

// --- values -----------------------------------------------------------------------------------------------------------

status value_order::append(std::string& out, std::string_view bytes, cell_format format) const {
    key_writer to{out, in_pieces()};
    if (status made = append_node(*root_, to, bytes, format); !made) return made;
    to.finish();
    return {};
}

namespace {

// A binary jsonb is its text behind a version.
std::optional<std::string_view> text_of_jsonb(std::string_view bytes, cell_format format) {
    if (format == cell_format::text) return bytes;
    if (!bytes.starts_with('\1')) return std::nullopt;
    return bytes.substr(1);
}

}  // namespace

status value_order::append_node(const node& of, key_writer& out, std::string_view bytes, cell_format format) {
    switch (of.what) {
        case node::kind::plain:
            return append_value(out.raw(), bytes, of.type, format, storage::by_column, route::dialect::postgres);
        case node::kind::text:
            out.text(of.text, of.type == oid::bpchar ? bytes.substr(0, bytes.find_last_not_of(' ') + 1) : bytes);
            return {};
        case node::kind::json: {
            const auto text = text_of_jsonb(bytes, format);
            if (!text || !append_jsonb(out, *text, of.text)) return not_a_value(of.name, bytes);
            return {};
        }
        case node::kind::enumeration: {
            const auto label = of.labels.find(bytes);
            if (label == of.labels.end()) return unknown_label(of.name, bytes);
            wire::append32(out.raw(), label->second);
            return {};
        }
        case node::kind::array:
            return append_array(of, out, bytes, format);
        case node::kind::multirange:
            return append_multirange(of, out, bytes, format);
        case node::kind::record:
            return append_record(of, out, bytes, format);
        case node::kind::range:
            break;
    }
    range_value range;
    const bool read =
        format == cell_format::text ? read_range(bytes, range) && bytes.empty() : read_binary_range(bytes, range);
    if (!read) return not_a_value(of.name, bytes);
    return append_range(of, out, range, format);
}

// Element by element, then by the number of them, and by how they are arranged (array_cmp).
status value_order::append_array(const node& of, key_writer& out, std::string_view bytes, cell_format format) {
    constexpr char no_more = 0, present = 1, null = 2;
    array_reader elements{bytes, format, of.delimiter};
    cell element;
    for (;;) {
        const reading got = elements.next(element);
        if (got == reading::bad) return not_a_value(of.name, bytes);
        if (got == reading::end) break;
        out.raw() += element ? present : null;
        if (!element) continue;
        if (status made = append_node(*of.inner.front(), out, *element, format); !made) return made;
    }
    std::string& raw = out.raw();
    raw += no_more;
    raw += static_cast<char>(elements.dimensions());
    for (std::size_t i = 0; i < elements.dimensions(); ++i) order_bytes::append_integer(raw, elements.at(i).length);
    for (std::size_t i = 0; i < elements.dimensions(); ++i)
        order_bytes::append_integer(raw, elements.at(i).lower_bound);
    return {};
}

// The empty range first; then by the lower bounds, then by the upper ones (range_cmp).
status value_order::append_range(const node& of, key_writer& out, const range_value& range, cell_format format) {
    out.raw() += range.is_empty ? '\0' : '\1';
    if (range.is_empty) return {};
    const node& bound = *of.inner.front();
    out.raw() += range.has_lower ? '\1' : '\0';
    if (range.has_lower) {
        if (status made = append_node(bound, out, range.lower, format); !made) return made;
        out.raw() += range.with_lower ? '\0' : '\1';
    }
    out.raw() += range.has_upper ? '\0' : '\1';
    if (range.has_upper) {
        if (status made = append_node(bound, out, range.upper, format); !made) return made;
        out.raw() += range.with_upper ? '\1' : '\0';
    }
    return {};
}

// Range by range; the shorter comes first.
status value_order::append_multirange(const node& of, key_writer& out, std::string_view bytes, cell_format format) {
    multirange_reader ranges{bytes, format};
    range_value range;
    for (;;) {
        const reading got = ranges.next(range);
        if (got == reading::bad) return not_a_value(of.name, bytes);
        out.raw() += got == reading::value ? '\1' : '\0';
        if (got == reading::end) return {};
        if (status made = append_range(*of.inner.front(), out, range, format); !made) return made;
    }
}

// Column by column; NULL is the greatest (record_cmp).
status value_order::append_record(const node& of, key_writer& out, std::string_view bytes, cell_format format) {
    record_reader columns{bytes, format, of.inner.size()};
    cell value;
    for (const auto& each : of.inner) {
        if (columns.next(value) != reading::value) return not_a_value(of.name, bytes);
        out.raw() += value ? '\0' : '\1';
        if (!value) continue;
        if (status made = append_node(*each, out, *value, format); !made) return made;
    }
    if (columns.next(value) != reading::end) return not_a_value(of.name, bytes);
    return {};
}

bool holds_floats(std::uint32_t type, const type_book* types) {
    std::vector<std::uint32_t> next{type};
    for (int steps = 0; !next.empty() && steps < 10'000; ++steps) {
        const std::uint32_t one = next.back();
        next.pop_back();
        if (codec::is_float(one)) return true;
        if (const container_type* const c = built_in_container(one)) next.push_back(c->inner);
        const own_type* const own = types == nullptr ? nullptr : types->find(one);
        if (own == nullptr) continue;
        if (own->inner != 0) next.push_back(own->inner);
        for (const own_type::attribute& each : own->attributes) next.push_back(each.type);
    }
    return false;
}

}  // namespace ashlar::merge
