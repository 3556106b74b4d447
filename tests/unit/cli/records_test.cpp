#include "cli/load/records.hpp"
#include "cli/load/progress_bar.hpp"

#include <gmock/gmock.h>

namespace {

using namespace ashlar::cli::load;
using ::testing::ElementsAre;
using fields = std::vector<std::optional<std::string>>;

record_style csv() {
    return {};
}
record_style text_style() {
    return {file_format::text, '\t', "\\N"};
}

struct kept {
    fields what;
    std::uint64_t line;
    std::size_t begin, end;
    std::string problem;
};

std::vector<kept> all_of(std::string_view file, const record_style& style) {
    record_reader reader{file, style};
    std::vector<kept> out;
    record r;
    while (reader.next(r)) {
        fields f;
        for (const field& each : r.fields) f.push_back(each ? std::optional<std::string>{*each} : std::nullopt);
        out.push_back({f, r.line, r.begin, r.end, r.problem});
    }
    return out;
}

fields only(std::string_view file, const record_style& style = csv()) {
    const auto all = all_of(file, style);
    EXPECT_EQ(all.size(), 1u) << file;
    return all.empty() ? fields{} : all[0].what;
}

TEST(CsvRecords, AreReadAsPostgresReadsThem) {
    EXPECT_EQ(only("a,b\n"), (fields{"a", "b"}));
    EXPECT_EQ(only("a,\"b,c\"\n"), (fields{"a", "b,c"}));
    EXPECT_EQ(only("\"say \"\"hi\"\"\"\n"), (fields{"say \"hi\""}));
    EXPECT_EQ(only("a\"b,c\"d\n"), (fields{"ab,cd"})) << "quotes may open anywhere";
    EXPECT_EQ(only("a,b\r\n"), (fields{"a", "b"}));
    EXPECT_EQ(only("a,b"), (fields{"a", "b"})) << "the last line needs no end";
    EXPECT_EQ(only(" a , b \n"), (fields{" a ", " b "}));
}

TEST(CsvRecords, TellNullFromAnEmptyText) {
    EXPECT_EQ(only(",\"\",x\n"), (fields{std::nullopt, "", "x"}));
    record_style nil = csv();
    nil.null_text = "NIL";
    EXPECT_EQ(only("NIL,\"NIL\",\n", nil), (fields{std::nullopt, "NIL", ""}));
}

TEST(CsvRecords, CountLinesThroughQuotes) {
    const auto all = all_of("a\n\"two\nlines\"\nb\n", csv());
    ASSERT_EQ(all.size(), 3u);
    EXPECT_EQ(all[1].line, 2u);
    EXPECT_EQ(all[1].what, (fields{"two\nlines"}));
    EXPECT_EQ(all[2].line, 4u);
}

TEST(CsvRecords, ThatCannotBeReadSayWhyAndTheNextIsReadAllTheSame) {
    const auto all = all_of("a,b\rc\nd,e\n", csv());
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].problem, "a carriage return outside of quotes");
    EXPECT_EQ(all[1].what, (fields{"d", "e"}));
    EXPECT_EQ(all_of("\"open\nfor ever\n", csv()).at(0).problem, "a quoted field that is not closed");
    EXPECT_EQ(all_of(std::string_view{"a\0b\n", 4}, csv()).at(0).problem, "a zero byte");
}

TEST(CsvRecords, CanBeReadAgainFromTheirPlace) {
    const std::string file = "1,\"a\nb\"\n2,c\n\"3\",\n";
    for (const kept& each : all_of(file, csv())) {
        record_reader again{std::string_view{file}.substr(0, each.end), csv(), each.begin, each.line};
        record r;
        ASSERT_TRUE(again.next(r));
        EXPECT_EQ(r.end, each.end);
        EXPECT_EQ(r.fields.size(), 2u);
        EXPECT_FALSE(again.next(r));
    }
}

TEST(CopyText, UnescapesAndKnowsNull) {
    EXPECT_EQ(only("a\\tb\t\\N\t\\\\N\n", text_style()), (fields{"a\tb", std::nullopt, "\\N"}));
    EXPECT_EQ(only("\\x41\\101\\q\n", text_style()), (fields{"AAq"}));
    EXPECT_EQ(only("a\\\nb\n", text_style()), (fields{"a\nb"})) << "a line break after a backslash is data";
}

TEST(CopyText, EndsAtItsMark) {
    EXPECT_EQ(all_of("a\n\\.\nb\n", text_style()).size(), 1u);
}

TEST(ProgressLine, TellsShareRowsRateAndWhatIsLeft) {
    progress_facts f;
    f.label = "orders";
    f.bytes_done = 50;
    f.bytes_all = 100;
    f.rows = 452'000;
    f.seconds = 2;
    EXPECT_EQ(progress_line(f, 80), "orders  ███████████████░░░░░░░░░░░░░░░  50 %  452,000 rows  226,000/s  0:02 left");
    EXPECT_LE(progress_line(f, 20).size(), 20u);
}

TEST(ProgressLine, GroupsDigits) {
    EXPECT_EQ(with_commas(0), "0");
    EXPECT_EQ(with_commas(999), "999");
    EXPECT_EQ(with_commas(1'000'000), "1,000,000");
}

}  // namespace
