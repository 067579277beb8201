#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

/// A fresh directory that goes with the object.
class temporary_directory {
public:
    temporary_directory() {
        path_ = testing::TempDir() + "clawgate-test-XXXXXX";
        if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error{"mkdtemp failed"};
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};
