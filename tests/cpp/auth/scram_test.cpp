#include "core/auth/scram.hpp"

#include <gtest/gtest.h>

#include "core/auth/digest.hpp"
#include "core/base/base64.hpp"

namespace mqtt_sim::auth {
namespace {

// The example of RFC 7677, section 3.
constexpr std::string_view kClientNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view kSalt = "W22ZaJ0SNY7soEsUEjb6gQ==";
constexpr std::string_view kChallenge =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view kClientFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view kServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramSecret secret_of(std::string_view password) { return ScramSecret::make(password, *from_base64(kSalt), 4096); }

struct Exchange {
  Expected<std::string> answer;
  Expected<std::string> verdict;
};

Exchange exchange(ScramClient& client, const ScramSecret& secret) {
  ScramServer server{std::string(kServerNonce)};
  EXPECT_FALSE(server.begin(client.first()));
  auto answer = client.answer(server.challenge(secret));
  auto verdict = answer ? server.conclude(*answer) : answer;
  return {std::move(answer), std::move(verdict)};
}

TEST(Scram, GivesTheWordsOfTheExampleInRfc7677) {
  RecordProperty("req", "X-15");
  ScramClient client("user", "pencil", std::string(kClientNonce));
  ScramServer server{std::string(kServerNonce)};
  const std::string first = client.first();
  EXPECT_EQ(first, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  ASSERT_FALSE(server.begin(first));
  EXPECT_EQ(server.user_name(), "user");
  const std::string challenge = server.challenge(secret_of("pencil"));
  EXPECT_EQ(challenge, kChallenge);
  const auto answer = client.answer(challenge);
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, kClientFinal);
  const auto server_final = server.conclude(*answer);
  ASSERT_TRUE(server_final);
  EXPECT_EQ(*server_final, kServerFinal);
  EXPECT_TRUE(client.check_server(*server_final));
}

TEST(Scram, RefusesAnotherPassword) {
  ScramClient client("user", "pencils", std::string(kClientNonce));
  const Exchange result = exchange(client, secret_of("pencil"));
  ASSERT_TRUE(result.answer);
  ASSERT_FALSE(result.verdict);
  EXPECT_EQ(result.verdict.error().reason, 0x87);
}

TEST(Scram, DoesNotTrustAServerThatDoesNotKnowThePassword) {
  ScramClient client("user", "pencil", std::string(kClientNonce));
  EXPECT_FALSE(client.check_server(kServerFinal)) << "before there was a challenge";
  (void)client.first();
  ASSERT_TRUE(client.answer(kChallenge));
  EXPECT_TRUE(client.check_server(kServerFinal));
  EXPECT_FALSE(client.check_server("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
  EXPECT_FALSE(client.check_server("e=invalid-proof"));
  EXPECT_FALSE(client.check_server(""));
}

TEST(Scram, CarriesNamesWithCommasAndEqualsSignsAndTextBeyondAscii) {
  for (const std::string name : {"a,b", "a=b", "=2C", "žlutý kůň", ",=,="}) {
    ScramClient client(name, "pässword", "client-nonce");
    ScramServer server{"server-nonce"};
    ASSERT_FALSE(server.begin(client.first())) << name;
    EXPECT_EQ(server.user_name(), name);
    const auto answer = client.answer(server.challenge(ScramSecret::make("pässword", "salt", 10)));
    ASSERT_TRUE(answer);
    EXPECT_TRUE(server.conclude(*answer)) << name;
  }
}

TEST(Scram, RefusesFirstMessagesItDoesNotUnderstand) {
  for (const std::string_view text :
       {"", "n", "n,", "n,,", "n,,n=user", "n,,r=abc,n=user", "x,,n=user,r=abc", "p=tls-unique,,n=user,r=abc",
        "n,,m=ext,n=user,r=abc", "n,,n=us=er,r=abc", "n,,n=us=2,r=abc", "n,,n=,r=abc",
        "n,,n=user,r=", "n,,n=user,r=a b", "n,x=y,n=user,r=abc", "n,a=other,n=user,r=abc", "nn,,n=user,r=abc"}) {
    ScramServer server{"s"};
    const auto error = server.begin(text);
    ASSERT_TRUE(error) << text;
    EXPECT_EQ(error->reason, 0x87) << text;
  }
  for (const std::string_view text : {"n,,n=user,r=abc", "y,,n=user,r=abc", "n,a=user,n=user,r=abc,x=y"}) {
    EXPECT_FALSE(ScramServer{"s"}.begin(text)) << text;
  }
  EXPECT_TRUE(ScramServer{"s"}.begin("n,,n=user,r=" + std::string(1025, 'x')));
}

TEST(Scram, RefusesLastMessagesOfAnotherExchange) {
  const std::string good(kClientFinal);
  const auto conclude = [](std::string_view text) {
    ScramServer server{std::string(kServerNonce)};
    EXPECT_FALSE(server.begin("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
    (void)server.challenge(secret_of("pencil"));
    return server.conclude(text).has_value();
  };
  EXPECT_TRUE(conclude(good));
  EXPECT_FALSE(conclude(""));
  EXPECT_FALSE(conclude(good.substr(0, good.find(",p="))));
  EXPECT_FALSE(conclude(good.substr(0, good.size() - 4)));
  EXPECT_FALSE(conclude("c=eSws" + good.substr(6))) << "another header of channel binding";
  std::string other_nonce = good;
  other_nonce[10] = 'R';
  EXPECT_FALSE(conclude(other_nonce));
  std::string other_proof = good;
  other_proof[other_proof.find("p=") + 2] = 'e';
  EXPECT_FALSE(conclude(other_proof));
  const size_t proof = good.find(",p=");
  EXPECT_FALSE(conclude(good.substr(0, proof) + ",x=1" + good.substr(proof))) << "the proof covers extensions";
}

TEST(Scram, ClientRefusesChallengesThatAreNotForIt) {
  for (const std::string_view text :
       {"", "r=other,s=c2FsdA==,i=4096", "r=nonce,s=c2FsdA==,i=4096", "r=nonceX,s=,i=4096", "r=nonceX,s=c2FsdA,i=4096",
        "r=nonceX,s=c2FsdA==,i=0", "r=nonceX,s=c2FsdA==,i=-1", "r=nonceX,s=c2FsdA==,i=4096x",
        "r=nonceX,s=c2FsdA==", "r=nonceX,s=c2FsdA==,i=100001", "m=x,r=nonceX,s=c2FsdA==,i=4096"}) {
    ScramClient client("user", "pencil", "nonce");
    (void)client.first();
    EXPECT_FALSE(client.answer(text)) << text;
  }
  ScramClient client("user", "pencil", "nonce");
  (void)client.first();
  EXPECT_TRUE(client.answer("r=nonceX,s=c2FsdA==,i=1"));
}

TEST(ScramSecret, IsReadAndWrittenAsText) {
  const ScramSecret secret = secret_of("pencil");
  const auto read = ScramSecret::parse(secret.to_text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->to_text(), secret.to_text());
  EXPECT_TRUE(read->matches("pencil"));
  EXPECT_FALSE(read->matches("pencil "));
  EXPECT_FALSE(read->matches(""));
  // As PostgreSQL 15 keeps it for the password "pencil" and this salt.
  EXPECT_EQ(secret.to_text(),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
            "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
}

TEST(ScramSecret, RefusesTextThatIsNotOne) {
  const std::string good = secret_of("pencil").to_text();
  ASSERT_TRUE(ScramSecret::parse(good));
  for (const std::string& text :
       {std::string(), std::string("SCRAM-SHA-256$"), "X" + good, good + "x", good.substr(0, good.size() - 4),
        std::string("SCRAM-SHA-256$0:c2FsdA==$AAAA:AAAA"), std::string("SCRAM-SHA-1") + good.substr(13)}) {
    EXPECT_FALSE(ScramSecret::parse(text)) << text;
  }
}

}  // namespace
}  // namespace mqtt_sim::auth
