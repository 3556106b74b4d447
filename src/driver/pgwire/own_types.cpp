#include "driver/pgwire/own_types.hpp"

#include "wire/message_types.hpp"
#include "wire/reader.hpp"
#include "wire/writer.hpp"

#include <fmt/format.h>

namespace ashlar::driver::pgwire {

namespace {

constexpr std::size_t header_size = 5;
constexpr std::size_t column_tail = 18;  // what follows a column's name
constexpr std::size_t type_at = 6, size_at = 10, modifier_at = 12;

std::uint32_t number_at(const std::string& out, std::size_t at) {
    wire::reader in{std::string_view{out}.substr(at, 4)};
    return in.u32();
}

// Header and body as they are; the body begins at what is given.
std::size_t append(std::string& out, char type, std::string_view body) {
    wire::writer w{out};
    out += type;
    w.u32(static_cast<std::uint32_t>(body.size() + 4));
    w.bytes(body);
    return out.size() - body.size();
}

}  // namespace

bool write_row_description_for_client(std::string& out, std::string_view body, const oid_map& oids) {
    const std::size_t before = out.size();
    const std::size_t end = before + header_size + body.size();
    std::size_t at = append(out, wire::server_says::row_description, body) + 2;
    wire::reader counted{body};
    wire::writer w{out};
    for (std::size_t i = counted.u16(); i > 0; --i) {
        const std::size_t name_end = out.find('\0', at);
        if (name_end == out.npos || end - name_end <= column_tail) return out.resize(before), false;
        at = name_end + 1;
        w.patch_u32(at, oids.relation_for_client(number_at(out, at)));
        const std::uint32_t type = number_at(out, at + type_at);
        w.patch_u32(at + type_at, oids.type_for_client(type));
        if (!oids.has_type_for_client(type)) {
            w.patch_u16(at + size_at, static_cast<std::uint16_t>(-2));  // as pg_type has it for `unknown`
            w.patch_u32(at + modifier_at, static_cast<std::uint32_t>(-1));
        }
        at += column_tail;
    }
    if (!counted.ok() || at != end) return out.resize(before), false;
    return true;
}

bool write_parameter_description_for_client(std::string& out, std::string_view body, const oid_map& oids) {
    wire::reader in{body};
    const std::size_t count = in.u16();
    if (!in.ok() || in.left() != 4 * count) return false;
    std::size_t at = append(out, wire::server_says::parameter_description, body) + 2;
    wire::writer w{out};
    for (std::size_t i = 0; i < count; ++i, at += 4) w.patch_u32(at, oids.type_for_client(number_at(out, at)));
    return true;
}

bool write_for_client(std::string& out, char message_type, std::string_view body, const oid_map& oids) {
    return message_type == wire::server_says::row_description ? write_row_description_for_client(out, body, oids)
                                                              : write_parameter_description_for_client(out, body, oids);
}

bool holds_types(char message_type) noexcept {
    return message_type == wire::server_says::row_description ||
           message_type == wire::server_says::parameter_description;
}

missing_oids missing_in(char message_type, std::string_view body, const oid_map& oids) {
    missing_oids out;
    const auto type = [&](std::uint32_t number) {
        if (!oids.has_type_for_client(number)) out.types.push_back(number);
    };
    wire::reader in{body};
    std::size_t count = in.u16();
    if (message_type == wire::server_says::parameter_description) {
        for (; count > 0 && in.ok(); --count) type(in.u32());
        return out;
    }
    for (; count > 0; --count) {
        (void)in.cstring();
        const std::uint32_t table = in.u32();
        (void)in.u16();
        const std::uint32_t of = in.u32();
        (void)in.take(column_tail - 10);
        if (!in.ok()) return {};
        if (!oids.knows_relation(table)) out.relations.push_back(table);
        type(of);
    }
    return out;
}

missing_oids missing_in(std::span<const std::uint32_t> declared, const oid_map& oids) {
    missing_oids out;
    for (const std::uint32_t each : declared) {
        if (!oids.type_for_server(each)) out.declared.push_back(each);
    }
    return out;
}

result<std::vector<std::uint32_t>> types_for_server(std::span<const std::uint32_t> clients, const oid_map& oids) {
    std::vector<std::uint32_t> out;
    out.reserve(clients.size());
    for (const std::uint32_t each : clients) {
        const auto there = oids.type_for_server(each);
        if (!there) {
            return error{errc::unsupported,
                         fmt::format("there is no type {} on {}", oids.name_of_type(each), oids.database())}
                .hint("Create the type on every database, or leave the parameter's type to be inferred.");
        }
        out.push_back(*there);
    }
    return out;
}

status columns_for_client(columns& shape, const oid_map& oids, const type_book* types,
                          std::vector<translated_column>& translated) {
    for (std::size_t i = 0; i < shape.size(); ++i) {
        column& each = shape[i];
        if (!oids.has_type_for_client(each.type)) {
            return no_such_type_for_client(each.type, oids);
        }
        each.type = oids.type_for_client(each.type);
        each.table = oids.relation_for_client(each.table);
        if (each.format == cell_format::binary && oids.differs_in_binary(each.type)) {
            if (types != nullptr && may_translate(each.type, *types)) {
                translated.push_back({i, each.type});
                continue;
            }
            return binary_holds_numbers(fmt::format("column \"{}\"", each.name), each.type, oids);
        }
    }
    return {};
}

error no_such_type_for_client(std::uint32_t there, const oid_map& oids) {
    return error{errc::unsupported, fmt::format("the database asked for the catalogue has no type {}, as {} has",
                                                oids.name_of_type(there), oids.database())}
        .hint("Create the type on every database, or cast to a built-in type.");
}

error binary_holds_numbers(std::string_view what, std::uint32_t clients, const oid_map& oids) {
    const std::string type = clients == oid::unknown
                                 ? std::string{"a type that the database asked for the catalogue does not have"}
                             : clients < oid_map::first_own ? std::string{"a type"}
                                                            : fmt::format("type {}", oids.name_of_type(clients));
    return error{errc::unsupported,
                 fmt::format("{} is of {} whose binary form on {} names types by other numbers than the catalogue",
                             what, type, oids.database())}
        .hint("Use text format, or cast to a built-in type.");
}

}  // namespace ashlar::driver::pgwire
