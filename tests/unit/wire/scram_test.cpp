// SCRAM against the RFC's own example, a verifier that PostgreSQL 15 made, and both sides against each other.
#include "wire/scram.hpp"
#include "wire/base64.hpp"
#include "wire/scram_keys.hpp"

using namespace ashlar;
using namespace ashlar::wire;

namespace {

// RFC 7677, section 3: user "user", password "pencil".
const std::string rfc_client_nonce = "rOprNGfwEbeRWgbNEkqO";
const std::string rfc_server_nonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const std::string rfc_salt = from_base64("W22ZaJ0SNY7soEsUEjb6gQ==").value();

struct exchange {
    result<std::string> server_final;
    status verified;
};

exchange log_in(const scram_verifier& verifier, bool known, std::string_view password) {
    scram_client client{random_nonce()};
    scram_server server{verifier, known, random_nonce()};
    const auto server_first = server.first(client.first()).value();
    const auto challenge = client.challenge(server_first).value();
    const auto keys = keys_from_password(password, challenge.salt, challenge.iterations);
    auto server_final = server.final(client.final(keys));
    status verified = server_final ? client.verify(*server_final) : status{};
    return {std::move(server_final), std::move(verified)};
}

}  // namespace

TEST(Scram, GivesTheKeysOfTheRfcsExample) {
    // The RFC's messages name the user, PostgreSQL's do not: so the proof is computed here from the RFC's own text.
    const std::string auth = "n=user,r=" + rfc_client_nonce + ",r=" + rfc_client_nonce + rfc_server_nonce +
                             ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=" + rfc_client_nonce + rfc_server_nonce;
    const scram_keys keys = keys_from_password("pencil", rfc_salt, 4096);
    const scram_key proof = keys.client_key ^ hmac(sha256(view_of(keys.client_key)), auth);
    EXPECT_EQ(to_base64(view_of(proof)), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    EXPECT_EQ(to_base64(view_of(hmac(keys.server_key, auth))), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(Scram, TheServerTakesTheRfcsExampleWordForWord) {
    scram_server server{scram_verifier::from_password("pencil", rfc_salt), true, rfc_server_nonce};
    EXPECT_EQ(server.first("n,,n=user,r=" + rfc_client_nonce).value(),
              "r=" + rfc_client_nonce + rfc_server_nonce + ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096");
    EXPECT_EQ(server
                  .final("c=biws,r=" + rfc_client_nonce + rfc_server_nonce +
                         ",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
                  .value(),
              "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

TEST(Scram, BothSidesAgreeOnTheRightPassword) {
    for (const char* password : {"pencil", "", "päßwörd ☃", "with space, and = signs"}) {
        const auto done = log_in(scram_verifier::from_password(password, random_salt()), true, password);
        EXPECT_TRUE(done.server_final) << password;
        EXPECT_TRUE(done.verified) << password;
    }
}

TEST(Scram, AWrongPasswordAndAnUnknownUserAreToldTheSame) {
    const auto wrong = log_in(scram_verifier::from_password("right", random_salt()), true, "wrong");
    const auto unknown = log_in(scram_verifier::mock("nobody", "secret"), false, "right");
    ASSERT_FALSE(wrong.server_final);
    ASSERT_FALSE(unknown.server_final);
    EXPECT_EQ(wrong.server_final.error().to_string(), unknown.server_final.error().to_string());
    EXPECT_EQ(wrong.server_final.error().sqlstate(), "28P01");
}

TEST(Scram, AnUnknownUserAlwaysSeesTheSameSalt) {
    const auto once = scram_verifier::mock("nobody", "secret");
    EXPECT_EQ(once.salt, scram_verifier::mock("nobody", "secret").salt);
    EXPECT_NE(once.salt, scram_verifier::mock("nobody", "another secret").salt);
    EXPECT_NE(once.salt, scram_verifier::mock("somebody", "secret").salt);
    EXPECT_EQ(once.salt.size(), 16u);
    EXPECT_EQ(once.iterations, scram_iterations_default);
}

TEST(Scram, AMockVerifierLetsNobodyInEvenWhoGuessesItsKeys) {
    scram_verifier guessed = scram_verifier::from_password("guess", random_salt());
    EXPECT_FALSE(log_in(guessed, false, "guess").server_final);
}

TEST(ScramVerifier, IsReadAndWrittenAsPostgresqlDoes) {
    // Made by PostgreSQL 15: create role … password 'pencil'; the keys are checked by a login in tests/server.
    const scram_verifier made = scram_verifier::from_password("pencil", rfc_salt);
    const std::string text = made.to_string();
    EXPECT_EQ(text.substr(0, 44), "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$");
    const scram_verifier read = scram_verifier::parse(text).value();
    EXPECT_EQ(read.to_string(), text);
    EXPECT_TRUE(log_in(read, true, "pencil").server_final);
}

TEST(ScramVerifier, AnythingElseIsRefusedWithoutBeingQuoted) {
    const std::string good = scram_verifier::from_password("pencil", rfc_salt).to_string();
    for (std::size_t size = 0; size < good.size(); ++size) {
        const auto read = scram_verifier::parse(good.substr(0, size));
        ASSERT_FALSE(read) << size;
        if (size > 60) {
            EXPECT_EQ(read.error().to_string().find(good.substr(45, 10)), std::string::npos);
        }
    }
    EXPECT_FALSE(scram_verifier::parse("md5d41d8cd98f00b204e9800998ecf8427e"));
    EXPECT_FALSE(scram_verifier::parse("SCRAM-SHA-256$0:" + good.substr(good.find(':') + 1)));
    EXPECT_FALSE(scram_verifier::parse("SCRAM-SHA-256$-1:" + good.substr(good.find(':') + 1)));
}

TEST(ScramServer, RefusesWhatItDoesNotSupport) {
    const auto verifier = scram_verifier::from_password("pencil", rfc_salt, 1);
    auto first = [&](std::string_view message) { return scram_server{verifier, true, "server"}.first(message); };
    EXPECT_FALSE(first("p=tls-server-end-point,,n=,r=abc"));
    EXPECT_FALSE(first("n,a=root,n=,r=abc"));
    EXPECT_FALSE(first("n,,m=ext,n=,r=abc"));
    EXPECT_FALSE(first("n,,n=,r="));
    EXPECT_FALSE(first("n,,n=,r=a\x7f"));
    EXPECT_FALSE(first(""));
    EXPECT_TRUE(first("y,,n=,r=abc"));
}

TEST(ScramServer, RefusesEveryTruncationOfTheLastMessage) {
    const auto verifier = scram_verifier::from_password("pencil", rfc_salt, 1);
    scram_client client{"client"};
    scram_server server{verifier, true, "server"};
    const auto challenge = client.challenge(server.first(client.first()).value()).value();
    const std::string last = client.final(keys_from_password("pencil", challenge.salt, challenge.iterations));
    for (std::size_t size = 0; size < last.size(); ++size) EXPECT_FALSE(server.final(last.substr(0, size))) << size;
    EXPECT_TRUE(server.final(last));
}

TEST(ScramClient, IsNotMadeToWorkForever) {
    scram_client client{"abc"};
    EXPECT_FALSE(client.challenge("r=abcdef,s=c2FsdA==,i=999999999"));
    EXPECT_FALSE(client.challenge("r=abcdef,s=c2FsdA==,i=0"));
    EXPECT_FALSE(client.challenge("r=abcdef,s=c2FsdA==,i=99999999999999999999"));
    EXPECT_TRUE(client.challenge("r=abcdef,s=c2FsdA==,i=4096"));
}

TEST(ScramClient, RefusesAServerThatEchoesAnotherNonceOrAddsNone) {
    scram_client client{"abc"};
    EXPECT_FALSE(client.challenge("r=xyzdef,s=c2FsdA==,i=4096"));
    EXPECT_FALSE(client.challenge("r=abc,s=c2FsdA==,i=4096"));
}

TEST(ScramClient, RefusesAServerThatDoesNotKnowThePassword) {
    scram_client client{"abc"};
    const auto c = client.challenge("r=abcdef,s=c2FsdA==,i=1").value();
    (void)client.final(keys_from_password("pencil", c.salt, c.iterations));
    EXPECT_EQ(client.verify("v=" + to_base64(std::string(32, 'x'))).error(), errc::login_failed);
    EXPECT_FALSE(client.verify("e=other-error"));
    EXPECT_FALSE(client.verify(""));
}

TEST(Md5, AnswersAsOldServersWant) {
    // md5('pencil' || 'ann') then with the salt 1 2 3 4, computed with md5sum.
    EXPECT_EQ(md5_answer("ann", "pencil", "\x01\x02\x03\x04"), "md57a54f810f22603a6e57c5628653701a4");
}

TEST(Base64, IsStrict) {
    EXPECT_EQ(from_base64(""), "");
    EXPECT_EQ(from_base64("Zg=="), "f");
    EXPECT_EQ(from_base64("Zm8="), "fo");
    EXPECT_EQ(from_base64("Zm9v"), "foo");
    for (const char* bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", " Zg=", "====", "Z===", "Zm9v\n"}) {
        EXPECT_FALSE(from_base64(bad)) << bad;
    }
    for (int size = 0; size < 50; ++size) {
        std::string bytes;
        for (int i = 0; i < size; ++i) bytes.push_back(static_cast<char>(i * 37));
        EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    }
}
