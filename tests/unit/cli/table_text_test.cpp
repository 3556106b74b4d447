#include "cli/table_text.hpp"
#include "cli/json_text.hpp"

#include <limits>

namespace {

using namespace ashlar::cli;

TEST(TableText, AlignsAsPsqlDoes) {
    EXPECT_EQ(aligned({{"id", true}, {"name", false}}, {{"1", "Ada"}, {"23", std::nullopt}}),
              " id | name\n"
              "----+------\n"
              "  1 | Ada\n"
              " 23 |\n"
              "(2 rows)\n");
}

TEST(TableText, CountsCharactersAndWideOnesTwice) {
    EXPECT_EQ(display_width("über"), 4u);
    EXPECT_EQ(display_width("日本"), 4u);
    EXPECT_EQ(display_width("e\u0301"), 1u);
    EXPECT_EQ(display_width("\xff\xfe"), 2u) << "bytes that are no UTF-8";
}

TEST(TableText, LetsNoDataCommandTheTerminal) {
    EXPECT_EQ(printable("a\nb\x1b[2Jc"), "a\\nb\\x1b[2Jc");
}

TEST(TableText, WritesCsvThatTellsNullFromEmpty) {
    EXPECT_EQ(csv_line({"a", std::nullopt, "", "x,y", "say \"hi\"", "two\nlines"}),
              "a,,\"\",\"x,y\",\"say \"\"hi\"\"\",\"two\nlines\"\n");
}

TEST(JsonText, QuotesWhatMustBeAndStaysJsonWithBrokenBytes) {
    json_object o;
    o.add("a\"b", "x\n\xff").add("n", 7).add("yes", true).add("r", 1.5).add_nullable("none", std::nullopt);
    EXPECT_EQ(o.text(), "{\"a\\\"b\": \"x\\n\ufffd\", \"n\": 7, \"yes\": true, \"r\": 1.5, \"none\": null}");
    EXPECT_EQ(json_number(std::numeric_limits<double>::infinity()), "null");
}

}  // namespace
