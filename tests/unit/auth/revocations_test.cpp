#include "auth/revocations.hpp"

#include "support.hpp"

#include "core/file.hpp"
#include "core/secret.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace clawgate::auth {
namespace {

using namespace std::chrono_literals;

const wall_time now{std::chrono::seconds{1'790'000'000}};

class Revocations : public ::testing::Test {
protected:
    test::temporary_directory directory;
    const std::string path = directory.file("revoked-sessions");
    const std::string id = random_token(16);
    const std::string other = random_token(16);
};

TEST_F(Revocations, HoldOnlyWhatWasAdded) {
    revocations list{path};
    EXPECT_TRUE(list.add(id, now + 1h));
    EXPECT_TRUE(list.contains(id));
    EXPECT_FALSE(list.contains(other));
    EXPECT_FALSE(list.contains(""));
}

TEST_F(Revocations, GrowTheEpochOncePerSession) {
    revocations list{path};
    EXPECT_EQ(list.epoch(), 0u);
    EXPECT_TRUE(list.add(id, now + 1h));
    EXPECT_FALSE(list.add(id, now + 1h));
    EXPECT_EQ(list.epoch(), 1u);
}

TEST_F(Revocations, SurviveARestart) {
    {
        revocations list{path};
        list.add(id, now + 1h);
        ASSERT_TRUE(list.save(now));
    }
    const revocations list{path};
    EXPECT_TRUE(list.contains(id));
    EXPECT_FALSE(list.contains(other));
}

TEST_F(Revocations, AreReadableByTheirOwnerOnly) {
    revocations list{path};
    list.add(id, now + 1h);
    ASSERT_TRUE(list.save(now));
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(Revocations, AreForgottenAfterTheirSessionsEnd) {
    revocations list{path};
    list.add(id, now + 10s);
    ASSERT_TRUE(list.save(now + 10s));
    EXPECT_TRUE(list.contains(id)) << "not before its end";
    list.add(other, now + 1h);
    ASSERT_TRUE(list.save(now + 12s));
    EXPECT_FALSE(list.contains(id));
    EXPECT_TRUE(list.contains(other));
    const revocations again{path};
    EXPECT_FALSE(again.contains(id));
    EXPECT_TRUE(again.contains(other));
}

TEST_F(Revocations, AreWrittenOnlyWhenSomethingWasAdded) {
    revocations list{path};
    ASSERT_TRUE(list.save(now));
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(Revocations, TakeNoIdThatCouldNotBeReadBack) {
    revocations list{path};
    EXPECT_FALSE(list.add("", now + 1h));
    EXPECT_FALSE(list.add("a b\nc", now + 1h));
    EXPECT_EQ(list.epoch(), 0u);
}

TEST_F(Revocations, AreNotReplacedByAnEmptyListWhenTheFileIsBroken) {
    const std::string header = "clawgate revoked sessions 1\n";
    const std::vector<std::string> broken{
        "",
        "something else\n",
        header + "noexpiry\n",
        header + "AAAA 5\n",
        header + id + " 12x\n",
        header + id + " 12",
        header + id + " 99999999999999999999\n",
    };
    for (const auto& text : broken) {
        std::ofstream{path} << text;
        EXPECT_THROW(revocations{path}, std::runtime_error) << text;
    }
}

TEST_F(Revocations, ReportAFileThatCannotBeReadOrWritten) {
    std::filesystem::create_directory(path);
    EXPECT_THROW(revocations{path}, std::runtime_error);

    revocations list{directory.file("missing") + "/revoked-sessions"};
    list.add(id, now + 1h);
    const auto failed = list.save(now);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, errc::io);
    std::filesystem::create_directory(directory.file("missing"));
    EXPECT_TRUE(list.save(now)) << "nothing was lost meanwhile";
    EXPECT_TRUE(revocations{directory.file("missing") + "/revoked-sessions"}.contains(id));
}

TEST_F(Revocations, NeverMissAnIdWhileOthersAreAdded) {
    revocations list{path};
    list.add(id, now + 1h);
    std::atomic<bool> done{false};
    std::atomic<int> missed{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i)
        readers.emplace_back([&] {
            while (!done)
                if (!list.contains(id)) ++missed;
        });
    for (int n = 0; n < 2000; ++n) {
        const auto fresh = random_token(16);
        list.add(fresh, now + 1h);
        if (!list.contains(fresh)) ++missed;
    }
    done = true;
    for (auto& t : readers)
        t.join();
    EXPECT_EQ(missed, 0);
    EXPECT_EQ(list.epoch(), 2001u);
}

} // namespace
} // namespace clawgate::auth
