// walker.hpp: copies the parser's tree into facts. Private to this room. It alone includes the server's headers; they must be
// included last, because they define macros with common names.
#pragma once

#include "sql/facts.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// Each of these headers needs the ones before it.
// clang-format off
extern "C" {
#include <pg_query.h>
#include <pg_query/pg_query_internal.h>
#include <nodes/parsenodes.h>
#include <nodes/pg_list.h>
#include <nodes/primnodes.h>
#include <nodes/value.h>
}
// clang-format on

namespace ashlar::sql {

class walker {
public:
    explicit walker(std::size_t depth_max) : depth_max_(depth_max) {}

    sql::statement walk_statement(const Node* node);
    bool too_deep() const noexcept { return too_deep_; }

private:
    // One level of the tree. When `deep()` is true, the bound is reached and the walk must end.
    struct level {
        explicit level(walker& of) : of_(of) { ++of_.depth_; }
        ~level() { --of_.depth_; }
        level(const level&) = delete;
        level& operator=(const level&) = delete;
        bool deep() const {
            if (of_.depth_ <= of_.depth_max_) return false;
            return of_.too_deep_ = true;
        }
        walker& of_;
    };

    // walk_expression.cpp
    expression walk(const Node* node);
    expression walk_constant(const A_Const* node);
    expression walk_column(const ColumnRef* node);
    expression walk_operation(const A_Expr* node);
    expression walk_call(const FuncCall* node);
    expression walk_sublink(const SubLink* node);
    expression walk_keyword(const SQLValueFunction* node);
    expression walk_case(const CaseExpr* node);
    expression walk_cast(const TypeCast* node);
    expression walk_indirection(const A_Indirection* node);
    std::vector<expression> walk_list(const List* list);
    std::vector<expression> walk_maybe(const Node* node);  // none or one
    std::vector<sort_item> walk_sort(const List* list);
    std::vector<expression> walk_window(const WindowDef* node);
    sql::type_name walk_type(const TypeName* node);

    // walk_query.cpp
    std::shared_ptr<const query> walk_query(const Node* node);
    query walk_select(const SelectStmt* node);
    from_item walk_from(const Node* node);
    from_item walk_table(const RangeVar* node);
    table_name walk_name(const RangeVar* node);
    std::vector<from_item> walk_from_list(const List* list);
    std::vector<select_item> walk_items(const List* list);
    std::vector<common_table> walk_with(const WithClause* node);

    // walk_statement.cpp
    statement walk_insert(const InsertStmt* node);
    statement walk_update(const UpdateStmt* node);
    statement walk_delete(const DeleteStmt* node);
    statement walk_copy(const CopyStmt* node);
    statement walk_transaction(const TransactionStmt* node);
    statement walk_set(const VariableSetStmt* node);
    statement walk_explain(const ExplainStmt* node);
    statement walk_prepare(const PrepareStmt* node);
    statement walk_other(const Node* node);
    std::vector<assignment> walk_assignments(const List* list);
    void name_objects(const List* objects, statement& into);
    std::string option_text(const Node* node);
    statement walk_merge(const MergeStmt* node);
    static expression call_of(const List* name);
    void walk_foreign_keys(const List* elements, statement& into, const char* column = nullptr);
    void walk_alteration(const AlterTableCmd* command, statement& into);

    std::size_t depth_max_;
    std::size_t depth_ = 0;
    bool too_deep_ = false;
};

// Small helpers over the parser's lists and strings.
inline std::string text_of(const char* s) {
    return s ? std::string{s} : std::string{};
}
template <class T>
const T* as(const void* node) {
    return static_cast<const T*>(node);
}
inline std::string string_at(const Node* node) {
    return node && nodeTag(node) == T_String ? text_of(as<String>(node)->sval) : std::string{};
}
template <class Each>
void each_node(const List* list, Each&& each) {
    for (int i = 0; list && i < list->length; ++i) each(static_cast<const Node*>(list->elements[i].ptr_value));
}
inline std::vector<std::string> strings_of(const List* list) {
    std::vector<std::string> out;
    each_node(list, [&](const Node* n) { out.push_back(string_at(n)); });
    return out;
}
// The last of a qualified name, and the schema before it. The grammar's own pg_catalog is left out.
inline void split_name(const List* list, std::string& schema, std::string& name) {
    const auto parts = strings_of(list);
    if (!parts.empty()) name = parts.back();
    if (parts.size() >= 2) schema = parts[parts.size() - 2];
    if (schema == "pg_catalog") schema.clear();
}

}  // namespace ashlar::sql
