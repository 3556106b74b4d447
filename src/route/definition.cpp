#include "route/definition.hpp"

#include "sql/parse.hpp"

namespace ashlar::route {

bool is_definition(std::string_view sql) {
    const auto said = sql::parse(sql);
    return said && said->kind == sql::statement_kind::ddl;
}

}  // namespace ashlar::route
