// What drivers and tools ask of PostgreSQL's catalogue when they list tables, columns, keys and indexes: over SQLite files the
// proxy gives the rows that PostgreSQL gives for the same tables.
#include "support/proxied.hpp"
#include "wire/client_messages.hpp"

namespace ashlar {
namespace {

using test::proxied;
using test::raw_client;

const std::vector<std::string>& schema() {
    static const std::vector<std::string> all{
        "create table users (id bigint primary key, email varchar(80) not null unique, name text default 'anon', "
        "active boolean not "
        "null, score numeric(10,2), born date)",
        "create table orders (id bigint not null, user_id bigint not null references users (id), total numeric(12,2), "
        "took interval, primary key (user_id, id))",
        "create index users_by_name on users (name, born)",
    };
    return all;
}

class SqliteCatalogue : public ::testing::Test {
protected:
    SqliteCatalogue() {
        proxied::options o;
        o.sqlite = true;
        o.shards = 2;
        o.schema = schema();
        o.tables = {proxied::sharded("users", "id"), proxied::sharded("orders", "user_id")};
        house_.emplace(std::move(o));
        through_.emplace(house_->login());
        raw_client::options where;
        where.port = server_.port();
        postgresql_.emplace(where);
        for (const std::string& each : schema()) postgresql_->query(each);
    }

    // The rows, without the types of the columns.
    static std::string rows_of(const std::string& all) {
        return all.starts_with("T(") ? all.substr(all.find(") ") + 2) : all;
    }
    void alike(const std::string& sql) {
        const std::string expected = rows_of(postgresql_->query(sql));
        ASSERT_TRUE(expected.starts_with("D(")) << sql << ": " << expected;
        EXPECT_EQ(rows_of(through_->query(sql)), expected) << sql;
    }

    test::postgres_server server_;
    std::optional<proxied> house_;
    std::optional<raw_client> postgresql_, through_;
};

TEST_F(SqliteCatalogue, TheQuestionsOfJdbcAreAnswered) {
    // getTables()
    alike(
        "SELECT n.nspname AS TABLE_SCHEM, c.relname AS TABLE_NAME, d.description AS REMARKS FROM "
        "pg_catalog.pg_namespace n, "
        "pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_description d ON (c.oid = d.objoid AND d.objsubid = 0 and "
        "d.classoid = "
        "'pg_class'::regclass) WHERE c.relnamespace = n.oid AND n.nspname = 'public' AND c.relkind = 'r' ORDER BY 1, "
        "2");
    // getPrimaryKeys()
    alike(
        "SELECT result.TABLE_NAME, result.COLUMN_NAME, result.KEY_SEQ, result.PK_NAME FROM (SELECT ct.relname AS "
        "TABLE_NAME, "
        "a.attname AS COLUMN_NAME, (information_schema._pg_expandarray(i.indkey)).n AS KEY_SEQ, ci.relname AS PK_NAME, "
        "information_schema._pg_expandarray(i.indkey) AS KEYS, a.attnum AS A_ATTNUM FROM pg_catalog.pg_class ct JOIN "
        "pg_catalog.pg_attribute a ON (ct.oid = a.attrelid) JOIN pg_catalog.pg_namespace n ON (ct.relnamespace = "
        "n.oid) JOIN "
        "pg_catalog.pg_index i ON (a.attrelid = i.indrelid) JOIN pg_catalog.pg_class ci ON (ci.oid = i.indexrelid) "
        "WHERE "
        "ct.relname = 'orders' AND i.indisprimary ) result where result.A_ATTNUM = (result.KEYS).x ORDER BY "
        "result.table_name, result.pk_name, result.key_seq");
    // getIndexInfo()
    alike(
        "SELECT tmp.INDEX_NAME, tmp.ORDINAL_POSITION, trim(both '\"' from pg_catalog.pg_get_indexdef(tmp.CI_OID, "
        "tmp.ORDINAL_POSITION, false)) AS COLUMN_NAME FROM (SELECT ci.relname AS INDEX_NAME, "
        "(information_schema._pg_expandarray(i.indkey)).n AS ORDINAL_POSITION, ci.oid AS CI_OID FROM "
        "pg_catalog.pg_class ct "
        "JOIN pg_catalog.pg_index i ON (ct.oid = i.indrelid) JOIN pg_catalog.pg_class ci ON (ci.oid = i.indexrelid) "
        "WHERE "
        "ct.relname = 'users' ) AS tmp ORDER BY INDEX_NAME, ORDINAL_POSITION");
    // getSchemas()
    alike(
        "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = 'public' AND (nspname !~ '^pg_temp_' OR nspname = "
        "(pg_catalog.current_schemas(true))[1]) ORDER BY 1");
}

TEST_F(SqliteCatalogue, TheQuestionsOfSqlalchemyAreAnswered) {
    alike(
        "SELECT attr.conname, array_agg(CAST(attr.attname AS TEXT) ORDER BY attr.ord) AS cols, "
        "bool_and(attr.indisunique)::int FROM "
        "(SELECT con.conname AS conname, con.ord AS ord, con.indisunique AS indisunique, "
        "pg_catalog.pg_attribute.attname AS attname "
        "FROM pg_catalog.pg_attribute JOIN (SELECT pg_catalog.pg_constraint.conrelid AS conrelid, "
        "pg_catalog.pg_constraint.conname "
        "AS conname, unnest(pg_catalog.pg_index.indkey) AS attnum, generate_subscripts(pg_catalog.pg_index.indkey, 1) "
        "AS ord, "
        "pg_catalog.pg_index.indisunique AS indisunique FROM pg_catalog.pg_constraint JOIN pg_catalog.pg_index ON "
        "pg_catalog.pg_constraint.conindid = pg_catalog.pg_index.indexrelid WHERE "
        "pg_catalog.pg_constraint.connamespace = 2200 AND pg_catalog.pg_constraint.contype = ANY (ARRAY['p', 'u'])) AS "
        "con ON pg_catalog.pg_attribute.attnum = con.attnum AND "
        "pg_catalog.pg_attribute.attrelid = con.conrelid) AS attr GROUP BY attr.conname ORDER BY attr.conname");
    EXPECT_EQ(through_->query("show transaction isolation level"),
              "T(transaction_isolation:25) D(serializable) C(SHOW) Z(I)");
    EXPECT_EQ(through_->query("select 'hstore'::regtype::text from pg_type limit 1"), "E(42704) Z(I)");
    EXPECT_EQ(through_->query(
                  "select array_agg(c.relname order by c.relname) as names from pg_class c where c.relkind = 'r'"),
              "T(names:1009) D({orders,users}) C(SELECT 1) Z(I)");
}

// A number in binary format is a number, and not its bytes.
TEST_F(SqliteCatalogue, ParametersComeInBothFormats) {
    const std::string sql =
        "select a.attname from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid where "
        "c.relname = 'users' "
        "and a.attnum > $1 and a.attnum <= $2 order by a.attnum";
    std::string out;
    const std::uint32_t types[] = {oid::int2, oid::int4};
    const std::optional<std::string_view> values[] = {std::string_view{"\0\1", 2}, std::string_view{"3"}};
    const cell_format formats[] = {cell_format::binary, cell_format::text};
    wire::write_parse(out, "", sql, types);
    wire::write_bind(out, "", "", formats, values, {});
    wire::write_execute(out, "");
    wire::write_sync(out);
    through_->send(out);
    std::string rows;
    for (const test::said& m : through_->until_ready()) {
        if (m.type == 'D') rows += m.body.substr(6) + " ";
        EXPECT_NE(m.type, 'E');
    }
    EXPECT_EQ(rows, "email name ");
}

// The pieces of \d+ and \d INDEX.
TEST_F(SqliteCatalogue, TheQuestionsOfPsqlAreAnswered) {
    alike(
        "SELECT c.relchecks, c.relkind, coalesce(pg_catalog.array_to_string(c.reloptions || array(select 'toast.' || x "
        "from "
        "pg_catalog.unnest(tc.reloptions) x), ', '), '') FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_class tc "
        "ON "
        "(c.reltoastrelid = tc.oid) WHERE c.relname = 'orders'");
    alike(
        "SELECT a.attname, pg_catalog.pg_get_indexdef(a.attrelid, a.attnum, TRUE) AS indexdef FROM "
        "pg_catalog.pg_attribute a JOIN "
        "pg_catalog.pg_class c ON c.oid = a.attrelid WHERE c.relname = 'users_by_name' AND a.attnum > 0 AND NOT "
        "a.attisdropped "
        "ORDER BY a.attnum");
    alike(
        "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a JOIN "
        "pg_catalog.pg_class c ON c.oid = a.attrelid WHERE c.relname = 'orders' AND a.attnum > 0 ORDER BY a.attnum");
}

// "Referenced by:" of \d asks by the table's number.
TEST_F(SqliteCatalogue, TheTablesThatReferToOneAreFound) {
    const auto referring = [](raw_client& c) {
        const std::string number = rows_of(c.query("select oid from pg_catalog.pg_class where relname = 'users'"));
        const std::string users = number.substr(2, number.find(')') - 2);
        return rows_of(c.query(
            "SELECT conname, conrelid::pg_catalog.regclass AS ontable, pg_catalog.pg_get_constraintdef(oid, true) AS "
            "condef FROM pg_catalog.pg_constraint c WHERE confrelid IN (SELECT pg_catalog.pg_partition_ancestors('" +
            users + "') UNION ALL VALUES ('" + users +
            "'::pg_catalog.regclass)) AND contype = 'f' AND conparentid = 0 ORDER BY conname"));
    };
    EXPECT_EQ(referring(*through_),
              "D(orders_user_id_fkey,orders,FOREIGN KEY (user_id) REFERENCES users(id)) C(SELECT 1) Z(I)");
    EXPECT_EQ(referring(*through_), referring(*postgresql_));
}

}  // namespace
}  // namespace ashlar
