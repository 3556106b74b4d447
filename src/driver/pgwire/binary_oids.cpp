#include "driver/pgwire/binary_oids.hpp"

#include "core/codec.hpp"
#include "driver/pgwire/own_types.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ashlar::driver::pgwire {

namespace {

constexpr int depth_max = 64;  // anonymous rows nest as deep as the data does
constexpr std::uint32_t row_type = 2249, row_array_type = 2287;

enum class direction : std::uint8_t { to_client, to_server };

std::string_view view_of(std::span<char> bytes) {
    return {bytes.data(), bytes.size()};
}

error not_of_the_type(const std::string& type) {
    return error{errc::bad_value, fmt::format("a binary value is not of type {}", type)}.sqlstate("22P03");
}

class translation {
public:
    translation(direction to, const oid_map& oids, const type_book& types) : to_(to), oids_(oids), types_(types) {}

    status value(std::span<char> bytes, std::uint32_t clients, int depth = 0) const {
        if (depth > depth_max)
            return error{errc::limit_reached, fmt::format("a row holds rows more than {} deep", depth_max)};
        const std::uint32_t type = types_.base_of(clients);
        if (!oids_.differs_in_binary(type)) return {};
        if (type == row_type) return columns(bytes, type, depth);
        if (type == row_array_type) return elements(bytes, type, depth);
        const own_type* const own = types_.find(type);
        if (own == nullptr || differs(type)) return binary_holds_numbers("a value", clients, oids_);
        switch (own->what) {
            case own_type::kind::array:
                return elements(bytes, type, depth);
            case own_type::kind::composite:
                return columns(bytes, type, depth);
            case own_type::kind::range:
                return bounds(bytes, type, own->inner, depth);
            case own_type::kind::multirange:
                return ranges(bytes, type, own->inner, depth);
            default:
                return binary_holds_numbers("a value", clients, oids_);
        }
    }

private:
    bool differs(std::uint32_t type) const {
        const auto at = types_.differences.find(type);
        return at != types_.differences.end() && at->second.contains(oids_.database());
    }

    error bad(std::uint32_t type) const { return not_of_the_type(oids_.name_of_type(type)); }

    // The type named at the front of `at`, by the client's number; it is put right.
    result<std::uint32_t> type_at(std::span<char> at) const {
        const std::uint32_t written = wire::read32(view_of(at));
        std::uint32_t clients = written, becomes = written;
        if (to_ == direction::to_client) {
            if (!oids_.has_type_for_client(written)) return no_such_type_for_client(written, oids_);
            clients = becomes = oids_.type_for_client(written);
        } else {
            const auto there = oids_.type_for_server(written);
            if (!there) {
                return error{errc::unsupported,
                             fmt::format("there is no type {} on {}", oids_.name_of_type(written), oids_.database())};
            }
            becomes = *there;
        }
        std::string bytes;
        wire::append32(bytes, becomes);
        std::copy(bytes.begin(), bytes.end(), at.begin());
        return clients;
    }

    // A length, or -1 for NULL, and so many bytes from the front of `rest`. False: they are not there.
    static bool take(std::span<char>& rest, std::span<char>& into, bool& is_null) {
        if (rest.size() < 4) return false;
        const auto size = static_cast<std::int32_t>(wire::read32(view_of(rest)));
        rest = rest.subspan(4);
        is_null = size == -1;
        into = {};
        if (is_null) return true;
        if (size < 0 || static_cast<std::size_t>(size) > rest.size()) return false;
        into = rest.first(static_cast<std::size_t>(size));
        rest = rest.subspan(static_cast<std::size_t>(size));
        return true;
    }

    // Dimensions, a flag, the elements' type, two numbers for each dimension, the elements.
    status elements(std::span<char> bytes, std::uint32_t type, int depth) const {
        constexpr std::size_t header = 12, each_dimension = 8, dimensions_max = 6;
        if (bytes.size() < header) return bad(type);
        const std::size_t dimensions = wire::read32(view_of(bytes));
        if (dimensions > dimensions_max || bytes.size() < header + each_dimension * dimensions) return bad(type);
        const auto inner = type_at(bytes.subspan(8));
        if (!inner) return inner.error();
        if (!oids_.differs_in_binary(types_.base_of(*inner))) return {};
        std::span<char> rest = bytes.subspan(header + each_dimension * dimensions), one;
        bool is_null = false;
        while (!rest.empty()) {
            if (!take(rest, one, is_null)) return bad(type);
            if (is_null) continue;
            if (status done = value(one, *inner, depth + 1); !done) return done;
        }
        return {};
    }

    // How many, and of each its type and its value.
    status columns(std::span<char> bytes, std::uint32_t type, int depth) const {
        if (bytes.size() < 4) return bad(type);
        std::uint32_t left = wire::read32(view_of(bytes));
        std::span<char> rest = bytes.subspan(4), one;
        bool is_null = false;
        for (; left > 0; --left) {
            if (rest.size() < 8) return bad(type);
            const auto inner = type_at(rest);
            if (!inner) return inner.error();
            rest = rest.subspan(4);
            if (!take(rest, one, is_null)) return bad(type);
            if (is_null) continue;
            if (status done = value(one, *inner, depth + 1); !done) return done;
        }
        return rest.empty() ? status{} : status{bad(type)};
    }

    // Flags, then the bounds that there are; none is NULL.
    status bounds(std::span<char> bytes, std::uint32_t type, std::uint32_t inner, int depth) const {
        if (bytes.empty()) return bad(type);
        std::span<char> rest = bytes.subspan(1), one;
        bool is_null = false;
        while (!rest.empty()) {
            if (!take(rest, one, is_null) || is_null) return bad(type);
            if (status done = value(one, inner, depth + 1); !done) return done;
        }
        return {};
    }

    status ranges(std::span<char> bytes, std::uint32_t type, std::uint32_t range, int depth) const {
        if (bytes.size() < 4) return bad(type);
        std::span<char> rest = bytes.subspan(4), one;
        bool is_null = false;
        while (!rest.empty()) {
            if (!take(rest, one, is_null) || is_null) return bad(type);
            if (status done = value(one, range, depth + 1); !done) return done;
        }
        return {};
    }

    const direction to_;
    const oid_map& oids_;
    const type_book& types_;
};

}  // namespace

bool may_translate(std::uint32_t clients, const type_book& types) {
    const std::uint32_t type = types.base_of(clients);
    if (type == row_type || type == row_array_type) return true;
    const own_type* const own = types.find(type);
    return own != nullptr && own->what != own_type::kind::opaque;
}

status oids_for_client(std::span<char> value, std::uint32_t clients, const oid_map& oids, const type_book& types) {
    return translation{direction::to_client, oids, types}.value(value, clients);
}

status oids_for_server(std::span<char> value, std::uint32_t clients, const oid_map& oids, const type_book& types) {
    return translation{direction::to_server, oids, types}.value(value, clients);
}

status oids_for_client(row_batch& rows, std::size_t first, const std::vector<translated_column>& which,
                       const oid_map& oids, const type_book& types) {
    const translation to_client{direction::to_client, oids, types};
    for (const translated_column& each : which) {
        for (std::size_t row = first; row < rows.rows(); ++row) {
            if (!rows.at(row, each.column)) continue;
            status done = to_client.value(rows.writable(row, each.column), each.clients);
            if (!done) return done;
        }
    }
    return {};
}

}  // namespace ashlar::driver::pgwire
