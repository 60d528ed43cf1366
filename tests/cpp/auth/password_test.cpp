#include "core/auth/password.hpp"

#include <gtest/gtest.h>

namespace mqtt_sim::auth {
namespace {

struct Kept {
  const char* password;
  const char* text;
};

// Lines written by mosquitto_passwd 2.0.11 (the last with -H sha512, the one before with -I 5000).
constexpr Kept kOfMosquitto[] = {
    {"force",
     "$7$101$2mRJQIqxzP08oga3$8w0V4w97aZ2h2p0+aW5uBA0IMmql4o1sAuGKCXoEeiZ0ycMtf1+mSMCtzL58EFdgAurHGte8CFRZWVJiwum2JQ="
     "="},
    {"pässword:with:colons",
     "$7$101$i69FFbvC4mJ61L9D$/z1TYy5vy9Lu5GUByImRNszH0mxZqPC7WOFHbDalRbj0/G6JDCSrgHE8gEcmNNBB5MzEhFF/"
     "1SNDqlHZPVznvQ=="},
    {"many rounds",
     "$7$5000$7cfv7t1A9I+Dhv+N$lDrJfiI4NCEtIRFg+LPP"
     "ASsRp0RlINE1lDBFNe1MO6N6Dt9IlKnqVp8fzWK4zv7zmnItHvCQI/0sNASa3y4M0g=="},
    {"force",
     "$6$hKSjLQxwD/jNm9xM$vpUj9ShtK1MpuyNRtF5ZZKyE8VFAhka6Yc6zUdR2kkkAODxFmIZW+Ile3+tXUk0J6KUq9HfDeS6m2q1fl/UVfg=="},
};

TEST(PasswordHash, KnowsThePasswordsThatMosquittoWroteDown) {
  RecordProperty("req", "X-15");
  for (const auto& [password, text] : kOfMosquitto) {
    const auto hash = PasswordHash::parse(text);
    ASSERT_TRUE(hash) << text;
    EXPECT_TRUE(hash->matches(password)) << text;
    EXPECT_FALSE(hash->matches(std::string(password) + " ")) << text;
    EXPECT_FALSE(hash->matches("")) << text;
    EXPECT_EQ(hash->to_text(), text);
  }
}

TEST(PasswordHash, ThatWasMadeIsReadAgain) {
  const PasswordHash made = PasswordHash::make("pencil", "twelve bytes", 7);
  EXPECT_EQ(made.to_text().substr(0, 21), "$7$7$dHdlbHZlIGJ5dGVz");
  const auto read = PasswordHash::parse(made.to_text());
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->matches("pencil"));
  EXPECT_FALSE(read->matches("Pencil"));
  EXPECT_TRUE(PasswordHash::make("", "s").matches(""));
}

TEST(PasswordHash, RefusesTextInNeitherForm) {
  const std::string seven = kOfMosquitto[0].text;
  const std::string six = kOfMosquitto[3].text;
  for (const std::string& text :
       {std::string(), std::string("force"), "$5$" + six.substr(3), "$7$" + six.substr(3), "$6$" + seven.substr(3),
        seven + "$", seven.substr(0, seven.size() - 4), "$7$0" + seven.substr(6), "$7$-1" + seven.substr(6),
        "$7$1000001" + seven.substr(6), "$7$101$$" + seven.substr(24), std::string("$7$"), std::string("$6$$")}) {
    EXPECT_FALSE(PasswordHash::parse(text)) << text;
  }
  EXPECT_TRUE(PasswordHash::parse("$7$1000000" + seven.substr(6)));
}

}  // namespace
}  // namespace mqtt_sim::auth
