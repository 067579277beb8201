// Which GPU there is: what nvidia-smi says, and what is made of it.
#include "pod/gpu_search.hpp"

#include "pod_fixture.hpp"

#include <gmock/gmock.h>

namespace clawgate::pod::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const gpu rtx_4090{"NVIDIA GeForce RTX 4090", 24564};
const gpu h100{"NVIDIA H100 80GB HBM3", 81559};

program_runner printing(std::string text, int status = 0) {
    return [=](const std::vector<std::string>&) -> result<program_output> {
        return program_output{status, text};
    };
}

program_runner failing(errc code) {
    return [=](const std::vector<std::string>&) -> result<program_output> {
        return error{code, fault::gateway, retry::never, "nvidia-smi: did not answer in time"};
    };
}

TEST(NvidiaSmi, PrintsOneCardALine) {
    EXPECT_THAT(*parse_nvidia_smi("NVIDIA GeForce RTX 4090, 24564\n"), ElementsAre(rtx_4090));
    EXPECT_THAT(*parse_nvidia_smi("NVIDIA H100 80GB HBM3, 81559\r\nNVIDIA H100 80GB HBM3, 81559"),
                ElementsAre(h100, h100));
    EXPECT_THAT(*parse_nvidia_smi("No devices were found\n"), IsEmpty());
    EXPECT_THAT(*parse_nvidia_smi(""), IsEmpty());
}

TEST(NvidiaSmi, MayNotKnowTheMemory) {
    for (const auto* text :
         {"NVIDIA GB10, [N/A]\n", "NVIDIA X, 0\n", "NVIDIA X\n",
          "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n"})
        EXPECT_FALSE(parse_nvidia_smi(text)) << text;
    EXPECT_THAT(parse_nvidia_smi("NVIDIA GB10, [N/A]\n").error().detail, HasSubstr("NVIDIA GB10"));
}

TEST(NvidiaSmi, GivesNamesThatTheVariableCanHold) {
    const auto cards = parse_nvidia_smi("Some, odd:name, 24576\n");
    ASSERT_TRUE(cards);
    const auto again = parse_gpus(format_gpus(*cards));
    ASSERT_TRUE(again) << again.error().detail;
    EXPECT_EQ(*again, *cards);
}

TEST(GpuSearch, AsksForNameAndMemory) {
    std::vector<std::string> asked;
    const auto found = find_gpus(config_of(), {}, [&](const auto& argv) -> result<program_output> {
        asked = argv;
        return program_output{0, "NVIDIA GeForce RTX 4090, 24564\n"};
    });
    EXPECT_THAT(asked,
                ElementsAre("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"));
    ASSERT_TRUE(found.gpus);
    EXPECT_THAT(*found.gpus, ElementsAre(rtx_4090));
}

TEST(GpuSearch, DoesNotAskWhereItIsKnownOrDoesNotMatter) {
    const program_runner never = [](const auto&) -> result<program_output> {
        ADD_FAILURE() << "asked";
        return program_output{};
    };
    for (const environment& env :
         {environment{{"CLAWGATE_GPU", ":24576"}}, environment{{"CLAWGATE_GPU", "none"}},
          environment{{"RUNPOD_GPU_COUNT", "0"}},
          environment{{"CLAWGATE_OLLAMA_URL", "http://10.0.0.5:11434"}}}) {
        const auto found = find_gpus(config_of(env), {}, never);
        EXPECT_FALSE(found.gpus);
        EXPECT_EQ(found.warning, "");
    }
}

TEST(GpuSearch, WithoutNvidiaSmiIsSilent) {
    const auto found = find_gpus(config_of({{"RUNPOD_GPU_COUNT", "1"}}), {}, failing(errc::not_found));
    EXPECT_FALSE(found.gpus);
    EXPECT_EQ(found.warning, "");
}

TEST(GpuSearch, ThatFailsSaysHowToNameTheGpu) {
    for (const auto& run : {failing(errc::timeout), printing("NVIDIA GB10, [N/A]\n"), printing("", 9),
                            printing("NVIDIA GeForce RTX 4090, 24564\n", 2)}) {
        const auto found = find_gpus(config_of(), {}, run);
        EXPECT_FALSE(found.gpus);
        EXPECT_THAT(found.warning, HasSubstr("CLAWGATE_GPU"));
    }
}

TEST(GpuSearch, FindsThatARentedGpuIsGone) {
    const auto none = printing("No devices were found\n", 6);
    const auto rented = find_gpus(config_of({{"RUNPOD_GPU_COUNT", "1"}}), {}, none);
    ASSERT_TRUE(rented.gpus);
    EXPECT_THAT(*rented.gpus, IsEmpty());
    EXPECT_FALSE(find_gpus(config_of(), {}, none).gpus) << "not known to be a mistake elsewhere";
}

TEST(GpuSearch, LeavesOutWhatOllamaDoesNotSee) {
    const auto two = printing("NVIDIA GeForce RTX 4090, 24564\nNVIDIA H100 80GB HBM3, 81559\n");
    const auto visible = [&](const char* list) {
        return find_gpus(config_of(), {{"CUDA_VISIBLE_DEVICES", list}}, two);
    };
    EXPECT_THAT(*visible("1").gpus, ElementsAre(h100));
    EXPECT_THAT(*visible("1,0").gpus, ElementsAre(h100, rtx_4090));
    EXPECT_THAT(*visible("0,7,1").gpus, ElementsAre(rtx_4090)) << "CUDA stops at the first that is not there";
    EXPECT_THAT(*visible("").gpus, ElementsAre(rtx_4090, h100));
    EXPECT_THAT(visible("GPU-8932f937").warning, HasSubstr("CUDA_VISIBLE_DEVICES"));
}

TEST(ProgramOutput, IsWhatTheProgramPrints) {
    const auto out = run_program({"sh", "-c", "echo one; echo two >&2; cat; exit 3"});
    ASSERT_TRUE(out) << out.error().detail;
    EXPECT_EQ(out->text, "one\n");
    EXPECT_EQ(out->status, 3);
    EXPECT_EQ(run_program({"sh", "-c", "kill -9 $$"})->status, 128 + 9);
}

TEST(ProgramOutput, MayDependOnItsInput) {
    run_options o;
    o.input = "in\n";
    o.errors = true;
    EXPECT_EQ(run_program({"sh", "-c", "cat; echo err >&2"}, o)->text, "in\nerr\n");
    o.input.assign(60'000, 'x');
    EXPECT_EQ(run_program({"true"}, o)->status, 0) << "input that nobody reads";
}

TEST(ProgramOutput, OfNoProgramIsNotFound) {
    const auto out = run_program({"clawgate-no-such-program"});
    ASSERT_FALSE(out);
    EXPECT_EQ(out.error().code, errc::not_found);
}

TEST(ProgramOutput, DoesNotWaitForEver) {
    run_options brief;
    brief.limit = std::chrono::milliseconds{50};
    const auto silent = run_program({"sh", "-c", "sleep 600 & wait"}, brief);
    ASSERT_FALSE(silent);
    EXPECT_EQ(silent.error().code, errc::timeout);
    const auto closed = run_program({"sh", "-c", "exec >&-; sleep 600"}, brief);
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().code, errc::timeout);
    const auto endless =
        run_program({"sh", "-c", "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done"});
    ASSERT_FALSE(endless);
    EXPECT_EQ(endless.error().code, errc::too_large);
}

} // namespace
} // namespace clawgate::pod::test
