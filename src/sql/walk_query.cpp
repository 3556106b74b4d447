#include "sql/walker.hpp"

namespace ashlar::sql {

std::shared_ptr<const query> walker::walk_query(const Node* node) {
    if (!node || nodeTag(node) != T_SelectStmt) return std::make_shared<const query>();
    return std::make_shared<const query>(walk_select(as<SelectStmt>(node)));
}

query walker::walk_select(const SelectStmt* node) {
    const level here{*this};
    query out;
    if (here.deep()) return out;
    out.with = walk_with(node->withClause);
    out.recursive = node->withClause && node->withClause->recursive;
    switch (node->op) {
        case SETOP_NONE:
            break;
        case SETOP_UNION:
            out.operation = set_operation::union_;
            break;
        case SETOP_INTERSECT:
            out.operation = set_operation::intersect;
            break;
        case SETOP_EXCEPT:
            out.operation = set_operation::except;
            break;
    }
    out.all = node->all;
    if (node->larg) out.left = std::make_shared<const query>(walk_select(node->larg));
    if (node->rarg) out.right = std::make_shared<const query>(walk_select(node->rarg));
    each_node(node->valuesLists, [&](const Node* n) { out.values.push_back(walk_list(as<List>(n))); });
    if (node->distinctClause) {
        const void* first = node->distinctClause->elements[0].ptr_value;
        out.distinct = first == nullptr;
        if (first) out.distinct_on = walk_list(node->distinctClause);
    }
    out.items = walk_items(node->targetList);
    if (!out.items.empty()) out.location = out.items.front().location;
    out.into = node->intoClause != nullptr;
    out.from = walk_from_list(node->fromClause);
    out.where = walk_maybe(node->whereClause);
    out.group_by = walk_list(node->groupClause);
    out.group_distinct = node->groupDistinct;
    out.having = walk_maybe(node->havingClause);
    out.windows = node->windowClause != nullptr;
    each_node(node->windowClause, [&](const Node* n) {
        for (expression& e : walk_window(as<WindowDef>(n))) out.window_parts.push_back(std::move(e));
    });
    out.order = walk_sort(node->sortClause);
    out.limit = walk_maybe(node->limitCount);
    out.offset = walk_maybe(node->limitOffset);
    // libpg_query numbers this enum in its own way (default, count, with ties), not as the server's header does;
    // a unit test holds on to it
    constexpr int with_ties = 2;
    out.with_ties = static_cast<int>(node->limitOption) == with_ties;
    out.locks = node->lockingClause != nullptr;
    return out;
}

std::vector<common_table> walker::walk_with(const WithClause* node) {
    std::vector<common_table> out;
    if (!node) return out;
    each_node(node->ctes, [&](const Node* n) {
        const auto* cte = as<CommonTableExpr>(n);
        common_table table;
        table.name = text_of(cte->ctename);
        table.columns = strings_of(cte->aliascolnames);
        table.location = cte->location;
        table.body = std::make_shared<const statement>(walk_statement(cte->ctequery));
        out.push_back(std::move(table));
    });
    return out;
}

std::vector<select_item> walker::walk_items(const List* list) {
    std::vector<select_item> out;
    each_node(list, [&](const Node* n) {
        const auto* target = as<ResTarget>(n);
        select_item item;
        item.value = walk(target->val);
        item.alias = text_of(target->name);
        item.location = target->location;
        out.push_back(std::move(item));
    });
    return out;
}

std::vector<from_item> walker::walk_from_list(const List* list) {
    std::vector<from_item> out;
    each_node(list, [&](const Node* n) { out.push_back(walk_from(n)); });
    return out;
}

table_name walker::walk_name(const RangeVar* node) {
    table_name out;
    out.catalog = text_of(node->catalogname);
    out.schema = text_of(node->schemaname);
    out.name = text_of(node->relname);
    out.location = node->location;
    return out;
}

from_item walker::walk_table(const RangeVar* node) {
    from_item out;
    out.what = from_item::kind::table;
    out.location = node->location;
    out.table = walk_name(node);
    if (node->alias) {
        out.alias = text_of(node->alias->aliasname);
        out.column_aliases = strings_of(node->alias->colnames);
    }
    return out;
}

from_item walker::walk_from(const Node* node) {
    const level here{*this};
    from_item out;
    if (here.deep()) return out;
    const auto take_alias = [&](const Alias* alias) {
        if (!alias) return;
        out.alias = text_of(alias->aliasname);
        out.column_aliases = strings_of(alias->colnames);
    };
    switch (nodeTag(node)) {
        case T_RangeVar:
            return walk_table(as<RangeVar>(node));
        case T_RangeSubselect: {
            const auto* sub = as<RangeSubselect>(node);
            out.what = from_item::kind::subquery;
            out.sub = walk_query(sub->subquery);
            out.lateral = sub->lateral;
            take_alias(sub->alias);
            return out;
        }
        case T_RangeFunction: {
            const auto* function = as<RangeFunction>(node);
            out.what = from_item::kind::function;
            out.lateral = function->lateral;
            each_node(function->functions, [&](const Node* n) {
                out.functions.push_back(walk(static_cast<const Node*>(as<List>(n)->elements[0].ptr_value)));
            });
            if (!out.functions.empty()) out.location = out.functions.front().location;
            take_alias(function->alias);
            return out;
        }
        case T_RangeTableSample: {
            const auto* sample = as<RangeTableSample>(node);
            out = walk_from(sample->relation);
            out.sampled = true;
            for (expression& e : walk_list(sample->args)) out.functions.push_back(std::move(e));
            return out;
        }
        case T_JoinExpr: {
            const auto* join = as<JoinExpr>(node);
            out.what = from_item::kind::join;
            switch (join->jointype) {
                case JOIN_INNER:
                    out.join = join_kind::inner;
                    break;
                case JOIN_LEFT:
                    out.join = join_kind::left;
                    break;
                case JOIN_RIGHT:
                    out.join = join_kind::right;
                    break;
                case JOIN_FULL:
                    out.join = join_kind::full;
                    break;
                default:
                    out.what = from_item::kind::unknown;
                    out.name = "a join of this kind";
            }
            out.natural = join->isNatural;
            out.using_columns = strings_of(join->usingClause);
            out.sides.push_back(walk_from(join->larg));
            out.sides.push_back(walk_from(join->rarg));
            out.location = out.sides.front().location;
            out.on = walk_maybe(join->quals);
            take_alias(join->alias);
            return out;
        }
        default:
            out.name = nodeTag(node) == T_RangeTableFunc ? "XMLTABLE" : "a FROM item of this kind";
            return out;
    }
}

}  // namespace ashlar::sql
