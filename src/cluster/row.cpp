#include "cluster/rows_inside.hpp"

#include <ashlar/model.hpp>
#include <ashlar/row.hpp>

#include <fmt/format.h>

#include <charconv>

namespace ashlar {

namespace detail {

namespace {

template <class Number>
bool read_number(std::string_view text, Number& into) {
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), into);
    return failure == std::errc{} && end == text.data() + text.size();
}

template <class T>
bool take(result<T> read, T& into) {
    if (!read) return false;
    into = std::move(*read);
    return true;
}

}  // namespace

bool read_text(std::string_view text, bool& into) {
    into = text == "t" || text == "true" || text == "1";
    return into || text == "f" || text == "false" || text == "0";
}

bool read_text(std::string_view text, std::int64_t& into) {
    return read_number(text, into);
}
bool read_text(std::string_view text, std::uint64_t& into) {
    return read_number(text, into);
}
bool read_text(std::string_view text, double& into) {
    return read_number(text, into);
}
bool read_text(std::string_view text, std::string& into) {
    into.assign(text);
    return true;
}
bool read_text(std::string_view text, uuid& into) {
    return take(uuid::parse(text), into);
}
bool read_text(std::string_view text, decimal& into) {
    return take(decimal::parse(text), into);
}
bool read_text(std::string_view text, timestamp& into) {
    return take(parse_timestamp(text), into);
}
bool read_text(std::string_view text, date& into) {
    return take(parse_date(text), into);
}
bool read_text(std::string_view text, bytes& into) {
    return take(parse_bytes(text), into);
}
bool read_text(std::string_view text, json& into) {
    into.text.assign(text);
    return true;
}

result<std::vector<std::size_t>> places_of(const rows& all, const model_view& what) {
    std::vector<std::size_t> places;
    places.reserve(what.width);
    for (std::size_t i = 0; i < what.width; ++i) {
        auto place = all.find(what.columns[i]);
        if (!place) {
            return error{errc::column_unknown, fmt::format("the rows have no column {}, a field of the model of {}",
                                                           what.columns[i], what.table)};
        }
        places.push_back(*place);
    }
    return places;
}

}  // namespace detail

std::size_t row::width() const noexcept {
    return of_->shape.size();
}

std::optional<std::string_view> row::text(std::size_t column) const noexcept {
    std::size_t within = 0;
    const row_batch& part = of_->part_of(index_, within);
    return part.at(within, column);
}

error row::unreadable(std::size_t column) const {
    const std::string& name = of_->shape[column].name;
    const auto found = text(column);
    if (!found) {
        return error{errc::bad_value, fmt::format("the column {} is NULL", name)}.hint("Read it as a std::optional.");
    }
    constexpr std::size_t enough = 60;
    return error{errc::bad_value, fmt::format("the column {} holds '{}', which cannot be read as the type asked for",
                                              name, found->substr(0, enough))};
}

result<std::size_t> row::find(std::string_view column) const {
    for (std::size_t i = 0; i < of_->shape.size(); ++i) {
        if (of_->shape[i].name == column) return i;
    }
    return error{errc::column_unknown, fmt::format("the rows have no column {}", column)};
}

rows::rows() {
    static const auto nothing = std::make_shared<const detail::rows_inside>();
    inside_ = nothing;
}

std::size_t rows::size() const noexcept {
    return inside_->size;
}
std::size_t rows::width() const noexcept {
    return inside_->shape.size();
}
std::uint32_t rows::type(std::size_t column) const noexcept {
    return inside_->shape[column].type;
}

const std::string& rows::name(std::size_t column) const noexcept {
    return inside_->shape[column].name;
}

std::optional<std::size_t> rows::find(std::string_view column) const noexcept {
    for (std::size_t i = 0; i < width(); ++i) {
        if (name(i) == column) return i;
    }
    return std::nullopt;
}

const std::string& rows::tag() const noexcept {
    return inside_->completed.tag;
}
std::uint64_t rows::rows_affected() const noexcept {
    return inside_->completed.rows_affected;
}

}  // namespace ashlar
