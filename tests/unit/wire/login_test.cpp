// The login played through with servers that keep to the order and servers that do not.
#include "wire/login.hpp"
#include "wire/client_messages.hpp"
#include "wire/server_messages.hpp"
#include "wire/writer.hpp"

using namespace ashlar;
using namespace ashlar::wire;

namespace {

login::identity ann() {
    return {"ann", "pencil", false};
}

// Hands over one message as the server_messages writers make it.
result<login::step> hear(login& l, const std::string& message, std::string& out) {
    return l.take(message[0], std::string_view{message}.substr(5), out);
}

template <class F>
std::string said(F write) {
    std::string bytes;
    write(bytes);
    return bytes;
}

const std::string ok = said([](auto& o) { write_authentication_ok(o); });
const std::string ready = said([](auto& o) { write_ready_for_query(o, transaction_state::idle); });
const std::string offer =
    said([](auto& o) { write_authentication_sasl(o, std::vector<std::string_view>{scram_mechanism}); });

}  // namespace

TEST(Login, WithoutAPasswordCollectsParametersAndTheKey) {
    login l{ann(), "nonce"};
    std::string out;
    EXPECT_EQ(hear(l, ok, out).value(), login::step::read_more);
    EXPECT_TRUE(hear(l, said([](auto& o) { write_parameter_status(o, "TimeZone", "UTC"); }), out));
    EXPECT_TRUE(hear(l, said([](auto& o) { write_backend_key_data(o, {7, "abcd"}); }), out));
    EXPECT_EQ(hear(l, ready, out).value(), login::step::logged_in);
    EXPECT_EQ(l.parameters(), (std::vector<std::pair<std::string, std::string>>{{"TimeZone", "UTC"}}));
    EXPECT_EQ(l.key()->process, 7u);
    EXPECT_TRUE(out.empty());
}

TEST(Login, ByScramProvesBothSides) {
    login l{ann(), random_nonce()};
    scram_server server{scram_verifier::from_password("pencil", "salt", 2), true, random_nonce()};
    std::string out;
    ASSERT_TRUE(hear(l, offer, out));
    const auto initial = read_sasl_initial(std::string_view{out}.substr(5)).value();
    EXPECT_EQ(initial.mechanism, scram_mechanism);
    const std::string first = server.first(*initial.data).value();
    out.clear();
    ASSERT_EQ(hear(l, said([&](auto& o) { write_authentication_sasl_continue(o, first); }), out).value(),
              login::step::need_keys);
    EXPECT_EQ(l.wanted().iterations, 2u);
    l.give_keys(keys_from_password("pencil", l.wanted().salt, l.wanted().iterations), out);
    const std::string last = server.final(std::string_view{out}.substr(5)).value();
    ASSERT_TRUE(hear(l, said([&](auto& o) { write_authentication_sasl_final(o, last); }), out));
    EXPECT_TRUE(hear(l, ok, out));
    EXPECT_EQ(hear(l, ready, out).value(), login::step::logged_in);
}

TEST(Login, AServerThatSkipsItsOwnProofIsRefused) {
    login l{ann(), "nonce"};
    std::string out;
    ASSERT_TRUE(hear(l, offer, out));
    EXPECT_EQ(hear(l, ok, out).error(), errc::protocol_violation);
}

TEST(Login, ThePasswordGoesInClearOnlyWhereThatIsAllowed) {
    const std::string ask = said([](auto& o) { write_authentication_cleartext(o); });
    login careful{ann(), "nonce"};
    std::string out;
    const auto refused = hear(careful, ask, out);
    EXPECT_EQ(refused.error(), errc::login_failed);
    EXPECT_TRUE(out.empty());
    EXPECT_EQ(refused.error().to_string().find("pencil"), std::string::npos);

    login local{{"ann", "pencil", true}, "nonce"};
    ASSERT_TRUE(hear(local, ask, out));
    EXPECT_EQ(read_password(std::string_view{out}.substr(5)).value(), "pencil");
    EXPECT_EQ(hear(local, offer, out).error(), errc::protocol_violation);
}

TEST(Login, WhatAServerSaysOutOfOrderIsRefused) {
    for (const std::string& early : {ready, said([](auto& o) { write_command_complete(o, "SELECT 1"); }),
                                     said([](auto& o) { write_parameter_status(o, "a", "b"); }),
                                     said([](auto& o) { write_authentication_sasl_final(o, "v=x"); }),
                                     said([](auto& o) { write_authentication_sasl_continue(o, "r=x"); })}) {
        login l{ann(), "nonce"};
        std::string out;
        EXPECT_EQ(hear(l, early, out).error(), errc::protocol_violation) << early[0];
    }
    login l{ann(), "nonce"};
    std::string out;
    ASSERT_TRUE(hear(l, ok, out));
    EXPECT_FALSE(hear(l, ok, out));
    EXPECT_FALSE(hear(l, said([](auto& o) { write_command_complete(o, "SELECT 1"); }), out));
    EXPECT_FALSE(hear(l, said([](auto& o) { write_ready_for_query(o, transaction_state::failed); }), out));
}

TEST(Login, ARefusalKeepsTheServersWordsAndTellsWhetherToTryAgain) {
    auto refusal = [](std::string_view sqlstate) {
        login l{ann(), "nonce"};
        std::string out;
        std::string body;
        writer to{body};
        to.cstring("SFATAL");
        to.u8('C');
        to.cstring(sqlstate);
        to.cstring("Mgo away");
        to.u8(0);
        return l.take('E', body, out).error();
    };
    EXPECT_EQ(refusal("28P01"), errc::login_failed);
    EXPECT_EQ(refusal("3D000"), errc::login_failed);
    EXPECT_EQ(refusal("53300"), errc::connect_failed);
    EXPECT_EQ(refusal("57P03"), errc::connect_failed);
    EXPECT_EQ(refusal("57P03").server()->message, "go away");
    EXPECT_EQ(refusal(""), errc::connect_failed);
}

TEST(Login, ParametersAreBounded) {
    login l{ann(), "nonce"};
    std::string out;
    ASSERT_TRUE(hear(l, ok, out));
    const std::string one = said([](auto& o) { write_parameter_status(o, "a", "b"); });
    int taken = 0;
    while (taken < 100'000 && hear(l, one, out)) ++taken;
    EXPECT_LT(taken, 1'000);
}
