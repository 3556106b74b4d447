#include "route/sqlite/catalogue_question.hpp"

#include "sql/visit.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace ashlar::route::sqlite {

namespace {

constexpr auto telling = std::to_array<std::string_view>({
    "current_schemas",
    "current_setting",
    "format_type",
    "has_any_column_privilege",
    "has_column_privilege",
    "has_database_privilege",
    "has_schema_privilege",
    "has_table_privilege",
    "pg_backend_pid",
    "pg_encoding_to_char",
    "pg_get_constraintdef",
    "pg_get_indexdef",
    "pg_get_userbyid",
    "pg_get_viewdef",
    "pg_my_temp_schema",
    "pg_table_is_visible",
    "quote_ident",
});

struct collector {
    const catalogue& known;
    std::set<std::string> common;
    bool system = false, other = false, tells = false;

    void item(const sql::from_item& f) {
        if (f.what == sql::from_item::kind::table) {
            const bool named = f.table.schema == "pg_catalog" || f.table.schema == "information_schema";
            const bool bare =
                f.table.schema.empty() && f.table.name.starts_with("pg_") && known.find("", f.table.name) == nullptr;
            if (f.table.schema.empty() && common.contains(f.table.name)) {
            } else if (named || bare) {
                system = true;
            } else {
                other = true;
            }
        }
        for (const sql::from_item& side : f.sides) item(side);
    }
    void operator()(const sql::query& q) {
        for (const sql::common_table& c : q.with) common.insert(c.name);
        for (const sql::from_item& f : q.from) item(f);
    }
    void operator()(const sql::expression& e) {
        if (!e.is(sql::expression_kind::function)) return;
        tells = tells || std::find(telling.begin(), telling.end(), e.name) != telling.end();
    }
};

}  // namespace

bool asks_for_catalogue(const sql::statement& said, const catalogue& known) {
    if (said.kind != sql::statement_kind::select || !said.body) return false;
    collector look{known, {}};
    sql::visit(said, look);
    return !look.other && (look.system || look.tells);
}

}  // namespace ashlar::route::sqlite
