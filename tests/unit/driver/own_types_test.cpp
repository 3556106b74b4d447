#include "driver/pgwire/own_types.hpp"
#include "wire/server_messages.hpp"

#include <gtest/gtest.h>

namespace ashlar::driver::pgwire {
namespace {

std::shared_ptr<const oid_map> oids() {
    own_oids there, known;
    there.types = {{"public.mood", 30'000}, {"public.hidden", 30'001}};
    known.types = {{"public.mood", 20'000}};
    there.relations = {{"public.people", 30'100}};
    known.relations = {{"public.people", 20'100}};
    return oid_map::make("shard_2", there, known);
}

columns shape() {
    columns c(3);
    c[0].name = "id";
    c[0].type = oid::int4;
    c[0].type_size = 4;
    c[0].table = 30'100;
    c[0].table_column = 1;
    c[1].name = "mood";
    c[1].type = 30'000;
    c[1].type_size = 4;
    c[1].table = 30'100;
    c[1].table_column = 2;
    c[2].name = "hidden";
    c[2].type = 30'001;
    c[2].type_modifier = 7;
    c[2].table = 99'999;
    return c;
}

TEST(OwnTypes, ADescriptionOfRowsIsTranslatedInItsPlace) {
    std::string message, out = "before";
    wire::write_row_description(message, shape());
    ASSERT_TRUE(write_row_description_for_client(out, std::string_view{message}.substr(5), *oids()));
    ASSERT_EQ(out.size(), 6 + message.size());
    EXPECT_EQ(out.substr(0, 11), "before" + message.substr(0, 5));
    columns expected = shape();
    expected[0].table = expected[1].table = 20'100;
    expected[1].type = 20'000;
    expected[2].type = oid::unknown;
    expected[2].type_size = -2;
    expected[2].type_modifier = -1;
    expected[2].table = 0;
    EXPECT_EQ(wire::read_row_description(std::string_view{out}.substr(11)).value(), expected);
}

TEST(OwnTypes, MalformedDescriptionsAreRefusedAtEveryLength) {
    std::string rows, parameters;
    wire::write_row_description(rows, shape());
    wire::write_parameter_description(parameters, std::vector<std::uint32_t>{30'000, 23});
    for (std::size_t cut = 5; cut < rows.size(); ++cut) {
        std::string out;
        EXPECT_FALSE(write_row_description_for_client(out, std::string_view{rows}.substr(5, cut - 5), *oids())) << cut;
        EXPECT_EQ(out, "");
    }
    for (std::size_t cut = 5; cut < parameters.size(); ++cut) {
        std::string out;
        EXPECT_FALSE(
            write_parameter_description_for_client(out, std::string_view{parameters}.substr(5, cut - 5), *oids()));
        EXPECT_EQ(out, "");
    }
    std::string out;
    EXPECT_FALSE(write_row_description_for_client(out, rows.substr(5) + "x", *oids()));
    EXPECT_FALSE(write_parameter_description_for_client(out, parameters.substr(5) + "x", *oids()));
    EXPECT_EQ(out, "");
}

TEST(OwnTypes, MessagesTellWhatIsMissing) {
    std::string rows, parameters;
    wire::write_row_description(rows, shape());
    wire::write_parameter_description(parameters, std::vector<std::uint32_t>{30'000, 23, 30'002});
    EXPECT_TRUE(holds_types(rows[0]) && holds_types(parameters[0]) && !holds_types('D'));
    const missing_oids in_rows = missing_in(rows[0], std::string_view{rows}.substr(5), *oids());
    EXPECT_EQ(in_rows.types, std::vector<std::uint32_t>{30'001});
    EXPECT_EQ(in_rows.relations, std::vector<std::uint32_t>{99'999});
    const missing_oids in_parameters = missing_in(parameters[0], std::string_view{parameters}.substr(5), *oids());
    EXPECT_EQ(in_parameters.types, std::vector<std::uint32_t>{30'002});
    EXPECT_EQ(missing_in(std::vector<std::uint32_t>{23, 20'000, 20'001}, *oids()).declared,
              std::vector<std::uint32_t>{20'001});
    columns known = shape();
    known.pop_back();
    std::string whole;
    wire::write_row_description(whole, known);
    EXPECT_TRUE(missing_in(whole[0], std::string_view{whole}.substr(5), *oids()).empty());
    for (std::size_t cut = 5; cut < whole.size(); ++cut) {  // malformed: somebody else's to say
        EXPECT_TRUE(missing_in(whole[0], std::string_view{whole}.substr(5, cut - 5), *oids()).types.empty()) << cut;
    }
}

TEST(OwnTypes, ParametersAreTranslatedBothWays) {
    std::string message, out;
    wire::write_parameter_description(message, std::vector<std::uint32_t>{30'000, 23, 30'001});
    ASSERT_TRUE(write_parameter_description_for_client(out, std::string_view{message}.substr(5), *oids()));
    EXPECT_EQ(wire::read_parameter_description(std::string_view{out}.substr(5)).value(),
              (std::vector<std::uint32_t>{20'000, 23, oid::unknown}));

    const std::vector<std::uint32_t> declared{0, 20'000, oid::unknown};
    EXPECT_EQ(types_for_server(declared, *oids()).value(), (std::vector<std::uint32_t>{0, 30'000, oid::unknown}));
    const std::vector<std::uint32_t> foreign{30'000};
    const auto refused = types_for_server(foreign, *oids());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), errc::unsupported);
    EXPECT_NE(refused.error().message().find("shard_2"), std::string::npos);
}

TEST(OwnTypes, MergedColumnsMustAllBeKnown) {
    columns c = shape();
    std::vector<translated_column> none;
    const status refused = columns_for_client(c, *oids(), nullptr, none);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("public.hidden"), std::string::npos);
    c = shape();
    c.pop_back();
    ASSERT_TRUE(columns_for_client(c, *oids(), nullptr, none));
    EXPECT_TRUE(none.empty());
    EXPECT_EQ(c[1].type, 20'000U);
    EXPECT_EQ(c[0].table, 20'100U);
}

}  // namespace
}  // namespace ashlar::driver::pgwire
