#include "driver/mysql/result_rows.hpp"

#include "core/float_text.hpp"

#include <algorithm>
#include <charconv>

namespace ashlar::driver::mysql {

namespace {

constexpr std::size_t place_size_max = 1024;  // longer values are fetched a second time, into one buffer for all
constexpr std::size_t bytes_size_max =
    0x1fffffff;  // written with two characters for each: as much as a message can carry
constexpr std::size_t kept_size_max = 1024 * 1024;  // of that buffer, when no row needs more

error at_column(error why, const column& c) {
    return std::move(why.detail("It stands in column \"" + c.name + "\"."));
}

template <class Int>
std::string_view digits(std::array<char, 24>& buffer, Int v) {
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v);
    return {buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data())};
}

}  // namespace

void result_rows::expect(const MYSQL_FIELD* fields, unsigned count, const std::vector<told_column>& told) {
    places_.resize(count);
    binds_.assign(count, MYSQL_BIND{});
    for (unsigned i = 0; i < count; ++i) {
        places_[i].type = type_of(fields[i], i < told.size() && told[i].is_json);
        bind(places_[i], binds_[i], fields[i].length);
    }
}

void result_rows::bind(place& to, MYSQL_BIND& as, std::size_t size_at_most) {
    as.length = &to.length;
    as.is_null = &to.is_null;
    as.error = &to.is_cut;
    as.buffer = &to.value;
    switch (to.type.how) {
        case reading::signed_integer:
        case reading::unsigned_integer:
            as.buffer_type = MYSQL_TYPE_LONGLONG;
            as.is_unsigned = to.type.how == reading::unsigned_integer ? 1 : 0;
            return;
        case reading::float4:
            as.buffer_type = MYSQL_TYPE_FLOAT;
            return;
        case reading::float8:
            as.buffer_type = MYSQL_TYPE_DOUBLE;
            return;
        case reading::date:
        case reading::timestamp:
        case reading::timestamptz:
        case reading::time:
            as.buffer = &to.moment;
            as.buffer_type = to.type.how == reading::date   ? MYSQL_TYPE_DATE
                             : to.type.how == reading::time ? MYSQL_TYPE_TIME
                                                            : MYSQL_TYPE_DATETIME;
            return;
        default:
            to.bytes.resize(std::clamp<std::size_t>(size_at_most, 16, place_size_max));
            as.buffer = to.bytes.data();
            as.buffer_length = to.bytes.size();
            // BLOB: libmariadb ends what it calls a string with a zero
            as.buffer_type = MYSQL_TYPE_BLOB;
    }
}

columns result_rows::shape() const {
    columns all;
    all.reserve(places_.size());
    for (const place& p : places_) all.push_back(p.type.shape);
    return all;
}

bool result_rows::has(reading how) const noexcept {
    return std::ranges::any_of(places_, [&](const place& p) { return p.type.how == how; });
}

status result_rows::add(row_batch& into, MYSQL_STMT* from) {
    const unfinished_row row{into};
    for (std::size_t i = 0; i < places_.size(); ++i) {
        place& p = places_[i];
        if (p.is_null != 0) {
            into.add(std::nullopt);
        } else if (status s = add_cell(into, p, from, i); !s) {
            return at_column(std::move(s).error(), p.type.shape);
        }
    }
    into.end_row();
    if (long_.capacity() > kept_size_max) std::string{}.swap(long_);
    return {};
}

// The whole value, also where it did not fit.
result<std::string_view> result_rows::bytes_of(place& of, MYSQL_STMT* from, std::size_t index) {
    if (of.length <= of.bytes.size()) return std::string_view{of.bytes.data(), of.length};
    long_.resize(of.length);
    MYSQL_BIND whole = binds_[index];
    whole.buffer = long_.data();
    whole.buffer_length = long_.size();
    if (mysql_stmt_fetch_column(from, &whole, static_cast<unsigned>(index), 0) != 0) {
        return error{errc::internal, "a long value could not be read"};
    }
    return std::string_view{long_};
}

status result_rows::add_cell(row_batch& into, place& of, MYSQL_STMT* from, std::size_t index) {
    std::array<char, 24> buffer;
    cell_.clear();
    switch (of.type.how) {
        case reading::signed_integer:
            into.add(digits(buffer, of.value.integer));
            return {};
        case reading::unsigned_integer:
            into.add(digits(buffer, of.value.natural));
            return {};
        case reading::float4:
            into.add(float_text(of.value.float4));
            return {};
        case reading::float8:
            into.add(float_text(of.value.float8));
            return {};
        case reading::date:
            append_date(cell_, of.moment);
            break;
        case reading::timestamp:
        case reading::timestamptz:
            append_timestamp(cell_, of.moment, of.type.how == reading::timestamptz);
            break;
        case reading::time:
            append_time(cell_, of.moment);
            break;
        default: {
            const auto bytes = bytes_of(of, from, index);
            if (!bytes) return bytes.error();
            if (of.type.how == reading::text || of.type.how == reading::nothing) {
                into.add(*bytes);
                return {};
            }
            if (of.type.how == reading::bytes && bytes->size() > bytes_size_max) {
                return error{errc::limit_reached, "a value of bytes is longer than 512 MB"};
            }
            if (of.type.how == reading::bytes) append_hex(cell_, *bytes);
            if (of.type.how == reading::bits) {
                append_bits(cell_, *bytes, static_cast<std::size_t>(of.type.shape.type_modifier));
            }
        }
    }
    into.add(cell_);
    return {};
}

status result_rows::add_text(row_batch& into, MYSQL_ROW row, const unsigned long* lengths) {
    const unfinished_row unfinished{into};
    for (std::size_t i = 0; i < places_.size(); ++i) {
        if (row[i] == nullptr) {
            into.add(std::nullopt);
            continue;
        }
        const std::string_view bytes{row[i], lengths[i]};
        const field_type& t = places_[i].type;
        cell_.clear();
        switch (t.how) {
            case reading::bytes:
                append_hex(cell_, bytes);
                break;
            case reading::bits:
                append_bits(cell_, bytes, static_cast<std::size_t>(t.shape.type_modifier));
                break;
            case reading::date:
            case reading::timestamp:
            case reading::timestamptz:
            case reading::time:
                return at_column(error{errc::unsupported, "dates and times of such a statement cannot be read"},
                                 t.shape);
            default:
                cell_ = bytes;
        }
        into.add(cell_);
    }
    into.end_row();
    return {};
}

}  // namespace ashlar::driver::mysql
