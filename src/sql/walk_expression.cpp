#include "sql/walker.hpp"

namespace ashlar::sql {
namespace {

expression make(expression_kind kind, int location) {
    expression out;
    out.kind = kind;
    out.location = location;
    return out;
}

expression unknown(std::string name, int location) {
    expression out = make(expression_kind::unknown, location);
    out.name = std::move(name);
    return out;
}

std::string_view test_name(BoolTestType type) {
    switch (type) {
        case IS_TRUE:
            return "is true";
        case IS_NOT_TRUE:
            return "is not true";
        case IS_FALSE:
            return "is false";
        case IS_NOT_FALSE:
            return "is not false";
        case IS_UNKNOWN:
            return "is unknown";
        case IS_NOT_UNKNOWN:
            return "is not unknown";
    }
    return "is ?";
}

std::string_view keyword_name(SQLValueFunctionOp op) {
    switch (op) {
        case SVFOP_CURRENT_DATE:
            return "current_date";
        case SVFOP_CURRENT_TIME:
        case SVFOP_CURRENT_TIME_N:
            return "current_time";
        case SVFOP_CURRENT_TIMESTAMP:
        case SVFOP_CURRENT_TIMESTAMP_N:
            return "current_timestamp";
        case SVFOP_LOCALTIME:
        case SVFOP_LOCALTIME_N:
            return "localtime";
        case SVFOP_LOCALTIMESTAMP:
        case SVFOP_LOCALTIMESTAMP_N:
            return "localtimestamp";
        case SVFOP_CURRENT_ROLE:
            return "current_role";
        case SVFOP_CURRENT_USER:
            return "current_user";
        case SVFOP_USER:
            return "user";
        case SVFOP_SESSION_USER:
            return "session_user";
        case SVFOP_CURRENT_CATALOG:
            return "current_catalog";
        case SVFOP_CURRENT_SCHEMA:
            return "current_schema";
    }
    return "?";
}

// The words of a window's frame, "?" for each bound that is given by number.
std::string frame_of(int options) {
    if ((options & FRAMEOPTION_NONDEFAULT) == 0) return {};
    const auto has = [&](int bit) { return (options & bit) != 0; };
    std::string out = has(FRAMEOPTION_ROWS) ? "ROWS" : has(FRAMEOPTION_GROUPS) ? "GROUPS" : "RANGE";
    const std::string start = has(FRAMEOPTION_START_UNBOUNDED_PRECEDING)   ? "UNBOUNDED PRECEDING"
                              : has(FRAMEOPTION_START_UNBOUNDED_FOLLOWING) ? "UNBOUNDED FOLLOWING"
                              : has(FRAMEOPTION_START_CURRENT_ROW)         ? "CURRENT ROW"
                              : has(FRAMEOPTION_START_OFFSET_PRECEDING)    ? "? PRECEDING"
                                                                           : "? FOLLOWING";
    const std::string end = has(FRAMEOPTION_END_UNBOUNDED_PRECEDING)   ? "UNBOUNDED PRECEDING"
                            : has(FRAMEOPTION_END_UNBOUNDED_FOLLOWING) ? "UNBOUNDED FOLLOWING"
                            : has(FRAMEOPTION_END_CURRENT_ROW)         ? "CURRENT ROW"
                            : has(FRAMEOPTION_END_OFFSET_PRECEDING)    ? "? PRECEDING"
                                                                       : "? FOLLOWING";
    out += has(FRAMEOPTION_BETWEEN) ? " BETWEEN " + start + " AND " + end : " " + start;
    if (has(FRAMEOPTION_EXCLUDE_CURRENT_ROW)) out += " EXCLUDE CURRENT ROW";
    if (has(FRAMEOPTION_EXCLUDE_GROUP)) out += " EXCLUDE GROUP";
    if (has(FRAMEOPTION_EXCLUDE_TIES)) out += " EXCLUDE TIES";
    return out;
}

}  // namespace

std::vector<expression> walker::walk_list(const List* list) {
    std::vector<expression> out;
    if (list) out.reserve(static_cast<std::size_t>(list->length));
    each_node(list, [&](const Node* n) { out.push_back(walk(n)); });
    return out;
}

std::vector<expression> walker::walk_maybe(const Node* node) {
    std::vector<expression> out;
    if (node) out.push_back(walk(node));
    return out;
}

std::vector<sort_item> walker::walk_sort(const List* list) {
    std::vector<sort_item> out;
    each_node(list, [&](const Node* n) {
        const auto* sort = as<SortBy>(n);
        sort_item item;
        item.value = walk(sort->node);
        item.descending = sort->sortby_dir == SORTBY_DESC;
        item.uses_operator = sort->sortby_dir == SORTBY_USING;
        if (sort->sortby_nulls == SORTBY_NULLS_FIRST) item.nulls_first = true;
        if (sort->sortby_nulls == SORTBY_NULLS_LAST) item.nulls_first = false;
        out.push_back(std::move(item));
    });
    return out;
}

std::vector<expression> walker::walk_window(const WindowDef* node) {
    std::vector<expression> out = walk_list(node->partitionClause);
    for (sort_item& item : walk_sort(node->orderClause)) out.push_back(std::move(item.value));
    if (node->startOffset) out.push_back(walk(node->startOffset));
    if (node->endOffset) out.push_back(walk(node->endOffset));
    return out;
}

type_name walker::walk_type(const TypeName* node) {
    type_name out;
    if (!node) return out;
    split_name(node->names, out.schema, out.name);
    out.has_modifiers = node->typmods != nullptr;
    each_node(node->typmods, [&](const Node* n) {
        if (nodeTag(n) != T_A_Const || as<A_Const>(n)->isnull) return;
        if (nodeTag(&as<A_Const>(n)->val.node) == T_Integer) out.modifiers.push_back(as<A_Const>(n)->val.ival.ival);
    });
    out.is_array = node->arrayBounds != nullptr;
    out.is_set = node->setof || node->pct_type;
    return out;
}

expression walker::walk_constant(const A_Const* node) {
    expression out = make(expression_kind::constant, node->location);
    if (node->isnull) return out;
    switch (nodeTag(&node->val.node)) {
        case T_Integer:
            out.literal = literal_kind::integer;
            out.name = std::to_string(node->val.ival.ival);
            return out;
        case T_Float:
            out.literal = literal_kind::number;
            out.name = text_of(node->val.fval.fval);
            return out;
        case T_Boolean:
            out.literal = literal_kind::boolean;
            out.name = node->val.boolval.boolval ? "t" : "f";
            return out;
        case T_String:
            out.literal = literal_kind::string;
            out.name = text_of(node->val.sval.sval);
            return out;
        case T_BitString:
            out.literal = literal_kind::bits;
            out.name = text_of(node->val.bsval.bsval);
            return out;
        default:
            return unknown("a literal of unknown kind", node->location);
    }
}

expression walker::walk_column(const ColumnRef* node) {
    expression out = make(expression_kind::column, node->location);
    each_node(node->fields, [&](const Node* n) {
        if (nodeTag(n) == T_A_Star) {
            out.kind = expression_kind::star;
        } else {
            out.path.push_back(string_at(n));
        }
    });
    return out;
}

expression walker::walk_operation(const A_Expr* node) {
    expression out = make(expression_kind::operation, node->location);
    split_name(node->name, out.schema, out.name);
    if (node->lexpr) out.inner.push_back(walk(node->lexpr));
    if (node->rexpr && nodeTag(node->rexpr) == T_List) {
        for (expression& e : walk_list(as<List>(node->rexpr))) out.inner.push_back(std::move(e));
    } else if (node->rexpr) {
        out.inner.push_back(walk(node->rexpr));
    }
    switch (node->kind) {
        case AEXPR_OP:
            return out;
        case AEXPR_OP_ANY:
            out.kind = expression_kind::any_of;
            return out;
        case AEXPR_OP_ALL:
            out.kind = expression_kind::all_of;
            return out;
        case AEXPR_DISTINCT:
            out.kind = expression_kind::distinct_from;
            return out;
        case AEXPR_NOT_DISTINCT:
            out.kind = expression_kind::distinct_from;
            out.negated = true;
            return out;
        case AEXPR_NULLIF:
            out.kind = expression_kind::null_if;
            return out;
        case AEXPR_IN:
            out.kind = expression_kind::in_list;
            out.negated = out.name == "<>";
            return out;
        case AEXPR_LIKE:
        case AEXPR_ILIKE:
        case AEXPR_SIMILAR:
            out.kind = expression_kind::like;
            return out;
        case AEXPR_BETWEEN:
        case AEXPR_NOT_BETWEEN:
        case AEXPR_BETWEEN_SYM:
        case AEXPR_NOT_BETWEEN_SYM:
            out.negated = node->kind == AEXPR_NOT_BETWEEN || node->kind == AEXPR_NOT_BETWEEN_SYM;
            out.name = node->kind == AEXPR_BETWEEN_SYM || node->kind == AEXPR_NOT_BETWEEN_SYM ? "symmetric" : "";
            out.kind = expression_kind::between;
            return out;
    }
    out.kind = expression_kind::unknown;
    return out;
}

expression walker::walk_call(const FuncCall* node) {
    expression out = make(expression_kind::function, node->location);
    split_name(node->funcname, out.schema, out.name);
    out.inner = walk_list(node->args);
    call_facts call;
    call.star = node->agg_star;
    call.distinct = node->agg_distinct;
    call.variadic = node->func_variadic;
    call.within_group = node->agg_within_group;
    call.over = node->over != nullptr;
    call.filter = walk_maybe(node->agg_filter);
    call.order = walk_sort(node->agg_order);
    if (node->over) {
        call.window = walk_window(node->over);
        call.window_name = text_of(node->over->name) + text_of(node->over->refname);
        call.partition_count = walk_list(node->over->partitionClause).size();
        call.window_order = walk_sort(node->over->orderClause);
        call.frame = frame_of(node->over->frameOptions);
        call.bound_count = (node->over->startOffset ? 1u : 0u) + (node->over->endOffset ? 1u : 0u);
    }
    out.call = std::make_shared<const call_facts>(std::move(call));
    return out;
}

expression walker::walk_sublink(const SubLink* node) {
    expression out = make(expression_kind::subquery, node->location);
    switch (node->subLinkType) {
        case EXISTS_SUBLINK:
            out.name = "exists";
            break;
        case ANY_SUBLINK:
            out.name = node->operName ? "any" : "in";
            break;
        case ALL_SUBLINK:
            out.name = "all";
            break;
        case EXPR_SUBLINK:
            out.name = "scalar";
            break;
        case ARRAY_SUBLINK:
            out.name = "array";
            break;
        default:
            return unknown("a sub-query of this kind", node->location);
    }
    if (node->operName) {
        std::string op;
        split_name(node->operName, out.schema, op);
        out.path.push_back(op);  // the operator before ANY or ALL
    }
    if (node->testexpr) out.inner.push_back(walk(node->testexpr));
    out.sub = walk_query(node->subselect);
    return out;
}

expression walker::walk_keyword(const SQLValueFunction* node) {
    expression out = make(expression_kind::value_keyword, node->location);
    out.name = keyword_name(node->op);
    return out;
}

expression walker::walk_case(const CaseExpr* node) {
    expression out = make(expression_kind::case_, node->location);
    out.number = node->arg ? 1 : 0;  // with a test value
    if (node->arg) out.inner.push_back(walk(reinterpret_cast<const Node*>(node->arg)));
    each_node(node->args, [&](const Node* n) {
        out.inner.push_back(walk(reinterpret_cast<const Node*>(as<CaseWhen>(n)->expr)));
        out.inner.push_back(walk(reinterpret_cast<const Node*>(as<CaseWhen>(n)->result)));
    });
    if (node->defresult) out.inner.push_back(walk(reinterpret_cast<const Node*>(node->defresult)));
    return out;
}

expression walker::walk_cast(const TypeCast* node) {
    expression out = make(expression_kind::cast, node->location);
    out.inner.push_back(walk(node->arg));
    out.type = std::make_shared<const type_name>(walk_type(node->typeName));
    return out;
}

expression walker::walk_indirection(const A_Indirection* node) {
    expression out = make(expression_kind::indirection, -1);
    out.inner.push_back(walk(node->arg));
    out.location = out.inner.front().location;
    each_node(node->indirection, [&](const Node* n) {
        if (nodeTag(n) == T_A_Indices) {
            const auto* indices = as<A_Indices>(n);
            out.path.push_back(indices->is_slice ? "[:]" : "[]");
            if (indices->lidx) out.inner.push_back(walk(indices->lidx));
            if (indices->uidx) out.inner.push_back(walk(indices->uidx));
        } else if (nodeTag(n) == T_String) {
            out.path.push_back("." + string_at(n));
        } else {
            out.path.push_back(".*");
        }
    });
    return out;
}

expression walker::walk(const Node* node) {
    const level here{*this};
    if (here.deep() || !node) return unknown("an expression", -1);
    const auto of = [&](expression_kind kind, int location, std::vector<expression> inner) {
        expression out = make(kind, location);
        out.inner = std::move(inner);
        return out;
    };
    switch (nodeTag(node)) {
        case T_A_Const:
            return walk_constant(as<A_Const>(node));
        case T_ColumnRef:
            return walk_column(as<ColumnRef>(node));
        case T_ParamRef: {
            expression out = make(expression_kind::parameter, as<ParamRef>(node)->location);
            out.number = as<ParamRef>(node)->number;
            return out;
        }
        case T_A_Expr:
            return walk_operation(as<A_Expr>(node));
        case T_BoolExpr: {
            const auto* b = as<BoolExpr>(node);
            const auto kind = b->boolop == AND_EXPR  ? expression_kind::and_
                              : b->boolop == OR_EXPR ? expression_kind::or_
                                                     : expression_kind::not_;
            return of(kind, b->location, walk_list(b->args));
        }
        case T_NullTest: {
            const auto* t = as<NullTest>(node);
            expression out =
                of(expression_kind::null_test, t->location, walk_maybe(reinterpret_cast<const Node*>(t->arg)));
            out.negated = t->nulltesttype == IS_NOT_NULL;
            return out;
        }
        case T_BooleanTest: {
            const auto* t = as<BooleanTest>(node);
            expression out =
                of(expression_kind::boolean_test, t->location, walk_maybe(reinterpret_cast<const Node*>(t->arg)));
            out.name = test_name(t->booltesttype);
            return out;
        }
        case T_FuncCall:
            return walk_call(as<FuncCall>(node));
        case T_TypeCast:
            return walk_cast(as<TypeCast>(node));
        case T_CaseExpr:
            return walk_case(as<CaseExpr>(node));
        case T_CoalesceExpr:
            return of(expression_kind::coalesce, as<CoalesceExpr>(node)->location,
                      walk_list(as<CoalesceExpr>(node)->args));
        case T_MinMaxExpr: {
            const auto* m = as<MinMaxExpr>(node);
            return of(m->op == IS_GREATEST ? expression_kind::greatest : expression_kind::least, m->location,
                      walk_list(m->args));
        }
        case T_RowExpr:
            return of(expression_kind::row, as<RowExpr>(node)->location, walk_list(as<RowExpr>(node)->args));
        case T_A_ArrayExpr:
            return of(expression_kind::array, as<A_ArrayExpr>(node)->location,
                      walk_list(as<A_ArrayExpr>(node)->elements));
        case T_A_Indirection:
            return walk_indirection(as<A_Indirection>(node));
        case T_SubLink:
            return walk_sublink(as<SubLink>(node));
        case T_CollateClause: {
            const auto* c = as<CollateClause>(node);
            expression out = of(expression_kind::collate, c->location, walk_maybe(c->arg));
            split_name(c->collname, out.schema, out.name);
            return out;
        }
        case T_SQLValueFunction:
            return walk_keyword(as<SQLValueFunction>(node));
        case T_SetToDefault:
            return make(expression_kind::default_, as<SetToDefault>(node)->location);
        case T_GroupingFunc:
            return of(expression_kind::grouping, as<GroupingFunc>(node)->location,
                      walk_list(as<GroupingFunc>(node)->args));
        case T_CurrentOfExpr:
            return make(expression_kind::current_of, -1);
        case T_NamedArgExpr: {
            // f(a => 1): the name is kept with the argument, in `schema`, which an argument does not use otherwise
            expression out = of(expression_kind::row, as<NamedArgExpr>(node)->location,
                                walk_maybe(reinterpret_cast<const Node*>(as<NamedArgExpr>(node)->arg)));
            out.schema = text_of(as<NamedArgExpr>(node)->name);
            return out;
        }
        case T_GroupingSet:
            return unknown("GROUPING SETS, ROLLUP or CUBE", as<GroupingSet>(node)->location);
        case T_XmlExpr:
            return unknown("an XML expression", as<XmlExpr>(node)->location);
        case T_XmlSerialize:
            return unknown("XMLSERIALIZE", as<XmlSerialize>(node)->location);
        case T_MultiAssignRef:
            return unknown("an assignment of several columns at once", -1);
        default:
            return unknown("an expression of this kind", -1);
    }
}

}  // namespace ashlar::sql
