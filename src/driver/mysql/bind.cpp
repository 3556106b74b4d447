#include "driver/mysql/bind.hpp"

#include "core/ascii.hpp"
#include "core/calendar.hpp"
#include "core/codec.hpp"
#include "core/float_text.hpp"

#include <cmath>
#include <optional>

namespace ashlar::driver::mysql {

namespace {

constexpr std::int64_t time_max = (std::int64_t{838} * 3600 + 59 * 60 + 59) * 1'000'000;

// MySQL's TIME is a span: -838:59:59 to 838:59:59. In microseconds.
std::optional<std::int64_t> read_time(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    const std::size_t hours_end = text.find(':');
    if (hours_end == 0 || hours_end > 3) return std::nullopt;
    std::int64_t hours = 0;
    for (const char c : text.substr(0, hours_end)) {
        if (!is_digit(c)) return std::nullopt;
        hours = hours * 10 + (c - '0');
    }
    // What follows the hours is the end of a timestamp's text.
    const auto rest = parse_timestamp("2000-01-01 00" + std::string{text.substr(hours_end)});
    if (!rest) return std::nullopt;
    const std::int64_t within = rest->time_since_epoch().count() - postgres_epoch_days * microseconds_per_day;
    if (within < 0 || within > 3'600'000'000) return std::nullopt;
    const std::int64_t all = hours * 3'600'000'000 + within;
    return negative ? -all : all;
}

}  // namespace

bool is_moment(std::uint32_t type) noexcept {
    return type == oid::date || type == oid::timestamp || type == oid::timestamptz || type == oid::time;
}

bool is_readable_moment(std::string_view text, std::uint32_t type) {
    if (type == oid::time) return read_time(trim(text)).has_value();
    return codec::read_moment(text, type, cell_format::text).has_value();
}

// One parameter.
class bound_parameters::binder {
public:
    binder(std::size_t number, const parameter& given, MYSQL_BIND& to, value& with)
        : number_(number), bytes_(*given.bytes), format_(given.format), to_(to), with_(with) {}

    status bind(std::uint32_t type);

private:
    error not_readable(std::string_view as) const {
        return error{errc::bad_value,
                     "parameter $" + std::to_string(number_) + " cannot be read as " + std::string{as}};
    }
    status characters(enum_field_types as, std::string_view text) {
        to_.buffer_type = as;
        to_.buffer = const_cast<char*>(text.data());
        to_.length_value = text.size();
        to_.buffer_length = text.size();
        if (text.empty()) to_.buffer = &with_;  // a null pointer would mean NULL
        return {};
    }
    status own_characters(enum_field_types as, std::string text) {
        with_.text = std::move(text);
        return characters(as, with_.text);
    }
    status number(enum_field_types as, void* value) {
        to_.buffer_type = as;
        to_.buffer = value;
        return {};
    }
    status integer(std::uint32_t type);
    status real(std::uint32_t type);
    status decimal_number();
    status bits();
    status moment(std::uint32_t type);
    status time_of_day();
    status identifier();

    const std::size_t number_;
    const std::string_view bytes_;
    const cell_format format_;
    MYSQL_BIND& to_;
    value& with_;
};

status bound_parameters::binder::integer(std::uint32_t type) {
    const auto v = codec::read_integer(bytes_, type, format_);
    if (!v) return not_readable(codec::type_name(type));
    with_.integer = *v;
    return number(MYSQL_TYPE_LONGLONG, &with_.integer);
}

status bound_parameters::binder::real(std::uint32_t type) {
    const auto v = codec::read_float(bytes_, type, format_);
    if (!v) return not_readable(codec::type_name(type));
    if (!std::isfinite(*v)) return not_readable("a finite number, and MySQL has no others");
    with_.float8 = *v;
    with_.float4 = static_cast<float>(*v);
    if (type == oid::float4) return number(MYSQL_TYPE_FLOAT, &with_.float4);
    return number(MYSQL_TYPE_DOUBLE, &with_.float8);
}

status bound_parameters::binder::decimal_number() {
    if (format_ == cell_format::binary) {
        const auto v = codec::read_numeric(bytes_, format_);
        if (!v) return not_readable("numeric");
        codec::write_numeric(with_.text, *v, cell_format::text);
    } else {
        const auto v = decimal::parse(bytes_);
        if (!v) return not_readable("numeric");
        with_.text = v->to_string();
    }
    const char last = with_.text.empty() ? 'y' : with_.text.back();
    if (last == 'N' || last == 'y') return not_readable("a finite number, and MySQL has no others");
    return characters(MYSQL_TYPE_NEWDECIMAL, with_.text);
}

// '0101' → 5.
status bound_parameters::binder::bits() {
    if (format_ == cell_format::binary || bytes_.size() > 64) return not_readable("bits");
    std::uint64_t all = 0;
    for (const char c : bytes_) {
        if (c != '0' && c != '1') return not_readable("bits");
        all = all << 1 | static_cast<std::uint64_t>(c - '0');
    }
    with_.integer = static_cast<std::int64_t>(all);
    to_.is_unsigned = 1;
    return number(MYSQL_TYPE_LONGLONG, &with_.integer);
}

status bound_parameters::binder::moment(std::uint32_t type) {
    const auto v = codec::read_moment(bytes_, type, format_);
    if (!v) return not_readable(codec::type_name(type));
    const bool is_date = type == oid::date;
    std::int64_t days = *v, rest = 0;
    if (!is_date) {
        days = *v / microseconds_per_day;
        rest = *v % microseconds_per_day;
        if (rest < 0) rest += microseconds_per_day, --days;
    }
    if (*v == INT64_MAX || *v == INT64_MIN) return not_readable("a date of the years 1 to 9999, which MySQL has");
    days += postgres_epoch_days;
    constexpr std::int64_t first = days_of({1, 1, 1}), last = days_of({9999, 12, 31});
    if (days < first || days > last) return not_readable("a date of the years 1 to 9999, which MySQL has");
    const civil c = civil_of(days);
    MYSQL_TIME& t = with_.moment;
    t.year = static_cast<unsigned>(c.year);
    t.month = c.month;
    t.day = c.day;
    const std::int64_t seconds = rest / 1'000'000;
    t.hour = static_cast<unsigned>(seconds / 3600);
    t.minute = static_cast<unsigned>(seconds / 60 % 60);
    t.second = static_cast<unsigned>(seconds % 60);
    t.second_part = static_cast<unsigned long>(rest % 1'000'000);
    t.time_type = is_date ? MYSQL_TIMESTAMP_DATE : MYSQL_TIMESTAMP_DATETIME;
    return number(is_date ? MYSQL_TYPE_DATE : MYSQL_TYPE_DATETIME, &t);
}

status bound_parameters::binder::time_of_day() {
    std::int64_t all = 0;
    if (format_ == cell_format::binary) {
        if (bytes_.size() != 8) return not_readable("time");
        all = static_cast<std::int64_t>(wire::read64(bytes_));
    } else {
        const auto v = read_time(trim(bytes_));
        if (!v) return not_readable("time");
        all = *v;
    }
    MYSQL_TIME& t = with_.moment;
    t.neg = all < 0 ? 1 : 0;
    if (all < 0) all = -all;
    if (all > time_max) return not_readable("a time up to 838:59:59, as MySQL has them");
    const std::int64_t seconds = all / 1'000'000;
    t.day = static_cast<unsigned>(seconds / 86'400);  // the protocol has one byte for the hours
    t.hour = static_cast<unsigned>(seconds / 3600 % 24);
    t.minute = static_cast<unsigned>(seconds / 60 % 60);
    t.second = static_cast<unsigned>(seconds % 60);
    t.second_part = static_cast<unsigned long>(all % 1'000'000);
    t.time_type = MYSQL_TIMESTAMP_TIME;
    return number(MYSQL_TYPE_TIME, &t);
}

status bound_parameters::binder::identifier() {
    const auto v = codec::read_uuid(bytes_, format_);
    if (!v) return not_readable("uuid");
    return own_characters(MYSQL_TYPE_STRING, v->to_string());
}

status bound_parameters::binder::bind(std::uint32_t type) {
    switch (type) {
        case oid::boolean: {
            const auto v = codec::read_boolean(bytes_, format_);
            if (!v) return not_readable("boolean");
            with_.integer = *v ? 1 : 0;
            return number(MYSQL_TYPE_LONGLONG, &with_.integer);
        }
        case oid::int2:
        case oid::int4:
        case oid::int8:
        case oid::oid:
            return integer(type);
        case oid::float4:
        case oid::float8:
            return real(type);
        case oid::numeric:
            return decimal_number();
        case oid::bit:
        case oid::varbit:
            return bits();
        case oid::date:
        case oid::timestamp:
        case oid::timestamptz:
            return moment(type);
        case oid::time:
            return time_of_day();
        case oid::uuid:
            return identifier();
        case oid::bytea: {
            auto v = codec::read_bytea(bytes_, format_);
            if (!v) return not_readable("bytea");
            return own_characters(MYSQL_TYPE_BLOB, std::move(*v));
        }
        case oid::jsonb:
            if (format_ == cell_format::binary) {
                if (!bytes_.starts_with('\1')) return not_readable("jsonb");
                return characters(MYSQL_TYPE_STRING, bytes_.substr(1));
            }
            break;
        default:
            break;
    }
    const bool is_text =
        codec::is_text(type) || type == oid::json || type == oid::jsonb || type == oid::unknown || type == 0;
    if (format_ == cell_format::binary && !is_text) {
        return error{errc::unsupported, "parameter $" + std::to_string(number_) + " of " + codec::type_name(type) +
                                            " comes in binary, which MySQL's driver cannot read"}
            .hint("Send it as text, or declare it as a common type.");
    }
    return characters(MYSQL_TYPE_STRING, bytes_);
}

status bound_parameters::take(const std::vector<parameter>& given, const std::vector<std::uint16_t>& places) {
    binds_.assign(places.size(), MYSQL_BIND{});
    values_.assign(places.size(), value{});
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (places[i] >= given.size()) {
            return error{errc::invalid_argument, "the statement names $" + std::to_string(places[i] + 1) +
                                                     ", but only " + std::to_string(given.size()) + " parameters came"}
                .sqlstate("08P01");
        }
        const parameter& p = given[places[i]];
        if (!p.bytes) {
            binds_[i].buffer_type = MYSQL_TYPE_NULL;
            continue;
        }
        const std::uint32_t type = p.type != 0 && p.type != oid::unknown ? p.type : p.meant;
        binder b{places[i] + std::size_t{1}, p, binds_[i], values_[i]};
        if (status s = b.bind(type); !s) return s;
    }
    return {};
}

}  // namespace ashlar::driver::mysql
