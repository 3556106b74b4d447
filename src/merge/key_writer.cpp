#include "merge/key_writer.hpp"

#include "core/codec.hpp"
#include "merge/order_bytes.hpp"

#include <algorithm>
#include <cstring>

namespace ashlar::merge {

namespace {

constexpr std::size_t piece_header = 5;  // kind, length
constexpr char raw_piece = 0;            // 1 + n: text of locale n

struct piece {
    char kind = raw_piece;
    std::string_view bytes;
};

piece take_piece(std::string_view& from) {
    const piece p{from[0], from.substr(piece_header, wire::read32(from.substr(1)))};
    from.remove_prefix(piece_header + p.bytes.size());
    return p;
}

// The server breaks ties of the locale by bytes. Both end with a zero.
int compare_text(std::string_view a, std::string_view b, locale_t by) noexcept {
    if (a == b) return 0;
    const int c = ::strcoll_l(a.data(), b.data(), by);
    return c != 0 ? c : std::strcmp(a.data(), b.data());
}

}  // namespace

void key_writer::begin_piece(char kind) {
    open_ = out_.size();
    out_ += kind;
    out_.append(4, '\0');
}

std::string& key_writer::raw() {
    if (in_pieces_ && open_ == none) begin_piece(raw_piece);
    return out_;
}

void key_writer::text(text_way how, std::string_view characters) {
    if (how.locale == text_way::as_bytes) return order_bytes::append_bytes(raw(), characters);
    finish();
    begin_piece(static_cast<char>(1 + how.locale));
    // PostgreSQL's text holds no zero; whatever a peer sent, the C string ends at the first one.
    out_ += characters.substr(0, characters.find('\0'));
    out_ += '\0';
    finish();
}

void key_writer::finish() {
    if (open_ == none) return;
    std::string length;
    wire::append32(length, static_cast<std::uint32_t>(out_.size() - open_ - piece_header));
    out_.replace(open_ + 1, 4, length);
    open_ = none;
}

int compare_pieces(std::string_view a, std::string_view b, const std::vector<shared_locale>& locales) noexcept {
    while (!a.empty() && !b.empty()) {
        const piece x = take_piece(a), y = take_piece(b);
        const bool text = x.kind == y.kind && x.kind != raw_piece;
        const int c = text ? compare_text(x.bytes, y.bytes, locales[static_cast<std::size_t>(x.kind - 1)].get())
                           : x.bytes.compare(y.bytes);
        if (c != 0) return c;
    }
    return a.empty() ? (b.empty() ? 0 : -1) : 1;
}

}  // namespace ashlar::merge
