#include "auth/tokens.hpp"

#include "core/encoding.hpp"
#include "core/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace clawgate::auth {
namespace {

constexpr std::size_t token_bytes = 32;
constexpr std::size_t max_secret_file = 4096;

error file_error(errc code, const std::string& path, std::string_view what) {
    return error{code, fault::gateway, retry::never, path + ": " + std::string{what}};
}

error system_error(const std::string& path, int number) {
    return file_error(number == ENOENT ? errc::not_found : errc::io, path,
                      std::generic_category().message(number));
}

class open_file {
public:
    explicit open_file(const std::string& path)
        // No link is followed in the last component, and a FIFO does not make us wait.
        : fd_{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)} {}
    ~open_file() {
        if (fd_ >= 0) ::close(fd_);
    }
    open_file(const open_file&) = delete;
    open_file& operator=(const open_file&) = delete;
    [[nodiscard]] int get() const noexcept { return fd_; }

private:
    int fd_;
};

} // namespace

secret make_service_token() {
    return secret{random_token(token_bytes)};
}

result<secret> read_secret_file(const std::string& path) {
    const open_file file{path};
    if (file.get() < 0) return system_error(path, errno);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return system_error(path, errno);
    if (!S_ISREG(info.st_mode)) return file_error(errc::io, path, "not a regular file");
    if ((info.st_mode & 077) != 0)
        return file_error(errc::forbidden, path, "readable by group or others; chmod 600 it");

    std::string text(max_secret_file + 1, '\0'); // never grows, so that no copy is left behind
    std::size_t length = 0;
    while (length < text.size()) {
        const auto n = ::read(file.get(), text.data() + length, text.size() - length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return system_error(path, errno);
        if (n == 0) break;
        length += static_cast<std::size_t>(n);
    }
    if (length > max_secret_file) return file_error(errc::too_large, path, "longer than a secret can be");
    text.resize(length);
    if (text.ends_with('\n')) text.pop_back();
    return secret{std::move(text)};
}

result<void> write_secret_file(const std::string& path, const secret& value, unsigned mode) {
    return write_file_atomically(path, value.reveal(), mode);
}

result<secret> load_or_make_session_key(const std::string& state_dir) {
    const auto path = state_dir + "/session.key";
    auto stored = read_secret_file(path);
    if (!stored && stored.error().code == errc::not_found) {
        if (auto written = write_secret_file(path, secret{random_token(token_bytes)}); !written)
            return written.error();
        // Read back: of two processes that start at once, both then use the key that stayed.
        stored = read_secret_file(path);
    }
    if (!stored) return stored.error();
    auto key = base64url_decode(stored->reveal());
    if (!key || key->size() != token_bytes)
        return file_error(errc::corrupt, path,
                          "not a session key; remove it to get a new one (ends all sessions)");
    return secret{std::move(*key)};
}

std::string gateway_token_path(const std::string& workspace, const std::string& agent_name) {
    return workspace + "/.clawgate/tokens/" + agent_name;
}

std::string agent_token_path(const std::string& workspace, const std::string& agent_name) {
    return workspace + "/agents/" + agent_name + "/.openclaw/token";
}

} // namespace clawgate::auth
