#include "core/array_value.hpp"

#include "core/ascii.hpp"
#include "core/rows.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace ashlar {

namespace {

constexpr int dimensions_max = 6;  // MAXDIM

class array_reader {
public:
    explicit array_reader(std::string_view text) : rest_(text) {}

    std::optional<std::vector<std::optional<std::string>>> read() {
        skip();
        if (next() == '[') {  // the bounds of each dimension
            const std::size_t equals = rest_.find('=');
            if (equals == rest_.npos) return std::nullopt;
            rest_.remove_prefix(equals + 1);
            skip();
        }
        if (next() != '{') return std::nullopt;
        int depth = 0;
        do {
            skip();
            if (next() == '{') {
                take();
                if (++depth > dimensions_max) return std::nullopt;
                continue;
            }
            if (next() == '}') {
                take();
                --depth;
            } else if (!element()) {
                return std::nullopt;
            }
            skip();
            if (depth > 0 && next() == ',') {
                take();
            } else if (depth > 0 && next() != '}') {
                return std::nullopt;
            }
        } while (depth > 0);
        return rest_.empty() ? std::optional{std::move(found_)} : std::nullopt;
    }

private:
    char next() const { return rest_.empty() ? '\0' : rest_.front(); }
    char take() {
        const char c = next();
        if (!rest_.empty()) rest_.remove_prefix(1);
        return c;
    }
    void skip() {
        while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
    }

    bool element() {
        if (next() == '"') return quoted();
        const std::size_t size = std::min(rest_.find_first_of(",{}\\\""), rest_.size());
        const std::string_view text = trim(rest_.substr(0, size));
        rest_.remove_prefix(size);
        if (text.empty() || (next() != ',' && next() != '}')) return false;
        if (equals_ignoring_case(text, "null")) {
            found_.emplace_back(std::nullopt);
        } else {
            found_.emplace_back(std::string{text});
        }
        return true;
    }
    bool quoted() {
        take();
        std::string text;
        while (!rest_.empty() && next() != '"') {
            if (next() == '\\') take();
            text += take();
        }
        found_.emplace_back(std::move(text));
        return take() == '"';
    }

    std::string_view rest_;
    std::vector<std::optional<std::string>> found_;
};

class bytes_reader {
public:
    explicit bytes_reader(std::string_view bytes) : rest_(bytes) {}

    std::uint32_t number() {
        const std::string_view bytes = take(4);
        std::uint32_t out = 0;
        for (const char c : bytes) out = out << 8 | static_cast<unsigned char>(c);
        return out;
    }
    std::string_view take(std::size_t count) {
        good_ = good_ && rest_.size() >= count;
        if (!good_) return {};
        const std::string_view out = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return out;
    }
    bool good() const { return good_; }
    bool at_end() const { return rest_.empty(); }

private:
    std::string_view rest_;
    bool good_ = true;
};

constexpr auto array_types = std::to_array<std::pair<std::uint32_t, std::uint32_t>>({
    {oid::boolean, 1000},
    {oid::bytea, 1001},
    {oid::int2, 1005},
    {oid::int4, 1007},
    {oid::int8, 1016},
    {oid::text, 1009},
    {oid::varchar, 1015},
    {oid::bpchar, 1014},
    {oid::name, 1003},
    {oid::float4, 1021},
    {oid::float8, 1022},
    {oid::date, 1182},
    {oid::timestamp, 1115},
    {oid::timestamptz, 1185},
    {oid::time, 1183},
    {oid::numeric, 1231},
    {oid::uuid, 2951},
    {oid::interval, 1187},
});

}  // namespace

std::uint32_t array_type_of(std::uint32_t element) noexcept {
    const auto at = std::find_if(array_types.begin(), array_types.end(), [&](auto p) { return p.first == element; });
    return at == array_types.end() ? 0 : at->second;
}

std::uint32_t element_type_of(std::uint32_t array) noexcept {
    const auto at = std::find_if(array_types.begin(), array_types.end(), [&](auto p) { return p.second == array; });
    return at == array_types.end() ? 0 : at->first;
}

std::optional<std::vector<std::optional<std::string>>> array_elements(std::string_view text) {
    return array_reader{trim(text)}.read();
}

std::optional<binary_elements> array_elements_in_binary(std::string_view bytes) {
    constexpr std::uint32_t null = 0xFFFFFFFF;
    bytes_reader in{bytes};
    const std::uint32_t dimensions = in.number();
    (void)in.number();  // are there NULLs
    binary_elements out;
    out.type = in.number();
    if (!in.good() || dimensions > dimensions_max) return std::nullopt;
    std::uint64_t count = dimensions == 0 ? 0 : 1;
    for (std::uint32_t i = 0; i < dimensions; ++i) {
        count *= in.number();
        (void)in.number();                              // the lower bound
        if (count > bytes.size()) return std::nullopt;  // each takes four bytes at least
    }
    for (; count > 0 && in.good(); --count) {
        const std::uint32_t length = in.number();
        out.values.push_back(length == null ? std::nullopt : std::optional{in.take(length)});
    }
    return in.good() && in.at_end() ? std::optional{std::move(out)} : std::nullopt;
}

}  // namespace ashlar
