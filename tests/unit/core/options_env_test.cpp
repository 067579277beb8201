// The environment file, and the documentation that the table generates.
#include "core/file.hpp"
#include "core/options.hpp"

#include "temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace {

using namespace clawgate;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

class EnvFile : public testing::Test {
protected:
    std::string write(std::string_view text, unsigned mode = 0600) {
        EXPECT_TRUE(write_file_atomically(path_, text, mode).has_value());
        return path_;
    }
    environment read(std::string_view text) { return read_env_file(write(text), problems_); }

    temporary_directory directory_;
    std::string path_ = directory_.path() + "/env";
    std::vector<problem> problems_;
};

TEST_F(EnvFile, KnowsCommentsExportAndQuotes) {
    const auto env = read("\xef\xbb\xbf# a comment\n\nA=1\r\n  export B=two words \nC='it is # \"raw\" \\n'\n"
                          "D=\"a \\\"b\\\" \\\\ \\$x\" # comment\nE=\nF=a#b\nA=last wins");
    EXPECT_THAT(problems_, IsEmpty()) << describe(problems_);
    EXPECT_THAT(env,
                ElementsAre(Pair("A", "last wins"), Pair("B", "two words"), Pair("C", "it is # \"raw\" \\n"),
                            Pair("D", "a \"b\" \\ $x"), Pair("E", ""), Pair("F", "a#b")));
}

TEST_F(EnvFile, LinesThatAreNotUnderstoodAreReportedWithoutTheirText) {
    const auto env = read(
        "GOOD=1\nhunter2\n9X=hunter2\nP=\"hunter2\nQ='hunter2' hunter2\nR=hunter2 # or not\nS =hunter2\n");
    EXPECT_THAT(env, ElementsAre(Pair("GOOD", "1")));
    ASSERT_EQ(problems_.size(), 6u);
    EXPECT_THAT(describe(problems_),
                testing::AllOf(HasSubstr("line 2 "), HasSubstr("line 6 "), Not(HasSubstr("hunter2"))));
}

TEST_F(EnvFile, ThatIsMissingIsEmpty) {
    EXPECT_THAT(read_env_file(directory_.path() + "/none", problems_), IsEmpty());
    EXPECT_THAT(problems_, IsEmpty());
}

TEST_F(EnvFile, ThatCannotBeReadIsAProblem) {
    EXPECT_THAT(read_env_file(directory_.path(), problems_), IsEmpty());
    EXPECT_EQ(problems_.size(), 1u);
}

TEST_F(EnvFile, WinsOverTheEnvironment) {
    write("OPENCLAW_TOP_P=0.5\nOPENCLAW_WEB_PASSWORD=from the file\n");
    const auto out = load_config({{"CLAWGATE_ENV_FILE", path_}, {"OPENCLAW_TOP_P", "0.9"}});
    EXPECT_THAT(out.problems, IsEmpty());
    EXPECT_THAT(out.warnings, IsEmpty());
    EXPECT_EQ(out.value.sampling.top_p, 0.5);
    EXPECT_TRUE(out.value.password.equals("from the file"));
}

TEST_F(EnvFile, IsFoundBelowTheWorkspace) {
    ASSERT_EQ(::mkdir((directory_.path() + "/.clawgate").c_str(), 0700), 0);
    ASSERT_TRUE(
        write_file_atomically(directory_.path() + "/.clawgate/env", "OPENCLAW_WEB_PASSWORD=abcdefgh", 0600));
    const auto out = load_config({{"CLAWGATE_WORKSPACE", directory_.path()}});
    EXPECT_THAT(out.problems, IsEmpty());
    EXPECT_EQ(out.value.env_file, directory_.path() + "/.clawgate/env");
}

TEST_F(EnvFile, CannotMoveItself) {
    write("CLAWGATE_WORKSPACE=/elsewhere\nOPENCLAW_WEB_PASSWORD=abcdefgh\n");
    const auto out = load_config({{"CLAWGATE_ENV_FILE", path_}});
    ASSERT_EQ(out.problems.size(), 1u);
    EXPECT_EQ(out.value.workspace, "/workspace");
}

TEST_F(EnvFile, ThatOthersMayReadIsAWarning) {
    write("OPENCLAW_WEB_PASSWORD=abcdefgh\n", 0644);
    const auto out = load_config({{"CLAWGATE_ENV_FILE", path_}});
    EXPECT_THAT(out.problems, IsEmpty());
    EXPECT_THAT(out.warnings, ElementsAre(HasSubstr("chmod 600")));
}

class EnvFileOfAnAgent : public EnvFile {
protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
    }
    void is_not_read(const std::string& path) const {
        const auto out = load_config({{"CLAWGATE_ENV_FILE", path}, {"OPENCLAW_NUM_AGENTS", "3"}});
        EXPECT_EQ(out.value.agents.size(), 3u);
        EXPECT_THAT(out.warnings, Contains(HasSubstr("20001")));
    }
};

TEST_F(EnvFileOfAnAgent, IsNotRead) {
    write("OPENCLAW_NUM_AGENTS=1\nnot understood\n");
    ASSERT_EQ(::chown(path_.c_str(), 20000, 20000), 0);
    EXPECT_EQ(load_config({{"CLAWGATE_ENV_FILE", path_}}).value.agents.size(), 1u) << "the gateway's own";
    ASSERT_EQ(::chown(path_.c_str(), 20001, 20001), 0);
    is_not_read(path_);
    for (const auto& p : load_config({{"CLAWGATE_ENV_FILE", path_}}).problems)
        EXPECT_NE(p.variable, path_) << "its mistakes keep nobody from starting";
}

TEST_F(EnvFileOfAnAgent, IsNotReadInItsFolderOrBehindItsLink) {
    write("OPENCLAW_NUM_AGENTS=1\n");
    const auto folder = path_ + ".folder";
    std::filesystem::create_directory(folder);
    std::filesystem::copy(path_, folder + "/env");
    ASSERT_EQ(::chown(folder.c_str(), 20001, 20001), 0);
    is_not_read(folder + "/env");
    const auto link = path_ + ".link";
    std::filesystem::create_symlink(path_, link);
    ASSERT_EQ(::lchown(link.c_str(), 20001, 20001), 0);
    is_not_read(link);
    std::filesystem::remove_all(folder);
    std::filesystem::remove(link);
}

TEST(ProcessEnvironment, LeavesOutTheRunpodApiKey) {
    ::setenv("RUNPOD_API_KEY", "rpa_secret", 1);
    ::setenv("CORE_TEST_VARIABLE", "a=b", 1);
    const auto env = process_environment();
    EXPECT_FALSE(env.contains("RUNPOD_API_KEY"));
    EXPECT_EQ(env.at("CORE_TEST_VARIABLE"), "a=b");
    ::unsetenv("RUNPOD_API_KEY");
    ::unsetenv("CORE_TEST_VARIABLE");
}

TEST(Documentation, OfTheConfigurationIsUpToDate) {
    const auto file = read_file(CLAWGATE_SOURCE_DIR "/docs/configuration.md", 1 << 20);
    ASSERT_TRUE(file.has_value()) << file.error().detail;
    EXPECT_TRUE(*file == configuration_markdown())
        << "stale; run: clawgate check --markdown > docs/configuration.md";
}

TEST(Documentation, NamesEveryVariable) {
    const auto text = configuration_markdown();
    for (const auto& o : option_table())
        EXPECT_THAT(text, HasSubstr("| `" + std::string{o.name} + "`"));
    EXPECT_THAT(text, HasSubstr("OPENCLAW_AGENT_<n>_TEMPERATURE"));
    EXPECT_THAT(text, Not(HasSubstr("OPENCLAW_AGENT_<n>_NUM_CTX")));
}

} // namespace
