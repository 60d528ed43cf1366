#include "core/load/topology.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/cpp/load/sample_plan.hpp"

namespace mqtt_sim::load {
namespace {

using Streams = std::vector<uint32_t>;

Topology made(const Plan& plan) {
  auto topology = Topology::make(plan);
  if (topology.has_error()) throw std::runtime_error(topology.error().path + ": " + topology.error().message);
  return std::move(*topology);
}

std::vector<uint32_t> copies_of(const Topology& topology) {
  std::vector<uint32_t> copies;
  for (const Stream& stream : topology.streams()) copies.push_back(stream.copies);
  return copies;
}

TEST(Topology, PointToPointGivesEveryReceiverOneStream) {
  const Plan plan = plan_of({producers("cast", 3, "t/{i}"), consumers("audience", 3, {"t/{i}"})});
  const Topology topology = made(plan);
  EXPECT_EQ(copies_of(topology), (std::vector<uint32_t>{1, 1, 1}));
  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(topology.heard_by(1, i), Streams{i});
  EXPECT_EQ(topology.streams()[2].topic, "t/2");
  EXPECT_EQ(topology.streams()[2].group, 0u);
  EXPECT_EQ(topology.streams()[2].index, 2u);
}

TEST(Topology, FanInThroughAWildcardGivesOneReceiverAllStreams) {
  const Plan plan = plan_of({producers("cast", 3, "t/{i}/x"), consumers("audience", 1, {"t/+/x"})});
  const Topology topology = made(plan);
  EXPECT_EQ(topology.heard_by(1, 0), (Streams{0, 1, 2}));
  EXPECT_EQ(copies_of(topology), (std::vector<uint32_t>{1, 1, 1}));
}

TEST(Topology, FanOutGivesOneStreamToAllReceivers) {
  const Plan plan = plan_of({producers("cast", 1, "StarWars"), consumers("audience", 5, {"StarWars"})});
  const Topology topology = made(plan);
  EXPECT_EQ(copies_of(topology), std::vector<uint32_t>{5});
  for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(topology.heard_by(1, i), Streams{0});
}

TEST(Topology, ManyProducersOnOneTopicAreManyStreams) {
  const Plan plan = plan_of({producers("cast", 3, "StarWars"), consumers("audience", 2, {"StarWars"})});
  const Topology topology = made(plan);
  EXPECT_EQ(copies_of(topology), (std::vector<uint32_t>{2, 2, 2}));
  EXPECT_EQ(topology.heard_by(1, 1), (Streams{0, 1, 2}));
}

TEST(Topology, StreamsWithoutStampsAreExpectedByNobody) {
  Plan plan = plan_of({producers("cast", 2, "t/{i}"), producers("mute", 2, "t/{i}"),
                       consumers("audience", 1, {"t/0", "t/+"}), consumers("crowd", 2, {"$share/all/t/#"})});
  plan.groups[1].publish->stamp = StampKind::none;
  const Topology topology = made(plan);
  EXPECT_EQ(copies_of(topology), (std::vector<uint32_t>{2, 2, 0, 0}));
  EXPECT_EQ(topology.heard_by(2, 0), (Streams{0, 1}));
}

TEST(Topology, StreamsOfTopicsNobodyListensToHaveNoCopies) {
  const Plan plan = plan_of({producers("cast", 4, "t/{i}"), consumers("audience", 2, {"t/{n}"})});
  EXPECT_EQ(copies_of(made(plan)), (std::vector<uint32_t>{0, 1, 1, 0}));
}

TEST(Topology, AReceiverWhoseFiltersOverlapCountsOnce) {
  const Plan plan = plan_of({producers("cast", 2, "t/{i}"), consumers("audience", 1, {"t/0", "t/+", "#", "t/0"})});
  const Topology topology = made(plan);
  EXPECT_EQ(topology.heard_by(1, 0), (Streams{0, 1}));
  EXPECT_EQ(copies_of(topology), (std::vector<uint32_t>{1, 1}));
}

TEST(Topology, GroupsAreNumberedOneAfterTheOther) {
  GroupPlan device = producers("device", 2, "d/{i}");
  device.subscribe.push_back({"t/#", {}});
  const Plan plan = plan_of(
      {producers("cast", 2, "t/{i}"), consumers("audience", 1, {"d/+", "t/1"}), device, producers("late", 1, "d/1")});
  const Topology topology = made(plan);
  EXPECT_EQ(topology.stream_of(0, 1), 1u);
  EXPECT_EQ(topology.stream_of(2, 0), 2u);
  EXPECT_EQ(topology.stream_of(2, 1), 3u);
  EXPECT_EQ(topology.stream_of(3, 0), 4u);
  EXPECT_EQ(topology.heard_by(1, 0), (Streams{1, 2, 3, 4}));
  EXPECT_EQ(topology.heard_by(2, 1), (Streams{0, 1}));
  EXPECT_EQ(copies_of(topology), (std::vector<uint32_t>{2, 3, 1, 1, 1}));
}

TEST(Topology, ADeviceMayHearItself) {
  GroupPlan device = producers("device", 2, "d/{i}");
  device.subscribe.push_back({"d/{i}", {}});
  const Plan plan = plan_of({device});
  const Topology topology = made(plan);
  EXPECT_EQ(topology.heard_by(0, 1), Streams{1});
  EXPECT_EQ(copies_of(topology), (std::vector<uint32_t>{1, 1}));
}

TEST(Topology, ALeadingWildcardDoesNotHearDollarTopics) {  // [MQTT-4.7.2-1]
  const Plan plan = plan_of({producers("cast", 1, "$own/t"), consumers("audience", 1, {"#"})});
  EXPECT_EQ(copies_of(made(plan)), std::vector<uint32_t>{0});
}

TEST(Topology, WildcardsMatchAsTheStandardSays) {
  RecordProperty("req", "A-02");
  const Plan plan = plan_of({producers("a", 1, "t"), producers("b", 1, "t/x"), producers("c", 1, "t/x/y"),
                             producers("d", 1, "t/"), consumers("all", 1, {"t/#"}), consumers("one", 1, {"t/+"})});
  const Topology topology = made(plan);
  EXPECT_EQ(topology.heard_by(4, 0), (Streams{0, 1, 2, 3}));
  EXPECT_EQ(topology.heard_by(5, 0), (Streams{1, 3}));
}

TEST(Topology, NamesAreFilledIn) {
  GroupPlan group = producers("cast", 3, "{group}/{n}/{client_id}");
  group.client_id = "{group}:{i}";
  group.subscribe.push_back({"in/{client_id}", {}});
  const Plan plan = plan_of({group});
  EXPECT_EQ(client_id_of(plan.groups[0], 2), "cast:2");
  EXPECT_EQ(topic_of(plan, plan.groups[0], 2), "cast/3/cast:2");
  EXPECT_EQ(filters_of(plan.groups[0], 2), std::vector<std::string>{"in/cast:2"});
}

TEST(Topology, BySpeakerEachClientSpeaksOnTheTopicOfItsSpeaker) {
  RecordProperty("req", "K-07 K-09");
  GroupPlan group = producers("cast", 4, "StarWars/{speaker}");
  group.publish->payload.kind = PayloadKind::dialogue;
  group.publish->payload.order = DialogueOrder::by_speaker;
  Plan plan = plan_of({group, consumers("audience", 1, {"StarWars/+"})});
  plan.corpus.rows[1].character = "B/1 +#";  // the second speaker's first line
  const Topology topology = made(plan);
  EXPECT_EQ(topology.streams()[0].topic, "StarWars/A");
  EXPECT_EQ(topology.streams()[1].topic, "StarWars/B_1 __");
  EXPECT_EQ(topology.streams()[2].topic, "StarWars/C");
  EXPECT_EQ(topology.streams()[3].topic, "StarWars/B");
  EXPECT_EQ(topology.heard_by(1, 0), (Streams{0, 1, 2, 3}));
}

struct Refusal {
  const char* name;
  std::vector<GroupPlan> groups;
  std::string path;
  std::string value;
};

class TopologyRefusal : public ::testing::TestWithParam<Refusal> {};

TEST_P(TopologyRefusal, NamesThePathAndTheValue) {
  const Plan plan = plan_of(GetParam().groups);
  const auto topology = Topology::make(plan);
  ASSERT_TRUE(topology.has_error());
  EXPECT_EQ(topology.error().path, GetParam().path);
  EXPECT_EQ(topology.error().value, GetParam().value);
  EXPECT_FALSE(topology.error().message.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Plans, TopologyRefusal,
    ::testing::Values(
        Refusal{"TopicWithPlus", {producers("cast", 1, "t/+")}, "groups.0.publish.topic", "t/+"},
        Refusal{"TopicWithHash", {producers("cast", 1, "t/#")}, "groups.0.publish.topic", "t/#"},
        Refusal{"EmptyTopic", {producers("cast", 1, "")}, "groups.0.publish.topic", ""},
        Refusal{"TopicOfASecondGroup",
                {producers("a", 1, "t"), producers("b", 2, "t/{i}#")},
                "groups.1.publish.topic",
                "t/0#"},
        Refusal{"TopicTooLong",
                {producers("cast", 1, std::string(65'536, 'x'))},
                "groups.0.publish.topic",
                std::string(65'536, 'x')},
        Refusal{"ShareWithoutAFilter", {consumers("audience", 1, {"$share/g"})}, "groups.0.subscribe", "$share/g"},
        Refusal{"ShareBesideTheSameTopic",
                {producers("cast", 1, "t"), consumers("audience", 1, {"$share/g/t", "t"})},
                "groups.1.subscribe",
                "$share/g/t"},
        Refusal{"EmptyFilter", {consumers("audience", 1, {""})}, "groups.0.subscribe", ""},
        Refusal{"HashNotLast", {consumers("audience", 1, {"t/#/x"})}, "groups.0.subscribe", "t/#/x"},
        Refusal{"PlusInsideALevel", {consumers("audience", 1, {"t/x+"})}, "groups.0.subscribe", "t/x+"},
        Refusal{"SecondFilterOfASecondGroup",
                {producers("cast", 1, "t"), consumers("audience", 2, {"t", "{i}#"})},
                "groups.1.subscribe",
                "0#"}),
    [](const auto& test) { return test.param.name; });

TEST(Topology, TooManyPairsOfReceiverAndStreamAreRefused) {
  static_assert(Topology::kPairLimit == 50'000'000);
  const Plan plan = plan_of({producers("cast", 10'000, "t"), consumers("audience", 5'001, {"t"})});
  const auto topology = Topology::make(plan);
  ASSERT_TRUE(topology.has_error());
  EXPECT_EQ(topology.error().path, "groups");
  EXPECT_EQ(topology.error().value, "50000001");
}

}  // namespace
}  // namespace mqtt_sim::load
