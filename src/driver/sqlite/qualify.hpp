// qualify.hpp: a statement's tables, named as tables of one schema. For a handle with several files open, where a bare
// name would mean the first file's table. Pure.
//
// It goes by the places where a table's name may stand. What it does not see as one stays bare, and is refused by the
// check that database::prepare() makes of every statement on such a handle: never answered from the wrong file.
#pragma once

#include <string>
#include <string_view>

namespace ashlar::driver::sqlite {

// `schema` needs no quotes. Names that have a schema already, names of WITH queries and functions are left alone.
std::string qualified(std::string_view sql, std::string_view schema);

}  // namespace ashlar::driver::sqlite
