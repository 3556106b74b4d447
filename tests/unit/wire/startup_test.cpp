#include "wire/startup.hpp"
#include "wire/server_messages.hpp"
#include "wire/writer.hpp"

using namespace ashlar;
using namespace ashlar::wire;

namespace {

// A start-up packet of any version with these texts, each with its zero byte, and the last one.
std::string startup_packet(std::uint32_t version, const std::vector<std::string>& texts) {
    std::string bytes;
    writer to{bytes};
    const auto begun = to.begin_untyped();
    to.u32(version);
    for (const std::string& t : texts) to.cstring(t);
    to.u8(0);
    to.end(begun);
    return bytes;
}

constexpr std::uint32_t v3_0 = 3u << 16;

template <class T>
T only(const std::string& bytes) {
    auto packet = read_first_packet(bytes).value();
    EXPECT_TRUE(packet.has_value());
    EXPECT_EQ(packet->size, bytes.size());
    return std::get<T>(packet->what);
}

}  // namespace

TEST(StartUp, ParametersComeInOrderAndTheLastOfANameWins) {
    const auto r = only<startup_request>(startup_packet(v3_0, {"user", "ann", "TimeZone", "UTC", "TimeZone", "CET"}));
    EXPECT_EQ(r.user(), "ann");
    EXPECT_EQ(r.database(), "ann");
    EXPECT_EQ(r.find("TimeZone"), "CET");
    EXPECT_FALSE(r.needs_negotiation());
}

TEST(StartUp, AnyPrefixAsksForMoreAndNothingElse) {
    std::string cancel, ssl;
    write_cancel_request(cancel, {17, "abcd"});
    write_ssl_request(ssl);
    for (const std::string& whole : {startup_packet(v3_0, {"user", "ann", "database", "shop"}), cancel, ssl}) {
        for (std::size_t size = 0; size < whole.size(); ++size) {
            const auto packet = read_first_packet(std::string_view{whole}.substr(0, size));
            ASSERT_TRUE(packet.has_value()) << size;
            EXPECT_FALSE(packet->has_value()) << size;
        }
        EXPECT_TRUE(read_first_packet(whole).value().has_value());
    }
}

TEST(StartUp, BytesBehindAnEncryptionRequestAreSeen) {
    std::string bytes;
    write_ssl_request(bytes);
    const std::size_t size = bytes.size();
    bytes += startup_packet(v3_0, {"user", "mallory"});
    const auto packet = read_first_packet(bytes).value();
    EXPECT_TRUE(std::holds_alternative<ssl_request>(packet->what));
    EXPECT_EQ(packet->size, size);
    EXPECT_LT(packet->size, bytes.size());
}

TEST(StartUp, NewerMinorsAndUnknownOptionsAreNegotiatedNotRefused) {
    const auto r = only<startup_request>(startup_packet(v3_0 | 2, {"user", "ann", "_pq_.wings", "2"}));
    EXPECT_EQ(r.minor, 2);
    EXPECT_EQ(r.unknown_options, std::vector<std::string>{"_pq_.wings"});
    EXPECT_TRUE(r.find("_pq_.wings").empty());
    EXPECT_TRUE(r.needs_negotiation());

    std::string answer;
    write_negotiate_version(answer, 0, r.unknown_options);
    EXPECT_EQ(answer, std::string("v\0\0\0\x17\0\3\0\0\0\0\0\1_pq_.wings\0", 24));
}

TEST(StartUp, OtherMajorVersionsAreRefused) {
    EXPECT_EQ(read_first_packet(startup_packet(2u << 16, {"user", "ann"})).error().sqlstate(), "0A000");
    EXPECT_EQ(read_first_packet(startup_packet(4u << 16, {"user", "ann"})).error().sqlstate(), "0A000");
}

TEST(StartUp, AbsurdLengthsAreRefusedBeforeAnythingElseArrives) {
    EXPECT_FALSE(read_first_packet(std::string_view{"\x7f\xff\xff\xff", 4}));
    EXPECT_FALSE(read_first_packet(std::string_view{"\0\0\0\0", 4}));
    EXPECT_FALSE(read_first_packet("GET "));  // somebody speaks HTTP
}

TEST(StartUp, WithoutAUserTheLoginIsRefused) {
    EXPECT_EQ(read_first_packet(startup_packet(v3_0, {"database", "shop"})).error(), errc::login_failed);
}

TEST(StartUp, AListThatDoesNotEndIsRefused) {
    std::string bytes = startup_packet(v3_0, {"user", "ann"});
    bytes.back() = 'x';  // the last zero byte
    EXPECT_EQ(read_first_packet(bytes).error(), errc::protocol_violation);
}

TEST(StartUp, CancelKeysOfAllLengthsOfTheProtocolAreTaken) {
    for (const std::size_t size : {4u, 32u, 256u}) {
        std::string bytes;
        write_cancel_request(bytes, {4711, std::string(size, 'k')});
        const auto r = only<cancel_request>(bytes);
        EXPECT_EQ(r.key, (cancel_key{4711, std::string(size, 'k')}));
        EXPECT_FALSE(r.key == (cancel_key{4711, std::string(size, 'j')}));
    }
    std::string too_long;
    write_cancel_request(too_long, {4711, std::string(257, 'k')});
    EXPECT_FALSE(read_first_packet(too_long));
}
