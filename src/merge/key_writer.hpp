// key_writer.hpp: one value's part of a key, written so that comparing keys is comparing values. Bytes are compared as they are;
// text whose order is a locale's stands in pieces of its own, which are handed to strcoll. Apart from order_bytes, which
// knows bytes only. Pure but for the C library's locales.
#pragma once

#include <locale.h>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ashlar::merge {

using shared_locale = std::shared_ptr<std::remove_pointer_t<locale_t>>;

// How text is written: as bytes, or as a piece for one of the locales of the key's part.
struct text_way {
    static constexpr int as_bytes = -1;
    int locale = as_bytes;
};

class key_writer {
public:
    // `in_pieces`: some text is ordered by a locale. Otherwise the key is bytes alone, and may be compared by memcmp.
    key_writer(std::string& out, bool in_pieces) noexcept : out_(out), in_pieces_(in_pieces) {}

    // What is appended to it is compared by bytes. Valid until the next call of text().
    std::string& raw();
    void text(text_way how, std::string_view characters);
    // After the last: pieces know their lengths then.
    void finish();

private:
    void begin_piece(char kind);

    static constexpr std::size_t none = static_cast<std::size_t>(-1);
    std::string& out_;
    const bool in_pieces_;
    std::size_t open_ = none;  // where the open piece begins
};

// Of keys written in pieces, which begin alike until they differ: negative, 0 or positive.
int compare_pieces(std::string_view a, std::string_view b, const std::vector<shared_locale>& locales) noexcept;

}  // namespace ashlar::merge
