#include "core/password_input.hpp"

#include "core/options_values.hpp"

#include <sodium.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

namespace clawgate {
namespace {

constexpr std::size_t longest_line = 4096;

error refusal(std::string detail) {
    return error{errc::bad_request, fault::client, retry::never, std::move(detail)};
}

// While it lives the terminal shows nothing that is typed. Ctrl-C then arrives as a character and does not
// leave the terminal silent behind it.
class silent_terminal {
public:
    explicit silent_terminal(int fd)
        : fd_{fd}
        , changed_{::tcgetattr(fd, &before_) == 0} {
        if (!changed_) return;
        termios silent = before_;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
        changed_ = ::tcsetattr(fd, TCSAFLUSH, &silent) == 0;
    }
    silent_terminal(const silent_terminal&) = delete;
    silent_terminal& operator=(const silent_terminal&) = delete;
    ~silent_terminal() {
        if (changed_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
    }

private:
    int fd_;
    termios before_{};
    bool changed_;
};

void say(std::string_view text) {
    (void)!::write(STDERR_FILENO, text.data(), text.size());
}

// Byte by byte: what follows the line belongs to somebody else (the second answer, a script's next command).
result<secret> read_line(int fd) {
    std::string line;
    line.reserve(longest_line); // never reallocated, so that no copy stays behind unwiped
    for (;;) {
        char c = 0;
        const auto n = ::read(fd, &c, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return refusal("standard input cannot be read");
        if (n == 0 || c == '\n') break;
        if (line.size() == longest_line) return refusal("the line is too long for a password");
        line += c;
    }
    if (line.ends_with('\r')) line.pop_back();
    secret out{line};
    sodium_memzero(line.data(), line.size());
    return out;
}

result<secret> ask(int fd, std::string_view prompt) {
    say(prompt);
    const silent_terminal silent{fd};
    auto line = read_line(fd);
    say("\n");
    return line;
}

} // namespace

result<secret> read_password(int fd) {
    const bool person = ::isatty(fd) == 1;
    auto password = person ? ask(fd, "Password: ") : read_line(fd);
    if (password.has_error()) return password;
    if (password->empty()) return refusal("no password came on standard input");
    if (const auto wrong = values::check_password(password->reveal()); !wrong.empty())
        return refusal("the password " + wrong);
    if (!person) return password;
    const auto again = ask(fd, "Again: ");
    if (again.has_error()) return again;
    if (*again != *password) return refusal("the two passwords differ");
    return password;
}

result<std::string> hash_password(const secret& password) {
    std::array<char, crypto_pwhash_STRBYTES> out{};
    const auto text = password.reveal();
    if (crypto_pwhash_str(out.data(), text.data(), text.size(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        return error{errc::io, fault::gateway, retry::never,
                     "not enough memory to hash the password (64 MiB)"};
    return std::string{out.data()};
}

} // namespace clawgate
