#include "route/sqlite_objects.hpp"

#include "sql/lexer.hpp"

namespace ashlar::route {
namespace {

// The query of CREATE VIEW name (columns) AS query.
std::string query_of(const std::string& definition) {
    const auto all = sql::tokens(definition);
    for (std::size_t i = 0; i + 1 < all.size(); ++i) {
        if (all[i].depth == 0 && sql::is_word(definition, all[i], "as")) return definition.substr(all[i + 1].begin);
    }
    return definition;
}

// CREATE TRIGGER … {BEFORE|AFTER|INSTEAD OF} {DELETE|INSERT|UPDATE} … BEGIN … END: what comes before BEGIN says when.
schema_objects::trigger trigger_of(const std::string& name, const std::string& table, const std::string& text) {
    schema_objects::trigger t;
    t.schema = "public";
    t.name = name;
    t.table = table;
    t.of_row = true;
    const auto all = sql::tokens(text);
    std::size_t i = 0;
    for (; i < all.size() && !sql::is_word(text, all[i], "begin"); ++i) {
        if (sql::is_word(text, all[i], "on")) break;
        t.on_insert |= sql::is_word(text, all[i], "insert");
        t.on_update |= sql::is_word(text, all[i], "update");
        t.on_delete |= sql::is_word(text, all[i], "delete");
    }
    while (i < all.size() && !sql::is_word(text, all[i], "begin")) ++i;
    t.body = i < all.size() ? text.substr(all[i].end) : text;
    return t;
}

}  // namespace

void add_sqlite_object(const std::string& type, const std::string& name, const std::string& table,
                       const std::string& sql, schema_objects& to) {
    if (type != "trigger") to.relations.insert("public." + name);
    if (type == "view") to.views.insert({"public", name, query_of(sql), false});
    if (type == "trigger") to.triggers.insert(trigger_of(name, table, sql));
}

}  // namespace ashlar::route
