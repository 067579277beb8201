#pragma once
// A percentage on a terminal, and nothing anywhere else.

#include <cstdint>
#include <string>

namespace clawgate::pod {

class progress {
public:
    /// `total` in bytes, an estimate; shown on standard error where that is a terminal.
    progress(std::string what, std::uint64_t total);
    ~progress(); ///< clears the line
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    void add(std::uint64_t bytes);

private:
    std::string what_;
    std::uint64_t total_;
    std::uint64_t done_ = 0;
    int shown_ = -1;
    bool terminal_;
};

} // namespace clawgate::pod
