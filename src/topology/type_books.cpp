#include "topology/type_books.hpp"

#include <algorithm>

namespace ashlar::topology {

namespace {

using names_by_oid = std::map<std::uint32_t, std::string>;

names_by_oid names_of(const own_oids& of) {
    names_by_oid out;
    for (const auto& [name, oid] : of.types) out.emplace(oid, name);
    return out;
}

class type_comparison {
public:
    type_comparison(const type_book& shown, const own_oids& there)
        : shown_(shown), there_(there), names_(names_of(there)) {}

    // In words; empty: it is the same type. Types that it is made of are compared by themselves.
    std::string difference(const own_type& a, const own_type& b) const {
        if (a.what != b.what) return "is another kind of type";
        if (a.labels != b.labels) return "has other labels";
        if (!same(a.inner, b.inner) || a.text != b.text || a.delimiter != b.delimiter) return "is made of another type";
        const bool alike = std::equal(a.attributes.begin(), a.attributes.end(), b.attributes.begin(),
                                      b.attributes.end(), [this](const auto& x, const auto& y) {
                                          return x.name == y.name && same(x.type, y.type) && x.text == y.text;
                                      });
        return alike ? "" : "has other columns";
    }

private:
    bool same(std::uint32_t shown, std::uint32_t there) const {
        if (shown < oid_map::first_own || there < oid_map::first_own) return shown == there;
        const auto x = shown_.names.find(shown), y = names_.find(there);
        return x != shown_.names.end() && y != names_.end() && x->second == y->second;
    }

    const type_book& shown_;
    const own_oids& there_;
    const names_by_oid names_;
};

}  // namespace

type_book book_of(const own_oids& shown) {
    type_book out;
    out.names = names_of(shown);
    out.types = shown.details;
    // of those that nothing is said of, the name is known at least
    for (const auto& [oid, name] : out.names) out.types.try_emplace(oid);
    return out;
}

void note_differences(type_book& in, const std::string& database, const own_oids& there) {
    const type_comparison with{in, there};
    for (const auto& [oid, type] : in.types) {
        std::string what = "does not exist";
        const auto name = in.names.find(oid);
        const auto number = name == in.names.end() ? there.types.end() : there.types.find(name->second);
        if (number != there.types.end()) {
            const auto details = there.details.find(number->second);
            what = with.difference(type, details == there.details.end() ? own_type{} : details->second);
        }
        if (!what.empty()) {
            in.differences[oid][database] = what;
        } else if (const auto noted = in.differences.find(oid); noted != in.differences.end()) {
            noted->second.erase(database);
        }
    }
}

}  // namespace ashlar::topology
