// jsonb_order.hpp: PostgreSQL's order of jsonb documents (compareJsonbContainers), from their text. Pure.
#pragma once

#include "merge/key_writer.hpp"

#include <string_view>

namespace ashlar::merge {

// `strings`: how the database orders text, which holds for strings inside of documents and for their keys. False: the text is
// none that PostgreSQL writes for a jsonb.
bool append_jsonb(key_writer& out, std::string_view text, text_way strings);

}  // namespace ashlar::merge
