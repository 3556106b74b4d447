// Bytes that claim to be values: whatever a server or a client sends, reading it, keying it and adding it up must end in a
// value or an error, and what was read must survive its own text and binary forms.
#include "core/codec.hpp"
#include "core/float_text.hpp"
#include "core/text_to_binary.hpp"
#include "merge/key_order.hpp"

#include <ashlar/types.hpp>

#include <cstdlib>

using namespace ashlar;

namespace {

void must(bool claim) {
    if (!claim) std::abort();
}

void check_numeric(std::string_view bytes, cell_format format) {
    const auto n = codec::read_numeric(bytes, format);
    if (!n) return;
    const auto by_text = numeric::from_text(n->to_text());
    const auto by_binary = numeric::from_binary(n->to_binary());
    must(by_text && *by_text == *n && by_text->to_text() == n->to_text());
    must(by_binary && *by_binary == *n);
    numeric twice = *n;
    twice += *n;
    must(n->what() != numeric::kind::finite || divide(twice, numeric{2}) == *n || n->scale() > 900);
}

void check_types(std::string_view text) {
    if (const auto id = uuid::parse(text)) must(uuid::parse(id->to_string()).value() == *id);
    if (const auto d = decimal::parse(text)) must(decimal::parse(d->to_string()).value() == *d);
    if (const auto t = parse_timestamp(text)) must(parse_timestamp(to_string(*t)).value() == *t);
    if (const auto d = parse_date(text)) must(parse_date(to_string(*d)).value() == *d);
    if (const auto b = parse_bytes(text)) must(parse_bytes(to_string(*b)).value() == *b);
    if (const auto f = parse_float8(text); f && *f == *f) must(parse_float8(float_text(*f)) == *f);
}

// Types that hold others: whatever the bytes are, they make a key or an error, and the key equals itself.
void check_containers(std::string_view bytes, cell_format format, unsigned which) {
    constexpr std::uint32_t types[] = {oid::jsonb,
                                       1007 /* integer[] */,
                                       1009 /* text[] */,
                                       3906 /* numrange */,
                                       4451 /* int4multirange */,
                                       3807 /* jsonb[] */,
                                       790 /* money */,
                                       30 /* oidvector */};
    merge::value_rules rules;
    rules.database_text.kind = collation_kind::bytes;
    if (which % 2 == 1) rules.database_text = {collation_kind::system_locale, "C"};
    const auto order = merge::value_order::make(types[which / 2 % std::size(types)], rules.database_text, rules,
                                                merge::purpose::order);
    must(order.has_value());
    std::string key;
    if (!order->append(key, bytes, format)) return;
    must(!order->in_pieces() || merge::compare_pieces(key, key, order->locales()) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2 || size > 4096) return 0;
    constexpr std::uint32_t types[] = {
        oid::boolean, oid::int2,   oid::int4, oid::int8,  oid::oid,  oid::float4, oid::float8,    oid::numeric,
        oid::text,    oid::bpchar, oid::name, oid::bytea, oid::uuid, oid::date,   oid::timestamp, oid::timestamptz};
    const std::uint32_t type = types[data[0] % std::size(types)];
    const cell_format format = (data[0] & 0x80) != 0 ? cell_format::binary : cell_format::text;
    const std::string_view bytes{reinterpret_cast<const char*>(data + 1), size - 1};
    std::string key;
    (void)merge::append_value(key, bytes, type, format, storage::by_column, route::dialect::postgres);
    (void)merge::append_value(key, bytes, type, format, static_cast<storage>(data[1] % 5), route::dialect::sqlite);
    if (type == oid::numeric) check_numeric(bytes, format);
    check_containers(bytes, format, data[1]);
    if (format == cell_format::text) {
        check_types(bytes);
        (void)codec::text_to_binary(bytes, type);
    }
    return 0;
}
