#include "keyspace/positions.hpp"

#include "keyspace/modulo.hpp"
#include "keyspace/postgres_hash.hpp"
#include "keyspace/ring.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::keyspace {

namespace {

std::string shown(const key& k) {
    return k.type() == key_type::integer ? k.to_string() : "'" + k.to_string() + "'";
}

struct holder {
    function_kind function;
    const key& k;

    bool operator()(const residues& r) const {
        const std::uint64_t position =
            function == function_kind::hash ? partition_hash(k) % r.modulus : position_modulo(k, r.modulus);
        return r.first <= position && position <= r.last;
    }
    bool operator()(const arc& a) const {
        const std::uint64_t place = ring_place(k.to_string());
        if (a.after < a.through) return a.after < place && place <= a.through;
        return place > a.after || place <= a.through;
    }
    bool operator()(const key_range& r) const { return (!r.from || *r.from <= k) && (!r.until || k < *r.until); }
    bool operator()(const named_keys& n) const { return std::ranges::binary_search(n.keys, k) != n.all_but; }
};

struct describer {
    std::string operator()(const residues& r) const {
        if (r.first == r.last) return fmt::format("remainder {} of {}", r.first, r.modulus);
        return fmt::format("remainders {}..{} of {}", r.first, r.last, r.modulus);
    }
    std::string operator()(const arc& a) const { return fmt::format("({:016x}, {:016x}]", a.after, a.through); }
    std::string operator()(const key_range& r) const {
        return fmt::format("{}, {})", r.from ? "[" + shown(*r.from) : "(-infinity",
                           r.until ? shown(*r.until) : "infinity");
    }
    std::string operator()(const named_keys& n) const {
        std::string text;
        for (const key& k : n.keys) text += (text.empty() ? "" : ", ") + shown(k);
        if (n.all_but) return text.empty() ? "all keys" : "all but " + text;
        return text;
    }
};

}  // namespace

std::uint64_t position_modulo(const key& k, std::uint64_t modulus) noexcept {
    const auto n = static_cast<std::uint32_t>(modulus);
    return k.type() == key_type::uuid ? remainder_of(k.uuid_bytes(), n) : remainder_of(k.integer(), n);
}

bool holds(const positions& set, function_kind function, const key& k) {
    return std::visit(holder{function, k}, set);
}

std::optional<double> share_of(const positions& set) {
    if (const auto* r = std::get_if<residues>(&set)) {
        return static_cast<double>(r->last - r->first + 1) / static_cast<double>(r->modulus);
    }
    if (const auto* a = std::get_if<arc>(&set)) {
        if (a->after == a->through) return 1.0;
        return static_cast<double>(a->through - a->after) * 0x1p-64;  // unsigned: right over the top too
    }
    return std::nullopt;
}

std::string to_string(const positions& set) {
    return std::visit(describer{}, set);
}

}  // namespace ashlar::keyspace
