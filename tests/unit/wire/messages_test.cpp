// Every message survives its way through bytes, and no mutilated one is taken for a whole.
#include "every_message.hpp"
#include "wire/frame_walker.hpp"

using namespace ashlar;
using namespace ashlar::wire;
using namespace ashlar::wire::test;

namespace {

std::vector<example> all_examples() {
    std::vector<example> all = client_examples();
    for (example& e : server_examples()) all.push_back(std::move(e));
    return all;
}

}  // namespace

TEST(Messages, SayTheirOwnLength) {
    for (const example& e : all_examples()) {
        frame_header h;
        ASSERT_EQ(read_frame_header(e.message, h), header_state::good) << e.name;
        EXPECT_EQ(h.body_size + 5, e.message.size()) << e.name;
    }
}

TEST(Messages, AreTakenWhole) {
    for (const example& e : all_examples()) EXPECT_TRUE(e.takes(body_of(e.message))) << e.name;
}

TEST(Messages, AreRefusedAtEveryTruncation) {
    for (const example& e : all_examples()) {
        const std::string_view body = body_of(e.message);
        for (std::size_t size = 0; size < body.size(); ++size) {
            const bool taken = e.takes(body.substr(0, size));
            if (!e.any_prefix_may_do || size < 4) {
                EXPECT_FALSE(taken) << e.name << " cut to " << size;
            }
        }
    }
}

TEST(Messages, AreRefusedWithAByteTooMany) {
    for (const example& e : all_examples()) {
        if (e.any_prefix_may_do) continue;
        // A cancel key may be of any length up to 256.
        const std::size_t more = e.name == "BackendKeyData" ? 300 : 1;
        EXPECT_FALSE(e.takes(std::string{body_of(e.message)} + std::string(more, 'x'))) << e.name;
    }
}

TEST(Messages, ClaimedCountsSetNothingAside) {
    const std::string most = "\xff\xff";
    EXPECT_FALSE(read_row_description(most + "abc"));
    EXPECT_FALSE(read_parameter_description(most + "abc"));
    EXPECT_FALSE(read_copy_response(std::string(1, '\0') + most));
    EXPECT_FALSE(read_parse(std::string("\0\0", 2) + most));
    EXPECT_FALSE(read_bind(std::string("\0\0", 2) + most));
    row_batch into;
    EXPECT_FALSE(read_data_row(most, 65535, into));
    const std::string two_gigabytes("\0\1\x7f\xff\xff\xff", 6);
    EXPECT_FALSE(read_data_row(two_gigabytes, 1, into));
    EXPECT_TRUE(into.empty());
    EXPECT_EQ(into.byte_size(), 0u);
}

TEST(Messages, KeepTheirFields) {
    std::string bytes;
    const std::vector<cell_format> each{cell_format::text, cell_format::binary};
    const std::vector<cell> cells{cell{"seven"}, std::nullopt};
    const std::vector<cell_format> results{cell_format::binary};
    write_bind(bytes, "portal", "statement", each, cells, results);
    const bind_message m = read_bind(body_of(bytes)).value();
    EXPECT_EQ(m.portal, "portal");
    EXPECT_EQ(m.statement, "statement");
    EXPECT_EQ(m.parameters, cells);
    EXPECT_EQ(m.format_of_parameter(0), cell_format::text);
    EXPECT_EQ(m.format_of_parameter(1), cell_format::binary);
    EXPECT_EQ(m.result_formats, results);
}

TEST(Messages, ABindWhoseFormatsDoNotMatchItsParametersIsRefused) {
    std::string bytes;
    const std::vector<cell_format> two{cell_format::text, cell_format::binary};
    const std::vector<cell> three(3);
    write_bind(bytes, "", "", two, three, {});
    EXPECT_EQ(read_bind(body_of(bytes)).error(), errc::protocol_violation);
}

TEST(Messages, ColumnsComeBackAsTheyWere) {
    columns shape(1);
    shape[0] = column{"total", oid::numeric, 655366, -1, 16384, 3, cell_format::binary};
    std::string bytes;
    write_row_description(bytes, shape);
    EXPECT_EQ(read_row_description(body_of(bytes)).value(), shape);
}

TEST(Messages, ARowOfAnotherWidthThanAnnouncedIsRefused) {
    std::string bytes;
    const std::vector<cell> cells{cell{"1"}, cell{"2"}};
    write_data_row(bytes, cells);
    row_batch into;
    EXPECT_FALSE(read_data_row(body_of(bytes), 3, into));
    ASSERT_TRUE(read_data_row(body_of(bytes), 2, into));
    EXPECT_EQ(into.at(0, 1), cell{"2"});
}

TEST(Messages, TagsTellHowManyRows) {
    EXPECT_EQ(rows_of_tag("INSERT 0 3"), 3u);
    EXPECT_EQ(rows_of_tag("SELECT 18446744073709551615"), UINT64_MAX);
    EXPECT_EQ(rows_of_tag("CREATE TABLE"), 0u);
    EXPECT_EQ(rows_of_tag("BEGIN"), 0u);
    EXPECT_EQ(rows_of_tag(""), 0u);
    EXPECT_EQ(rows_of_tag("UPDATE 99999999999999999999999"), 0u);
}

namespace {

// A literal with zero bytes in it, whole.
template <std::size_t N>
std::string whole(const char (&literal)[N]) {
    return {literal, N - 1};
}

}  // namespace

// --- errors ---------------------------------------------------------------------------------------------------------

TEST(ErrorFields, OursCarryEverythingAClientCanUse) {
    const error ours = error{errc::shard_key_absent, "the statement names no shard key"}
                           .detail("orders is sharded by user_id.")
                           .hint("Add user_id = … to the WHERE clause.")
                           .at(15)
                           .on("shard_3");
    std::string bytes;
    write_error(bytes, ours);
    const server_report said = read_error_fields(body_of(bytes)).value();
    EXPECT_EQ(said.severity, "ERROR");
    EXPECT_EQ(said.sqlstate, "0A000");
    EXPECT_EQ(said.message, "the statement names no shard key");
    EXPECT_EQ(said.detail, "orders is sharded by user_id.");
    EXPECT_EQ(said.hint, "Add user_id = … to the WHERE clause.");
    EXPECT_EQ(said.position, 15);
    EXPECT_NE(said.raw.find("Wshard_3"), std::string::npos);
    EXPECT_NE(said.raw.find("Rashlar:shard_key_absent"), std::string::npos);
}

TEST(ErrorFields, AServersOwnAreRelayedBitForBit) {
    const std::string body = whole("SFEHLER\0VERROR\0C23505\0Mdoppelt\0nusers_pkey\0Fnbtinsert.c\0L666\0\0");
    server_report said = read_error_fields(body).value();
    EXPECT_EQ(said.severity, "ERROR");
    EXPECT_EQ(said.constraint, "users_pkey");
    std::string bytes;
    write_error(bytes, error{errc::constraint_violated}.server(said));
    EXPECT_EQ(body_of(bytes), body);
}

TEST(ErrorFields, ASessionThatEndedAtTheServerDoesNotEndTheClients) {
    const std::string body = whole("SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0");
    server_report said = read_error_fields(body).value();
    EXPECT_TRUE(ends_the_session(said));
    std::string bytes;
    write_error(bytes, error{errc::connection_lost}.server(said));
    const server_report told = read_error_fields(body_of(bytes)).value();
    EXPECT_EQ(told.severity, "ERROR");
    EXPECT_EQ(told.sqlstate, "57P01");
    EXPECT_EQ(told.message, "terminating connection");
}

TEST(ErrorFields, AServerMayLeaveOutEverything) {
    const server_report said = read_error_fields(std::string_view{"\0", 1}).value();
    EXPECT_TRUE(said.sqlstate.empty());
    const server_report odd = read_error_fields(whole("C1\n2'3\0Px7\0\0")).value();
    EXPECT_TRUE(odd.sqlstate.empty());
    EXPECT_EQ(odd.position, 0);
    std::string bytes;
    server_report rebuilt = said;
    rebuilt.raw.clear();
    write_error(bytes, error{errc::server_error, ""}.server(rebuilt));
    const server_report told = read_error_fields(body_of(bytes)).value();
    EXPECT_EQ(told.sqlstate, "XX000");
    EXPECT_FALSE(told.message.empty());
}
