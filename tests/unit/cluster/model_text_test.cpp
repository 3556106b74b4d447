#include "cluster/model_text.hpp"
#include "core/quoting.hpp"

using namespace ashlar::detail;

namespace {

constexpr std::string_view columns[] = {"id", "user_id", "status", "total"};
constexpr model_view orders{"", "orders", columns, 4};

}  // namespace

TEST(ModelText, QuotesEveryName) {
    EXPECT_EQ(ashlar::quoted_name("a\"b"), "\"a\"\"b\"");
    EXPECT_EQ(quoted_table("sales.orders"), "\"sales\".\"orders\"");
}

TEST(ModelText, SelectsWithItsParts) {
    selection_parts parts;
    EXPECT_EQ(select_text(orders, parts), "select \"id\", \"user_id\", \"status\", \"total\" from \"orders\"");
    parts.condition = "status = $1 -- pending";
    parts.order = "total desc";
    parts.limit = 10;
    parts.offset = 20;
    EXPECT_EQ(select_text(orders, parts),
              "select \"id\", \"user_id\", \"status\", \"total\" from \"orders\" where (status = $1 -- pending\n)"
              " order by total desc\n limit 10 offset 20");
    EXPECT_EQ(count_text(orders, parts), "select count(*) from \"orders\" where (status = $1 -- pending\n)");
}

TEST(ModelText, InsertsAllColumns) {
    EXPECT_EQ(insert_text(orders),
              "insert into \"orders\" (\"id\", \"user_id\", \"status\", \"total\") values ($1, $2, $3, $4)");
}

TEST(ModelText, UpdatesAndRemovesByPrimaryAndShardKey) {
    const row_identity row = identity_of(orders, "user_id");
    EXPECT_EQ(update_text(orders, row),
              "update \"orders\" set \"status\" = $1, \"total\" = $2 where \"id\" = $3 and \"user_id\" = $4");
    EXPECT_EQ(remove_text(orders, row), "delete from \"orders\" where \"id\" = $1 and \"user_id\" = $2");
}

TEST(ModelText, NeedsOnlyThePrimaryKeyWhereItIsTheShardKey) {
    const row_identity row = identity_of(orders, "id");
    EXPECT_EQ(remove_text(orders, row), "delete from \"orders\" where \"id\" = $1");
    EXPECT_EQ(update_text({"", "t", columns, 1}, identity_of({"", "t", columns, 1}, "id")), "");
}
