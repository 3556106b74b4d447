#include "cli/load/records.hpp"

#include "core/ascii.hpp"

#include <cctype>

namespace ashlar::cli::load {

record_reader::record_reader(std::string_view all, record_style style, std::size_t offset, std::uint64_t line)
    : all_(all), style_(std::move(style)), at_(offset), line_(line) {}

bool record_reader::next(record& into) {
    if (at_ >= all_.size()) return false;
    into.begin = at_;
    into.line = line_;
    into.problem.clear();
    scratch_.clear();
    pieces_.clear();
    if (style_.format == file_format::csv) {
        next_csv(into);
    } else {
        if (all_.substr(at_).starts_with("\\.\n") || all_.substr(at_) == "\\." ||
            all_.substr(at_).starts_with("\\.\r\n")) {
            at_ = all_.size();
            return false;
        }
        next_text(into);
    }
    into.end = at_;
    return true;
}

void record_reader::finish(record& into, std::string problem) {
    into.fields.clear();
    into.problem = std::move(problem);
    if (!into.problem.empty()) return;
    for (const piece& p : pieces_) {
        if (p.null) {
            into.fields.emplace_back();
        } else {
            const std::string_view from = p.in_scratch ? std::string_view{scratch_} : all_;
            into.fields.emplace_back(from.substr(p.begin, p.length));
        }
    }
}

// Over the line end that stands at at_, \n or \r\n.
void record_reader::end_line() {
    if (at_ < all_.size() && all_[at_] == '\r') ++at_;
    if (at_ < all_.size() && all_[at_] == '\n') ++at_;
    ++line_;
}

// --- CSV --------------------------------------------------------------------------------------------------------------

void record_reader::next_csv(record& into) {
    std::string problem;
    while (!csv_field(problem)) {
    }
    finish(into, std::move(problem));
}

// A field without quotes is a view of the file; one with quotes is copied without them. Quotes may open anywhere.
bool record_reader::csv_field(std::string& problem) {
    const std::size_t begin = at_, scratch_begin = scratch_.size();
    bool copied = false, quoted = false;
    for (;; ++at_) {
        if (at_ >= all_.size()) {
            if (quoted) problem = "a quoted field that is not closed";
            break;
        }
        const char c = all_[at_];
        if (c == '\0') problem = "a zero byte";
        if (quoted) {
            if (c == '\n') ++line_;
            if (c != '"') {
                scratch_ += c;
            } else if (at_ + 1 < all_.size() && all_[at_ + 1] == '"') {
                scratch_ += '"';
                ++at_;
            } else {
                quoted = false;
            }
            continue;
        }
        if (c == style_.delimiter || c == '\n') break;
        if (c == '\r') {
            if (at_ + 1 >= all_.size() || all_[at_ + 1] == '\n') break;
            problem = "a carriage return outside of quotes";
        }
        if (c == '"') {
            if (!copied) scratch_.append(all_, begin, at_ - begin);
            copied = quoted = true;
        } else if (copied) {
            scratch_ += c;
        }
    }
    piece p;
    p.in_scratch = copied;
    p.begin = copied ? scratch_begin : begin;
    p.length = copied ? scratch_.size() - scratch_begin : at_ - begin;
    p.null = !copied && all_.substr(p.begin, p.length) == style_.null_text;
    pieces_.push_back(p);
    if (at_ < all_.size() && all_[at_] == style_.delimiter) return ++at_, false;
    end_line();
    return true;
}

// --- COPY's text format -----------------------------------------------------------------------------------------------

void record_reader::next_text(record& into) {
    while (!text_field()) {
    }
    const bool zero = all_.substr(into.begin, at_ - into.begin).find('\0') != std::string_view::npos;
    finish(into, zero ? "a zero byte" : "");
}

bool record_reader::text_field() {
    const std::size_t begin = at_, scratch_begin = scratch_.size();
    bool copied = false;
    while (at_ < all_.size()) {
        const char c = all_[at_];
        if (c == style_.delimiter || c == '\n') break;
        if (c == '\r' && at_ + 1 < all_.size() && all_[at_ + 1] == '\n') break;
        if (c == '\\' && at_ + 1 < all_.size()) {
            if (!copied) scratch_.append(all_, begin, at_ - begin);
            copied = true;
            ++at_;
            take_escape();
            continue;
        }
        if (copied) scratch_ += c;
        ++at_;
    }
    piece p;
    p.in_scratch = copied;
    p.begin = copied ? scratch_begin : begin;
    p.length = copied ? scratch_.size() - scratch_begin : at_ - begin;
    p.null = all_.substr(begin, at_ - begin) == style_.null_text;  // compared as written, before escapes
    pieces_.push_back(p);
    if (at_ < all_.size() && all_[at_] == style_.delimiter) return ++at_, false;
    end_line();
    return true;
}

// What follows a backslash: \n, \x41, \101, or the character itself (a line break among them).
void record_reader::take_escape() {
    const char c = all_[at_++];
    switch (c) {
        case 'b':
            scratch_ += '\b';
            return;
        case 'f':
            scratch_ += '\f';
            return;
        case 'n':
            scratch_ += '\n';
            return;
        case 'r':
            scratch_ += '\r';
            return;
        case 't':
            scratch_ += '\t';
            return;
        case 'v':
            scratch_ += '\v';
            return;
        default:
            break;
    }
    const bool hex = c == 'x' && at_ < all_.size() && std::isxdigit(static_cast<unsigned char>(all_[at_]));
    if (!hex && (c < '0' || c > '7')) {
        if (c == '\n') ++line_;
        scratch_ += c;
        return;
    }
    int value = hex ? 0 : c - '0';
    for (int n = hex ? 0 : 1; at_ < all_.size() && n < (hex ? 2 : 3); ++n, ++at_) {
        const char d = all_[at_];
        if (hex ? !std::isxdigit(static_cast<unsigned char>(d)) : d < '0' || d > '7') break;
        value = value * (hex ? 16 : 8) + hex_digit(d);
    }
    scratch_ += static_cast<char>(value & 0xff);
}

}  // namespace ashlar::cli::load
