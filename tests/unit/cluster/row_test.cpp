#include "cluster/rows_inside.hpp"

#include <ashlar/model.hpp>

#include <cmath>

using namespace ashlar;

namespace shop {

struct item {
    std::int64_t id = 0;
    std::string title;
    std::optional<decimal> price;
    bool sold = false;
};
ASHLAR_MODEL(item, "items", id, title, price, sold)

struct wide {
    int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, bb, cc, dd, ee, ff, gg, hh,
        ii, jj, kk, ll, mm, nn, oo, pp, qq, rr, ss, tt, uu, vv, ww, xx, yy, zz, a1, b1, c1, d1, e1, f1, g1, h1, i1, j1,
        k1, l1;
};
ASHLAR_MODEL(wide, "wide", a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, bb, cc, dd,
             ee, ff, gg, hh, ii, jj, kk, ll, mm, nn, oo, pp, qq, rr, ss, tt, uu, vv, ww, xx, yy, zz, a1, b1, c1, d1, e1,
             f1, g1, h1, i1, j1, k1, l1)

}  // namespace shop

namespace {

rows make(const std::vector<std::string>& names, const std::vector<std::vector<std::optional<std::string>>>& cells) {
    auto inside = std::make_shared<detail::rows_inside>();
    for (const std::string& each : names) inside->shape.emplace_back().name = each;
    for (const auto& line : cells) {  // each row a batch of its own, to be told apart
        row_batch part;
        for (const auto& each : line) part.add(each ? cell{*each} : cell{});
        part.end_row();
        inside->add(std::move(part));
    }
    return rows{std::move(inside)};
}

template <class T>
result<T> read(std::optional<std::string> text) {
    return make({"c"}, {{std::move(text)}})[0].get<T>("c");
}

}  // namespace

TEST(Row, ReadsEachTypeFromItsText) {
    EXPECT_EQ(read<bool>("t").value(), true);
    EXPECT_EQ(read<bool>("f").value(), false);
    EXPECT_EQ(read<int>("-7").value(), -7);
    EXPECT_EQ(read<std::int64_t>("-9223372036854775808").value(), INT64_MIN);
    EXPECT_EQ(read<std::uint64_t>("18446744073709551615").value(), UINT64_MAX);
    EXPECT_EQ(read<double>("1.5e3").value(), 1500.0);
    EXPECT_TRUE(std::isinf(read<double>("-Infinity").value()));
    EXPECT_EQ(read<float>("0.25").value(), 0.25F);
    EXPECT_EQ(read<std::string>("").value(), "");
    EXPECT_EQ(read<uuid>("230d30d2-296d-4d60-8064-91204aa3fe1c").value().to_string(),
              "230d30d2-296d-4d60-8064-91204aa3fe1c");
    EXPECT_EQ(read<decimal>("1.50").value().to_string(), "1.50");
    EXPECT_EQ(to_string(read<timestamp>("2026-11-22 12:30:00+00").value()), "2026-11-22 12:30:00+00");
    EXPECT_EQ(to_string(read<date>("2026-11-22").value()), "2026-11-22");
    EXPECT_EQ(to_string(read<bytes>("\\x6869").value()), "\\x6869");
    EXPECT_EQ(read<json>("{}").value().text, "{}");
}

TEST(Row, NeverRoundsOrCuts) {
    EXPECT_EQ(read<std::int16_t>("40000").error(), errc::bad_value);
    EXPECT_EQ(read<unsigned>("-1").error(), errc::bad_value);
    EXPECT_EQ(read<int>("7.5").error(), errc::bad_value);
    EXPECT_EQ(read<int>("").error(), errc::bad_value);
    EXPECT_EQ(read<bool>("yes").error(), errc::bad_value);
    EXPECT_EQ(read<uuid>("230d").error(), errc::bad_value);
}

TEST(Row, NullGoesOnlyIntoAnOptional) {
    EXPECT_EQ(read<std::optional<int>>(std::nullopt).value(), std::nullopt);
    EXPECT_EQ(read<std::optional<int>>("7").value(), 7);
    error why = read<int>(std::nullopt).error();
    EXPECT_EQ(why, errc::bad_value);
    EXPECT_EQ(why.message(), "the column c is NULL");
}

TEST(Rows, AreAValueOfRowsAndColumns) {
    rows two = make({"id", "title"}, {{"1", "a"}, {"2", "b"}});
    EXPECT_EQ(two.size(), 2u);
    EXPECT_EQ(two.width(), 2u);
    EXPECT_EQ(two.find("title"), 1u);
    EXPECT_EQ(two.find("price"), std::nullopt);
    std::string all;
    for (row each : two) all += each.get<std::string>("title").value();
    EXPECT_EQ(all, "ab");
    EXPECT_EQ(two[0].get<int>("price").error(), errc::column_unknown);
    EXPECT_EQ(two[0].get<int>(std::size_t{9}).error(), errc::column_unknown);
    EXPECT_TRUE(rows{}.empty());
}

TEST(Rows, OneColumnBecomesAVector) {
    EXPECT_EQ(make({"n"}, {{"1"}, {"2"}}).column<int>().value(), (std::vector{1, 2}));
    EXPECT_EQ(make({"n", "m"}, {}).column<int>().error(), errc::several_rows);
}

TEST(Model, ReadsRowsByColumnNameAndIgnoresOthers) {
    rows all = make({"sold", "extra", "price", "title", "id"},
                    {{"t", "x", "9.90", "lamp", "7"}, {"f", std::nullopt, std::nullopt, "chair", "8"}});
    std::vector<shop::item> items = as<shop::item>(all).value();
    ASSERT_EQ(items.size(), 2u);
    EXPECT_EQ(items[0].id, 7);
    EXPECT_EQ(items[0].title, "lamp");
    EXPECT_EQ(items[0].price->to_string(), "9.90");
    EXPECT_TRUE(items[0].sold);
    EXPECT_EQ(items[1].price, std::nullopt);
}

TEST(Model, NamesTheColumnThatIsMissingOrUnreadable) {
    error missing = as<shop::item>(make({"id", "title", "sold"}, {})).error();
    EXPECT_EQ(missing.message(), "the rows have no column price, a field of the model of items");
    error wrong = as<shop::item>(make({"id", "title", "price", "sold"}, {{"x", "lamp", "1", "t"}})).error();
    EXPECT_EQ(wrong.message(), "the column id holds 'x', which cannot be read as the type asked for");
}

TEST(Model, GivesItsFieldsAsValuesInOrder) {
    std::vector<value> values = detail::values_of(shop::item{7, "lamp", std::nullopt, true});
    EXPECT_EQ(values, (std::vector<value>{value{7}, value{"lamp"}, value{}, value{true}}));
}

TEST(Model, HasUpToSixtyFourFields) {
    EXPECT_EQ(detail::view_of<shop::wide>().width, 64u);
    EXPECT_EQ(detail::view_of<shop::wide>().columns[63], "l1");
}
