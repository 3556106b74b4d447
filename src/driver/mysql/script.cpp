#include "driver/mysql/script.hpp"

#include "core/ascii.hpp"

namespace ashlar::driver::mysql {

script_cutter::piece script_cutter::piece_at(std::string_view rest) const {
    piece here;
    tokens all{rest, how_};
    for (token t = all.next(); t.kind != token_kind::end; t = all.next()) {
        const bool is_quoted = t.kind == token_kind::string || t.kind == token_kind::quoted_word;
        // A delimiter may stand in what else would be one word: end$$.
        for (std::size_t i = t.offset; !is_quoted && i < t.offset + t.text.size(); ++i) {
            if (!rest.substr(i).starts_with(delimiter_)) continue;
            here.is_blank = here.is_blank && i == t.offset;
            here.is_whole = true;
            here.end = i;
            here.next = i + delimiter_.size();
            return here;
        }
        here.is_blank = false;
    }
    here.end = here.next = rest.size();
    return here;
}

std::size_t script_cutter::take_delimiter(std::string_view rest, bool is_all) {
    const token first = tokens{rest, how_}.next();
    if (!first.is("delimiter")) return 0;
    const std::size_t after = first.offset + first.text.size();
    const std::size_t line_end = rest.find('\n', after);
    if (line_end == std::string_view::npos && !is_all) return 0;
    std::string_view word = trim(rest.substr(after, line_end == std::string_view::npos ? line_end : line_end - after));
    word = word.substr(0, word.find_first_of(" \t"));
    if (word.empty()) return 0;
    delimiter_ = word;
    return line_end == std::string_view::npos ? rest.size() : line_end + 1;
}

script_cutter::cut script_cutter::take(std::string_view text, bool is_all) {
    cut out;
    while (out.rest < text.size()) {
        const std::string_view rest = text.substr(out.rest);
        if (const std::size_t line = take_delimiter(rest, is_all); line > 0) {
            out.rest += line;
            continue;
        }
        const piece here = piece_at(rest);
        if (!here.is_whole && !is_all) break;
        if (!here.is_blank) out.statements.push_back(rest.substr(0, here.end));
        out.rest += here.next;
    }
    return out;
}

script_cutter::cut script_cutter::take(std::string_view text) {
    return take(text, false);
}

script_cutter::cut script_cutter::take_all(std::string_view text) {
    return take(text, true);
}

}  // namespace ashlar::driver::mysql
