#pragma once
// A file descriptor that closes itself.

#include <unistd.h>

#include <utility>

namespace clawgate::pod {

class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int fd) noexcept
        : fd_{fd} {}
    descriptor(descriptor&& other) noexcept
        : fd_{std::exchange(other.fd_, -1)} {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

} // namespace clawgate::pod
