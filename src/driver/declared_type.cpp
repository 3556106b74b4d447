#include "driver/declared_type.hpp"

#include "core/ascii.hpp"
#include "core/rows.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace ashlar::driver {

namespace {

constexpr auto type_words = std::to_array<std::pair<std::string_view, std::uint32_t>>({
    {"integer", oid::int8},
    {"bigint", oid::int8},
    {"int", oid::int8},
    {"int8", oid::int8},
    {"int4", oid::int8},
    {"int2", oid::int8},
    {"smallint", oid::int8},
    {"tinyint", oid::int8},
    {"mediumint", oid::int8},
    {"serial", oid::int8},
    {"bigserial", oid::int8},
    {"smallserial", oid::int8},
    {"boolean", oid::boolean},
    {"bool", oid::boolean},
    {"numeric", oid::numeric},
    {"decimal", oid::numeric},
    {"dec", oid::numeric},
    {"real", oid::float8},
    {"double", oid::float8},
    {"double precision", oid::float8},
    {"float", oid::float8},
    {"float8", oid::float8},
    {"float4", oid::float8},
    {"timestamp", oid::timestamp},
    {"datetime", oid::timestamp},
    {"timestamp without time zone", oid::timestamp},
    {"timestamptz", oid::timestamptz},
    {"timestamp with time zone", oid::timestamptz},
    {"date", oid::date},
    {"time", oid::time},
    {"time without time zone", oid::time},
    {"interval", oid::interval},
    {"uuid", oid::uuid},
    {"json", oid::json},
    {"jsonb", oid::json},
    {"blob", oid::bytea},
    {"bytea", oid::bytea},
    {"string", oid::text},
});

// "NUMERIC (10, 2) " → "numeric", {10, 2}.
struct type_text {
    std::string word;
    std::array<int, 2> numbers{-1, -1};
};

type_text cut(std::string_view text) {
    constexpr int number_max = 10'000;
    type_text t;
    std::size_t number = 0;
    bool inside = false;
    for (const char c : text) {
        if (c == '(') {
            inside = true;
        } else if (c == ')') {
            inside = false;
        } else if (inside && c == ',') {
            ++number;
        } else if (inside && is_digit(c) && number < 2) {
            t.numbers[number] = std::min(std::max(t.numbers[number], 0) * 10 + (c - '0'), number_max);
        } else if (!inside && !(c == ' ' && (t.word.empty() || t.word.back() == ' '))) {
            t.word += to_lower(c);
        }
    }
    while (!t.word.empty() && t.word.back() == ' ') t.word.pop_back();
    return t;
}

std::uint32_t by_affinity(const std::string& word) {
    const auto has = [&](std::string_view part) { return word.find(part) != std::string::npos; };
    if (has("int")) return oid::int8;
    if (has("char") || has("clob") || has("text")) return oid::text;
    if (has("blob")) return oid::bytea;
    if (has("real") || has("floa") || has("doub")) return oid::float8;
    return 0;
}

}  // namespace

declared_type declared(std::string_view text) {
    const type_text t = cut(text);
    declared_type d;
    if (t.word.empty()) return d;
    const auto known = std::ranges::find(type_words, t.word, [](const auto& each) { return each.first; });
    d.type = known != type_words.end() ? known->second : by_affinity(t.word);
    if (d.type == oid::numeric && t.numbers[0] > 0) {
        d.scale = std::max(t.numbers[1], 0);
        d.modifier = ((t.numbers[0] << 16) | d.scale) + 4;
    }
    return d;
}

declared_type entering_type(std::string_view text) {
    declared_type d = declared(text);
    const type_text t = cut(text);
    const bool varying = t.word == "varchar" || t.word == "character varying";
    const bool padded = t.word == "char" || t.word == "character" || t.word == "bpchar";
    if (varying || padded) {
        d.type = varying ? oid::varchar : oid::bpchar;
        const int length = t.numbers[0] > 0 ? t.numbers[0] : padded && t.word != "bpchar" ? 1 : -1;
        d.modifier = length > 0 ? length + 4 : -1;
    }
    if (d.type == 0) d.type = oid::text;
    return d;
}

}  // namespace ashlar::driver
