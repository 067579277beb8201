// Cards as text, and the presets that they begin with.
#include "core/gpu.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace clawgate;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string_view preset_of(std::string_view name, std::int64_t mib) {
    const std::vector<gpu> cards{{std::string{name}, mib}};
    const auto choice = choose_preset(cards);
    return choice.preset == nullptr ? "none" : choice.preset->name;
}

TEST(Gpus, AreReadAsTheyAreWritten) {
    for (const auto* text : {"NVIDIA GeForce RTX 4090:24564", ":81559",
                             "NVIDIA H100 80GB HBM3:81559,NVIDIA H100 80GB HBM3:81559", "none"}) {
        const auto cards = parse_gpus(text);
        ASSERT_TRUE(cards) << text;
        EXPECT_EQ(format_gpus(*cards), text);
    }
    EXPECT_THAT(*parse_gpus(" A : 24576 , B:16384"), ElementsAre(gpu{"A", 24576}, gpu{"B", 16384}));
    EXPECT_THAT(*parse_gpus("none"), IsEmpty());
}

TEST(Gpus, ThatAreNotWrittenSoAreExplained) {
    for (const auto& [text, why] :
         std::vector<std::pair<std::string, std::string>>{{"RTX 4090", ":MIB"},
                                                          {"24564", ":MIB"},
                                                          {"RTX 4090:24GB", ":MIB"},
                                                          {"RTX 4090:24", "MiB"},
                                                          {"RTX 4090:99999999999", "out of range"},
                                                          {"a:b:24576", "colon"},
                                                          {"a\nb:24576", "control character"},
                                                          {",", "no card"}}) {
        const auto cards = parse_gpus(text);
        ASSERT_FALSE(cards) << text;
        EXPECT_THAT(cards.error().detail, HasSubstr(why)) << text;
    }
}

TEST(Gpus, MemoryIsThatOfAllTogether) {
    EXPECT_DOUBLE_EQ(memory_of(*parse_gpus(":24576,:49152")), 72);
    EXPECT_EQ(describe_gpus(*parse_gpus("RTX 3090:24576,RTX 3090:24576,A40:46068")), "2 × RTX 3090 + A40");
    EXPECT_EQ(describe_gpus(*parse_gpus(":24576")), "GPU");
}

TEST(Presets, AreTheOwners) {
    struct row {
        std::string_view name;
        int context;
        int parallel;
        std::string_view kv;
    };
    std::vector<std::string_view> names;
    for (const auto& p : gpu_presets())
        names.push_back(p.name);
    EXPECT_THAT(names, ElementsAre("rtx3090", "rtx4090", "a5000", "a6000", "rtx6000ada", "h100", "h200"));
    for (const auto& r :
         {row{"rtx3090", 65536, 2, ""}, row{"rtx4090", 65536, 2, ""}, row{"a5000", 65536, 3, ""},
          row{"a6000", 131072, 4, ""}, row{"rtx6000ada", 131072, 4, ""}, row{"h100", 200000, 6, "f16"},
          row{"h200", 200000, 6, "f16"}}) {
        const auto* p = find_preset(r.name);
        ASSERT_NE(p, nullptr) << r.name;
        EXPECT_EQ(p->name, r.name);
        EXPECT_EQ(p->context, r.context) << r.name;
        EXPECT_EQ(p->parallel, r.parallel) << r.name;
        EXPECT_EQ(p->kv_cache_type, r.kv) << r.name;
    }
}

TEST(Presets, AreFoundByTheNamesThatNvidiaSmiGives) {
    EXPECT_EQ(preset_of("NVIDIA GeForce RTX 3090", 24576), "rtx3090");
    EXPECT_EQ(preset_of("NVIDIA GeForce RTX 3090 Ti", 24564), "rtx3090");
    EXPECT_EQ(preset_of("NVIDIA GeForce RTX 4090", 24564), "rtx4090");
    EXPECT_EQ(preset_of("NVIDIA RTX A5000", 24564), "a5000");
    EXPECT_EQ(preset_of("NVIDIA RTX A6000", 49140), "a6000");
    EXPECT_EQ(preset_of("NVIDIA RTX 6000 Ada Generation", 49140), "rtx6000ada");
    EXPECT_EQ(preset_of("NVIDIA H100 80GB HBM3", 81559), "h100");
    EXPECT_EQ(preset_of("NVIDIA H100 PCIe", 81559), "h100");
    EXPECT_EQ(preset_of("NVIDIA H200", 143771), "h200");
}

TEST(Presets, OfOtherCardsFollowTheirMemory) {
    EXPECT_EQ(preset_of("NVIDIA A100-SXM4-80GB", 81920), "h100");
    EXPECT_EQ(preset_of("NVIDIA B200", 183359), "h100");
    EXPECT_EQ(preset_of("NVIDIA GH200 480GB", 97871), "h100");
    EXPECT_EQ(preset_of("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", 97887), "h100");
    EXPECT_EQ(preset_of("NVIDIA L40S", 46068), "a6000");
    EXPECT_EQ(preset_of("NVIDIA A100-SXM4-40GB", 40960), "rtx3090");
    EXPECT_EQ(preset_of("NVIDIA RTX 5000 Ada Generation", 32760), "rtx3090");
    EXPECT_EQ(preset_of("Quadro RTX 6000", 24576), "rtx3090");
    EXPECT_EQ(preset_of("", 24576), "rtx3090");
    EXPECT_EQ(preset_of("NVIDIA GeForce RTX 4080", 16376), "none");
}

TEST(Presets, OfSeveralCardsFollowTheirMemoryTogether) {
    EXPECT_EQ(choose_preset(*parse_gpus("RTX 4090:24564,RTX 4090:24564")).preset->name, "a6000");
    EXPECT_THAT(choose_preset(*parse_gpus(":24564,:24564")).reason, HasSubstr("together"));
}

TEST(Presets, TakeTheWordsOfPeople) {
    for (const auto& [word, name] :
         std::vector<std::pair<std::string_view, std::string_view>>{{"RTX3090", "rtx3090"},
                                                                    {"4090", "rtx4090"},
                                                                    {"RTX 4090", "rtx4090"},
                                                                    {"RTX-A5000", "a5000"},
                                                                    {"A6000", "a6000"},
                                                                    {"6000ada", "rtx6000ada"},
                                                                    {"RTX_6000_Ada", "rtx6000ada"},
                                                                    {"H100", "h100"},
                                                                    {"nvidia h200", "h200"}}) {
        const auto* p = find_preset(word);
        ASSERT_NE(p, nullptr) << word;
        EXPECT_EQ(p->name, name);
    }
    for (const auto* word : {"", "rtx", "5090", "ada", "6000", "h1000", "auto", "none"})
        EXPECT_EQ(find_preset(word), nullptr) << word;
}

} // namespace
