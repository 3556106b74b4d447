#include "sql/walker.hpp"

namespace ashlar::sql {

std::vector<assignment> walker::walk_assignments(const List* list) {
    std::vector<assignment> out;
    each_node(list, [&](const Node* n) {
        const auto* target = as<ResTarget>(n);
        assignment set;
        set.column = text_of(target->name);
        set.indirect = target->indirection != nullptr;
        set.location = target->location;
        // (a, b) = (1, 2): each column has its own element of the row, unless the source is a sub-query
        if (target->val && nodeTag(target->val) == T_MultiAssignRef) {
            const auto* multi = as<MultiAssignRef>(target->val);
            if (multi->source && nodeTag(multi->source) == T_RowExpr) {
                const List* args = as<RowExpr>(multi->source)->args;
                if (args && multi->colno <= args->length) {
                    set.value = walk(static_cast<const Node*>(args->elements[multi->colno - 1].ptr_value));
                }
            } else {
                set.value = walk(multi->source);
            }
        } else {
            set.value = walk(target->val);
        }
        out.push_back(std::move(set));
    });
    return out;
}

statement walker::walk_insert(const InsertStmt* node) {
    statement out;
    out.kind = statement_kind::insert;
    out.with = walk_with(node->withClause);
    out.recursive = node->withClause && node->withClause->recursive;
    out.target = walk_table(node->relation);
    each_node(node->cols, [&](const Node* n) {
        const auto* target = as<ResTarget>(n);
        out.columns.push_back({text_of(target->name), target->indirection != nullptr, target->location});
    });
    if (node->selectStmt) out.body = walk_query(node->selectStmt);
    out.overriding_user = node->override == OVERRIDING_USER_VALUE;
    if (const OnConflictClause* c = node->onConflictClause) {
        conflict_clause conflict;
        conflict.location = c->location;
        conflict.updates = c->action == ONCONFLICT_UPDATE;
        if (c->infer) {
            conflict.has_target = true;
            conflict.constraint = text_of(c->infer->conname);
            conflict.by_expression = c->infer->whereClause != nullptr;
            each_node(c->infer->indexElems, [&](const Node* n) {
                const auto* element = as<IndexElem>(n);
                if (element->name) conflict.columns.push_back(element->name);
                if (!element->name || element->collation || element->opclass) conflict.by_expression = true;
            });
        }
        conflict.set = walk_assignments(c->targetList);
        conflict.where = walk_maybe(c->whereClause);
        if (c->infer && c->infer->whereClause) conflict.where.push_back(walk(c->infer->whereClause));
        out.conflict = std::move(conflict);
    }
    out.returning = walk_items(node->returningList);
    return out;
}

statement walker::walk_update(const UpdateStmt* node) {
    statement out;
    out.kind = statement_kind::update;
    out.with = walk_with(node->withClause);
    out.recursive = node->withClause && node->withClause->recursive;
    out.target = walk_table(node->relation);
    out.set = walk_assignments(node->targetList);
    out.from = walk_from_list(node->fromClause);
    out.where = walk_maybe(node->whereClause);
    out.returning = walk_items(node->returningList);
    return out;
}

statement walker::walk_delete(const DeleteStmt* node) {
    statement out;
    out.kind = statement_kind::delete_;
    out.with = walk_with(node->withClause);
    out.recursive = node->withClause && node->withClause->recursive;
    out.target = walk_table(node->relation);
    out.from = walk_from_list(node->usingClause);
    out.where = walk_maybe(node->whereClause);
    out.returning = walk_items(node->returningList);
    return out;
}

std::string walker::option_text(const Node* node) {
    if (!node) return {};
    switch (nodeTag(node)) {
        case T_String:
            return text_of(as<String>(node)->sval);
        case T_Integer:
            return std::to_string(as<Integer>(node)->ival);
        case T_Float:
            return text_of(as<Float>(node)->fval);
        case T_Boolean:
            return as<Boolean>(node)->boolval ? "true" : "false";
        case T_A_Const:
            return walk_constant(as<A_Const>(node)).name;
        case T_TypeName:
            return walk_type(as<TypeName>(node)).name;
        case T_A_Star:
            return "*";
        case T_TypeCast:
            return option_text(as<TypeCast>(node)->arg);
        case T_List: {
            std::string out;
            each_node(as<List>(node), [&](const Node* n) { out += (out.empty() ? "" : ",") + option_text(n); });
            return out;
        }
        default:
            return "?";
    }
}

statement walker::walk_copy(const CopyStmt* node) {
    statement out;
    out.kind = statement_kind::copy;
    copy_facts copy;
    copy.from = node->is_from;
    copy.program = node->is_program;
    copy.file = text_of(node->filename);
    copy.columns = strings_of(node->attlist);
    each_node(node->options, [&](const Node* n) {
        copy.options.emplace_back(text_of(as<DefElem>(n)->defname), option_text(as<DefElem>(n)->arg));
    });
    copy.has_where = node->whereClause != nullptr;
    if (node->relation) {
        out.target = walk_table(node->relation);
        out.tables.push_back(out.target.table);
    }
    if (node->query) out.inner = std::make_shared<const statement>(walk_statement(node->query));
    if (out.inner) copy.of = out.inner->body;
    if (node->whereClause) out.where = walk_maybe(node->whereClause);
    out.copy = std::move(copy);
    return out;
}

statement walker::walk_transaction(const TransactionStmt* node) {
    statement out;
    out.session.name = text_of(node->savepoint_name);
    switch (node->kind) {
        case TRANS_STMT_BEGIN:
        case TRANS_STMT_START:
            out.kind = statement_kind::begin;
            break;
        case TRANS_STMT_COMMIT:
            out.kind = statement_kind::commit;
            break;
        case TRANS_STMT_ROLLBACK:
            out.kind = statement_kind::rollback;
            break;
        case TRANS_STMT_SAVEPOINT:
            out.kind = statement_kind::savepoint;
            break;
        case TRANS_STMT_RELEASE:
            out.kind = statement_kind::release;
            break;
        case TRANS_STMT_ROLLBACK_TO:
            out.kind = statement_kind::rollback_to;
            break;
        case TRANS_STMT_PREPARE:
        case TRANS_STMT_COMMIT_PREPARED:
        case TRANS_STMT_ROLLBACK_PREPARED:
            out.kind = statement_kind::utility;
            out.session.command = node->kind == TRANS_STMT_PREPARE           ? "PREPARE TRANSACTION"
                                  : node->kind == TRANS_STMT_COMMIT_PREPARED ? "COMMIT PREPARED"
                                                                             : "ROLLBACK PREPARED";
            out.session.name = text_of(node->gid);
            return out;
    }
    each_node(node->options, [&](const Node* n) {
        out.session.values.push_back(text_of(as<DefElem>(n)->defname) + "=" + option_text(as<DefElem>(n)->arg));
    });
    if (node->chain) out.session.values.emplace_back("chain=true");
    return out;
}

statement walker::walk_set(const VariableSetStmt* node) {
    statement out;
    out.kind = statement_kind::set;
    out.session.name = text_of(node->name);
    out.session.local = node->is_local;
    switch (node->kind) {
        case VAR_SET_VALUE:
        case VAR_SET_CURRENT:
        case VAR_SET_MULTI:
            break;
        case VAR_SET_DEFAULT:
            out.session.to_default = true;
            break;
        case VAR_RESET:
        case VAR_RESET_ALL:
            out.kind = statement_kind::reset;
            break;
    }
    each_node(node->args, [&](const Node* n) {
        if (nodeTag(n) == T_DefElem) {  // SET TRANSACTION …
            out.session.values.push_back(text_of(as<DefElem>(n)->defname) + "=" + option_text(as<DefElem>(n)->arg));
        } else {
            out.session.values.push_back(option_text(n));
        }
    });
    return out;
}

statement walker::walk_explain(const ExplainStmt* node) {
    statement out;
    out.kind = statement_kind::explain;
    each_node(node->options, [&](const Node* n) {
        const std::string name = text_of(as<DefElem>(n)->defname), value = option_text(as<DefElem>(n)->arg);
        out.options.push_back(name);
        if (name == "ashlar") out.kind = statement_kind::explain_ashlar;
        if (name == "analyze" && value != "false" && value != "off" && value != "0") out.analyzes = true;
    });
    out.inner = std::make_shared<const statement>(walk_statement(node->query));
    return out;
}

statement walker::walk_prepare(const PrepareStmt* node) {
    statement out;
    out.kind = statement_kind::prepare;
    out.session.name = text_of(node->name);
    each_node(node->argtypes, [&](const Node* n) { out.session.types.push_back(walk_type(as<TypeName>(n))); });
    out.inner = std::make_shared<const statement>(walk_statement(node->query));
    return out;
}

// The names of DROP, COMMENT and their like: lists of strings, or RangeVars.
void walker::name_objects(const List* objects, statement& into) {
    each_node(objects, [&](const Node* n) {
        if (nodeTag(n) == T_RangeVar) {
            into.tables.push_back(walk_name(as<RangeVar>(n)));
        } else if (nodeTag(n) == T_List) {
            const auto parts = strings_of(as<List>(n));
            table_name name;
            if (!parts.empty()) name.name = parts.back();
            if (parts.size() >= 2) name.schema = parts[parts.size() - 2];
            into.tables.push_back(std::move(name));
        }
    });
}

expression walker::call_of(const List* name) {
    expression out;
    out.kind = expression_kind::function;
    split_name(name, out.schema, out.name);
    out.call = std::make_shared<const call_facts>();
    return out;
}

// Of a table's elements: its columns and constraints, or the constraints of one column.
void walker::walk_foreign_keys(const List* elements, statement& into, const char* column) {
    each_node(elements, [&](const Node* n) {
        if (nodeTag(n) == T_ColumnDef) {
            walk_foreign_keys(as<ColumnDef>(n)->constraints, into, as<ColumnDef>(n)->colname);
        } else if (nodeTag(n) == T_Constraint && as<Constraint>(n)->contype == CONSTR_FOREIGN) {
            const auto* c = as<Constraint>(n);
            foreign_key key;
            key.columns = strings_of(c->fk_attrs);
            if (column) key.columns = {column};
            if (c->pktable) key.to = walk_name(c->pktable);
            key.to_columns = strings_of(c->pk_attrs);
            key.location = c->location;
            into.foreign_keys.push_back(std::move(key));
        }
    });
}

// The tables that ALTER TABLE binds to its own, and their foreign keys.
void walker::walk_alteration(const AlterTableCmd* command, statement& into) {
    if (!command->def) return;
    switch (nodeTag(command->def)) {
        case T_ColumnDef:
            walk_foreign_keys(as<ColumnDef>(command->def)->constraints, into, as<ColumnDef>(command->def)->colname);
            return;
        case T_Constraint: {
            const auto* c = as<Constraint>(command->def);
            if (c->contype != CONSTR_FOREIGN) return;
            foreign_key key;
            key.columns = strings_of(c->fk_attrs);
            if (c->pktable) key.to = walk_name(c->pktable);
            key.to_columns = strings_of(c->pk_attrs);
            key.location = c->location;
            into.foreign_keys.push_back(std::move(key));
            return;
        }
        case T_PartitionCmd:
            if (as<PartitionCmd>(command->def)->name)
                into.tables.push_back(walk_name(as<PartitionCmd>(command->def)->name));
            return;
        case T_RangeVar:  // INHERIT, NO INHERIT
            into.tables.push_back(walk_name(as<RangeVar>(command->def)));
            return;
        default:
            return;
    }
}

// As a query of the tables and expressions that it reads, for whoever asks what those are.
statement walker::walk_merge(const MergeStmt* node) {
    statement out;
    out.kind = statement_kind::select;
    query all;
    all.with = walk_with(node->withClause);
    all.recursive = node->withClause && node->withClause->recursive;
    all.from.push_back(walk_table(node->relation));
    all.from.push_back(walk_from(node->sourceRelation));
    all.where = walk_maybe(node->joinCondition);
    const auto add = [&](expression value) {
        select_item item;
        item.value = std::move(value);
        all.items.push_back(std::move(item));
    };
    each_node(node->mergeWhenClauses, [&](const Node* n) {
        const auto* when = as<MergeWhenClause>(n);
        for (expression& e : walk_maybe(when->condition)) add(std::move(e));
        for (assignment& a : walk_assignments(when->targetList)) add(std::move(a.value));
        for (expression& e : walk_list(when->values)) add(std::move(e));
    });
    out.body = std::make_shared<const query>(std::move(all));
    return out;
}

statement walker::walk_other(const Node* node) {
    statement out;
    out.kind = statement_kind::utility;
    const auto ddl = [&](const char* command, const RangeVar* table) {
        out.kind = statement_kind::ddl;
        out.session.command = command;
        if (table) out.tables.push_back(walk_name(table));
        if (table && table->relpersistence == 't') out.temporary = true;
    };
    switch (nodeTag(node)) {
        case T_CreateStmt:
            ddl("CREATE TABLE", as<CreateStmt>(node)->relation);
            name_objects(as<CreateStmt>(node)->inhRelations, out);
            walk_foreign_keys(as<CreateStmt>(node)->tableElts, out);
            walk_foreign_keys(as<CreateStmt>(node)->constraints, out);
            break;
        case T_IndexStmt:
            ddl("CREATE INDEX", as<IndexStmt>(node)->relation);
            break;
        case T_AlterTableStmt:
            ddl("ALTER TABLE", as<AlterTableStmt>(node)->relation);
            each_node(as<AlterTableStmt>(node)->cmds,
                      [&](const Node* n) { walk_alteration(as<AlterTableCmd>(n), out); });
            break;
        case T_RenameStmt:
            ddl("ALTER … RENAME", as<RenameStmt>(node)->relation);
            break;
        case T_CreateTrigStmt:
            ddl("CREATE TRIGGER", as<CreateTrigStmt>(node)->relation);
            out.calls.push_back(call_of(as<CreateTrigStmt>(node)->funcname));
            break;
        case T_AlterObjectSchemaStmt:
            ddl("ALTER … SET SCHEMA", as<AlterObjectSchemaStmt>(node)->relation);
            break;
        case T_CreateTableAsStmt:
            ddl("CREATE TABLE AS", as<CreateTableAsStmt>(node)->into->rel);
            out.inner = std::make_shared<const statement>(walk_statement(as<CreateTableAsStmt>(node)->query));
            break;
        case T_ViewStmt:
            ddl("CREATE VIEW", as<ViewStmt>(node)->view);
            out.inner = std::make_shared<const statement>(walk_statement(as<ViewStmt>(node)->query));
            break;
        case T_TruncateStmt:
            ddl("TRUNCATE", nullptr);
            name_objects(as<TruncateStmt>(node)->relations, out);
            break;
        case T_DropStmt: {
            const auto* drop = as<DropStmt>(node);
            ddl("DROP", nullptr);
            if (drop->removeType == OBJECT_TABLE) {
                out.session.command = "DROP TABLE";
                name_objects(drop->objects, out);
            }
            break;
        }
        case T_GrantStmt:
            ddl("GRANT", nullptr);
            if (as<GrantStmt>(node)->objtype == OBJECT_TABLE) name_objects(as<GrantStmt>(node)->objects, out);
            break;
        case T_CommentStmt:
            ddl("COMMENT", nullptr);
            break;
        case T_VacuumStmt:
            out.session.command = as<VacuumStmt>(node)->is_vacuumcmd ? "VACUUM" : "ANALYZE";
            each_node(as<VacuumStmt>(node)->rels, [&](const Node* n) {
                if (as<VacuumRelation>(n)->relation) {
                    out.tables.push_back(walk_name(as<VacuumRelation>(n)->relation));
                }
            });
            break;
        case T_LockStmt:
            out.session.command = "LOCK";
            if (as<LockStmt>(node)->mode == 1)
                out.session.name = "ACCESS SHARE";  // AccessShareLock, as readers take it
            name_objects(as<LockStmt>(node)->relations, out);
            break;
        case T_DeclareCursorStmt:
            out.session.command = "DECLARE CURSOR";
            out.session.name = text_of(as<DeclareCursorStmt>(node)->portalname);
            out.inner = std::make_shared<const statement>(walk_statement(as<DeclareCursorStmt>(node)->query));
            break;
        case T_FetchStmt:
            out.session.command = as<FetchStmt>(node)->ismove ? "MOVE" : "FETCH";
            out.session.name = text_of(as<FetchStmt>(node)->portalname);
            break;
        case T_ClosePortalStmt:
            out.session.command = "CLOSE";
            out.session.name = text_of(as<ClosePortalStmt>(node)->portalname);
            break;
        case T_ListenStmt:
            out.session.command = "LISTEN";
            out.session.name = text_of(as<ListenStmt>(node)->conditionname);
            break;
        case T_UnlistenStmt:
            out.session.command = "UNLISTEN";
            break;
        case T_NotifyStmt:
            out.session.command = "NOTIFY";
            break;
        case T_DoStmt:
            out.session.command = "DO";
            each_node(as<DoStmt>(node)->args, [&](const Node* n) {
                const std::string name = text_of(as<DefElem>(n)->defname);
                if (name == "as") out.session.inner_sql = option_text(as<DefElem>(n)->arg);
                if (name == "language") out.session.name = option_text(as<DefElem>(n)->arg);
            });
            break;
        case T_CallStmt:
            out.session.command = "CALL";
            if (as<CallStmt>(node)->funccall) out.session.arguments.push_back(walk_call(as<CallStmt>(node)->funccall));
            break;
        case T_MergeStmt:
            out.session.command = "MERGE";
            out.tables.push_back(walk_name(as<MergeStmt>(node)->relation));
            out.inner = std::make_shared<const statement>(walk_merge(as<MergeStmt>(node)));
            break;
        case T_ConstraintsSetStmt:
            out.session.command = "SET CONSTRAINTS";
            if (as<ConstraintsSetStmt>(node)->constraints == nullptr) out.session.name = "ALL";
            break;
        case T_CheckPointStmt:
            out.session.command = "CHECKPOINT";
            break;
        case T_LoadStmt:
            out.session.command = "LOAD";
            break;
        case T_ReindexStmt:
            out.session.command = "REINDEX";
            if (as<ReindexStmt>(node)->relation) out.tables.push_back(walk_name(as<ReindexStmt>(node)->relation));
            break;
        case T_ClusterStmt:
            out.session.command = "CLUSTER";
            if (as<ClusterStmt>(node)->relation) out.tables.push_back(walk_name(as<ClusterStmt>(node)->relation));
            break;
        case T_RefreshMatViewStmt:
            ddl("REFRESH MATERIALIZED VIEW", as<RefreshMatViewStmt>(node)->relation);
            break;
        default:
            // everything else that the grammar knows defines, alters or grants something
            ddl("this command", nullptr);
            break;
    }
    return out;
}

statement walker::walk_statement(const Node* node) {
    const level here{*this};
    statement out;
    if (here.deep() || !node) return out;
    switch (nodeTag(node)) {
        case T_SelectStmt:
            out.kind = statement_kind::select;
            out.body = walk_query(node);
            return out;
        case T_InsertStmt:
            return walk_insert(as<InsertStmt>(node));
        case T_UpdateStmt:
            return walk_update(as<UpdateStmt>(node));
        case T_DeleteStmt:
            return walk_delete(as<DeleteStmt>(node));
        case T_CopyStmt:
            return walk_copy(as<CopyStmt>(node));
        case T_TransactionStmt:
            return walk_transaction(as<TransactionStmt>(node));
        case T_VariableSetStmt:
            return walk_set(as<VariableSetStmt>(node));
        case T_VariableShowStmt:
            out.kind = statement_kind::show;
            out.session.name = text_of(as<VariableShowStmt>(node)->name);
            return out;
        case T_DiscardStmt:
            out.kind = statement_kind::discard;
            switch (as<DiscardStmt>(node)->target) {
                case DISCARD_ALL:
                    out.session.name = "all";
                    break;
                case DISCARD_PLANS:
                    out.session.name = "plans";
                    break;
                case DISCARD_SEQUENCES:
                    out.session.name = "sequences";
                    break;
                case DISCARD_TEMP:
                    out.session.name = "temp";
                    break;
            }
            return out;
        case T_PrepareStmt:
            return walk_prepare(as<PrepareStmt>(node));
        case T_ExecuteStmt:
            out.kind = statement_kind::execute;
            out.session.name = text_of(as<ExecuteStmt>(node)->name);
            out.session.arguments = walk_list(as<ExecuteStmt>(node)->params);
            return out;
        case T_DeallocateStmt:
            out.kind = statement_kind::deallocate;
            out.session.name = text_of(as<DeallocateStmt>(node)->name);
            return out;
        case T_ExplainStmt:
            return walk_explain(as<ExplainStmt>(node));
        default:
            return walk_other(node);
    }
}

}  // namespace ashlar::sql
