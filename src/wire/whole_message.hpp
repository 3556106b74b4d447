// whole_message.hpp: messages of one field or none, for the writers of both sides.
#pragma once

#include "wire/writer.hpp"

#include <string>
#include <string_view>

namespace ashlar::wire {

inline void write_bare(std::string& out, char type) {
    writer to{out};
    to.end(to.begin(type));
}

inline void write_text(std::string& out, char type, std::string_view text) {
    writer to{out};
    const auto begun = to.begin(type);
    to.cstring(text);
    to.end(begun);
}

}  // namespace ashlar::wire
