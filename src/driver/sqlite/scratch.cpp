#include "driver/sqlite/scratch.hpp"

#include "core/ascii.hpp"
#include "core/quoting.hpp"
#include "core/stored_form.hpp"
#include "driver/sqlite/pg_functions.hpp"
#include "driver/sqlite/types.hpp"

#include <fmt/format.h>
#include <regex.h>
#include <sqlite3.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

namespace ashlar::driver::sqlite {

namespace {

// Before a text that is an array, of texts or of integers, so that the client is told so.
constexpr char text_mark = '\x01', integer_mark = '\x02';
constexpr std::uint32_t text_array = 1009, integer_array = 1016;

bool is_marked(std::string_view text) noexcept {
    return text.starts_with(text_mark) || text.starts_with(integer_mark);
}

constexpr std::size_t rows_max = 100'000, bytes_max = 16u << 20;
constexpr int steps_max = 2'000;  // of 10,000 instructions each

struct closer {
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
    void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
};

const scratch_catalogue& known_to(sqlite3_context* context) {
    return *static_cast<const scratch_catalogue*>(sqlite3_user_data(context));
}

void give_found(sqlite3_context* context, const std::map<std::int64_t, std::string>& names, sqlite3_value* key) {
    const auto found = names.find(sqlite3_value_int64(key));
    if (found != names.end()) give_text(context, found->second);
}

// regclass and its kin: a number → its name, a name → its number.
void give_either(sqlite3_context* context, const std::map<std::int64_t, std::string>& names, sqlite3_value* key,
                 std::string_view sqlstate, std::string_view what) {
    if (sqlite3_value_type(key) == SQLITE_NULL) return;
    const std::string_view text = text_of_value(key);
    const bool number = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
    if (number) {
        const auto found = names.find(sqlite3_value_int64(key));
        return give_text(context, found == names.end() ? (text == "0" ? "-" : text) : std::string_view{found->second});
    }
    std::string bare{text.substr(text.rfind('.') == text.npos ? 0 : text.rfind('.') + 1)};
    std::erase(bare, '"');
    for (const auto& [id, name] : names) {
        if (name == bare) return sqlite3_result_int64(context, id);
    }
    std::string said{text};
    std::erase(said, '"');
    fail_in_function(context, sqlstate, fmt::format("{} \"{}\" does not exist", what, said));
}

void regclass(sqlite3_context* c, int, sqlite3_value** v) {
    give_either(c, known_to(c).relations, v[0], "42P01", "relation");
}
void regtype(sqlite3_context* c, int, sqlite3_value** v) {
    give_either(c, known_to(c).types, v[0], "42704", "type");
}
void regnamespace(sqlite3_context* c, int, sqlite3_value** v) {
    give_either(c, known_to(c).schemas, v[0], "3F000", "schema");
}
void definition(sqlite3_context* c, int, sqlite3_value** v) {
    give_found(c, known_to(c).definitions, v[0]);
}
void user_name(sqlite3_context* c, int, sqlite3_value**) {
    give_text(c, known_to(c).user);
}
void database_name(sqlite3_context* c, int, sqlite3_value**) {
    give_text(c, known_to(c).database);
}
void version(sqlite3_context* c, int, sqlite3_value**) {
    give_text(c, known_to(c).version);
}
void schema_name(sqlite3_context* c, int, sqlite3_value**) {
    give_text(c, "public");
}
void schemas(sqlite3_context* c, int, sqlite3_value** v) {
    give_text(c, sqlite3_value_int(v[0]) != 0 ? "{pg_catalog,public}" : "{public}");
}
void process(sqlite3_context* c, int, sqlite3_value**) {
    sqlite3_result_int64(c, known_to(c).process);
}
void yes(sqlite3_context* c, int, sqlite3_value**) {
    sqlite3_result_int(c, 1);
}
void no(sqlite3_context* c, int, sqlite3_value**) {
    sqlite3_result_int(c, 0);
}
void nothing(sqlite3_context*, int, sqlite3_value**) {}
void itself(sqlite3_context* c, int, sqlite3_value** v) {
    sqlite3_result_value(c, v[0]);
}
void encoding(sqlite3_context* c, int, sqlite3_value**) {
    give_text(c, "UTF8");
}

void setting(sqlite3_context* c, int, sqlite3_value** v) {
    const auto found = known_to(c).settings.find(text_of_value(v[0]));
    if (found != known_to(c).settings.end()) return give_text(c, found->second);
    fail_in_function(c, "42704", fmt::format("unrecognized configuration parameter \"{}\"", text_of_value(v[0])));
}

// format_type(oid, modifier)
void format_type(sqlite3_context* c, int, sqlite3_value** v) {
    if (sqlite3_value_type(v[0]) == SQLITE_NULL) return;
    const auto type = static_cast<std::uint32_t>(sqlite3_value_int64(v[0]));
    const std::int32_t modifier = sqlite3_value_type(v[1]) == SQLITE_NULL ? -1 : sqlite3_value_int(v[1]);
    const auto found = known_to(c).types.find(type);
    std::string name = found == known_to(c).types.end() ? "???" : sql_name_of_type(type);
    if (modifier >= 4 && type == oid::numeric)
        name += fmt::format("({},{})", precision_of(modifier), scale_of(modifier));
    if (modifier >= 5 && (type == oid::varchar || type == oid::bpchar)) name += fmt::format("({})", modifier - 4);
    give_text(c, name);
}

// pattern, value: `value REGEXP pattern`
void regexp(sqlite3_context* c, int count, sqlite3_value** v) {
    if (any_null(count, v)) return;
    const std::string pattern{text_of_value(v[0])}, value{text_of_value(v[1])};
    const auto backslash = pattern.find('\\');
    const bool refers_back = backslash != pattern.npos && backslash + 1 < pattern.size() &&
                             pattern[backslash + 1] >= '1' && pattern[backslash + 1] <= '9';
    regex_t compiled;
    if (pattern.size() > 1000 || refers_back || ::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
        return fail_in_function(c, "2201B", "invalid regular expression");
    }
    const bool matches = ::regexec(&compiled, value.c_str(), 0, nullptr, 0) == 0;
    ::regfree(&compiled);
    sqlite3_result_int(c, matches ? 1 : 0);
}

void quote_ident(sqlite3_context* c, int count, sqlite3_value** v) {
    if (any_null(count, v)) return;
    const std::string_view name = text_of_value(v[0]);
    const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char ch) {
        return (ch >= 'a' && ch <= 'z') || ch == '_' || (ch >= '0' && ch <= '9');
    });
    if (plain) return give_text(c, name);
    give_text(c, quoted_name(name));
}

// A JSON array of the numbers from a to b.
void series(sqlite3_context* c, int count, sqlite3_value** v) {
    if (any_null(count, v)) return give_text(c, "[]");
    const std::int64_t from = sqlite3_value_int64(v[0]), to = sqlite3_value_int64(v[1]);
    if (to - from > 100'000) return fail_in_function(c, "0A000", "a series of so many numbers is not available here");
    std::string out = "[";
    for (std::int64_t i = from; i <= to; ++i) out += (i > from ? "," : "") + std::to_string(i);
    give_text(c, out + "]");
}

// The elements of an array, "{a,b}", or of an int2vector, "1 2".
std::vector<std::string> elements_of(std::string_view text) {
    if (is_marked(text)) text.remove_prefix(1);
    const bool is_array = text.starts_with('{') && text.ends_with('}');
    const char separator = is_array ? ',' : ' ';
    if (is_array) text = text.substr(1, text.size() - 2);
    std::vector<std::string> out;
    if (text.empty()) return out;
    out.emplace_back();
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_array && text[i] == '\\' && i + 1 < text.size()) {
            out.back() += text[++i];
        } else if (is_array && text[i] == '"') {
            quoted = !quoted;
        } else if (text[i] == separator && !quoted) {
            out.emplace_back();
        } else {
            out.back() += text[i];
        }
    }
    return out;
}

void first_subscript(sqlite3_context* c, int, sqlite3_value** v) {
    const std::string_view text = text_of_value(v[0]);
    sqlite3_result_int(c, text.starts_with('{') || is_marked(text) ? 1 : 0);
}

bool needs_quotes(std::string_view element) {
    return element.empty() || element.find_first_of("{},\"\\ \t\n") != element.npos ||
           equals_ignoring_case(element, "null");
}

// array_to_string(a, separator)
void joined(sqlite3_context* c, int count, sqlite3_value** v) {
    if (any_null(count, v)) return;
    const std::string_view text = text_of_value(v[0]);
    if (!text.starts_with('{') && !is_marked(text)) return give_text(c, text);
    std::string out;
    bool first = true;
    for (const std::string& each : elements_of(text)) {
        out += (first ? "" : std::string{text_of_value(v[1])}) + each;
        first = false;
    }
    give_text(c, out);
}

// pg_array_agg(a, b): the array of a, in the order of b.
struct collected {
    std::string element;
    bool whole = false;
    double number = 0;
    std::string key;
};
using collection = std::vector<collected>;

void collect(sqlite3_context* c, int, sqlite3_value** v) {
    auto** const place = static_cast<collection**>(sqlite3_aggregate_context(c, sizeof(collection*)));
    if (place == nullptr) return sqlite3_result_error_nomem(c);
    if (*place == nullptr) *place = new collection;
    const bool null = sqlite3_value_type(v[0]) == SQLITE_NULL, whole = sqlite3_value_type(v[0]) == SQLITE_INTEGER;
    std::string element = null ? "NULL" : std::string{whole ? text_of_value(v[0]) : ""};
    if (!null && !whole && !needs_quotes(text_of_value(v[0]))) element = text_of_value(v[0]);
    if (!null && !whole && element.empty()) {
        element = '"';
        for (const char ch : text_of_value(v[0])) {
            if (ch == '"' || ch == '\\') element += '\\';
            element += ch;
        }
        element += '"';
    }
    (*place)->push_back({std::move(element), whole, sqlite3_value_double(v[1]), std::string{text_of_value(v[1])}});
}

void give_collected(sqlite3_context* c) {
    auto** const place = static_cast<collection**>(sqlite3_aggregate_context(c, 0));
    if (place == nullptr || *place == nullptr) return;
    const std::unique_ptr<collection> all{std::exchange(*place, nullptr)};
    std::stable_sort(all->begin(), all->end(), [](const collected& a, const collected& b) {
        return a.number != b.number ? a.number < b.number : a.key < b.key;
    });
    const bool whole = std::all_of(all->begin(), all->end(), [](const collected& each) { return each.whole; });
    std::string out{whole ? integer_mark : text_mark, '{'};
    for (const collected& each : *all) out += (out.size() > 2 ? "," : "") + each.element;
    give_text(c, out + "}");
}

bool is_whole(std::string_view text) {
    std::int64_t n = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), n);
    return !text.empty() && end.ec == std::errc{} && end.ptr == text.data() + text.size();
}

// The same as a JSON array.
void array(sqlite3_context* c, int count, sqlite3_value** v) {
    if (any_null(count, v)) return give_text(c, "[]");
    std::string out = "[";
    for (const std::string& each : elements_of(text_of_value(v[0]))) {
        out += out.size() > 1 ? "," : "";
        if (is_whole(each)) {
            out += each;
            continue;
        }
        out += '"';
        for (const char ch : each) {
            if (static_cast<unsigned char>(ch) < 0x20) {
                out += fmt::format("\\u{:04x}", static_cast<unsigned char>(ch));
                continue;
            }
            if (ch == '"' || ch == '\\') out += '\\';
            out += ch;
        }
        out += '"';
    }
    give_text(c, out + "]");
}

// The n-th element: from 1 of an array, from 0 of an int2vector.
void element(sqlite3_context* c, int count, sqlite3_value** v) {
    if (any_null(count, v)) return;
    const std::string_view text = text_of_value(v[0]);
    const std::vector<std::string> all = elements_of(text);
    const std::int64_t n = sqlite3_value_int64(v[1]) - (text.starts_with('{') || is_marked(text) ? 1 : 0);
    if (n < 0 || n >= static_cast<std::int64_t>(all.size())) return;
    const std::string& found = all[static_cast<std::size_t>(n)];
    if (is_whole(found)) return sqlite3_result_int64(c, sqlite3_int64{std::stoll(found)});
    give_text(c, found);
}

// array_upper(a, 1), array_length(a, 1), cardinality(a)
void size_of_array(sqlite3_context* c, int count, sqlite3_value** v) {
    if (any_null(count, v)) return;
    const std::size_t size = elements_of(text_of_value(v[0])).size();
    if (size > 0) sqlite3_result_int64(c, static_cast<sqlite3_int64>(size));
}

// pg_get_indexdef(index [, column, pretty]): all of it, or the column.
void index_definition(sqlite3_context* c, int count, sqlite3_value** v) {
    if (any_null(1, v)) return;
    const std::int64_t column = count > 1 ? sqlite3_value_int64(v[1]) : 0;
    if (column == 0) return give_found(c, known_to(c).definitions, v[0]);
    const auto found = known_to(c).index_columns.find(sqlite3_value_int64(v[0]));
    if (found == known_to(c).index_columns.end() || column > static_cast<std::int64_t>(found->second.size())) return;
    if (column > 0) give_text(c, found->second[static_cast<std::size_t>(column) - 1]);
}

void add_functions(sqlite3* to, const scratch_catalogue& of) {
    struct entry {
        const char* name;
        void (*run)(sqlite3_context*, int, sqlite3_value**);
    };
    for (const entry& e : {
             entry{"pg_regclass", regclass},
             entry{"pg_regtype", regtype},
             entry{"pg_regnamespace", regnamespace},
             entry{"pg_get_indexdef", index_definition},
             entry{"pg_get_constraintdef", definition},
             entry{"pg_get_viewdef", definition},
             entry{"pg_get_triggerdef", definition},
             entry{"pg_get_userbyid", user_name},
             entry{"pg_session_user", user_name},
             entry{"current_database", database_name},
             entry{"version", version},
             entry{"current_schema", schema_name},
             entry{"current_schemas", schemas},
             entry{"pg_backend_pid", process},
             entry{"pg_table_is_visible", yes},
             entry{"pg_type_is_visible", yes},
             entry{"pg_function_is_visible", yes},
             entry{"pg_relation_is_publishable", yes},
             entry{"pg_is_in_recovery", no},
             entry{"pg_my_temp_schema", no},
             entry{"pg_is_other_temp_schema", no},
             entry{"has_table_privilege", yes},
             entry{"has_schema_privilege", yes},
             entry{"has_database_privilege", yes},
             entry{"has_column_privilege", yes},
             entry{"has_any_column_privilege", yes},
             entry{"pg_get_expr", itself},
             entry{"array_to_string", joined},
             entry{"pg_encoding_to_char", encoding},
             entry{"pg_partition_ancestors", nothing},  // no table is a partition
             entry{"obj_description", nothing},
             entry{"col_description", nothing},
             entry{"shobj_description", nothing},
             entry{"pg_table_size", nothing},
             entry{"pg_relation_size", nothing},
             entry{"pg_total_relation_size", nothing},
             entry{"pg_size_pretty", itself},
             entry{"pg_database_size", nothing},
             entry{"pg_get_statisticsobjdef_columns", nothing},
             entry{"array_upper", size_of_array},
             entry{"array_length", size_of_array},
             entry{"cardinality", size_of_array},
             entry{"pg_array", array},
             entry{"pg_first_subscript", first_subscript},
             entry{"pg_has_role", yes},
             entry{"pg_collation_is_visible", yes},
             entry{"pg_get_function_result", nothing},
             entry{"pg_get_function_arguments", nothing},
             entry{"pg_get_function_identity_arguments", nothing},
             entry{"pg_get_serial_sequence", nothing},
             entry{"pg_tablespace_location", nothing},
             entry{"current_setting", setting},
             entry{"format_type", format_type},
             entry{"regexp", regexp},
             entry{"quote_ident", quote_ident},
             entry{"pg_series", series},
             entry{"pg_element", element},
         }) {
        sqlite3_create_function_v2(to, e.name, -1, SQLITE_UTF8 | SQLITE_INNOCUOUS, const_cast<scratch_catalogue*>(&of),
                                   e.run, nullptr, nullptr, nullptr);
    }
    sqlite3_create_function_v2(to, "pg_array_agg", 2, SQLITE_UTF8 | SQLITE_INNOCUOUS, nullptr, nullptr, collect,
                               give_collected, nullptr);
}

error refused(sqlite3* db) {
    const std::string message = sqlite3_errmsg(db);

    if (auto why = error_of_function(message)) return std::move(*why);
    if (message == "interrupted") {
        return error{errc::limit_reached, "the question to PostgreSQL's catalogue takes too long"}.hint(
            "Ask for less at once.");
    }
    constexpr std::string_view table = "no such table: ", function = "no such function: ", column = "no such column: ";
    const auto named = [&](std::string_view what, std::string_view kind) {
        return fmt::format("PostgreSQL's catalogue over SQLite databases has no {} {}", kind,
                           message.substr(what.size()));
    };
    std::string text = message.starts_with(table)      ? named(table, "table")
                       : message.starts_with(function) ? named(function, "function")
                       : message.starts_with(column)
                           ? named(column, "column")
                           : std::string{
                                 "this question to PostgreSQL's catalogue is not answered over "
                                 "SQLite databases"};
    return error{errc::unsupported, std::move(text)}.hint(
        "select name, sql from sqlite_master lists the tables of one database.");
}

std::uint32_t type_of(const char* declared, int storage) {
    const std::string_view text = declared == nullptr ? "" : declared;
    if (text == "BOOLEAN") return oid::boolean;
    if (text == "OID INTEGER") return oid::oid;
    if (text == "INTEGER") return oid::int4;
    if (text == "SMALLINT") return oid::int2;
    if (text == "NAME TEXT") return oid::name;
    if (text == "CHAR") return oid::char1;
    if (text.empty() && storage == SQLITE_INTEGER) return oid::int4;
    if (text.empty() && storage == SQLITE_FLOAT) return oid::float8;
    return oid::text;
}

// SQLite calls a column without AS by its text: "current_setting ( 'x' )", "c . oid".
std::string plain_name(std::string_view text) {
    if (const std::size_t open = text.find(" ("); open != text.npos) text = text.substr(0, open);
    if (const std::size_t dot = text.rfind(" . "); dot != text.npos) text = text.substr(dot + 3);
    const bool word = std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ' ' ||
               (c & 0x80) != 0;
    });
    return word ? std::string{text} : "?column?";
}

int out_of_steps(void* counter) {
    return ++*static_cast<int*>(counter) > steps_max ? 1 : 0;
}

}  // namespace

result<scratch_answer> ask_scratch(const scratch_catalogue& of, const std::string& sql,
                                   const std::vector<parameter>& parameters) {
    sqlite3* raw = nullptr;
    const int opened =
        sqlite3_open_v2(":memory:", &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, nullptr);
    const std::unique_ptr<sqlite3, closer> db{raw};
    if (opened != SQLITE_OK) return error{errc::internal, "no database in memory can be opened"};
    add_functions(raw, of);
    sqlite3_db_config(raw, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
    if (sqlite3_exec(raw, of.script.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
        return error{errc::internal, fmt::format("the catalogue cannot be filled: {}", sqlite3_errmsg(raw))};
    }

    int steps = 0;
    sqlite3_progress_handler(raw, 10'000, out_of_steps, &steps);
    sqlite3_limit(raw, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_stmt* made = nullptr;
    const int prepared = sqlite3_prepare_v2(raw, sql.c_str(), -1, &made, nullptr);
    const std::unique_ptr<sqlite3_stmt, closer> statement{made};
    if (prepared != SQLITE_OK || made == nullptr) return refused(raw);
    if (sqlite3_stmt_readonly(made) == 0) return error{errc::read_only, "the system catalogue cannot be changed"};
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const int index = sqlite3_bind_parameter_index(made, fmt::format("${}", i + 1).c_str());
        if (index == 0) continue;
        if (status bound = bind(made, index, parameters[i]); !bound) return std::move(bound).error();
    }
    scratch_answer out;
    const int width = sqlite3_column_count(made);
    for (int i = 0; i < width; ++i) {
        column c;
        c.name = plain_name(sqlite3_column_name(made, i));
        c.type = type_of(sqlite3_column_decltype(made, i), SQLITE_NULL);
        out.shape.push_back(std::move(c));
    }
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(made)) == SQLITE_ROW) {
        for (int i = 0; i < width; ++i) {
            column& c = out.shape[static_cast<std::size_t>(i)];
            const int storage = sqlite3_column_type(made, i);
            if (out.rows.rows() == 0) c.type = type_of(sqlite3_column_decltype(made, i), storage);
            if (storage == SQLITE_NULL) {
                out.rows.add(std::nullopt);
                continue;
            }
            if (c.type == oid::boolean) {
                out.rows.add(sqlite3_column_int(made, i) != 0 ? "t" : "f");
                continue;
            }
            const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(made, i));
            std::string_view text{bytes, static_cast<std::size_t>(sqlite3_column_bytes(made, i))};
            if (is_marked(text)) {
                c.type = text.front() == text_mark ? text_array : integer_array;
                text.remove_prefix(1);
            }
            out.rows.add(text);
        }
        out.rows.end_row();
        if (out.rows.rows() > rows_max || out.rows.byte_size() > bytes_max) {
            return error{errc::limit_reached, "the answer of PostgreSQL's catalogue is too large"}.hint(
                "Ask for less at once.");
        }
    }
    if (code != SQLITE_DONE) return refused(raw);
    return out;
}

}  // namespace ashlar::driver::sqlite
